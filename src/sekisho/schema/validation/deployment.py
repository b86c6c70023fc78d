"""Deployments and ReplicaSets (pkg/apis/apps/validation)."""

from __future__ import annotations

from sekisho.api.field import ErrorList, Path, forbidden, invalid, not_supported, required
from sekisho.api.objectmeta import validate_immutable
from sekisho.api.types import Object
from sekisho.schema.validation import goform
from sekisho.schema.validation.common import not_negative
from sekisho.schema.validation.intorpercent import amount, validate_at_most_all, validate_int_or_percent
from sekisho.schema.validation.options import PodOptions
from sekisho.schema.validation.workload import (
    label_mismatch,
    parsed_selector,
    validate_available,
    validate_collision_count,
    validate_counts,
    validate_lasting_template,
    validate_parts,
    validate_required_selector,
)

_SPEC = Path("spec")
_STATUS = Path("status")
_STRATEGIES = ("Recreate", "RollingUpdate")


def validate_deployment(obj: Object, options: PodOptions) -> ErrorList:
    """The spec; upstream's updates check it once more and then `validate_selector_unchanged`."""
    spec: Object = obj.get("spec") or {}
    errors = not_negative(_SPEC.child("replicas"), spec.get("replicas", 0))
    errors += _validate_selector_and_template(spec, options)
    errors += _validate_strategy(spec.get("strategy") or {}, _SPEC.child("strategy"))
    errors += validate_counts(spec, ("minReadySeconds", "revisionHistoryLimit"), _SPEC)
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None:
        at = _SPEC.child("progressDeadlineSeconds")
        errors += not_negative(at, deadline)
        if deadline <= spec.get("minReadySeconds", 0):
            errors.append(invalid(at, deadline, "must be greater than minReadySeconds"))
    return errors


def validate_replica_set(obj: Object, options: PodOptions) -> ErrorList:
    spec: Object = obj.get("spec") or {}
    errors = validate_counts(spec, ("replicas", "minReadySeconds"), _SPEC)
    return errors + _validate_selector_and_template(spec, options)


def validate_selector_unchanged(new: Object, old: Object) -> ErrorList:
    """Since apps/v1 what a workload selects is settled when it is made."""
    return validate_immutable(
        new["spec"].get("selector"), old["spec"].get("selector"), _SPEC.child("selector")
    )


def _validate_selector_and_template(spec: Object, options: PodOptions) -> ErrorList:
    selector, template = spec.get("selector"), spec.get("template") or {}
    at = _SPEC.child("selector")
    errors = validate_required_selector(selector, at, "deployment")
    parsed = parsed_selector(selector)
    if parsed is None:
        return [*errors, invalid(at, selector, "invalid label selector")]
    path = _SPEC.child("template")
    errors += label_mismatch(parsed, template, path)
    return errors + validate_lasting_template(template, path, "ReplicaSet", options)


def _validate_strategy(strategy: Object, path: Path) -> ErrorList:
    kind, rolling, at = strategy.get("type", ""), strategy.get("rollingUpdate"), path.child("rollingUpdate")
    if kind == "Recreate":
        if rolling is None:
            return []
        return [forbidden(at, "may not be specified when strategy `type` is 'Recreate'")]
    if kind != "RollingUpdate":
        return [not_supported(path, goform.surge_strategy(strategy), _STRATEGIES)]
    if rolling is None:
        return [required(at, "this should be defaulted and never be nil")]
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    errors = validate_int_or_percent(at.child("maxUnavailable"), unavailable)
    errors += validate_int_or_percent(at.child("maxSurge"), surge)
    if amount(unavailable) == 0 and amount(surge) == 0:
        detail = "may not be 0 when `maxSurge` is 0"
        errors.append(invalid(at.child("maxUnavailable"), unavailable, detail))
    return errors + validate_at_most_all(at.child("maxUnavailable"), unavailable)


def validate_deployment_status_update(new: Object, old: Object) -> ErrorList:
    status: Object = new.get("status") or {}
    fields = (
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "terminatingReplicas",
        "collisionCount",
    )
    errors = validate_counts(status, fields, _STATUS)
    errors += validate_parts(status, ("updatedReplicas", "readyReplicas", "availableReplicas"), _STATUS)
    errors += validate_available(status, _STATUS, "readyReplicas")
    return errors + validate_collision_count(status, old.get("status") or {}, _STATUS)


def validate_replica_status(new: Object) -> ErrorList:
    """The status of a ReplicaSet or a ReplicationController."""
    status: Object = new.get("status") or {}
    parts = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    counts = ("replicas", *parts, "terminatingReplicas", "observedGeneration")
    errors = validate_counts(status, counts, _STATUS)
    errors += validate_parts(status, parts, _STATUS)
    return errors + validate_available(status, _STATUS, "readyReplicas")
