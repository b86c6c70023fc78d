"""Disruption budgets and priorities."""

from __future__ import annotations

from typing import Any

from sekisho.api.tables import cells
from sekisho.api.tables.printer import AGE, NAME, Cells, TablePrinter, Tables, column
from sekisho.api.types import Object


def _disruption_budget(obj: Object, now: float) -> Cells:
    spec = cells.part(obj, "spec")
    return [
        cells.name(obj),
        _or_not_applicable(spec.get("minAvailable")),
        _or_not_applicable(spec.get("maxUnavailable")),
        cells.part(obj, "status").get("disruptionsAllowed", 0),
        cells.age(obj, now),
    ]


def _or_not_applicable(value: Any) -> str:
    return "N/A" if value is None else str(value)


def _priority_class(obj: Object, now: float) -> Cells:
    return [
        cells.name(obj),
        obj.get("value", 0),
        bool(obj.get("globalDefault")),
        cells.age(obj, now),
        obj.get("preemptionPolicy") or "",
    ]


TABLES: Tables = {
    ("policy", "PodDisruptionBudget"): TablePrinter(
        [
            NAME,
            column("Min Available", "Pods that must stay."),
            column("Max Unavailable", "Pods that may be gone."),
            column("Allowed Disruptions", "Number of pods that may be evicted now.", "integer"),
            AGE,
        ],
        _disruption_budget,
    ),
    ("scheduling.k8s.io", "PriorityClass"): TablePrinter(
        [
            NAME,
            column("Value", "Priority that pods of the class get.", "integer"),
            column("Global-Default", "Whether pods without a class get this one.", "boolean"),
            AGE,
            column("PreemptionPolicy", "Whether its pods may push out others."),
        ],
        _priority_class,
    ),
}
