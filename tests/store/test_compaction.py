"""The schedule on which history is forgotten."""

from __future__ import annotations

import asyncio
import contextlib

from sekisho.store.compaction import compact_periodically
from sekisho.store.interface import Put, StoreError
from sekisho.store.memory import MemoryStore


class Ticks:
    """A clock whose sleeps end when the test says so."""

    def __init__(self) -> None:
        self.slept = asyncio.Semaphore(0)
        self.asked: list[float] = []

    def now(self) -> float:
        return 0.0

    monotonic = now

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.slept.acquire()


def test_it_compacts_to_what_was_noted_one_interval_ago() -> None:
    async def main() -> None:
        store = MemoryStore(Ticks())
        await store.start()
        clock = Ticks()
        task = asyncio.create_task(compact_periodically(store, clock))
        compacted = []
        for i in range(3):
            await asyncio.sleep(0)
            await store.commit([Put("/a", str(i).encode())])
            clock.slept.release()
            for _ in range(3):
                await asyncio.sleep(0)
            compacted.append(store.compacted_revision)
        assert compacted == [1, 2, 3]
        assert clock.asked[0] == 300

        async def refuse(_: int) -> None:
            raise StoreError("the disk is full")

        store.compact = refuse  # type: ignore[method-assign]
        clock.slept.release()
        for _ in range(3):
            await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await store.close()

    asyncio.run(main())
