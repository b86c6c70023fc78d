"""The watch cache over a memory store: reads, history, watchers, prefixes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.api.clock import SystemClock
from sekisho.store.cache import CacheEvent, Expired, ResourceCache, WatchCache, Watcher
from sekisho.store.interface import Delete, Op, Put
from sekisho.store.memory import MemoryStore
from sekisho.store.resourcecache import RING_MIN

PODS = "/registry/pods/"


class Time:
    """Monotonic time that a test sets; sleeping takes none."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    monotonic = now

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Counting:
    """Encode and decode that count how often they are used."""

    def __init__(self) -> None:
        self.decoded = 0
        self.encoded = 0

    def decode(self, value: bytes) -> dict[str, Any]:
        self.decoded += 1
        obj: dict[str, Any] = orjson.loads(value)
        return obj

    def encode(self, obj: dict[str, Any]) -> bytes:
        self.encoded += 1
        return orjson.dumps(obj)


def pod(name: str, namespace: str = "default", **more: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "generation": 1}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": meta, **more}


def put(name: str, namespace: str = "default", **more: Any) -> Put:
    return Put(f"{PODS}{namespace}/{name}", orjson.dumps(pod(name, namespace, **more)))


def delete(name: str, namespace: str = "default") -> Delete:
    return Delete(f"{PODS}{namespace}/{name}")


class Setup:
    def __init__(self) -> None:
        self.time = Time()
        self.codec = Counting()
        self.store = MemoryStore(SystemClock())
        self.cache = WatchCache(self.store, self.codec.decode, self.codec.encode, self.time)
        self.pods: ResourceCache = self.cache.resource(PODS)

    async def commit(self, *ops: Op) -> int:
        return await self.store.commit(ops)


@contextlib.asynccontextmanager
async def running(*before: Op) -> AsyncIterator[Setup]:
    setup = Setup()
    await setup.store.start()
    for op in before:
        await setup.commit(op)
    await setup.cache.start()
    try:
        yield setup
    finally:
        await setup.cache.close()
        await setup.store.close()


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 30))


def names(entries: list[Any]) -> list[str]:
    return [e.key.removeprefix(PODS) for e in entries]


def shown(events: list[CacheEvent]) -> list[tuple[str, str, int]]:
    return [(e.type, e.entry.key.removeprefix(PODS), e.revision) for e in events]


def test_objects_carry_their_revision_after_uid() -> None:
    async def main() -> None:
        async with running(put("a")) as setup:
            entry = setup.pods.get(PODS + "default/a")
            assert entry is not None
            assert list(entry.obj["metadata"]) == [
                "name",
                "namespace",
                "uid",
                "resourceVersion",
                "generation",
            ]
            assert entry.obj["metadata"]["resourceVersion"] == "2"
            await setup.commit(put("a", spec={}))
            entry = setup.pods.get(PODS + "default/a")
            assert entry is not None
            assert entry.obj["metadata"]["resourceVersion"] == "3"
            assert setup.cache.revision == 3

    run(main())


def test_a_handed_over_object_is_not_parsed_nor_changed() -> None:
    async def main() -> None:
        async with running() as setup:
            obj = pod("a", spec={"x": [1]})
            await setup.commit(Put(PODS + "default/a", orjson.dumps(obj), 0, None, obj))
            assert setup.codec.decoded == 0
            entry = setup.pods.get(PODS + "default/a")
            assert entry is not None
            assert entry.obj["spec"] is obj["spec"]
            assert obj == pod("a", spec={"x": [1]})

    run(main())


def test_data_is_encoded_once_and_shared() -> None:
    async def main() -> None:
        async with running(put("a")) as setup:
            watchers = [setup.pods.watch(setup.cache.revision) for _ in range(50)]
            await setup.commit(put("a", spec={"n": 1}))
            frames = {(await w.next())[0].frame for w in watchers}
            entry = setup.pods.get(PODS + "default/a")
            assert entry is not None
            assert frames == {b'{"type":"MODIFIED","object":' + entry.data + b"}\n"}
            assert entry.item_data == b"{" + entry.data.removeprefix(b'{"kind":"Pod","apiVersion":"v1",')
            assert orjson.loads(entry.data)["metadata"]["resourceVersion"] == "3"
            assert (setup.codec.decoded, setup.codec.encoded) == (2, 1)
            made = [entry.form("yaml", lambda o: o["kind"].encode()) for _ in range(2)]
            assert made == [b"Pod", b"Pod"]
            assert made[0] is made[1]

    run(main())


