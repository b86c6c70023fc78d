"""Autoscalers, in their v2 form whatever version is asked for, and scales."""

from __future__ import annotations

from sekisho.api.tables import cells
from sekisho.api.tables.printer import AGE, NAME, Cells, TablePrinter, Tables, column
from sekisho.api.types import Object

_SOURCES = {
    "External": "external",
    "Pods": "pods",
    "Object": "object",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}
_MOST_METRICS = 2


def _autoscaler(obj: Object, now: float) -> Cells:
    spec, status = cells.part(obj, "spec"), cells.part(obj, "status")
    target = cells.part(spec, "scaleTargetRef")
    least = spec.get("minReplicas")
    return [
        cells.name(obj),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _metrics(spec, status),
        cells.UNSET if least is None else str(least),
        spec.get("maxReplicas", 0),
        status.get("currentReplicas", 0),
        cells.age(obj, now),
    ]


def _metrics(spec: Object, status: Object) -> str:
    wanted, found = spec.get("metrics") or [], status.get("currentMetrics") or []
    listed = [_metric(m, found[i] if i < len(found) else {}) for i, m in enumerate(wanted)]
    return cells.shortened(listed, _MOST_METRICS, ", ", cells.NONE)


def _metric(wanted: Object, found: Object) -> str:
    """`<current>/<target>`, of a resource with its name in front."""
    type_ = wanted.get("type", "")
    if type_ not in _SOURCES:
        return "<unknown type>"
    source = cells.part(wanted, _SOURCES[type_])
    target = cells.part(source, "target")
    current = found.get(_SOURCES[type_])
    value = cells.part(current or {}, "current")
    if type_ in ("Resource", "ContainerResource"):
        return f"{source.get('name', '')}: {_resource(target, value, current is not None)}"
    if type_ == "Pods":
        shown = value.get("averageValue", "0") if current is not None else cells.UNKNOWN
        return f"{shown}/{target.get('averageValue', '0')}"
    if target.get("averageValue") is not None:
        return f"{value.get('averageValue') or cells.UNKNOWN}/{target['averageValue']} (avg)"
    shown = value.get("value", "0") if current is not None else cells.UNKNOWN
    return f"{shown}/{target.get('value', '0')}"


def _resource(target: Object, value: Object, known: bool) -> str:
    if target.get("averageValue") is not None:
        shown = value.get("averageValue", "0") if known else cells.UNKNOWN
        return f"{shown}/{target['averageValue']}"
    wanted, current = target.get("averageUtilization"), value.get("averageUtilization")
    shown = cells.UNKNOWN if current is None else f"{current}%"
    return f"{shown}/{'<auto>' if wanted is None else f'{wanted}%'}"


def _scale(obj: Object, now: float) -> Cells:
    desired = cells.part(obj, "spec").get("replicas", 0)
    return [cells.name(obj), desired, cells.part(obj, "status").get("replicas", 0), cells.age(obj, now)]


TABLES: Tables = {
    ("autoscaling", "HorizontalPodAutoscaler"): TablePrinter(
        [
            NAME,
            column("Reference", "What is scaled."),
            column("Targets", "Each metric: where it is, and where it should be."),
            column("MinPods", "Least number of pods."),
            column("MaxPods", "Greatest number of pods."),
            column("Replicas", "Number of pods there are."),
            AGE,
        ],
        _autoscaler,
    ),
    ("autoscaling", "Scale"): TablePrinter(
        [
            column("Name", "Name of what is scaled."),
            column("Desired", "Number of pods there should be.", "integer"),
            column("Available", "Number of pods there are.", "integer"),
            AGE,
        ],
        _scale,
    ),
}
