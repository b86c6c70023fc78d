"""HorizontalPodAutoscalers between autoscaling/v1 and autoscaling/v2.

v1 has a field for the CPU target only. What else v2 knows (other metrics, behavior, current metrics and
conditions) travels in annotations of the v1 object, as JSON: metrics, their state and conditions in v1's
types, behavior in upstream's internal one, whose keys are capitalised. Annotations that do not parse are
dropped. The fields of the results are in no particular order; conversion.py puts them into the struct's.
"""

from __future__ import annotations

from typing import Any

from sekisho.api.goformat import compact_json
from sekisho.api.types import Object
from sekisho.schema.autoscalermetrics import (
    SOURCES_TO_V1,
    SOURCES_TO_V2,
    STATES_TO_V1,
    STATES_TO_V2,
    convert_metric,
)
from sekisho.schema.builtin import builtin_types
from sekisho.schema.decode import DecodeError, decode
from sekisho.schema.jsonbody import BodyError, parse_json

METRICS = "autoscaling.alpha.kubernetes.io/metrics"
BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"
CURRENT_METRICS = "autoscaling.alpha.kubernetes.io/current-metrics"
CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
ROUND_TRIP = (METRICS, BEHAVIOR, CURRENT_METRICS, CONDITIONS)

DEFAULT_CPU_UTILIZATION = 80
"""Percent, when an object names no metric at all."""

_RULES = {
    "StabilizationWindowSeconds": "stabilizationWindowSeconds",
    "SelectPolicy": "selectPolicy",
    "Policies": "policies",
    "Tolerance": "tolerance",
}
_POLICY = {"Type": "type", "Value": "value", "PeriodSeconds": "periodSeconds"}
_SPEC_FIELDS = ("scaleTargetRef", "minReplicas", "maxReplicas")
_STATUS_FIELDS = ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")


def default_behavior(behavior: Object) -> Object:
    """A behavior with upstream's defaults in both directions; a new dict."""
    scale_up: Object = {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [_policy("Pods", 4), _policy("Percent", 100)],
    }
    scale_down: Object = {"selectPolicy": "Max", "policies": [_policy("Percent", 100)]}
    return {
        "scaleUp": {**scale_up, **(behavior.get("scaleUp") or {})},
        "scaleDown": {**scale_down, **(behavior.get("scaleDown") or {})},
    }


def _policy(type_: str, value: int) -> Object:
    return {"type": type_, "value": value, "periodSeconds": 15}


def v1_to_v2(obj: Object) -> Object:
    """The v2 form of a v1 object, with the defaults that reading it from storage would give its
    behavior."""
    annotations = obj["metadata"].get("annotations") or {}
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    new_spec = {k: spec[k] for k in _SPEC_FIELDS if k in spec}
    new_spec["metrics"] = _metrics(spec, annotations)
    behavior = _read_behavior(annotations.get(BEHAVIOR))
    if behavior:
        new_spec["behavior"] = default_behavior(behavior)
    return {
        "metadata": _with_annotations(obj["metadata"], {}),
        "spec": new_spec,
        "status": _status(status, annotations),
    }


