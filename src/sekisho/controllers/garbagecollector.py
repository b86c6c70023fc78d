"""generic-garbage-collector: what nobody owns any more goes, in the background or before its owner.

Follows upstream's garbagecollector. The owner graph, fed by watches of everything that can be deleted, says
what to look at; every decision is made on live objects. An object is kept while one of its owners exists;
references to owners that do not exist, or that wait for their dependents, are then taken out. What has no
owner left is deleted; deletions in the foreground wait for dependents that block, orphaning cuts the
references first. Owners are in the object's own namespace or in none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sekisho.api import status
from sekisho.api.clock import Clock
from sekisho.api.goformat import quote
from sekisho.api.status import StatusError
from sekisho.api.types import Object
from sekisho.controllers.controller import Controller, logger
from sekisho.controllers.ownergraph import (
    FOREGROUND,
    ORPHAN,
    Identity,
    Node,
    OwnerGraph,
    Work,
    blocks,
    identity_of,
    reference_identity,
)
from sekisho.node.events import WARNING, EventRecorder
from sekisho.registry.client import Client
from sekisho.schema.resources import ResourceInfo

CHECK = "check"
ORPHANING = "orphan"
RESYNC_SECONDS = 30.0
SETTLE_SECONDS = 1.0
"""How long after a definition's change its resource is looked for once more."""

_VERBS = frozenset({"delete", "list", "watch"})
_IGNORED = frozenset({"events", "events.events.k8s.io"})
_DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
_CONFLICTS = 5


class Key(NamedTuple):
    """What to do with which object."""

    task: str
    uid: str


class Owners(NamedTuple):
    """An object's owner references: of live owners, of absent ones, of ones that wait for their dependents."""

    solid: list[Object]
    dangling: list[Object]
    waiting: list[Object]


