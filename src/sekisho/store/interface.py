"""The revisioned key-value store: what every store offers, and the words it speaks.

Follows etcd's model as far as Kubernetes uses it: one revision counter for the whole store, optimistic
concurrency by the revision of a key's last change, an ordered history that can be watched until it is
compacted. Keys are text laid out under `/registry/...` and ordered by their UTF-8 bytes; values are opaque.
A fresh store stands at revision 1, so that no object ever carries a revision that clients read as "any".
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple, Protocol

from sekisho.api.types import Object

FIRST_REVISION = 1
"""Revision of a store nobody has written to yet, as in etcd."""


class KeyValue(NamedTuple):
    """A key as it stands. `mod_revision` is the commit that wrote it last, `create_revision` the first."""

    key: str
    value: bytes
    create_revision: int
    mod_revision: int


class Put(NamedTuple):
    """Write a key.

    `expect`: the mod revision it must have (0: must not exist, None: any). `ttl`: seconds after which the
    store removes it by an ordinary delete; a later put without one takes the limit away. `obj`: the parsed
    form of `value`, handed through to local subscribers so that they need not parse it again.
    """

    key: str
    value: bytes
    expect: int | None = None
    ttl: float | None = None
    obj: Object | None = None


class Delete(NamedTuple):
    """Remove a key. With `expect` None or 0 a key that is not there is no error, and no change."""

    key: str
    expect: int | None = None


Op = Put | Delete


class EventType(enum.StrEnum):
    PUT = "PUT"
    DELETE = "DELETE"


class Event(NamedTuple):
    """One change. `prev_revision` is the mod revision it replaced, 0 where the key was new.

    `value` is empty on deletes. `expires` is the unix time at which the store will remove the key.
    `obj` is there only for commits of this process that gave one.
    """

    type: EventType
    key: str
    value: bytes
    revision: int
    create_revision: int
    prev_revision: int
    expires: float | None = None
    obj: Object | None = None


class Range(NamedTuple):
    """Keys in byte order as they stood at `revision`; `more` says that the limit cut some off."""

    items: list[KeyValue]
    revision: int
    more: bool = False


Subscriber = Callable[[Sequence[Event]], None]


class StoreError(Exception):
    """The store could not do it: nothing of the commit was applied."""


class Closed(StoreError):
    """The store is not started, or closed."""

    def __init__(self) -> None:
        super().__init__("the store is closed")


class Unusable(StoreError):
    """What lies at the given place is no store this program can open."""


class Conflict(StoreError):
    """A key does not have the revision that the commit expected. `found` is how it stands."""

    def __init__(self, key: str, found: KeyValue | None) -> None:
        super().__init__(f"{key} is at revision {found.mod_revision if found else 0}")
        self.key = key
        self.found = found


class Compacted(StoreError):
    """The history after the asked revision is gone."""

    def __init__(self, asked: int, compacted: int) -> None:
        super().__init__(f"revision {asked} has been compacted, the oldest is {compacted}")
        self.asked = asked
        self.compacted = compacted


class Store(Protocol):
    """One asyncio loop owns a store; every method is called on it."""

    @property
    def revision(self) -> int:
        """The last revision delivered to the subscribers."""

    @property
    def compacted_revision(self) -> int:
        """The oldest revision that can be watched from."""

    async def start(self) -> None:
        """Open. Raises Unusable with one clear sentence when that is not possible."""

    async def close(self) -> None:
        """Finish what was asked for before, then let go. Harmless when repeated."""

    async def commit(self, ops: Sequence[Op]) -> int:
        """Apply all operations or none, durably, and return the revision.

        Subscribers have seen the events when it returns. No key may occur twice. A commit that changes
        nothing returns the revision as it is. Raises Conflict, or StoreError when it could not be stored.
        """

    async def get(self, key: str) -> KeyValue | None: ...

    async def range(self, prefix: str, limit: int = 0, start: str = "") -> Range:
        """Keys that begin with `prefix` and are not below `start`; at most `limit` when that is not 0."""

    def watch(self, from_revision: int) -> AsyncIterator[Event]:
        """Every change with a revision above `from_revision`, in order, without gap or repetition.

        Raises Compacted when that history is gone, at the start or because the reader was too slow.
        """

    async def compact(self, revision: int) -> None:
        """Forget the history up to `revision`; what keys hold stays. A future revision is a ValueError."""

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Call back on the loop with the events of each batch of commits, before those commits return.

        The result ends the subscription.
        """


def prefix_end(prefix: str) -> str | None:
    """The smallest text above all texts that begin with `prefix`; None when there is no such bound."""
    while prefix:
        code = ord(prefix[-1]) + 1
        if 0xD800 <= code < 0xE000:
            code = 0xE000
        if code <= 0x10FFFF:
            return prefix[:-1] + chr(code)
        prefix = prefix[:-1]
    return None
