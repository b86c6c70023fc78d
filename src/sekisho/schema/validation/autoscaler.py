"""HorizontalPodAutoscalers in their v2 form (pkg/apis/autoscaling/validation)."""

from __future__ import annotations

from sekisho.api.field import ErrorList, Path, forbidden, invalid, not_supported, required
from sekisho.api.quantity import Quantity
from sekisho.api.types import Object
from sekisho.schema.validation.autoscalermetrics import Reference, validate_metric, validate_reference
from sekisho.schema.validation.common import NOT_POSITIVE, quantity_not_negative
from sekisho.schema.validation.workload import validate_counts

_SPEC = Path("spec")
_POLICY_TYPES = ("Percent", "Pods")
_SELECT_POLICIES = ("Disabled", "Max", "Min")
_LONGEST_WINDOW = 3600
_LONGEST_PERIOD = 1800


def validate_autoscaler(new: Object, old: Object | None = None) -> ErrorList:
    """`old` is the stored object of an update, which may keep what it has: zero as the least number of replicas,
    and references without a group."""
    spec: Object = new["spec"]
    before: Object = (old or {}).get("spec") or {}
    errors = _validate_size(spec, 0 if before.get("minReplicas") == 0 else 1)
    target = spec.get("scaleTargetRef") or {}
    rules = _target_rules(target, before.get("scaleTargetRef"))
    errors += validate_reference(target, _SPEC.child("scaleTargetRef"), rules)
    errors += _validate_metrics(spec, before)
    for direction in ("scaleUp", "scaleDown"):
        scaling = (spec.get("behavior") or {}).get(direction)
        if scaling is not None:
            errors += _validate_scaling(scaling, _SPEC.child("behavior", direction))
    return errors


def _target_rules(target: Object, before: Object | None) -> Reference:
    fields = ("apiVersion", "kind")
    if before is not None and all(target.get(field) == before.get(field) for field in fields):
        return Reference(any_version=True)
    return Reference(without_group=target.get("kind") == "ReplicationController")


def _validate_size(spec: Object, lowest: int) -> ErrorList:
    least, most = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    errors: ErrorList = []
    if least is not None and least < lowest:
        detail = f"must be greater than or equal to {lowest}"
        errors.append(invalid(_SPEC.child("minReplicas"), least, detail))
    at = _SPEC.child("maxReplicas")
    if most == 0:
        errors.append(required(at, "must be set and greater than 0"))
    elif most < 0:
        errors.append(invalid(at, most, "must be greater than or equal to 1"))
    if least is not None and most < least:
        errors.append(invalid(at, most, "must be greater than or equal to `minReplicas`"))
    return errors


def _validate_metrics(spec: Object, before: Object) -> ErrorList:
    metrics: list[Object] = spec.get("metrics") or []
    at = _SPEC.child("metrics")
    rules = Reference(without_group=True, any_version=any(map(_has_bad_version, before.get("metrics") or ())))
    errors: ErrorList = []
    for i, metric in enumerate(metrics):
        errors += validate_metric(metric, at.index(i), rules)
    if spec.get("minReplicas") == 0 and not any(m.get("type") in ("Object", "External") for m in metrics):
        detail = "must specify at least one Object or External metric to support scaling to zero replicas"
        errors.append(forbidden(at, detail))
    return errors


def _has_bad_version(metric: Object) -> bool:
    source = metric.get("object")
    if metric.get("type") != "Object" or source is None:
        return False
    return bool(Reference(without_group=True).problem(source.get("describedObject") or {}))


def _validate_scaling(rules: Object, path: Path) -> ErrorList:
    window, at = rules.get("stabilizationWindowSeconds"), path.child("stabilizationWindowSeconds")
    errors: ErrorList = []
    if window is not None and window < 0:
        errors.append(invalid(at, window, "must be greater than or equal to zero"))
    if window is not None and window > _LONGEST_WINDOW:
        errors.append(invalid(at, window, f"must be less than or equal to {_LONGEST_WINDOW}"))
    select = rules.get("selectPolicy")
    if select is not None and select not in _SELECT_POLICIES:
        errors.append(not_supported(path.child("selectPolicy"), select, _SELECT_POLICIES))
    policies: list[Object] = rules.get("policies") or []
    if not policies:
        errors.append(required(path.child("policies"), "must specify at least one Policy"))
    for i, policy in enumerate(policies):
        errors += _validate_policy(policy, path.child("policies").index(i))
    tolerance = rules.get("tolerance")
    if tolerance is not None:
        errors += quantity_not_negative(path.child("tolerance"), Quantity.parse(tolerance))
    return errors


def _validate_policy(policy: Object, path: Path) -> ErrorList:
    kind, period = policy.get("type", ""), policy.get("periodSeconds", 0)
    errors: ErrorList = []
    if kind not in _POLICY_TYPES:
        errors.append(not_supported(path.child("type"), kind, _POLICY_TYPES))
    for field in ("value", "periodSeconds"):
        if policy.get(field, 0) <= 0:
            errors.append(invalid(path.child(field), policy.get(field, 0), NOT_POSITIVE))
    if period > _LONGEST_PERIOD:
        detail = f"must be less than or equal to {_LONGEST_PERIOD}"
        errors.append(invalid(path.child("periodSeconds"), period, detail))
    return errors


def validate_autoscaler_status(new: Object) -> ErrorList:
    fields = ("currentReplicas", "desiredReplicas")
    return validate_counts(new.get("status") or {}, fields, Path("status"))