class GarbageCollector(Controller):
    """`served` lists the resources there are; it is asked again when definitions change and now and then."""

    account = "generic-garbage-collector"
    workers = 5

    def __init__(
        self, client: Client, clock: Clock, served: Callable[[], Iterable[ResourceInfo]] | None = None
    ) -> None:
        super().__init__(client, clock)
        self._served = served or (lambda: [rest.info for rest in client.registry.resources.values()])
        self._events = EventRecorder(client, clock, "garbage-collector-controller")
        self._monitors: dict[str, asyncio.Task[None]] = {}
        self._synced: dict[str, asyncio.Event] = {}
        self._definitions_changed = asyncio.Event()
        self.graph = OwnerGraph(
            Work(
                check=lambda uid: self.queue.add(Key(CHECK, uid)),
                check_later=lambda uid: self._requeue(Key(CHECK, uid)),
                orphan=lambda uid: self.queue.add(Key(ORPHANING, uid)),
                report=self._report,
            )
        )

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._events.run())
            self._watch_served(group)
            for synced in list(self._synced.values()):
                await synced.wait()
            self.ready.set()
            group.create_task(self._follow_resources(group))
            for _ in range(self.workers):
                group.create_task(self._work())

    def _watch_served(self, group: asyncio.TaskGroup) -> None:
        """One monitor for each resource whose objects can be deleted; none for those that are gone."""
        wanted = {str(i.group_resource): i for i in self._served() if _VERBS <= set(i.verbs)}
        for resource in wanted.keys() - self._monitors.keys() - _IGNORED:
            self._synced[resource] = asyncio.Event()
            self._monitors[resource] = group.create_task(self._monitor(resource))
        for resource in self._monitors.keys() - wanted.keys():
            self._monitors.pop(resource).cancel()
            self._synced.pop(resource).set()

    async def _follow_resources(self, group: asyncio.TaskGroup) -> None:
        while True:
            await self._until_definitions_change()
            self._definitions_changed.clear()
            self._watch_served(group)
            await self.clock.sleep(SETTLE_SECONDS)
            self._watch_served(group)

    async def _until_definitions_change(self) -> None:
        """Or until it is time to look anyway."""
        sleeper = asyncio.ensure_future(self.clock.sleep(RESYNC_SECONDS))
        changed = asyncio.ensure_future(self._definitions_changed.wait())
        try:
            await asyncio.wait((sleeper, changed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            changed.cancel()

    async def _monitor(self, resource: str) -> None:
        """Feed the graph from one resource until that is no longer served."""
        try:
            await self._follow(resource)
        except (KeyError, StatusError) as error:
            logger.debug("garbage collector: cannot watch %s: %s", resource, error)
        finally:
            if synced := self._synced.get(resource):
                synced.set()
        self._monitors.pop(resource, None)
        self._synced.pop(resource, None)

    async def _follow(self, resource: str) -> None:
        synced = self._synced[resource]
        async for event in self.client.watch(resource):
            if event.type == "BOOKMARK":
                if synced.is_set():
                    await self._forget_lost(resource)
                synced.set()
            elif event.type == "DELETED":
                self.graph.forget(identity_of(event.object))
            elif event.type != "ERROR":
                self.graph.observe(event.object)
            if resource == _DEFINITIONS:
                self._definitions_changed.set()

    async def _forget_lost(self, resource: str) -> None:
        """A watch that started over says nothing of what was deleted meanwhile."""
        present = {identity_of(obj).uid for obj in await self.client.list(resource)}
        for info in self._served():
            if str(info.group_resource) == resource:
                for identity in self.graph.seen(str(info.group_version), info.kind):
                    if identity.uid not in present:
                        self.graph.forget(identity)

    def _requeue(self, key: Key) -> None:
        self.queue.failed(key)

    def _report(self, identity: Identity, owner: Identity) -> None:
        about: Object = {"kind": identity.kind, "apiVersion": identity.api_version}
        about |= {"namespace": identity.namespace} if identity.namespace else {}
        about |= {"name": identity.name, "uid": identity.uid}
        message = f"ownerRef {owner} does not exist in namespace {quote(identity.namespace)}"
        self._events.record(about, WARNING, "OwnerRefInvalidNamespace", message)

    async def reconcile(self, key: Key) -> None:
        node = self.graph.get(key.uid)
        if node is None:
            return
        if key.task == ORPHANING:
            await self._orphan(node)
            return
        await self._check(node)
        if self.graph.get(key.uid) is node and node.virtual:
            # Watched or not: an object that came and went between two watches is never shown.
            raise status.plain_error(f"{node.identity} has not been seen yet")

    async def _check(self, node: Node) -> None:
        """Delete the object if it must go, and mend its references if it may stay."""
        if node.deleting and not node.foreground:
            return
        identity = node.identity
        live = await self._find(identity)
        if live is None:
            self.graph.forget_missing(identity)
        elif node.foreground:
            await self._finish_foreground(node)
        elif owners := live["metadata"].get("ownerReferences"):
            found = await self._classify(identity, owners)
            if found is not None:
                await self._decide(node, live, found)

    async def _decide(self, node: Node, live: Object, owners: Owners) -> None:
        metadata = live["metadata"]
        finalizers = metadata.get("finalizers") or ()
        if owners.solid:
            gone = {owner["uid"] for owner in owners.dangling + owners.waiting}
            if gone:
                await self._cut(node.identity, gone)
        elif owners.waiting and node.dependents:
            if any(dependent.foreground for dependent in node.dependents.values()):
                await self._unblock(node)
            await self._delete(node.identity, metadata, "Foreground")
        elif ORPHAN in finalizers:
            await self._delete(node.identity, metadata, "Orphan")
        else:
            await self._delete(
                node.identity, metadata, "Foreground" if FOREGROUND in finalizers else "Background"
            )

    async def _classify(self, identity: Identity, owners: list[Object]) -> Owners | None:
        """The owners by what they are; None when a cluster-scoped object names one in a namespace, which
        cannot be resolved and so keeps the object."""
        out = Owners([], [], [])
        for owner in owners:
            info = self._info(owner["apiVersion"], owner["kind"])
            if info.namespaced and not identity.namespace:
                return None
            found = await self._owner(owner, identity, info)
            if found is None:
                out.dangling.append(owner)
            elif _waits_for_dependents(found["metadata"]):
                out.waiting.append(owner)
            else:
                out.solid.append(owner)
        return out

    async def _owner(self, owner: Object, identity: Identity, info: ResourceInfo) -> Object | None:
        """The live owner; None when there is none of that uid in the object's namespace."""
        wanted = reference_identity(owner, identity.namespace if info.namespaced else "")
        if self.graph.is_absent(wanted):
            return None
        found = await self.client.find(str(info.group_resource), wanted.name, wanted.namespace)
        if found is not None and found["metadata"]["uid"] == wanted.uid:
            return found
        self.graph.remember_absent(wanted)
        return None

    async def _finish_foreground(self, node: Node) -> None:
        """Let the object go once nothing blocks it, else look after what does."""
        blocking = node.blocking_dependents()
        if not blocking:
            await self._remove_finalizer(node.identity, FOREGROUND)
        for dependent in blocking:
            if not dependent.foreground:
                self.queue.add(Key(CHECK, dependent.identity.uid))

    async def _orphan(self, node: Node) -> None:
        """Cut the references of all dependents, then let the object go."""
        for dependent in list(node.dependents.values()):
            try:
                await self._cut(dependent.identity, {node.identity.uid})
            except StatusError as error:
                if error.code != 404:
                    raise
        await self._remove_finalizer(node.identity, ORPHAN)

    async def _cut(self, identity: Identity, owners: set[str]) -> None:
        """Take owners out of an object's references."""
        removals = [{"$patch": "delete", "uid": uid} for uid in sorted(owners)]
        await self._patch_owners(
            identity, removals, lambda refs: [ref for ref in refs if ref["uid"] not in owners]
        )

    async def _unblock(self, node: Node) -> None:
        """Make an object block none of its owners, so that a circle of waiting objects comes apart."""
        changes = [{**owner, "blockOwnerDeletion": False} for owner in node.owners if blocks(owner)]
        await self._patch_owners(
            node.identity, changes, lambda refs: [{**ref, "blockOwnerDeletion": False} for ref in refs]
        )

    async def _patch_owners(
        self,
        identity: Identity,
        changes: list[Object],
        rewrite: Callable[[list[Object]], list[Object]],
    ) -> None:
        """By strategic merge, or as a whole for custom objects, which know no such patch."""
        patch: Object = {"metadata": {"ownerReferences": changes, "uid": identity.uid}}
        try:
            await self._patch(identity, patch, "strategic")
        except StatusError as error:
            if error.code != 415:
                raise
            live = await self._find(identity)
            if live is None:
                return
            metadata = live["metadata"]
            patch = {
                "metadata": {
                    "resourceVersion": metadata["resourceVersion"],
                    "ownerReferences": rewrite(metadata.get("ownerReferences") or []) or None,
                }
            }
            await self._patch(identity, patch, "merge")

    async def _remove_finalizer(self, identity: Identity, finalizer: str) -> None:
        for attempt in range(_CONFLICTS):
            live = await self._find(identity)
            if live is None or finalizer not in live["metadata"].get("finalizers", ()):
                return
            metadata = live["metadata"]
            left = [f for f in metadata["finalizers"] if f != finalizer]
            patch = {"metadata": {"resourceVersion": metadata["resourceVersion"], "finalizers": left or None}}
            try:
                await self._patch(identity, patch, "merge")
            except StatusError as error:
                if error.code == 409 and attempt < _CONFLICTS - 1:
                    continue
                if error.code != 404:
                    raise
            return

    async def _delete(self, identity: Identity, metadata: Object, policy: str) -> None:
        """Delete what was looked at, and nothing that has got other owners since."""
        try:
            await self._delete_at(identity, policy, metadata["resourceVersion"])
        except StatusError as error:
            if error.code == 404:
                self.graph.forget_missing(identity)
                return
            live = await self._find(identity) if error.code == 409 else None
            if live is None or live["metadata"]["resourceVersion"] == metadata["resourceVersion"]:
                raise
            if live["metadata"].get("ownerReferences") != metadata.get("ownerReferences"):
                raise
            await self._delete_at(identity, policy, None)

    async def _delete_at(self, identity: Identity, policy: str, resource_version: str | None) -> None:
        info = self._info(identity.api_version, identity.kind)
        await self.client.delete(
            str(info.group_resource),
            identity.name,
            identity.namespace,
            uid=identity.uid,
            resource_version=resource_version,
            propagation_policy=policy,
        )

    async def _find(self, identity: Identity) -> Object | None:
        """The live object with these coordinates and this uid."""
        info = self._info(identity.api_version, identity.kind)
        namespace = identity.namespace if info.namespaced else ""
        if info.namespaced and not namespace:
            return None
        found = await self.client.find(str(info.group_resource), identity.name, namespace)
        return found if found is not None and found["metadata"]["uid"] == identity.uid else None

    async def _patch(self, identity: Identity, patch: Any, type_: str) -> None:
        info = self._info(identity.api_version, identity.kind)
        await self.client.patch(
            str(info.group_resource), identity.name, patch, identity.namespace, type=type_
        )

    def _info(self, api_version: str, kind: str) -> ResourceInfo:
        """The resource of a kind. Raises StatusError for kinds that are not served (yet): looked at later."""
        for info in self._served():
            if info.kind == kind and str(info.group_version) == api_version:
                return info
        raise status.plain_error(f"unable to get REST mapping for {api_version}/{kind}.")


def _waits_for_dependents(metadata: Object) -> bool:
    return "deletionTimestamp" in metadata and FOREGROUND in metadata.get("finalizers", ())
