"""What every store promises, asked of each of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from sekisho.api.clock import SystemClock
from sekisho.store.interface import (
    FIRST_REVISION,
    Closed,
    Compacted,
    Conflict,
    Delete,
    Event,
    EventType,
    KeyValue,
    Put,
    Store,
    StoreError,
    prefix_end,
)
from sekisho.store.memory import MemoryStore
from sekisho.store.sqlite import SQLiteStore


class ManualClock:
    """Time that moves when told."""

    def __init__(self) -> None:
        self.time = 1_000_000.0
        self.sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self.time

    monotonic = now

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.time + seconds, future))
        await future

    async def advance(self, seconds: float) -> None:
        self.time += seconds
        due = [f for at, f in self.sleepers if at <= self.time]
        self.sleepers = [(at, f) for at, f in self.sleepers if at > self.time]
        for future in due:
            if not future.done():
                future.set_result(None)


Opener = Callable[..., contextlib.AbstractAsyncContextManager[Store]]


@pytest.fixture(params=["memory", "sqlite"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    @contextlib.asynccontextmanager
    async def open_store(clock: Any = None) -> AsyncIterator[Store]:
        clock = clock or SystemClock()
        store: Store
        if request.param == "memory":
            store = MemoryStore(clock)
        else:
            store = SQLiteStore(tmp_path / "data" / "store.db", clock)
        await store.start()
        try:
            yield store
        finally:
            await store.close()

    return open_store


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 30))


async def take(events: AsyncIterator[Event], count: int) -> list[Event]:
    return [await asyncio.wait_for(anext(events), 5) for _ in range(count)]


def test_commits_count_revisions(opened: Opener) -> None:
    async def main() -> None:
        async with opened() as store:
            assert store.revision == FIRST_REVISION
            assert await store.commit([Put("/a", b"1"), Put("/b", b"2")]) == 2
            assert await store.commit([Put("/a", b"3")]) == 3
            assert await store.get("/a") == KeyValue("/a", b"3", 2, 3)
            assert await store.get("/b") == KeyValue("/b", b"2", 2, 2)
            assert await store.commit([Delete("/a"), Put("/c", b"")]) == 4
            assert await store.get("/a") is None
            assert await store.get("/c") == KeyValue("/c", b"", 4, 4)
            assert await store.commit([Put("/a", b"again")]) == 5
            assert await store.get("/a") == KeyValue("/a", b"again", 5, 5)
            assert store.revision == 5

    run(main())


def test_a_commit_that_changes_nothing_keeps_the_revision(opened: Opener) -> None:
    async def main() -> None:
        async with opened() as store:
            assert await store.commit([]) == 1
            assert await store.commit([Delete("/none"), Delete("/nil", 0)]) == 1
            assert await store.commit([Put("/a", b"1")]) == 2

    run(main())


def test_expectations(opened: Opener) -> None:
    async def main() -> None:
        async with opened() as store:
            await store.commit([Put("/a", b"1", 0)])
            with pytest.raises(Conflict) as caught:
                await store.commit([Put("/new", b"x"), Put("/a", b"2", 0)])
            assert caught.value.found == KeyValue("/a", b"1", 2, 2)
            assert await store.get("/new") is None
            for op in (Put("/gone", b"", 7), Delete("/gone", 7)):
                with pytest.raises(Conflict) as caught:
                    await store.commit([op])
                assert caught.value.found is None
            with pytest.raises(Conflict):
                await store.commit([Delete("/a", 1)])
            assert store.revision == 2
            assert await store.commit([Put("/a", b"2", 2)]) == 3
            assert await store.commit([Delete("/a", 3)]) == 4

    run(main())


def test_a_key_twice_is_refused(opened: Opener) -> None:
    async def main() -> None:
        async with opened() as store:
            with pytest.raises(ValueError, match="twice"):
                await store.commit([Put("/a", b"1"), Delete("/a")])
            assert store.revision == 1

    run(main())


def test_concurrent_commits_see_each_other(opened: Opener) -> None:
    async def main() -> None:
        async with opened() as store:
            outcomes = await asyncio.gather(
                *(store.commit([Put("/a", str(i).encode(), 0)]) for i in range(20)), return_exceptions=True
            )
            assert outcomes[0] == 2
            assert all(
                isinstance(o, Conflict) and o.found == KeyValue("/a", b"0", 2, 2) for o in outcomes[1:]
            )
            revisions = await asyncio.gather(*(store.commit([Put(f"/k{i}", b"")]) for i in range(300)))
            assert sorted(revisions) == list(range(3, 303))

    run(main())


def test_ranges_are_in_byte_order_and_paged(opened: Opener) -> None:
    async def main() -> None:
        async with opened() as store:
            keys = ["/p/a/x", "/p/a-b/x", "/p/é/x", "/p/\U0001f600", "/p/\uffee", "/q", "/o", "/p"]
            for key in keys:
                await store.commit([Put(key, key.encode())])
            await store.commit([Put("/p/deleted", b"")])
            await store.commit([Delete("/p/deleted")])
            found = await store.range("/p/")
            assert [kv.key for kv in found.items] == sorted(
                (k for k in keys if k.startswith("/p/")), key=lambda k: k.encode()
            )
            assert all(kv.value == kv.key.encode() for kv in found.items)
            assert found.revision == store.revision
            assert not found.more
            first = await store.range("/p/", limit=2)
            assert [kv.key for kv in first.items] == ["/p/a-b/x", "/p/a/x"]
            assert first.more
            rest = await store.range("/p/", limit=3, start="/p/a/x\0")
            assert [kv.key for kv in rest.items] == [kv.key for kv in found.items[2:]]
            assert not rest.more
            assert len((await store.range("")).items) == len(keys)

    run(main())


def test_subscribers_see_a_batch_before_the_commit_returns(opened: Opener) -> None:
    async def main() -> None:
        async with opened() as store:
            seen: list[Event] = []
            unsubscribe = store.subscribe(seen.extend)
            obj = {"kind": "A"}
            assert await store.commit([Put("/a", b"1", obj=obj), Put("/b", b"2")]) == 2
            assert seen == [
                Event(EventType.PUT, "/a", b"1", 2, 2, 0, None, obj),
                Event(EventType.PUT, "/b", b"2", 2, 2, 0),
            ]
            assert seen[0].obj is obj
            seen.clear()
            await store.commit([Put("/a", b"3")])
            await store.commit([Delete("/a", 3)])
            assert seen == [
                Event(EventType.PUT, "/a", b"3", 3, 2, 2),
                Event(EventType.DELETE, "/a", b"", 4, 2, 3),
            ]
            unsubscribe()
            unsubscribe()
            await store.commit([Put("/c", b"")])
            assert len(seen) == 2

    run(main())


def test_a_failing_subscriber_is_reported_and_harms_nobody(opened: Opener) -> None:
    async def main() -> None:
        reported: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        async with opened() as store:
            seen: list[Event] = []

            def fail(_: object) -> None:
                raise RuntimeError("no")

            store.subscribe(fail)
            store.subscribe(seen.extend)
            assert await store.commit([Put("/a", b"1")]) == 2
            assert len(seen) == 1
            assert isinstance(reported[0]["exception"], RuntimeError)

    run(main())


def test_watch_has_no_gap_and_no_repetition(opened: Opener) -> None:
    async def main() -> None:
        async with opened() as store:
            await store.commit([Put("/a", b"1"), Put("/b", b"1")])
            await store.commit([Put("/a", b"2")])
            events = store.watch(1)
            first = await take(events, 2)
            assert [(e.key, e.value, e.revision, e.prev_revision) for e in first] == [
                ("/a", b"1", 2, 0),
                ("/b", b"1", 2, 0),
            ]
            waiting = asyncio.ensure_future(take(events, 3))
            await asyncio.sleep(0)
            await store.commit([Delete("/a")])
            await store.commit([Put("/c", b"9", ttl=60)])
            rest = await waiting
            assert [(e.type, e.key, e.revision, e.prev_revision) for e in rest] == [
                (EventType.PUT, "/a", 3, 2),
                (EventType.DELETE, "/a", 4, 3),
                (EventType.PUT, "/c", 5, 0),
            ]
            assert rest[2].expires is not None
            await events.aclose()

    run(main())


def test_watch_reads_a_long_history_without_tearing_commits(opened: Opener) -> None:
    async def main() -> None:
        async with opened() as store:
            for i in range(7):
                await store.commit([Put(f"/{i}/{j}", b"") for j in range(300)])
            got = await take(store.watch(1), 2100)
            assert [e.revision for e in got] == [2 + i // 300 for i in range(2100)]
            assert len({e.key for e in got}) == 2100

    run(main())


def test_compaction_keeps_what_is_held_and_forgets_the_rest(opened: Opener) -> None:
    async def main() -> None:
        async with opened() as store:
            for i in range(5):
                await store.commit([Put("/a", str(i).encode()), Put(f"/{i}", b"")])
            await store.commit([Delete("/0"), Delete("/1")])
            await store.commit([Put("/0", b"back")])
            held = (await store.range("")).items
            slow = store.watch(3)
            await take(slow, 1)
            with pytest.raises(ValueError, match="future"):
                await store.compact(99)
            await store.compact(7)
            await store.compact(4)
            assert store.compacted_revision == 7
            assert (await store.range("")).items == held
            with pytest.raises(Compacted) as caught:
                await take(store.watch(6), 1)
            assert (caught.value.asked, caught.value.compacted) == (6, 7)
            assert [(e.key, e.revision) for e in await take(store.watch(7), 1)] == [("/0", 8)]
            # What a watch has read already it still delivers, and then it goes on without a gap.
            assert [e.revision for e in await take(slow, 8)] == [4, 5, 5, 6, 6, 7, 7, 8]

    run(main())


def test_keys_expire(opened: Opener) -> None:
    async def main() -> None:
        clock = ManualClock()
        async with opened(clock) as store:
            await asyncio.sleep(0)
            await store.commit([Put("/short", b"", ttl=60), Put("/kept", b"", ttl=60)])
            await store.commit([Put("/renewed", b"", ttl=60)])
            await clock.advance(30)
            await store.commit([Put("/renewed", b"", ttl=60), Put("/kept", b"")])
            changed = store.watch(store.revision)
            await clock.advance(31)
            assert [(e.type, e.key) for e in await take(changed, 1)] == [(EventType.DELETE, "/short")]
            assert [kv.key for kv in (await store.range("")).items] == ["/kept", "/renewed"]
            await asyncio.sleep(0.01)
            await clock.advance(60)
            assert [(e.type, e.key) for e in await take(changed, 1)] == [(EventType.DELETE, "/renewed")]
            assert await store.get("/kept") is not None

    run(main())


def test_closed_stores_refuse(opened: Opener) -> None:
    async def main() -> None:
        async with opened() as store:
            await store.commit([Put("/a", b"")])
            watching = asyncio.ensure_future(take(store.watch(2), 1))
            await asyncio.sleep(0)
        with pytest.raises(Closed):
            await watching
        for call in (store.commit([]), store.get("/a"), store.range("/"), take(store.watch(0), 1)):
            with pytest.raises(Closed):
                await call
        await store.close()
        assert issubclass(Closed, StoreError)

    run(main())


@pytest.mark.parametrize(
    ("prefix", "end"),
    [("/a/", "/a0"), ("", None), ("a\U0010ffff", "b"), ("\U0010ffff", None), ("x\ud7ff", "x\ue000")],
)
def test_prefix_end(prefix: str, end: str | None) -> None:
    assert prefix_end(prefix) == end
