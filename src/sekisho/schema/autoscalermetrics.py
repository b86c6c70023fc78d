"""The metrics of autoscaling/v1's annotations and of autoscaling/v2, into each other.

A metric has a type and, for each kind of source, a field that is set for its type. v1 spells targets and
states out in fields of their own, v2 has one shape for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sekisho.api.types import Object

Source = Callable[[Object], Object]


def convert_metric(metric: Object, sources: dict[str, Source]) -> Object:
    out: Object = {"type": metric["type"]}
    for name, convert in sources.items():
        if metric.get(name) is not None:
            out[name] = {k: v for k, v in convert(metric[name]).items() if v is not None}
    return out


def _target(type_: str, **values: Any) -> Object:
    return {"type": type_, **{k: v for k, v in values.items() if v is not None}}


def _resource_target(v1: Object) -> Object:
    utilization = v1.get("targetAverageUtilization")
    return _target(
        "AverageValue" if utilization is None else "Utilization",
        averageValue=v1.get("targetAverageValue"),
        averageUtilization=utilization,
    )


def _metric_id(v1: Object, selector: str = "selector") -> Object:
    out = {"name": v1["metricName"], "selector": v1.get(selector)}
    return {k: v for k, v in out.items() if v is not None}


SOURCES_TO_V2: dict[str, Source] = {
    "object": lambda s: {
        "describedObject": s["target"],
        "target": _target(
            "Value" if s.get("averageValue") is None else "AverageValue",
            value=s["targetValue"],
            averageValue=s.get("averageValue"),
        ),
        "metric": _metric_id(s),
    },
    "pods": lambda s: {
        "metric": _metric_id(s),
        "target": _target("AverageValue", averageValue=s["targetAverageValue"]),
    },
    "resource": lambda s: {"name": s["name"], "target": _resource_target(s)},
    "containerResource": lambda s: {
        "name": s["name"],
        "target": _resource_target(s),
        "container": s["container"],
    },
    "external": lambda s: {
        "metric": _metric_id(s, "metricSelector"),
        "target": _target(
            "AverageValue" if s.get("targetValue") is None else "Value",
            value=s.get("targetValue"),
            averageValue=s.get("targetAverageValue"),
        ),
    },
}

SOURCES_TO_V1: dict[str, Source] = {
    "object": lambda s: {
        "target": s["describedObject"],
        "metricName": s["metric"]["name"],
        "targetValue": s["target"].get("value"),
        "selector": s["metric"].get("selector"),
        "averageValue": s["target"].get("averageValue"),
    },
    "pods": lambda s: {
        "metricName": s["metric"]["name"],
        "targetAverageValue": s["target"].get("averageValue"),
        "selector": s["metric"].get("selector"),
    },
    "resource": lambda s: {
        "name": s["name"],
        "targetAverageUtilization": s["target"].get("averageUtilization"),
        "targetAverageValue": s["target"].get("averageValue"),
    },
    "containerResource": lambda s: {
        "name": s["name"],
        "targetAverageUtilization": s["target"].get("averageUtilization"),
        "targetAverageValue": s["target"].get("averageValue"),
        "container": s["container"],
    },
    "external": lambda s: {
        "metricName": s["metric"]["name"],
        "metricSelector": s["metric"].get("selector"),
        "targetValue": s["target"].get("value"),
        "targetAverageValue": s["target"].get("averageValue"),
    },
}

STATES_TO_V2: dict[str, Source] = {
    "object": lambda s: {
        "metric": _metric_id(s),
        "current": {"value": s["currentValue"], "averageValue": s.get("averageValue")},
        "describedObject": s["target"],
    },
    "pods": lambda s: {"metric": _metric_id(s), "current": {"averageValue": s["currentAverageValue"]}},
    "resource": lambda s: {"name": s["name"], "current": _resource_state(s)},
    "containerResource": lambda s: {
        "name": s["name"],
        "current": _resource_state(s),
        "container": s["container"],
    },
    "external": lambda s: {
        "metric": _metric_id(s, "metricSelector"),
        "current": {"value": s["currentValue"], "averageValue": s.get("currentAverageValue")},
    },
}

STATES_TO_V1: dict[str, Source] = {
    "object": lambda s: {
        "target": s["describedObject"],
        "metricName": s["metric"]["name"],
        "currentValue": s["current"].get("value"),
        "selector": s["metric"].get("selector"),
        "averageValue": s["current"].get("averageValue"),
    },
    "pods": lambda s: {
        "metricName": s["metric"]["name"],
        "currentAverageValue": s["current"].get("averageValue"),
        "selector": s["metric"].get("selector"),
    },
    "resource": lambda s: _resource_state_v1(s),
    "containerResource": lambda s: {**_resource_state_v1(s), "container": s["container"]},
    "external": lambda s: {
        "metricName": s["metric"]["name"],
        "metricSelector": s["metric"].get("selector"),
        "currentValue": s["current"].get("value"),
        "currentAverageValue": s["current"].get("averageValue"),
    },
}


def _resource_state(v1: Object) -> Object:
    return {
        "averageValue": v1["currentAverageValue"],
        "averageUtilization": v1.get("currentAverageUtilization"),
    }


def _resource_state_v1(v2: Object) -> Object:
    return {
        "name": v2["name"],
        "currentAverageUtilization": v2["current"].get("averageUtilization"),
        "currentAverageValue": v2["current"].get("averageValue"),
    }
