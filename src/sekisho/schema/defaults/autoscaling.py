"""Defaults of HorizontalPodAutoscalers, in both versions."""

from __future__ import annotations

from sekisho.api.types import Object
from sekisho.schema.autoscalers import DEFAULT_CPU_UTILIZATION, default_behavior


def set_defaults_autoscaler_v1(obj: Object) -> None:
    """The default target comes with the conversion to v2, which knows whether annotations hold metrics."""
    obj.setdefault("spec", {}).setdefault("minReplicas", 1)


def set_defaults_autoscaler_v2(obj: Object) -> None:
    spec: Object = obj.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": DEFAULT_CPU_UTILIZATION}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is not None:
        spec["behavior"] = default_behavior(behavior)
