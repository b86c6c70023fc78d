"""Watch: the cache's changes through a selector's eyes, from any revision that is still known.

An object that begins to match is ADDED, one that ceases to is DELETED with the content it had, under the
new revision. Initial objects come as ADDED in key order; the bookmark after them tells where they end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sekisho.api import status
from sekisho.api.types import Object
from sekisho.registry.listing import Selection, select, wait_for
from sekisho.registry.options import ListOptions, parse_resource_version, validate_list_options
from sekisho.registry.rest import Rest
from sekisho.registry.strategy import Context
from sekisho.store.cache import CacheEvent, Entry, Expired, Watcher
from sekisho.store.entry import with_resource_version

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class Event(NamedTuple):
    """`entry` is there when its bytes are the event's object as it is; `obj` is of the served version."""

    type: str
    obj: Object
    entry: Entry | None = None
    change: CacheEvent | None = None
    """The cache's own event when this is just that one, so that its frame can be shared."""


class Stream:
    """The events of one watch, in batches; ends with None when the reader fell behind."""

    def __init__(
        self, rest: Rest, selection: Selection, watcher: Watcher | None, pending: list[Event], after: int
    ) -> None:
        self._rest = rest
        self._match = selection.match
        self._watcher = watcher
        self._pending = pending
        self._after = after

    async def next_batch(self) -> list[Event] | None:
        """The next events, at least one. None: the stream is over."""
        if self._pending:
            pending, self._pending = self._pending, []
            return pending
        if self._watcher is None:
            return None
        while True:
            changes = await self._watcher.next()
            if self._watcher.closed:
                return None
            events = [e for change in changes if (e := self._event(change)) is not None]
            if events:
                return events

    def close(self) -> None:
        if self._watcher is not None:
            self._watcher.close()

    def bookmark(self, initial_events_end: bool = False) -> Event:
        """A bookmark at the revision up to which this stream has told everything."""
        return bookmark(self._rest, self._rest.registry.cache.revision, initial_events_end)

    def _event(self, change: CacheEvent) -> Event | None:
        if change.revision <= self._after:
            return None
        match, rest = self._match, self._rest
        entry, previous = change.entry, change.prev
        if match is None:
            return _event(rest, change.type, entry, change)
        matches = change.type != "DELETED" and match(rest.served(entry.obj))
        matched = previous is not None and match(rest.served(previous.obj))
        if matches:
            return _event(rest, "MODIFIED" if matched else "ADDED", entry)
        if not matched or previous is None:
            return None
        if change.type == "DELETED":
            return _event(rest, "DELETED", entry)
        return Event("DELETED", rest.served(with_resource_version(previous.obj, change.revision)))


def _event(rest: Rest, type_: str, entry: Entry, change: CacheEvent | None = None) -> Event:
    if rest.from_storage:
        return Event(type_, rest.from_storage(entry.obj))
    return Event(type_, entry.obj, entry, change)


def bookmark(rest: Rest, revision: int, initial_events_end: bool = False) -> Event:
    """The empty object of the kind at a revision, as upstream sends it: required fields at their zero values."""
    metadata: Object = {"resourceVersion": str(revision)}
    if initial_events_end:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    return Event("BOOKMARK", {**rest.zero_object(), "metadata": metadata})


async def watch(rest: Rest, ctx: Context, options: ListOptions) -> Stream:
    """Begin to watch. Errors in the options are raised before anything is streamed; a revision that is too old
    or too new is told inside the stream, as upstream does."""
    options.watch = True
    selection = select(rest, ctx, options)
    asked_for_initial = options.send_initial_events
    if (
        asked_for_initial is None
        and not options.resource_version_match
        and options.resource_version in ("", "0")
    ):
        options.send_initial_events = True
        options.resource_version_match = "NotOlderThan"
    validate_list_options(options)
    try:
        after = parse_resource_version(options.resource_version)
    except ValueError as error:
        raise status.plain_error(str(error))
    if options.send_initial_events:
        return await _with_initial_events(rest, selection, options, after)
    cache = rest.storage.cache
    start = after if options.resource_version not in ("", "0") else rest.registry.cache.revision
    try:
        watcher = cache.watch(start, _prefix(rest, selection))
    except Expired as error:
        return Stream(rest, selection, None, [_error(status.expired(str(error)))], after)
    return Stream(rest, selection, watcher, [], start)


async def _with_initial_events(rest: Rest, selection: Selection, options: ListOptions, after: int) -> Stream:
    try:
        await wait_for(rest, after)
    except status.StatusError as error:
        return Stream(rest, selection, None, [_error(error)], after)
    revision = rest.registry.cache.revision
    prefix = _prefix(rest, selection)
    match = selection.match
    entries: Iterable[Entry] = rest.storage.cache.list(prefix)
    pending = [
        _event(rest, "ADDED", entry) for entry in entries if match is None or match(rest.served(entry.obj))
    ]
    if options.allow_watch_bookmarks:
        pending.append(bookmark(rest, revision, initial_events_end=True))
    watcher = rest.storage.cache.watch(revision, prefix)
    return Stream(rest, selection, watcher, pending, revision)


def _prefix(rest: Rest, selection: Selection) -> str:
    if selection.namespace and rest.info.namespaced:
        return f"{rest.storage.prefix}{selection.namespace}/"
    return rest.storage.prefix


def _error(error: status.StatusError) -> Event:
    return Event("ERROR", error.to_object())
