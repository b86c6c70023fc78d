"""A queue of keys to reconcile: each key at most once, later on request, with back-off after failures."""

from __future__ import annotations

import asyncio
import heapq
from typing import Generic, TypeVar

from sekisho.api.clock import Clock

K = TypeVar("K")

BASE_DELAY = 0.005
MAX_DELAY = 1000.0


class Workqueue(Generic[K]):
    """Follows client-go's rate-limited queue: 5 ms doubling to 1000 s a key, forgotten after a success.

    A key that is added while it is being worked on is worked on once more afterwards.
    """

    def __init__(self, clock: Clock, base_delay: float = BASE_DELAY, max_delay: float = MAX_DELAY) -> None:
        self._clock = clock
        self._base = base_delay
        self._max = max_delay
        self._ready: dict[K, None] = {}
        self._working: set[K] = set()
        self._again: set[K] = set()
        self._later: list[tuple[float, int, K]] = []
        self._due: dict[K, float] = {}
        self._sequence = 0
        self._failures: dict[K, int] = {}
        self._changed = asyncio.Event()

    def add(self, key: K) -> None:
        if key in self._working:
            self._again.add(key)
        else:
            self._ready[key] = None
            self._changed.set()

    def add_after(self, key: K, seconds: float) -> None:
        """Add the key when the time has come, or sooner when it waits already for a sooner time."""
        if seconds <= 0:
            self.add(key)
            return
        due = self._clock.monotonic() + seconds
        if self._due.get(key, due + 1) <= due:
            return
        self._due[key] = due
        self._sequence += 1
        heapq.heappush(self._later, (due, self._sequence, key))
        self._changed.set()

    def failed(self, key: K) -> int:
        """Queue the key again after its back-off; returns how often it has failed in a row."""
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        self.add_after(key, min(self._base * 2**count, self._max))
        return count + 1

    def forget(self, key: K) -> None:
        self._failures.pop(key, None)

    def done(self, key: K) -> None:
        self._working.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    async def get(self) -> K:
        """The next key; it belongs to the caller until `done`."""
        while True:
            self._promote()
            if self._ready:
                key = next(iter(self._ready))
                del self._ready[key]
                self._working.add(key)
                return key
            self._changed.clear()
            if not self._later:
                await self._changed.wait()
                continue
            await self._wait(self._later[0][0] - self._clock.monotonic())

    def _promote(self) -> None:
        now = self._clock.monotonic()
        while self._later and self._later[0][0] <= now:
            due, _, key = heapq.heappop(self._later)
            if self._due.get(key) == due:
                del self._due[key]
                self.add(key)

    async def _wait(self, seconds: float) -> None:
        """Until something is added, or the time has come on the cluster's clock."""
        sleeper = asyncio.ensure_future(self._clock.sleep(max(seconds, 0)))
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait((sleeper, changed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            changed.cancel()
