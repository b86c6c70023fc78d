"""Passages as they are answered: one bounded queue a reader, closed when the reader falls behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable

from sekisho.api.clock import Clock
from sekisho.explain.passages import Passage, PassageLog

CAPACITY = 10_000


class PassageStream:
    """Those answered after number `after`: first what the log still holds, then what comes."""

    def __init__(self, log: PassageLog, after: int, match: Callable[[Passage], bool]) -> None:
        self._match = match
        self._waiting: list[Passage] = [p for p in in_order(log) if p.number > after and match(p)]
        self._arrived = asyncio.Event()
        self._lost = False
        self._unsubscribe = log.subscribe(self._take)

    def _take(self, passage: Passage) -> None:
        if not self._match(passage):
            return
        if len(self._waiting) >= CAPACITY:
            self._lost = True
        else:
            self._waiting.append(passage)
        self._arrived.set()

    async def batches(self, clock: Clock, seconds: float) -> AsyncGenerator[list[Passage], None]:
        """Passages for `seconds`, or until the reader has fallen behind."""
        end = clock.monotonic() + seconds
        try:
            while not self._lost:
                if self._waiting:
                    batch, self._waiting = self._waiting, []
                    yield batch
                    continue
                self._arrived.clear()
                try:
                    async with asyncio.timeout(max(end - clock.monotonic(), 0)):
                        await self._arrived.wait()
                except TimeoutError:
                    return
        finally:
            self.close()

    def close(self) -> None:
        """Stop listening; harmless when repeated."""
        unsubscribe, self._unsubscribe = self._unsubscribe, _nothing
        unsubscribe()


def _nothing() -> None:
    return


def in_order(log: Iterable[Passage]) -> list[Passage]:
    """The answered ones, in the order in which they were."""
    return sorted((p for p in log if p.number), key=lambda p: p.number)