def test_item_data_of_objects_that_begin_otherwise_is_whole() -> None:
    async def main() -> None:
        async with running() as setup:
            crs = setup.cache.resource("/registry/example.com/widgets/")
            obj = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
            await setup.commit(Put("/registry/example.com/widgets/w", orjson.dumps(obj)))
            entry = crs.list()[0]
            assert entry.item_data == entry.data

    run(main())


def test_lists_are_in_byte_order_and_scoped() -> None:
    async def main() -> None:
        async with running(put("x", "a"), put("y", "a-b")) as setup:
            await setup.commit(put("b", "a"), put("é", "a"), put("x", "aa"), put("\U0001f600", "a"))
            everything = ["a-b/y", "a/b", "a/x", "a/é", "a/\U0001f600", "aa/x"]
            pods = setup.pods
            assert names(pods.list()) == everything
            assert names(pods.list(PODS)) == everything
            assert names(pods.list(PODS + "a/")) == everything[1:5]
            assert names(pods.list(PODS + "a/b")) == ["a/b"]
            assert names(pods.list(PODS + "none/")) == []
            assert names(pods.list(start=PODS + "a/x")) == everything[2:]
            assert names(pods.list(start=PODS + "a/b\0", limit=2)) == ["a/x", "a/é"]
            assert names(pods.list(PODS + "a/", start=PODS + "zzz")) == []
            assert names(pods.list(PODS + "a/", start="/")) == everything[1:5]
            assert (pods.count(), pods.count(PODS + "a/"), pods.count(PODS + "a/", PODS + "a/x\0")) == (
                6,
                4,
                2,
            )
            assert len(pods) == 6

    run(main())


def test_lists_at_older_revisions() -> None:
    async def main() -> None:
        async with running(put("old")) as setup:
            before = {setup.cache.revision: names(setup.pods.list())}
            for ops in (
                [put("a"), put("b")],
                [delete("old"), put("a", spec={"n": 2})],
                [put("old")],
                [delete("a")],
                [put("z", "other")],
            ):
                await setup.commit(*ops)
                before[setup.cache.revision] = names(setup.pods.list())
            for revision, expected in before.items():
                assert names(setup.pods.list_at(revision)) == expected
            assert names(setup.pods.list_at(3, PODS + "default/", PODS + "default/b")) == [
                "default/b",
                "default/old",
            ]
            assert setup.pods.list_at(3)[0].revision == 3
            assert names(setup.pods.list_at(99)) == names(setup.pods.list())
            with pytest.raises(Expired, match=r"^too old resource version: 1 \(2\)$"):
                setup.pods.list_at(1)

    run(main())


def test_watch_resumes_and_goes_on() -> None:
    async def main() -> None:
        async with running(put("a")) as setup:
            await setup.commit(put("b"), put("x", "other"))
            await setup.commit(delete("a"))
            everything = setup.pods.watch(2)
            namespaced = setup.pods.watch(3, PODS + "default/")
            single = setup.pods.watch(2, PODS + "default/b")
            await setup.commit(put("b", spec={}))
            assert shown(await everything.next()) == [
                ("ADDED", "default/b", 3),
                ("ADDED", "other/x", 3),
                ("DELETED", "default/a", 4),
                ("MODIFIED", "default/b", 5),
            ]
            events = await namespaced.next()
            assert shown(events) == [("DELETED", "default/a", 4), ("MODIFIED", "default/b", 5)]
            assert events[0].entry.obj["metadata"]["resourceVersion"] == "4"
            assert events[0].prev is not None
            assert events[0].prev.revision == 2
            assert events[1].prev is not None
            assert "spec" not in events[1].prev.obj
            assert shown(await single.next()) == [("ADDED", "default/b", 3), ("MODIFIED", "default/b", 5)]
            waiting = asyncio.ensure_future(single.next())
            await setup.commit(put("x", "other"))
            assert not waiting.done()
            await setup.commit(delete("b"))
            assert shown(await waiting) == [("DELETED", "default/b", 7)]
            with pytest.raises(Expired):
                setup.pods.watch(1)

    run(main())


