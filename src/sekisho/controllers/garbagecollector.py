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
from typing import NamedTuple

from sekisho.api import status
from sekisho.api.clock import Clock
from sekisho.api.goformat import quote
from sekisho.api.status import StatusError
from sekisho.api.types import Object
from sekisho.controllers.controller import Controller, logger
from sekisho.controllers.liveobjects import LiveObjects
from sekisho.controllers.ownergraph import (
    FOREGROUND,
    ORPHAN,
    Identity,
    Node,
    OwnerGraph,
    Work,
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
"""How long after a definition's change its resource is looked for once more, and between tries to watch."""

_VERBS = frozenset({"delete", "list", "watch"})
_IGNORED = frozenset({"events", "events.events.k8s.io"})
_DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"


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
        self._live = LiveObjects(
            client, served or (lambda: [rest.info for rest in client.registry.resources.values()])
        )
        self._events = EventRecorder(client, clock, "garbage-collector-controller")
        self._monitors: dict[str, asyncio.Task[None]] = {}
        self._definitions_changed = asyncio.Event()
        self.graph = OwnerGraph(
            Work(
                check=lambda uid: self.queue.add(Key(CHECK, uid)),
                check_later=self._check_later,
                orphan=lambda uid: self.queue.add(Key(ORPHANING, uid)),
                report=self._report,
            )
        )

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._events.run())
            for synced in self._watch_served(group):
                await synced.wait()
            self.ready.set()
            group.create_task(self._follow_resources(group))
            for _ in range(self.workers):
                group.create_task(self._work())

    def _watch_served(self, group: asyncio.TaskGroup) -> list[asyncio.Event]:
        """One monitor for each resource whose objects can be deleted; none for those that are gone. The
        answer is set as the new ones know what there is."""
        served = self._live.refresh()
        wanted = {str(info.group_resource) for info in served if _VERBS.issubset(info.verbs)} - _IGNORED
        out = []
        for resource in sorted(wanted - self._monitors.keys()):
            out.append(asyncio.Event())
            self._monitors[resource] = group.create_task(self._monitor(resource, out[-1]))
        for resource in self._monitors.keys() - wanted:
            self._monitors.pop(resource).cancel()
        return out

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

    async def _monitor(self, resource: str, synced: asyncio.Event) -> None:
        """Feed the graph from one resource; cancelled when that is no longer served."""
        while True:
            try:
                await self._follow(resource, synced)
            except (KeyError, StatusError) as error:
                logger.debug("garbage collector: cannot watch %s: %s", resource, error)
            synced.set()
            await self.clock.sleep(SETTLE_SECONDS)

    async def _follow(self, resource: str, synced: asyncio.Event) -> None:
        async for event in self.client.watch(resource):
            if event.type == "BOOKMARK":
                if synced.is_set():
                    await self._forget_lost(resource)
                synced.set()
            elif event.type == "DELETED":
                self.graph.forget(identity_of(event.object))
            elif event.type in ("ADDED", "MODIFIED"):
                self.graph.observe(event.object)
            if resource == _DEFINITIONS:
                self._definitions_changed.set()

    async def _forget_lost(self, resource: str) -> None:
        """A watch that started over says nothing of what was deleted meanwhile."""
        present = await self._live.present(resource)
        for info in self._live.refresh():
            if str(info.group_resource) == resource:
                for identity in self.graph.seen(str(info.group_version), info.kind):
                    if identity.uid not in present:
                        self.graph.forget(identity)

    def _check_later(self, uid: str) -> None:
        self.queue.failed(Key(CHECK, uid))

    def _report(self, identity: Identity, owner: Identity) -> None:
        about: Object = {"kind": identity.kind, "apiVersion": identity.api_version, "name": identity.name}
        if identity.namespace:
            about["namespace"] = identity.namespace
        about["uid"] = identity.uid
        message = f"ownerRef {owner} does not exist in namespace {quote(identity.namespace)}"
        self._events.record(about, WARNING, "OwnerRefInvalidNamespace", message)

    async def reconcile(self, key: Key) -> None:
        node = self.graph.get(key.uid)
        if node is None:
            return
        if key.task == ORPHANING:
            await self._orphan(node)
        elif await self._check(node) and node.virtual and self.graph.get(key.uid) is node:
            # Asked for until a watch shows it: what comes and goes between two watches is never shown.
            raise status.plain_error(f"{node.identity} has not been seen yet")

    async def _check(self, node: Node) -> bool:
        """Delete the object if it must go, and mend its references if it may stay. False: nothing about it
        will ever be known."""
        if node.deleting and not node.foreground:
            return True
        identity = node.identity
        if not identity.namespace and self._live.info(identity.api_version, identity.kind).namespaced:
            return False
        live = await self._live.find(identity)
        if live is None:
            self.graph.forget_missing(identity)
        elif node.foreground:
            await self._finish_foreground(node)
        elif "deletionTimestamp" not in live["metadata"] and "ownerReferences" in live["metadata"]:
            references = live["metadata"]["ownerReferences"]
            owners = await self._classify(identity, references)
            if owners is not None:
                await self._decide(node, live["metadata"], owners)
        return True

    async def _decide(self, node: Node, metadata: Object, owners: Owners) -> None:
        finalizers = metadata.get("finalizers") or ()
        if owners.solid:
            gone = {owner["uid"] for owner in owners.dangling + owners.waiting}
            if gone:
                await self._live.cut(node.identity, gone)
        elif owners.waiting and node.dependents:
            if any(dependent.foreground for dependent in node.dependents.values()):
                await self._live.unblock(node.identity, node.owners)
                metadata = {**metadata, "resourceVersion": None}
            await self._delete(node.identity, metadata, "Foreground")
        elif ORPHAN in finalizers:
            await self._delete(node.identity, metadata, "Orphan")
        else:
            policy = "Foreground" if FOREGROUND in finalizers else "Background"
            await self._delete(node.identity, metadata, policy)

    async def _delete(self, identity: Identity, metadata: Object, policy: str) -> None:
        try:
            await self._live.delete(identity, metadata, policy)
        except StatusError as error:
            if error.code != 404:
                raise
            self.graph.forget_missing(identity)

    async def _classify(self, identity: Identity, references: list[Object]) -> Owners | None:
        """The owners by what they are; None when a cluster-scoped object names one in a namespace, which
        cannot be resolved and so keeps the object."""
        out = Owners([], [], [])
        for reference in references:
            if self._known_absent(identity, reference):
                out.dangling.append(reference)
                continue
            info = self._live.info(reference["apiVersion"], reference["kind"])
            if info.namespaced and not identity.namespace:
                return None
            wanted = reference_identity(reference, identity.namespace if info.namespaced else "")
            owner = await self._live.find(wanted)
            if owner is None:
                self.graph.remember_absent(wanted)
                out.dangling.append(reference)
            elif _waits_for_dependents(owner["metadata"]):
                out.waiting.append(reference)
            else:
                out.solid.append(reference)
        return out

    def _known_absent(self, identity: Identity, reference: Object) -> bool:
        """Asked before the kind is, which may have gone with its last object."""
        return any(
            self.graph.is_absent(reference_identity(reference, namespace))
            for namespace in {"", identity.namespace}
        )

    async def _finish_foreground(self, node: Node) -> None:
        """Let the object go once nothing blocks it, else look after what does."""
        blocking = node.blocking_dependents()
        if not blocking:
            await self._live.remove_finalizer(node.identity, FOREGROUND)
        for dependent in blocking:
            if not dependent.foreground:
                self.queue.add(Key(CHECK, dependent.identity.uid))

    async def _orphan(self, node: Node) -> None:
        """Cut the references of all dependents, then let the object go."""
        for dependent in list(node.dependents.values()):
            try:
                await self._live.cut(dependent.identity, {node.identity.uid})
            except StatusError as error:
                if error.code != 404:
                    raise
        await self._live.remove_finalizer(node.identity, ORPHAN)


def _waits_for_dependents(metadata: Object) -> bool:
    return "deletionTimestamp" in metadata and FOREGROUND in metadata.get("finalizers", ())
