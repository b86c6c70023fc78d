"""Nodes: cluster-scoped, selected by whether they may be scheduled on."""

from __future__ import annotations

from sekisho.api.types import Object
from sekisho.registry.strategy import Strategy


class NodeStrategy(Strategy):
    field_labels = frozenset(("spec.unschedulable",))

    def default(self, obj: Object) -> None:
        status = obj.get("status")
        if status and "capacity" in status and "allocatable" not in status:
            status["allocatable"] = dict(status["capacity"])

    def fields(self, obj: Object) -> dict[str, str]:
        unschedulable = obj.get("spec", {}).get("unschedulable", False)
        return {"spec.unschedulable": "true" if unschedulable else "false"}
