"""Where audit events go. A backend takes events in order; it never raises, and says whether it kept them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sekisho.api.encoding import encode
from sekisho.api.types import Object


class Record(NamedTuple):
    """An event, and its JSON."""

    event: Object
    data: bytes


def record(event: Object) -> Record:
    return Record(event, encode(event))


class Backend(Protocol):
    async def process(self, records: Sequence[Record]) -> bool:
        """Keep the events. False: they are lost."""

    async def close(self) -> None:
        """Send what is still on its way, and let go of everything."""


class Forgiving:
    """A backend whose losses fail no request (mode `blocking`, as opposed to `blocking-strict`)."""

    def __init__(self, inner: Backend) -> None:
        self._inner = inner

    async def process(self, records: Sequence[Record]) -> bool:
        await self._inner.process(records)
        return True

    async def close(self) -> None:
        await self._inner.close()


class Union:
    """Several backends, each of which gets every event."""

    def __init__(self, members: Sequence[Backend]) -> None:
        self._members = members

    async def process(self, records: Sequence[Record]) -> bool:
        kept = [await member.process(records) for member in self._members]
        return all(kept)

    async def close(self) -> None:
        for member in self._members:
            await member.close()
