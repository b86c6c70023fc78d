"""What the stores of one process have in common: planning a commit, delivering it, watching, expiry.

A local store hands each batch of events to `_deliver` on the loop before the commits of that batch return,
so whoever follows the events by `subscribe` is never behind a commit that somebody has seen the end of.
Watching reads the stored history in pages and waits only at its end: a slow reader costs no memory.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import heapq
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from sekisho.api.clock import Clock
from sekisho.store.interface import (
    FIRST_REVISION,
    Closed,
    Compacted,
    Conflict,
    Delete,
    Event,
    EventType,
    KeyValue,
    Op,
    Put,
    Range,
    StoreError,
    Subscriber,
)

SWEEP_SECONDS = 10.0
"""How late a key with a time to live may be removed."""


class Version(NamedTuple):
    """When a key was created and last written."""

    create: int
    mod: int


class Mismatch(Exception):
    """A key does not have the expected revision; the store turns it into a Conflict with the value."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def plan(ops: Sequence[Op], find: Callable[[str], Version | None], revision: int, now: float) -> list[Event]:
    """The events that a commit will make at `revision`, none if it changes nothing.

    Raises Mismatch when an expectation fails, ValueError when a key occurs twice.
    """
    if len(ops) > 1 and len({op.key for op in ops}) < len(ops):
        raise ValueError("a key occurs twice in one commit")
    events = []
    for op in ops:
        version = find(op.key)
        if op.expect is not None and op.expect != (version.mod if version else 0):
            raise Mismatch(op.key)
        if isinstance(op, Put):
            expires = None if op.ttl is None else now + op.ttl
            create, prev = version or (revision, 0)
            events.append(Event(EventType.PUT, op.key, op.value, revision, create, prev, expires, op.obj))
        elif version is not None:
            events.append(Event(EventType.DELETE, op.key, b"", revision, version.create, version.mod))
    return events


class LocalStore(abc.ABC):
    """Base of the stores that live in this process. See `interface.Store` for the promises."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._revision = FIRST_REVISION
        self._compacted = 0
        self._open = False
        self._subscribers: list[Subscriber] = []
        self._changed: asyncio.Future[None] | None = None
        self._expiring: list[tuple[float, str, int]] = []
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def revision(self) -> int:
        return self._revision

    @property
    def compacted_revision(self) -> int:
        return self._compacted

    @abc.abstractmethod
    async def commit(self, ops: Sequence[Op]) -> int: ...

    @abc.abstractmethod
    async def get(self, key: str) -> KeyValue | None: ...

    @abc.abstractmethod
    async def range(self, prefix: str, limit: int = 0, start: str = "") -> Range: ...

    @abc.abstractmethod
    async def compact(self, revision: int) -> None: ...

    @abc.abstractmethod
    async def _history(self, after: int) -> Sequence[Event]:
        """The next events above a revision, whole commits only; empty at the end."""

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

        return unsubscribe

    async def watch(self, from_revision: int) -> AsyncIterator[Event]:
        while True:
            if not self._open:
                raise Closed
            events = await self._history(from_revision)
            if from_revision < self._compacted:
                raise Compacted(from_revision, self._compacted)
            for event in events:
                yield event
            if events:
                from_revision = events[-1].revision
            elif from_revision >= self._revision:
                await self._change()

    def _change(self) -> asyncio.Future[None]:
        """Done at the next delivery. Shielded, since all who wait share one future."""
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        return asyncio.shield(self._changed)

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set_result(None)
            self._changed = None

    def _opened(self) -> None:
        self._open = True
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep_forever())

    async def _closing(self) -> None:
        self._open = False
        self._wake()
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper
            self._sweeper = None

    def _deliver(self, events: Sequence[Event]) -> None:
        """Make a batch visible. A subscriber's mistake is reported and keeps nothing from the others."""
        self._revision = events[-1].revision
        for event in events:
            if event.expires is not None:
                self._expire(event.expires, event.key, event.revision)
        for callback in tuple(self._subscribers):
            try:
                callback(events)
            except Exception as error:
                asyncio.get_running_loop().call_exception_handler(
                    {"message": "a subscriber of the store failed", "exception": error}
                )
        self._wake()

    def _expire(self, at: float, key: str, revision: int) -> None:
        heapq.heappush(self._expiring, (at, key, revision))

    async def _sweep_forever(self) -> None:
        while True:
            await self._clock.sleep(SWEEP_SECONDS)
            await self._sweep()

    async def _sweep(self) -> None:
        """Delete what has expired, unless it was written again, which gave it another time."""
        due = []
        now = self._clock.now()
        while self._expiring and self._expiring[0][0] <= now:
            due.append(heapq.heappop(self._expiring))
        outcomes = await asyncio.gather(
            *(self.commit([Delete(key, revision)]) for _, key, revision in due), return_exceptions=True
        )
        for item, outcome in zip(due, outcomes, strict=True):
            if isinstance(outcome, StoreError) and not isinstance(outcome, Conflict):
                self._expire(*item)
