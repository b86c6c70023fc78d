"""All objects of one resource in memory, with the recent changes that brought them there.

Lists are exact at the present revision, and at older ones as far back as the changes reach: the newer
changes are taken back one by one. Watches start from any revision in the same reach. The reach follows
upstream's watch cache: at least 75 seconds of changes, between 100 and 102400 of them.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable

from sekisho.store.entry import ADDED, DELETED, MODIFIED, CacheEvent, Entry
from sekisho.store.interface import prefix_end
from sekisho.store.watcher import CAPACITY, Watcher

RING_SECONDS = 75.0
RING_MIN = 100
RING_MAX = 102400


class Expired(Exception):
    """The cache's history does not reach back to the asked revision; the text is upstream's."""

    def __init__(self, asked: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {asked} ({oldest})")
        self.asked = asked
        self.oldest = oldest


Entries = list[Entry]
Follower = Callable[[CacheEvent], None]


class ResourceCache:
    """`prefix`: what the resource's keys begin with, `/registry/pods/`.

    `scope` arguments narrow to a namespace (`/registry/pods/default/`) or to one key; "" is everything.
    Lists come in byte order of keys. `now`: monotonic seconds.
    """

    def __init__(self, prefix: str, revision: int, now: Callable[[], float]) -> None:
        self.prefix = prefix
        self._now = now
        self._entries: dict[str, Entry] = {}
        self._keys: list[str] = []
        self._ring: deque[CacheEvent] = deque()
        self._horizon = revision
        self._watchers: dict[str, dict[Watcher, None]] = {}
        self._followers: list[Follower] = []

    @property
    def horizon(self) -> int:
        """The oldest revision that can be listed or watched from."""
        return self._horizon

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, key: str) -> Entry | None:
        return self._entries.get(key)

    def list(self, scope: str = "", start: str = "", limit: int = 0) -> Entries:
        """Entries in `scope` from the key `start` on, at most `limit` when that is not 0."""
        low, high = self._bounds(scope, start)
        if limit:
            high = min(high, low + limit)
        entries = self._entries
        return [entries[k] for k in self._keys[low:high]]

    def count(self, scope: str = "", start: str = "") -> int:
        low, high = self._bounds(scope, start)
        return max(0, high - low)

    def list_at(self, revision: int, scope: str = "", start: str = "") -> Entries:
        """As `list`, at a revision. One in the future is the present. Raises Expired."""
        if revision < self._horizon:
            raise Expired(revision, self._horizon)
        before: dict[str, Entry | None] = {}
        for event in reversed(self._ring):
            if event.revision <= revision:
                break
            before[event.entry.key] = event.prev
        if not before:
            return self.list(scope, start)
        then = [e for e in self.list(scope, start) if e.key not in before]
        then += [e for k, e in before.items() if e is not None and k >= start and _within(k, scope)]
        then.sort(key=_key)
        return then

    def watch(self, from_revision: int, scope: str = "", capacity: int = CAPACITY) -> Watcher:
        """Changes with a revision above `from_revision`: first those that were, then those to come.

        A revision in the future skips changes up to it. Raises Expired.
        """
        if from_revision < self._horizon:
            raise Expired(from_revision, self._horizon)
        backlog: deque[CacheEvent] = deque()
        for event in reversed(self._ring):
            if event.revision <= from_revision:
                break
            if _within(event.entry.key, scope):
                backlog.appendleft(event)
        watcher = Watcher(scope or self.prefix, from_revision, backlog, self._detach, capacity)
        self._watchers.setdefault(watcher.scope, {})[watcher] = None
        return watcher

    def follow(self, callback: Follower) -> Callable[[], None]:
        """Call back with each change while it is applied, before the commit returns to its writer.

        For indexes that must never lag. The result ends it.
        """
        self._followers.append(callback)
        return lambda: self._followers.remove(callback)

    def watcher_count(self) -> int:
        return sum(map(len, self._watchers.values()))

    def close_watchers(self) -> None:
        for watchers in list(self._watchers.values()):
            for watcher in list(watchers):
                watcher.close()

    def load(self, entry: Entry) -> None:
        """Take in what was there before, without an event."""
        if entry.key not in self._entries:
            if self._keys and entry.key < self._keys[-1]:
                insort(self._keys, entry.key)
            else:
                self._keys.append(entry.key)
        self._entries[entry.key] = entry

    def unload(self, scope: str) -> Entries:
        """Give up the entries in `scope`, without an event."""
        gone = self.list(scope)
        for entry in gone:
            self._remove(entry.key)
        return gone

    def put(self, entry: Entry) -> None:
        prev = self._entries.get(entry.key)
        if prev is None:
            insort(self._keys, entry.key)
        self._entries[entry.key] = entry
        self._publish(CacheEvent(ADDED if prev is None else MODIFIED, entry, prev, self._now()))

    def delete(self, key: str, revision: int) -> None:
        prev = self._entries.get(key)
        if prev is not None:
            self._remove(key)
            self._publish(CacheEvent(DELETED, prev.deleted_at(revision), prev, self._now()))

    def restart_history(self, revision: int) -> None:
        """Forget all changes: what is held now is the state at `revision`."""
        self._ring.clear()
        self._horizon = revision

    def _bounds(self, scope: str, start: str) -> tuple[int, int]:
        keys = self._keys
        low, high = 0, len(keys)
        if scope and scope != self.prefix:
            low = bisect_left(keys, scope)
            end = (prefix_end(scope) or "") if scope.endswith("/") else scope + "\0"
            high = bisect_left(keys, end, low)
        if start:
            low = bisect_left(keys, start, low, max(low, high))
        return low, high

    def _remove(self, key: str) -> None:
        del self._entries[key]
        del self._keys[bisect_left(self._keys, key)]

    def _publish(self, event: CacheEvent) -> None:
        self._remember(event)
        for follower in tuple(self._followers):
            follower(event)
        key = event.entry.key
        namespace = key[: key.rindex("/") + 1]
        self._push(self.prefix, event)
        if namespace != self.prefix:
            self._push(namespace, event)
        self._push(key, event)

    def _push(self, scope: str, event: CacheEvent) -> None:
        watchers = self._watchers.get(scope)
        if watchers:
            slow = [w for w in watchers if not w.push(event)]
            for watcher in slow:
                watcher.close()

    def _remember(self, event: CacheEvent) -> None:
        ring = self._ring
        ring.append(event)
        while len(ring) > RING_MIN and (event.at - ring[0].at > RING_SECONDS or len(ring) > RING_MAX):
            evicted = ring.popleft()
            # The rest of a commit may still be there, so its own revision is the nearest safe one.
            self._horizon = max(evicted.revision, ring[0].revision - 1)

    def _detach(self, watcher: Watcher) -> None:
        watchers = self._watchers.get(watcher.scope)
        if watchers is not None:
            watchers.pop(watcher, None)
            if not watchers:
                del self._watchers[watcher.scope]


def _key(entry: Entry) -> str:
    return entry.key


def _within(key: str, scope: str) -> bool:
    return key.startswith(scope) if not scope or scope.endswith("/") else key == scope
