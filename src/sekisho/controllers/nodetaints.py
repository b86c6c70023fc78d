"""node-controller, as far as it taints: a node's conditions, and that it is cordoned, keep pods away from it.

Follows doNoScheduleTaintingPass of upstream's nodelifecycle controller. New nodes are born with the taint of
nodes that are not ready (admission's TaintNodesByCondition); here it goes when the node is.
"""

from __future__ import annotations

from sekisho.api.clock import Clock
from sekisho.api.status import StatusError
from sekisho.api.time import format_time
from sekisho.api.types import Object
from sekisho.controllers.controller import Controller
from sekisho.registry.client import Client

EFFECT = "NoSchedule"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
TAINTS = {
    ("Ready", "False"): "node.kubernetes.io/not-ready",
    ("Ready", "Unknown"): "node.kubernetes.io/unreachable",
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
}
_OWN = frozenset((*TAINTS.values(), UNSCHEDULABLE))


class NodeTaints(Controller):
    account = "node-controller"

    def __init__(self, client: Client, clock: Clock) -> None:
        super().__init__(client, clock)
        self._nodes = self.informer("nodes")
        self._nodes.on_change(self._changed)

    def _changed(self, new: Object | None, old: Object | None) -> None:
        if new is not None:
            self.queue.add(new["metadata"]["name"])

    async def reconcile(self, key: str) -> None:
        node = self._nodes.get("", key)
        if node is None:
            return
        taints: list[Object] = (node.get("spec") or {}).get("taints") or []
        wanted = wanted_taints(node)
        kept = [t for t in taints if not _is_own(t) or t["key"] in wanted]
        present = {t["key"] for t in kept if _is_own(t)}
        now = format_time(self.clock.now())
        added = [{"key": k, "effect": EFFECT, "timeAdded": now} for k in wanted if k not in present]
        if not added and len(kept) == len(taints):
            return
        patch = {
            "metadata": {"resourceVersion": node["metadata"]["resourceVersion"]},
            "spec": {"taints": [*kept, *added] or None},
        }
        try:
            await self.client.patch("nodes", key, patch)
        except StatusError as error:
            if error.code != 404:
                raise


def _is_own(taint: Object) -> bool:
    return taint.get("effect") == EFFECT and taint.get("key") in _OWN


def wanted_taints(node: Object) -> list[str]:
    """The keys of the taints that a node's conditions and its cordon call for."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    keys = [TAINTS.get((c.get("type", ""), c.get("status", "")), "") for c in conditions]
    if (node.get("spec") or {}).get("unschedulable"):
        keys.append(UNSCHEDULABLE)
    return list(dict.fromkeys(key for key in keys if key))
