"""The store without a disk: everything that SQLite's promises, except that it is gone with the process."""

from __future__ import annotations

import asyncio
import bisect
from collections.abc import Sequence
from operator import attrgetter

from sekisho.api.clock import Clock
from sekisho.store.interface import Closed, Conflict, Event, EventType, KeyValue, Op, Range
from sekisho.store.local import LocalStore, Mismatch, Version, plan

_REVISION = attrgetter("revision")


class MemoryStore(LocalStore):
    """Keys in a dict, history in a list. A commit is applied at once, and gives way to others once."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._keys: dict[str, KeyValue] = {}
        self._log: list[Event] = []

    async def start(self) -> None:
        self._opened()

    async def close(self) -> None:
        await self._closing()

    async def commit(self, ops: Sequence[Op]) -> int:
        if not self._open:
            raise Closed
        try:
            events = plan(ops, self._find, self._revision + 1, self._clock.now())
        except Mismatch as error:
            raise Conflict(error.key, self._keys.get(error.key)) from None
        revision = self._revision
        if events:
            revision += 1
            self._apply(events)
            self._deliver(events)
        # A disk would make the writer wait; without this a loop of commits would starve everybody else.
        await asyncio.sleep(0)
        return revision

    def _find(self, key: str) -> Version | None:
        found = self._keys.get(key)
        return Version(found.create_revision, found.mod_revision) if found else None

    def _apply(self, events: list[Event]) -> None:
        for event in events:
            if event.type is EventType.PUT:
                self._keys[event.key] = KeyValue(
                    event.key, event.value, event.create_revision, event.revision
                )
            else:
                del self._keys[event.key]
            self._log.append(event._replace(obj=None))

    async def get(self, key: str) -> KeyValue | None:
        if not self._open:
            raise Closed
        return self._keys.get(key)

    async def range(self, prefix: str, limit: int = 0, start: str = "") -> Range:
        if not self._open:
            raise Closed
        keys = sorted(k for k in self._keys if k.startswith(prefix) and k >= start)
        more = 0 < limit < len(keys)
        return Range([self._keys[k] for k in (keys[:limit] if more else keys)], self._revision, more)

    async def compact(self, revision: int) -> None:
        if not self._open:
            raise Closed
        if revision > self._revision:
            raise ValueError(f"revision {revision} is in the future")
        if revision > self._compacted:
            self._compacted = revision
            del self._log[: bisect.bisect_right(self._log, revision, key=_REVISION)]

    async def _history(self, after: int) -> Sequence[Event]:
        return self._log[bisect.bisect_right(self._log, after, key=_REVISION) :]