def test_a_watch_from_the_future_waits_for_it() -> None:
    async def main() -> None:
        async with running() as setup:
            watcher = setup.pods.watch(3)
            for name in "abc":
                await setup.commit(put(name))
            assert shown(await watcher.next()) == [("ADDED", "default/c", 4)]

    run(main())


def test_slow_watchers_are_closed() -> None:
    async def main() -> None:
        async with running() as setup:
            for i in range(5):
                await setup.commit(put(f"early{i}"))
            slow = setup.pods.watch(1, capacity=2)
            quick = setup.pods.watch(6, capacity=2)
            for name in "ab":
                await setup.commit(put(name))
            assert len(await quick.next()) == 2
            assert slow.pending == 7
            await setup.commit(put("c"))
            assert slow.closed
            assert slow.overflowed
            assert await slow.next() == []
            assert setup.pods.watcher_count() == 1
            assert len(await quick.next()) == 1

    run(main())


def test_closing_and_waking_watchers() -> None:
    async def main() -> None:
        async with running() as setup:
            watcher: Watcher = setup.pods.watch(1)
            waiting = asyncio.ensure_future(watcher.next())
            await asyncio.sleep(0)
            watcher.wake()
            assert await waiting == []
            assert not watcher.closed
            abandoned = asyncio.ensure_future(watcher.next())
            await asyncio.sleep(0)
            abandoned.cancel()
            await setup.commit(put("a"))
            assert shown(await watcher.next()) == [("ADDED", "default/a", 2)]
            waiting = asyncio.ensure_future(watcher.next())
            await asyncio.sleep(0)
            watcher.close()
            watcher.close()
            assert await waiting == []
            assert not watcher.overflowed
            assert setup.pods.watcher_count() == 0
            iterated = [e.revision async for e in closing_after(setup, 2)]
            assert iterated == [3, 4]

    async def closing_after(setup: Setup, count: int) -> AsyncIterator[CacheEvent]:
        watcher = setup.pods.watch(setup.cache.revision)
        await setup.commit(put("b"))
        await setup.commit(put("c"))
        async for event in watcher:
            yield event
            count -= 1
            if not count:
                watcher.close()

    run(main())


def test_history_is_cut_by_age_and_number() -> None:
    async def main() -> None:
        async with running() as setup:
            for i in range(RING_MIN + 20):
                await setup.commit(put(f"p{i}"))
            assert setup.pods.horizon == 1
            setup.time.seconds = 76
            await setup.commit(put("late"))
            assert setup.pods.horizon == 22
            assert len(await setup.pods.watch(22).next()) == RING_MIN
            with pytest.raises(Expired, match=r"^too old resource version: 21 \(22\)$"):
                setup.pods.watch(21)

    run(main())


def test_a_torn_commit_at_the_edge_of_history_is_not_offered() -> None:
    async def main() -> None:
        async with running() as setup:
            await setup.commit(put("a"), put("b"))
            for i in range(RING_MIN - 2):
                await setup.commit(put(f"p{i}"))
            setup.time.seconds = 76
            await setup.commit(put("late"))
            assert setup.pods.horizon == 2

    run(main())


def test_followers_see_changes_before_the_commit_returns() -> None:
    async def main() -> None:
        async with running(put("a")) as setup:
            seen: list[CacheEvent] = []
            stop = setup.pods.follow(seen.append)
            await setup.commit(delete("a"), put("b"))
            assert shown(seen) == [("DELETED", "default/a", 3), ("ADDED", "default/b", 3)]
            stop()
            await setup.commit(put("c"))
            assert len(seen) == 2

    run(main())


def test_the_longest_registered_prefix_wins() -> None:
    async def main() -> None:
        async with running(put("a"), Put("/registry/x.io/ws/default/w", orjson.dumps(pod("w")))) as setup:
            assert setup.codec.decoded == 1
            outer = setup.cache.resource("/registry/x.io/")
            assert [e.key for e in outer.list()] == ["/registry/x.io/ws/default/w"]
            inner = setup.cache.resource("/registry/x.io/ws/")
            assert [e.key for e in inner.list()] == ["/registry/x.io/ws/default/w"]
            assert outer.list() == []
            await setup.commit(Put("/registry/x.io/ws/v", orjson.dumps(pod("v"))))
            await setup.commit(Put("/registry/x.io/other", orjson.dumps(pod("o"))))
            assert [e.key for e in inner.list()] == ["/registry/x.io/ws/default/w", "/registry/x.io/ws/v"]
            assert [e.key for e in outer.list()] == ["/registry/x.io/other"]
            assert setup.cache.resource("/registry/x.io/ws/") is inner
            assert inner.horizon == 3

    run(main())


