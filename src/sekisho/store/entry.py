"""An object in the watch cache, and a change of one: parsed once, encoded once, shared by all who read."""

from __future__ import annotations

from collections.abc import Callable

from sekisho.api.types import Object

Encode = Callable[[Object], bytes]
Decode = Callable[[bytes], Object]

ADDED = "ADDED"
MODIFIED = "MODIFIED"
DELETED = "DELETED"

_BEFORE_RESOURCE_VERSION = ("name", "generateName", "namespace", "selfLink", "uid")


def with_resource_version(obj: Object, revision: int) -> Object:
    """A copy, as deep as needed, that carries the revision where upstream's ObjectMeta has it."""
    old = obj["metadata"]
    metadata = {k: old[k] for k in _BEFORE_RESOURCE_VERSION if k in old}
    metadata["resourceVersion"] = ""
    metadata.update(old)
    metadata["resourceVersion"] = str(revision)
    return {**obj, "metadata": metadata}


class Entry:
    """One object at one revision. Never changes, so it may be kept for as long as it is of use.

    `obj` carries `metadata.resourceVersion` and must not be changed by whoever reads it. `revision` is the
    same as a number.
    """

    __slots__ = ("_data", "_encode", "_forms", "key", "obj", "revision")

    def __init__(self, key: str, obj: Object, revision: int, encode: Encode) -> None:
        self.key = key
        self.obj = with_resource_version(obj, revision)
        self.revision = revision
        self._encode = encode
        self._data: bytes | None = None
        self._forms: dict[str, bytes] | None = None

    @property
    def data(self) -> bytes:
        """The whole object as compact JSON."""
        if self._data is None:
            self._data = self._encode(self.obj)
        return self._data

    @property
    def item_data(self) -> bytes:
        """The same without the leading kind and apiVersion, as items of built-in lists are."""
        data, obj = self.data, self.obj
        if not data.startswith(b'{"kind":"'):
            return data
        head = len('{"kind":"","apiVersion":"",') + len(obj["kind"]) + len(obj.get("apiVersion", ""))
        return b"{" + data[head:]

    def form(self, name: str, encode: Encode) -> bytes:
        """The object in another encoding, made by the first who asks for it under that name."""
        if self._forms is None:
            self._forms = {}
        data = self._forms.get(name)
        if data is None:
            data = self._forms[name] = encode(self.obj)
        return data

    def deleted_at(self, revision: int) -> Entry:
        """The object as watchers see it deleted: its last content with the revision of the deletion."""
        return Entry(self.key, self.obj, revision, self._encode)

    def __repr__(self) -> str:
        return f"Entry({self.key!r}, revision={self.revision})"


class CacheEvent:
    """One change of one object: ADDED, MODIFIED or DELETED.

    `entry` is the object after the change, on DELETED the last content with the deletion's revision;
    `prev` the one before it, None on ADDED. `at` is the monotonic time of arrival.
    """

    __slots__ = ("_frame", "at", "entry", "prev", "revision", "type")

    def __init__(self, type_: str, entry: Entry, prev: Entry | None, at: float) -> None:
        self.type = type_
        self.entry = entry
        self.prev = prev
        self.revision = entry.revision
        self.at = at
        self._frame: bytes | None = None

    @property
    def frame(self) -> bytes:
        """The event as a line of a JSON watch stream, joined once for all watchers."""
        if self._frame is None:
            self._frame = watch_frame(self.type, self.entry)
        return self._frame

    def __repr__(self) -> str:
        return f"CacheEvent({self.type}, {self.entry!r})"


def watch_frame(type_: str, entry: Entry) -> bytes:
    return b'{"type":"%b","object":%b}\n' % (type_.encode(), entry.data)
