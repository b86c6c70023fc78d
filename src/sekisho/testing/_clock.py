"""Time that a test moves: everything in a cluster that waits, expires or ages follows it."""

from __future__ import annotations

import asyncio
import heapq
import threading
import time


class VirtualClock:
    """Stands still until `advance`. Sleepers wake in the order of their time, on their own loops."""

    def __init__(self, now: float | None = None) -> None:
        self._now = time.time() if now is None else now
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._count = 0
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        with self._lock:
            self._count += 1
            heapq.heappush(self._sleepers, (self._elapsed + seconds, self._count, loop, future))
        await future

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass. Callable from any thread."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        with self._lock:
            self._now += seconds
            self._elapsed += seconds
            due = []
            while self._sleepers and self._sleepers[0][0] <= self._elapsed:
                due.append(heapq.heappop(self._sleepers))
        for _, _, loop, future in due:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_wake, future)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
