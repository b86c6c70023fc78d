"""TaintNodesByCondition: a new node takes no pods before somebody has found it ready."""

from __future__ import annotations

from sekisho.admission.interface import AdmissionRequest, Operation, Plugin
from sekisho.api.types import Object

NOT_READY: Object = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


class TaintNodesByCondition(Plugin):
    name = "TaintNodesByCondition"
    may_change = frozenset(("nodes",))

    async def admit(self, request: AdmissionRequest) -> None:
        node = request.object
        if (
            node is None
            or request.subresource
            or (request.info.group, request.info.resource) != ("", "nodes")
        ):
            return
        if request.operation is not Operation.CREATE:
            return
        spec: Object = node.setdefault("spec", {})
        taints = spec.get("taints") or []
        if not any(
            (t.get("key"), t.get("effect")) == (NOT_READY["key"], NOT_READY["effect"]) for t in taints
        ):
            spec["taints"] = [*taints, dict(NOT_READY)]