def v2_to_v1(obj: Object) -> Object:
    """The v1 form of a v2 object; annotations hold what v1 has no fields for."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    metrics = spec.get("metrics") or []
    targets = [u for u in map(_cpu_target, metrics) if u is not None]
    current = [u for u in map(_cpu_current, status.get("currentMetrics") or []) if u is not None]
    new_spec = {k: spec[k] for k in _SPEC_FIELDS if k in spec}
    if targets:
        new_spec["targetCPUUtilizationPercentage"] = targets[0]
    new_status = {k: status[k] for k in _STATUS_FIELDS if k in status}
    if current:
        new_status["currentCPUUtilizationPercentage"] = current[-1]
    others = [convert_metric(m, SOURCES_TO_V1) for m in metrics if _cpu_target(m) is None]
    states = [convert_metric(m, STATES_TO_V1) for m in status.get("currentMetrics") or []]
    annotations = {
        METRICS: _encode(others, "MetricSpec"),
        CURRENT_METRICS: _encode(states, "MetricStatus"),
        BEHAVIOR: _write_behavior(spec.get("behavior")),
        CONDITIONS: _encode(status.get("conditions") or [], "HorizontalPodAutoscalerCondition"),
    }
    kept = {k: v for k, v in annotations.items() if v}
    return {"metadata": _with_annotations(obj["metadata"], kept), "spec": new_spec, "status": new_status}


def _with_annotations(metadata: Object, added: dict[str, str]) -> Object:
    old = metadata.get("annotations") or {}
    annotations = {k: v for k, v in old.items() if k not in ROUND_TRIP} | added
    if annotations == old:
        return metadata
    out = {k: v for k, v in metadata.items() if k != "annotations"}
    if not annotations:
        return out
    later = ("ownerReferences", "finalizers", "managedFields")
    tail = {k: out.pop(k) for k in later if k in out}
    return {**out, "annotations": dict(sorted(annotations.items())), **tail}


def _metrics(spec: Object, annotations: dict[str, str]) -> list[Object]:
    """The metrics of the annotation, and then the CPU target; the default target when there is neither."""
    target = spec.get("targetCPUUtilizationPercentage")
    others = _decode_list(annotations.get(METRICS), "MetricSpec")
    metrics = [convert_metric(m, SOURCES_TO_V2) for m in others or []]
    if target is not None or not metrics:
        utilization = DEFAULT_CPU_UTILIZATION if target is None else target
        metrics.append(
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": utilization},
                },
            }
        )
    return metrics


def _status(status: Object, annotations: dict[str, str]) -> Object:
    out = {k: status[k] for k in _STATUS_FIELDS if k in status}
    current = status.get("currentCPUUtilizationPercentage")
    if current is not None:
        cpu = {"name": "cpu", "current": {"averageUtilization": current}}
        out["currentMetrics"] = [{"type": "Resource", "resource": cpu}]
    states = _decode_list(annotations.get(CURRENT_METRICS), "MetricStatus")
    if states is not None:
        out["currentMetrics"] = [convert_metric(m, STATES_TO_V2) for m in states]
    conditions = _decode_list(annotations.get(CONDITIONS), "HorizontalPodAutoscalerCondition")
    if conditions is not None:
        out["conditions"] = conditions
    return out


def _cpu_target(metric: Object) -> int | None:
    return _cpu(metric, "target")


def _cpu_current(metric: Object) -> int | None:
    return _cpu(metric, "current")


def _cpu(metric: Object, part: str) -> int | None:
    resource = metric.get("resource")
    if metric["type"] != "Resource" or not resource or resource["name"] != "cpu":
        return None
    utilization: int | None = resource[part].get("averageUtilization")
    return utilization


def _decode_list(text: str | None, type_name: str) -> list[Object] | None:
    """An annotation's list of v1 objects, or None when it is absent or does not parse."""
    if text is None:
        return None
    type_ = builtin_types().definition(f"io.k8s.api.autoscaling.v1.{type_name}")
    try:
        items, _ = parse_json(text.encode())
        if not isinstance(items, list | None):
            return None
        return [decode(type_, item)[0] for item in items or []]
    except (BodyError, DecodeError):
        return None


def _encode(items: list[Object], type_name: str) -> str:
    type_ = builtin_types().definition(f"io.k8s.api.autoscaling.v1.{type_name}")
    return compact_json([decode(type_, item)[0] for item in items]) if items else ""


def _read_behavior(text: str | None) -> Object:
    """The behavior in an annotation; Go matches the keys of untagged fields in any case."""
    if text is None:
        return {}
    type_ = builtin_types().definition("io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerBehavior")
    try:
        value, _ = parse_json(text.encode())
        behavior: Object = decode(type_, _rename_behavior(value))[0]
    except (BodyError, DecodeError):
        return {}
    return behavior


def _rename_behavior(value: Any) -> Any:
    out = _renamed(value, {"ScaleUp": "scaleUp", "ScaleDown": "scaleDown"})
    if not isinstance(out, dict):
        return out
    for direction, rules in out.items():
        out[direction] = renamed = _renamed(rules, _RULES)
        if isinstance(renamed, dict) and isinstance(renamed.get("policies"), list):
            renamed["policies"] = [_renamed(policy, _POLICY) for policy in renamed["policies"]]
    return out


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if not isinstance(value, dict):
        return value
    folded = {old.casefold(): new for old, new in names.items()}
    return {folded[k.casefold()]: v for k, v in value.items() if k.casefold() in folded}


def _write_behavior(behavior: Object | None) -> str:
    if behavior is None:
        return ""
    return compact_json(
        {"ScaleUp": _internal(behavior.get("scaleUp")), "ScaleDown": _internal(behavior.get("scaleDown"))}
    )


def _internal(rules: Object | None) -> Object | None:
    """Rules in upstream's internal form: every field is written, absent ones as null."""
    if rules is None:
        return None
    out = {old: rules.get(new) for old, new in _RULES.items()}
    if out["Policies"]:
        out["Policies"] = [{old: p.get(new) for old, new in _POLICY.items()} for p in out["Policies"]]
    return out
