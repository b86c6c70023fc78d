"""The collector over a small server of its own: background, foreground, orphans, wrong namespaces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from sekisho.api import status
from sekisho.api.types import GroupResource, Object
from sekisho.controllers.garbagecollector import GarbageCollector
from sekisho.registry.client import WatchEvent
from sekisho.schema.resources import ResourceInfo

VERBS = ("create", "delete", "get", "list", "patch", "update", "watch")
DELETED = "2026-01-01T00:00:00Z"

Place = tuple[str, str, str]


def info(group: str, version: str, resource: str, kind: str, namespaced: bool = True) -> ResourceInfo:
    return ResourceInfo(group, version, resource, kind, namespaced, VERBS)


CONFIG_MAPS = info("", "v1", "configmaps", "ConfigMap")
NODES = info("", "v1", "nodes", "Node", namespaced=False)
EVENTS = info("", "v1", "events", "Event")
WIDGETS = info("example.com", "v1", "widgets", "Widget")


class Clock:
    """Stands still but for `advance`."""

    def __init__(self) -> None:
        self.time = 1767225600.0
        self.sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.time + seconds, future))
        await future

    def advance(self, seconds: float) -> None:
        self.time += seconds
        for at, future in self.sleepers:
            if at <= self.time and not future.done():
                future.set_result(None)
        self.sleepers = [(at, future) for at, future in self.sleepers if not future.done()]


class Server:
    """Objects, finalizers, preconditions, propagation policies and watches, and no more than that."""

    def __init__(self) -> None:
        self.infos = [CONFIG_MAPS, NODES, EVENTS]
        self.objects: dict[Place, Object] = {}
        self.watchers: dict[str, list[asyncio.Queue[WatchEvent]]] = {}
        self.log: list[tuple[str, ...]] = []
        self.revision = 0

    def _write(self, place: Place, obj: Object, kind: str) -> Object:
        self.revision += 1
        obj = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.revision)}}
        metadata = obj["metadata"]
        gone = "deletionTimestamp" in metadata and not metadata.get("finalizers")
        if gone:
            self.objects.pop(place, None)
        else:
            self.objects[place] = obj
        for queue in self.watchers.get(place[0], ()):
            queue.put_nowait(WatchEvent("DELETED" if gone else kind, obj))
        return obj

    def add(self, of: ResourceInfo, name: str, *owners: Object, namespace: str = "ns", **more: Any) -> Object:
        where = {"namespace": namespace} if of.namespaced else {}
        metadata = {"name": name, "uid": f"uid-{name}", **where, **more}
        if owners:
            metadata["ownerReferences"] = list(owners)
        obj = {"apiVersion": str(of.group_version), "kind": of.kind, "metadata": metadata}
        return self._write((str(of.group_resource), where.get("namespace", ""), name), obj, "ADDED")

    def names(self) -> list[str]:
        return sorted(name for resource, _, name in self.objects if resource != "events")

    def at(self, name: str, resource: str = "configmaps", namespace: str = "ns") -> Object:
        return self.objects[resource, namespace, name]["metadata"]  # type: ignore[no-any-return]

    def events(self) -> list[Object]:
        return [obj for (resource, _, _), obj in self.objects.items() if resource == "events"]

    async def find(self, resource: str, name: str, namespace: str = "") -> Object | None:
        return self.objects.get((resource, namespace, name))

    async def list(self, resource: str, namespace: str = "") -> list[Object]:
        return [obj for (r, _, _), obj in self.objects.items() if r == resource]

    async def create(self, resource: str, obj: Object, namespace: str = "") -> Object:
        return self._write((resource, namespace, obj["metadata"]["name"]), obj, "ADDED")

    def _live(self, resource: str, name: str, namespace: str) -> Object:
        found = self.objects.get((resource, namespace, name))
        if found is None:
            raise status.not_found(GroupResource("", resource), name)
        return found

    async def patch(
        self, resource: str, name: str, patch: Object, namespace: str = "", type: str = "merge"
    ) -> Object:
        live = self._live(resource, name, namespace)
        if type == "strategic" and "." in resource:
            raise status.unsupported_media_type("no strategic merge")
        self.log.append(("patch", type, name))
        metadata = dict(live["metadata"])
        changes = dict(patch["metadata"])
        if changes.pop("uid", metadata["uid"]) != metadata["uid"]:
            raise status.conflict(GroupResource("", resource), name, "uid")
        if changes.pop("resourceVersion", metadata["resourceVersion"]) != metadata["resourceVersion"]:
            raise status.conflict(GroupResource("", resource), name, "version")
        if type == "strategic":
            by_uid = {ref["uid"]: ref for ref in metadata.get("ownerReferences", ())}
            for change in changes["ownerReferences"]:
                if change.get("$patch") == "delete":
                    by_uid.pop(change["uid"], None)
                else:
                    by_uid[change["uid"]] = {**by_uid.get(change["uid"], {}), **change}
            changes = {"ownerReferences": list(by_uid.values()) or None}
        metadata = {k: v for k, v in {**metadata, **changes}.items() if v is not None}
        return self._write((resource, namespace, name), {**live, "metadata": metadata}, "MODIFIED")

    async def delete(
        self,
        resource: str,
        name: str,
        namespace: str = "",
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation_policy: str | None = None,
    ) -> Object:
        live = self._live(resource, name, namespace)
        self.log.append(("delete", str(propagation_policy), name))
        metadata = dict(live["metadata"])
        if uid not in (None, metadata["uid"]) or resource_version not in (None, metadata["resourceVersion"]):
            raise status.conflict(GroupResource("", resource), name, "precondition")
        ours = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}
        kept = [f for f in metadata.get("finalizers", ()) if f not in ours.values()]
        if propagation_policy in ours:
            kept.append(ours[propagation_policy])
        metadata["finalizers"] = kept
        metadata["deletionTimestamp"] = DELETED
        return self._write((resource, namespace, name), {**live, "metadata": metadata}, "MODIFIED")

    async def watch(self, resource: str) -> AsyncIterator[WatchEvent]:
        queue: asyncio.Queue[WatchEvent] = asyncio.Queue()
        self.watchers.setdefault(resource, []).append(queue)
        for obj in await self.list(resource):
            yield WatchEvent("ADDED", obj)
        yield WatchEvent("BOOKMARK", {})
        while True:
            yield await queue.get()


class World:
    def __init__(self) -> None:
        self.server = Server()
        self.clock = Clock()
        self.collector = GarbageCollector(
            self.server,  # type: ignore[arg-type]
            self.clock,
            lambda: self.server.infos,
        )

    async def settle(self, seconds: float = 1.0) -> None:
        """Let everything come to rest, back-offs included."""
        for _ in range(10):
            for _ in range(60):
                await asyncio.sleep(0)
            self.clock.advance(seconds / 10)


Story = Callable[[World], Awaitable[None]]


def play(story: Story, *, setup: Callable[[Server], object] | None = None) -> World:
    """Run a story with the collector at work; `setup` makes what is there before it starts."""

    async def run() -> World:
        world = World()
        if setup:
            setup(world.server)
        task = asyncio.create_task(world.collector.run())
        try:
            await world.settle()
            await story(world)
            await world.settle()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return world

    return asyncio.run(run())


def ref(name: str, of: ResourceInfo = CONFIG_MAPS, **more: Any) -> Object:
    found = {"apiVersion": str(of.group_version), "kind": of.kind, "name": name, "uid": f"uid-{name}"}
    return {**found, **more}


def blocking(name: str, of: ResourceInfo = CONFIG_MAPS) -> Object:
    return ref(name, of, blockOwnerDeletion=True)


def test_dependents_go_after_their_owner() -> None:
    async def story(world: World) -> None:
        server = world.server
        server.add(CONFIG_MAPS, "owner")
        server.add(CONFIG_MAPS, "child", ref("owner"))
        server.add(CONFIG_MAPS, "grandchild", ref("child"))
        server.add(CONFIG_MAPS, "other")
        await world.settle()
        assert server.names() == ["child", "grandchild", "other", "owner"]
        await server.delete("configmaps", "owner", "ns")

    world = play(story)
    assert world.server.names() == ["other"]
    assert world.server.log[1:] == [("delete", "Background", "child"), ("delete", "Background", "grandchild")]
    assert len(world.collector.graph) == 1


@pytest.mark.parametrize("before", [True, False])
def test_an_object_whose_owners_never_were_goes(before: bool) -> None:
    def make(server: Server) -> None:
        server.add(CONFIG_MAPS, "child", ref("nobody"))
        server.add(CONFIG_MAPS, "impostor", {**ref("present"), "uid": "uid-of-another"})
        server.add(CONFIG_MAPS, "present")

    async def story(world: World) -> None:
        if not before:
            make(world.server)

    assert play(story, setup=make if before else None).server.names() == ["present"]


def test_one_living_owner_keeps_an_object_and_the_dead_ones_are_cut_out() -> None:
    async def story(world: World) -> None:
        world.server.add(CONFIG_MAPS, "alive")
        world.server.add(CONFIG_MAPS, "dead")
        world.server.add(CONFIG_MAPS, "child", ref("alive"), ref("dead"))
        await world.settle()
        await world.server.delete("configmaps", "dead", "ns")

    world = play(story)
    assert world.server.names() == ["alive", "child"]
    assert world.server.at("child")["ownerReferences"] == [ref("alive")]
    assert ("patch", "strategic", "child") in world.server.log


def test_custom_objects_are_mended_by_merge_patch() -> None:
    async def story(world: World) -> None:
        world.server.add(CONFIG_MAPS, "alive")
        world.server.add(WIDGETS, "child", ref("alive"), ref("dead"))

    world = play(story, setup=lambda server: server.infos.append(WIDGETS))
    assert world.server.at("child", "widgets.example.com")["ownerReferences"] == [ref("alive")]
    assert world.server.log == [("patch", "merge", "child")]


def test_the_foreground_waits_for_what_blocks() -> None:
    async def story(world: World) -> None:
        server = world.server
        server.add(CONFIG_MAPS, "owner")
        server.add(CONFIG_MAPS, "held", blocking("owner"), finalizers=["example.com/hold"])
        server.add(CONFIG_MAPS, "quick", blocking("owner"))
        server.add(CONFIG_MAPS, "free", ref("owner"), finalizers=["example.com/hold"])
        await world.settle()
        await server.delete("configmaps", "owner", "ns", propagation_policy="Foreground")
        await world.settle()
        assert server.names() == ["free", "held", "owner"]
        assert server.at("owner")["finalizers"] == ["foregroundDeletion"]
        await server.patch("configmaps", "held", {"metadata": {"finalizers": None}}, "ns")
        await world.settle()
        assert server.names() == ["free"]

    play(story)


def test_the_foreground_goes_down_the_tree() -> None:
    async def story(world: World) -> None:
        server = world.server
        server.add(CONFIG_MAPS, "owner")
        server.add(CONFIG_MAPS, "child", blocking("owner"))
        server.add(CONFIG_MAPS, "leaf", blocking("child"))
        await world.settle()
        await server.delete("configmaps", "owner", "ns", propagation_policy="Foreground")

    world = play(story)
    assert world.server.names() == []
    deletions = [entry[1:] for entry in world.server.log if entry[0] == "delete"]
    assert deletions[1:] == [("Foreground", "child"), ("Background", "leaf")]


def test_a_dependent_with_another_owner_leaves_the_one_that_waits() -> None:
    async def story(world: World) -> None:
        server = world.server
        server.add(CONFIG_MAPS, "owner")
        server.add(CONFIG_MAPS, "second")
        server.add(CONFIG_MAPS, "child", blocking("owner"), ref("second"))
        await world.settle()
        await server.delete("configmaps", "owner", "ns", propagation_policy="Foreground")

    world = play(story)
    assert world.server.names() == ["child", "second"]
    assert world.server.at("child")["ownerReferences"] == [ref("second")]


def test_a_circle_comes_apart() -> None:
    async def story(world: World) -> None:
        server = world.server
        server.add(CONFIG_MAPS, "a", blocking("b"))
        server.add(CONFIG_MAPS, "b", blocking("a"))
        await world.settle()
        await server.delete("configmaps", "a", "ns", propagation_policy="Foreground")
        await world.settle(5)

    assert play(story).server.names() == []


def test_orphans_lose_their_owner_and_stay() -> None:
    async def story(world: World) -> None:
        server = world.server
        server.add(CONFIG_MAPS, "owner")
        server.add(CONFIG_MAPS, "child", blocking("owner"))
        server.add(NODES, "wide", ref("owner"))
        await world.settle()
        await server.delete("configmaps", "owner", "ns", propagation_policy="Orphan")

    world = play(story)
    assert world.server.names() == ["child", "wide"]
    assert "ownerReferences" not in world.server.at("child")


def test_a_dependents_own_finalizer_says_how_it_goes() -> None:
    async def story(world: World) -> None:
        server = world.server
        server.add(CONFIG_MAPS, "owner")
        server.add(CONFIG_MAPS, "child", ref("owner"), finalizers=["orphan"])
        server.add(CONFIG_MAPS, "leaf", ref("child"))
        await world.settle()
        await server.delete("configmaps", "owner", "ns")

    world = play(story)
    assert world.server.names() == ["leaf"]
    assert ("delete", "Orphan", "child") in world.server.log


def test_an_owner_in_another_namespace_is_no_owner() -> None:
    async def story(world: World) -> None:
        world.server.add(CONFIG_MAPS, "owner", namespace="elsewhere")
        world.server.add(CONFIG_MAPS, "child", ref("owner"))

    world = play(story)
    assert world.server.names() == ["owner"]
    (event,) = world.server.events()
    assert event["reason"] == "OwnerRefInvalidNamespace"
    assert event["type"] == "Warning"
    assert event["message"] == (
        'ownerRef [v1/ConfigMap, namespace: ns, name: owner, uid: uid-owner] does not exist in namespace "ns"'
    )
    assert event["involvedObject"]["name"] == "child"
    assert event["source"] == {"component": "garbage-collector-controller"}


def test_a_cluster_scoped_object_with_an_owner_in_a_namespace_is_kept() -> None:
    async def story(world: World) -> None:
        world.server.add(NODES, "node", ref("nobody"))

    assert play(story).server.names() == ["node"]


def test_a_cluster_scoped_owner_counts_in_every_namespace() -> None:
    async def story(world: World) -> None:
        server = world.server
        server.add(NODES, "node")
        server.add(CONFIG_MAPS, "child", ref("node", NODES))
        server.add(CONFIG_MAPS, "lost", ref("no-node", NODES))
        await world.settle()
        assert server.names() == ["child", "node"]
        await server.delete("nodes", "node")

    assert play(story).server.names() == []


def test_an_owner_of_an_unknown_kind_keeps_its_dependents_until_the_kind_is_known() -> None:
    async def story(world: World) -> None:
        server = world.server
        server.add(CONFIG_MAPS, "child", ref("widget", WIDGETS))
        await world.settle()
        assert server.names() == ["child"]
        server.infos.append(WIDGETS)
        await world.settle(60)

    assert play(story).server.names() == []


def test_resources_that_come_and_go_are_watched_while_they_are_served() -> None:
    async def story(world: World) -> None:
        server = world.server
        server.infos.append(WIDGETS)
        await world.settle(60)
        server.add(WIDGETS, "w", ref("gone"))
        await world.settle()
        assert server.names() == []
        server.infos.remove(WIDGETS)
        await world.settle(60)
        server.add(WIDGETS, "w", ref("gone"))

    assert play(story).server.names() == ["w"]


def test_what_a_watch_missed_is_found_out() -> None:
    async def story(world: World) -> None:
        server = world.server
        server.add(CONFIG_MAPS, "owner")
        server.add(CONFIG_MAPS, "child", ref("owner"))
        await world.settle()
        del server.objects["configmaps", "ns", "owner"]
        (queue,) = server.watchers["configmaps"]
        queue.put_nowait(WatchEvent("ADDED", server.objects["configmaps", "ns", "child"]))
        queue.put_nowait(WatchEvent("BOOKMARK", {}))

    assert play(story).server.names() == []


def test_a_conflict_over_something_else_does_not_save_an_object() -> None:
    async def story(world: World) -> None:
        server = world.server
        find = server.find

        async def stale(resource: str, name: str, namespace: str = "") -> Object | None:
            """The first look at the child is at an older version of it."""
            found = await find(resource, name, namespace)
            if found is not None and name == "child" and not server.log:
                return {**found, "metadata": {**found["metadata"], "resourceVersion": "0"}}
            return found

        server.find = stale  # type: ignore[method-assign]
        server.add(CONFIG_MAPS, "child", ref("nobody"))

    world = play(story)
    assert world.server.names() == []
    assert world.server.log == [("delete", "Background", "child")] * 2
