"""namespace controller: empties a terminating namespace, tells how far it is, and lets it go (KEP-5080 order).

Pods go first; everything else waits until none is left, so that what protects a Pod outlives it.
"""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.api.clock import Clock
from sekisho.api.status import StatusError
from sekisho.api.time import format_time
from sekisho.api.types import Object
from sekisho.controllers.controller import Controller
from sekisho.registry.client import Client

FINALIZER = "kubernetes"
RECHECK = 0.05
"""Seconds after which a namespace that still holds something is looked at again, at first."""
MAX_RECHECK = 15.0

_FINE = {
    "NamespaceDeletionDiscoveryFailure": ("ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": (
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    "NamespaceDeletionContentFailure": (
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    "NamespaceContentRemaining": ("ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": (
        "ContentHasNoFinalizers",
        "All content-preserving finalizers finished",
    ),
}


class NamespaceController(Controller):
    account = "namespace-controller"
    workers = 10

    def __init__(self, client: Client, clock: Clock) -> None:
        super().__init__(client, clock)
        self._namespaces = self.informer("namespaces")
        self._namespaces.on_change(self._changed)
        self._rechecks: dict[str, float] = {}

    def _changed(self, new: Object | None, old: Object | None) -> None:
        if new is not None and "deletionTimestamp" in new["metadata"]:
            self.queue.add(new["metadata"]["name"])

    async def reconcile(self, key: str) -> None:
        namespace = await self.client.find("namespaces", key)
        if namespace is None or "deletionTimestamp" not in namespace["metadata"]:
            return
        if FINALIZER not in namespace.get("spec", {}).get("finalizers", ()):
            return
        remaining = await self._empty(key)
        await self._write_conditions(namespace, remaining)
        if any(remaining.values()):
            wait = self._rechecks.get(key, RECHECK)
            self._rechecks[key] = min(wait * 2, MAX_RECHECK)
            self.queue.add_after(key, wait)
            return
        self._rechecks.pop(key, None)
        await self._finalize(key)

    async def _empty(self, namespace: str) -> dict[str, list[Object]]:
        """Delete what can be deleted, pods before all else; what is left, by resource."""
        pods = await self._delete_all("pods", namespace)
        if pods:
            return {"pods": pods}
        return {r: await self._delete_all(r, namespace) for r in self._resources() if r != "pods"}

    def _resources(self) -> Iterable[str]:
        seen = set()
        for rest in self.client.registry.resources.values():
            info = rest.info
            deletable = info.namespaced and "delete" in info.verbs and "list" in info.verbs
            if deletable and info.key_prefix not in seen:
                seen.add(info.key_prefix)
                yield str(rest.resource)

    async def _delete_all(self, resource: str, namespace: str) -> list[Object]:
        present = await self.client.list(resource, namespace)
        if not present:
            return []
        await self.client.delete_collection(resource, namespace)
        return await self.client.list(resource, namespace)

    async def _write_conditions(self, namespace: Object, remaining: dict[str, list[Object]]) -> None:
        now = format_time(self.clock.now())
        failing = _failing(remaining)
        before = {c["type"]: c for c in namespace["status"].get("conditions", ())}
        conditions = []
        for kind, (reason, message) in _FINE.items():
            status = "False"
            if kind in failing:
                status, (reason, message) = "True", failing[kind]
            condition = {
                "type": kind,
                "status": status,
                "lastTransitionTime": now,
                "reason": reason,
                "message": message,
            }
            old = before.get(kind)
            if old is not None and old["status"] == status:
                condition["lastTransitionTime"] = old["lastTransitionTime"]
            conditions.append(condition)
        if conditions == namespace["status"].get("conditions"):
            return
        try:
            await self.client.update(
                "namespaces",
                {**namespace, "status": {**namespace["status"], "conditions": conditions}},
                subresource="status",
            )
        except StatusError as error:
            if error.code not in (404, 409):
                raise

    async def _finalize(self, name: str) -> None:
        namespace = await self.client.find("namespaces", name)
        if namespace is None:
            return
        kept = [f for f in namespace.get("spec", {}).get("finalizers", ()) if f != FINALIZER]
        spec = {"finalizers": kept} if kept else {}
        await self.client.update("namespaces", {**namespace, "spec": spec}, subresource="finalize")


def _failing(remaining: dict[str, list[Object]]) -> dict[str, tuple[str, str]]:
    """The conditions that are not fine, with reason and message."""
    left = {r: objects for r, objects in sorted(remaining.items()) if objects}
    if not left:
        return {}
    resources = ", ".join(f"{_dotted(r)} has {len(o)} resource instances" for r, o in left.items())
    out = {"NamespaceContentRemaining": ("SomeResourcesRemain", f"Some resources are remaining: {resources}")}
    finalizers: dict[str, int] = {}
    for objects in left.values():
        for obj in objects:
            for finalizer in obj["metadata"].get("finalizers", ()):
                finalizers[finalizer] = finalizers.get(finalizer, 0) + 1
    if finalizers:
        listed = ", ".join(f"{f} in {n} resource instances" for f, n in sorted(finalizers.items()))
        text = f"Some content in the namespace has finalizers remaining: {listed}"
        out["NamespaceFinalizersRemaining"] = ("SomeFinalizersRemain", text)
    return out


def _dotted(resource: str) -> str:
    return resource if "." in resource else resource + "."
