"""One reader of a resource's changes: a bounded buffer between the cache's fan-out and a client.

No task stands behind a watcher. The cache appends to the buffer; the reader takes all that is there at once,
so that a burst becomes one write to the client. Who does not keep up is closed, as upstream does, and lists
again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable

from sekisho.store.entry import CacheEvent

CAPACITY = 4096
"""Events a reader may be behind the cache. They are shared with other readers, so they cost little."""


class Watcher:
    """Made by `ResourceCache.watch`. One coroutine reads it.

    `scope`: what is watched: the resource's prefix, a namespace's (both end in a slash), or one key.
    `revision`: where the reader stands: everything up to it has been taken.
    """

    __slots__ = (
        "_after",
        "_buffer",
        "_capacity",
        "_detach",
        "_waiter",
        "_woken",
        "closed",
        "overflowed",
        "scope",
    )

    def __init__(
        self,
        scope: str,
        after: int,
        backlog: Iterable[CacheEvent],
        detach: Callable[[Watcher], None],
        capacity: int = CAPACITY,
    ) -> None:
        self.scope = scope
        self.closed = False
        self.overflowed = False
        self._after = after
        self._buffer = deque(backlog)
        # History asked for is no sign of slowness.
        self._capacity = capacity + len(self._buffer)
        self._detach = detach
        self._waiter: asyncio.Future[None] | None = None
        self._woken = False

    def push(self, event: CacheEvent) -> bool:
        """Called by the cache; False when this reader is too slow and is to be dropped."""
        if event.revision <= self._after:
            return True
        if len(self._buffer) >= self._capacity:
            self.overflowed = True
            return False
        self._buffer.append(event)
        self._wake()
        return True

    @property
    def pending(self) -> int:
        """Events that wait to be taken."""
        return len(self._buffer)

    async def next(self) -> list[CacheEvent]:
        """All events that wait, after waiting for the first.

        Empty when the watcher is closed, or when `wake` asked the reader to look at the time.
        """
        if not self._buffer and not self.closed and not self._woken:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._woken = False
        events = list(self._buffer)
        self._buffer.clear()
        return events

    async def __aiter__(self) -> AsyncIterator[CacheEvent]:
        while not self.closed:
            for event in await self.next():
                yield event

    def wake(self) -> None:
        """Let a waiting `next` return without an event: for deadlines and bookmarks without a timer each."""
        self._woken = True
        self._wake()

    def close(self) -> None:
        """End it from either side. Events not taken yet are dropped."""
        if not self.closed:
            self.closed = True
            self._buffer.clear()
            self._detach(self)
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