def test_unregistered_prefixes_are_kept_aside() -> None:
    async def main() -> None:
        async with running(Put("/registry/w/a", orjson.dumps(pod("a")))) as setup:
            await setup.commit(Put("/registry/w/b", orjson.dumps(pod("b"))), Put("/registry/w/c", b"{}"))
            await setup.commit(Delete("/registry/w/c"), Delete("/registry/w/a"))
            assert setup.codec.decoded == 0
            ws = setup.cache.resource("/registry/w/")
            assert [(e.key, e.revision) for e in ws.list()] == [("/registry/w/b", 3)]
            watcher = ws.watch(setup.cache.revision)
            setup.cache.unregister("/registry/w/")
            setup.cache.unregister("/registry/w/")
            assert watcher.closed
            again = setup.cache.resource("/registry/w/")
            assert again.list()[0].obj["metadata"]["resourceVersion"] == "3"

    run(main())


def test_loading_while_others_write() -> None:
    async def main() -> None:
        setup = Setup()
        await setup.store.start()
        for i in range(2500):
            await setup.commit(put(f"p{i:04}"))
        starting = asyncio.ensure_future(setup.cache.start())
        range_ = setup.store.range

        async def slow_range(*args: Any) -> Any:
            page = await range_(*args)
            await setup.commit(put("p0000", spec={}), put("p2400", spec={}), delete("p1500"), put("q"))
            await setup.commit(delete("q"), put("p1500"), put("r"))
            return page

        setup.store.range = slow_range  # type: ignore[method-assign]
        await starting
        held = await range_("")
        assert [(e.key, e.revision) for e in setup.pods.list()] == [
            (k.key, k.mod_revision) for k in held.items
        ]
        assert setup.cache.revision == setup.store.revision == setup.pods.horizon
        await setup.cache.close()
        await setup.store.close()

    run(main())


def test_waiting_for_a_revision() -> None:
    async def main() -> None:
        async with running() as setup:
            assert await setup.cache.wait_for(1)
            assert not await setup.cache.wait_for(5)
            assert setup.time.seconds == 3
            setup.cache._clock = SystemClock()
            waiting = asyncio.ensure_future(setup.cache.wait_for(3))
            await setup.commit(put("a"))
            assert not waiting.done()
            await setup.commit(put("b"))
            assert await waiting

    run(main())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from(["a", "a-b", "b"]), st.sampled_from(["x", "y", "z"]), st.booleans()),
            min_size=1,
            max_size=3,
            unique_by=lambda t: t[:2],
        ),
        max_size=25,
    ),
    st.integers(0, 25),
)
def test_list_plus_watch_is_the_truth(batches: list[list[tuple[str, str, bool]]], watched_at: int) -> None:
    """Whoever lists and then watches from the list's revision knows at all times what is there."""

    async def main() -> None:
        async with running() as setup:
            states: dict[int, list[tuple[str, int]]] = {1: []}
            known: dict[str, int] = {}
            watcher = setup.pods.watch(1, PODS + "a/")
            for i, batch in enumerate(batches):
                if i == watched_at:
                    watcher = setup.pods.watch(setup.cache.revision, PODS + "a/")
                    known = {e.key: e.revision for e in setup.pods.list(PODS + "a/")}
                await setup.commit(
                    *(put(name, ns) if written else delete(name, ns) for ns, name, written in batch)
                )
                states[setup.cache.revision] = [(e.key, e.revision) for e in setup.pods.list()]
                held = (await setup.store.range(PODS)).items
                assert states[setup.cache.revision] == [(kv.key, kv.mod_revision) for kv in held]
            watcher.wake()
            for event in await watcher.next():
                if event.type == "DELETED":
                    del known[event.entry.key]
                else:
                    assert (event.type == "ADDED") == (event.entry.key not in known)
                    known[event.entry.key] = event.revision
            assert known == {e.key: e.revision for e in setup.pods.list(PODS + "a/")}
            for revision, state in states.items():
                assert [(e.key, e.revision) for e in setup.pods.list_at(revision)] == state

    run(main())
