"""The watch cache: every read is answered from here, and every write is seen here before it returns.

It loads the store once, parsing each value once, and then follows the store's events synchronously. The
parsed form is what the objects are kept as; bytes are made when somebody first reads an object and kept
beside it. What lies under prefixes that nobody registered (custom resources before their definition is
read) is kept aside as it was stored and parsed when the prefix is registered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sekisho.api.clock import Clock
from sekisho.api.types import Object
from sekisho.store.entry import CacheEvent, Decode, Encode, Entry
from sekisho.store.interface import Event, EventType, Store
from sekisho.store.resourcecache import Expired, ResourceCache
from sekisho.store.watcher import Watcher

__all__ = ["CacheEvent", "Entry", "Expired", "ResourceCache", "WatchCache", "Watcher"]

_PAGE = 1000

WAIT_SECONDS = 3.0
"""How long a read waits for a revision that is not there yet, as upstream's does."""


class _Aside(NamedTuple):
    revision: int
    value: bytes
    obj: Object | None


class WatchCache:
    """`decode` parses a stored value, which has no resourceVersion; `encode` gives the JSON clients see."""

    def __init__(self, store: Store, decode: Decode, encode: Encode, clock: Clock) -> None:
        self._store = store
        self._decode = decode
        self._encode = encode
        self._clock = clock
        self._resources: dict[str, ResourceCache] = {}
        self._aside: dict[str, _Aside] = {}
        self._revision = 0
        self._loading: list[Event] | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    @property
    def revision(self) -> int:
        """Everything up to this revision is here: a list's resourceVersion, and a bookmark's."""
        return self._revision

    async def start(self) -> None:
        """Load the store. Commits may go on meanwhile: their events are applied on top of what was read."""
        loading: list[Event] = []
        self._loading = loading
        self._unsubscribe = self._store.subscribe(self._on_events)
        self._revision = self._store.revision
        start, more = "", True
        while more:
            page = await self._store.range("", _PAGE, start)
            for kv in page.items:
                self._load(kv.key, _Aside(kv.mod_revision, kv.value, None))
            more = page.more
            start = page.items[-1].key + "\0" if more else ""
        for event in loading:
            if event.revision > self._revision_of(event.key):
                self._apply(event)
        self._loading = None
        self._revision = self._store.revision
        self.restart_history()

    def restart_history(self) -> None:
        """Let watches and old lists begin here: what happened before the server was ready is nobody's affair."""
        for resource in self._resources.values():
            resource.restart_history(self._revision)

    async def close(self) -> None:
        """Stop following, and end all watchers."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        for resource in self._resources.values():
            resource.close_watchers()

    def resource(self, prefix: str) -> ResourceCache:
        """The cache of the keys below a prefix that ends in a slash, registered by the first who asks.

        Where prefixes contain each other, a key belongs to the longest.
        """
        found = self._resources.get(prefix)
        if found is not None:
            return found
        resource = ResourceCache(prefix, self._revision, self._clock.monotonic)
        for entry in self._from_outer(prefix):
            resource.load(entry)
        self._resources[prefix] = resource
        for key in sorted(k for k in self._aside if k.startswith(prefix)):
            self._load(key, self._aside.pop(key))
        return resource

    def unregister(self, prefix: str) -> None:
        """Serve a prefix no longer: its watchers end, its objects are kept aside."""
        resource = self._resources.pop(prefix, None)
        if resource is not None:
            resource.close_watchers()
            for entry in resource.list():
                self._load(entry.key, _Aside(entry.revision, b"", entry.obj))

    async def wait_for(self, revision: int, timeout: float = WAIT_SECONDS) -> bool:
        """Wait until the cache has reached a revision; False when `timeout` seconds were not enough."""
        if revision <= self._revision:
            return True
        reached = asyncio.get_running_loop().create_future()
        waiting = (revision, reached)
        self._waiting.append(waiting)
        timer = asyncio.ensure_future(self._clock.sleep(timeout))
        try:
            await asyncio.wait({reached, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            if waiting in self._waiting:
                self._waiting.remove(waiting)
        return revision <= self._revision

    def _on_events(self, events: Sequence[Event]) -> None:
        if self._loading is not None:
            self._loading.extend(events)
            return
        for event in events:
            self._apply(event)
        self._revision = events[-1].revision
        if self._waiting:
            for revision, reached in self._waiting:
                if revision <= self._revision and not reached.done():
                    reached.set_result(None)

    def _apply(self, event: Event) -> None:
        resource = self._resource_of(event.key)
        if event.type is EventType.DELETE:
            if resource is None:
                self._aside.pop(event.key, None)
            else:
                resource.delete(event.key, event.revision)
        elif resource is None:
            self._aside[event.key] = _Aside(event.revision, event.value, event.obj)
        else:
            obj = event.obj if event.obj is not None else self._decode(event.value)
            resource.put(Entry(event.key, obj, event.revision, self._encode))

    def _load(self, key: str, held: _Aside) -> None:
        resource = self._resource_of(key)
        if resource is None:
            self._aside[key] = held
        else:
            obj = held.obj if held.obj is not None else self._decode(held.value)
            resource.load(Entry(key, obj, held.revision, self._encode))

    def _resource_of(self, key: str) -> ResourceCache | None:
        """The registered prefix that the key lies under, tried from its last slash backwards."""
        end = key.rfind("/")
        while end >= 0:
            resource = self._resources.get(key[: end + 1])
            if resource is not None:
                return resource
            end = key.rfind("/", 0, end)
        return None

    def _from_outer(self, prefix: str) -> list[Entry]:
        outer = self._resource_of(prefix[:-1])
        return outer.unload(prefix) if outer is not None else []

    def _revision_of(self, key: str) -> int:
        resource = self._resource_of(key)
        if resource is not None:
            entry = resource.get(key)
            return entry.revision if entry is not None else 0
        return self._aside[key].revision if key in self._aside else 0
