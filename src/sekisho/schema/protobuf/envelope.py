"""The envelope around every protobuf body: `k8s\\0` and a `runtime.Unknown` that names kind and version."""

from __future__ import annotations

from sekisho.api.types import GroupVersionKind
from sekisho.schema.protobuf.values import expect, scan, text
from sekisho.schema.protobuf.wire import BYTES, EOF, ProtobufError, delimited, tag

MAGIC = b"k8s\x00"

_FIRST, _SECOND = tag(1, BYTES), tag(2, BYTES)
_TAIL = tag(3, BYTES) + b"\x00" + tag(4, BYTES) + b"\x00"
"""Content encoding and content type, which the server leaves empty."""


def read_envelope(data: bytes) -> tuple[str, str, int, int]:
    """(apiVersion, kind, start and stop of the message in `data`).

    Raises ProtobufError with upstream's text; the body's kind is then unknown to upstream too.
    """
    if not data:
        raise ProtobufError("empty data")
    if not data.startswith(MAGIC):
        prefix = " ".join(map(str, MAGIC))
        raise ProtobufError(
            f"provided data does not appear to be a protobuf message, expected prefix [{prefix}]"
        )
    if len(data) == len(MAGIC):
        raise ProtobufError("empty body")
    try:
        return _read_unknown(data, len(MAGIC), len(data))
    except IndexError:
        raise ProtobufError(EOF) from None


def _read_unknown(data: bytes, pos: int, end: int) -> tuple[str, str, int, int]:
    api_version = kind = ""
    start = stop = 0
    names = {1: "TypeMeta", 2: "Raw", 3: "ContentEncoding", 4: "ContentType"}
    for number, wire_type, first, last in scan(data, pos, end, "Unknown"):
        if number in names:
            expect(wire_type, BYTES, names[number])
        if number == 1:
            api_version, kind = _read_type_meta(data, first, last)
        elif number == 2:
            start, stop = first, last
    return api_version, kind, start, stop


def _read_type_meta(data: bytes, pos: int, end: int) -> tuple[str, str]:
    api_version = kind = ""
    for number, wire_type, first, last in scan(data, pos, end, "TypeMeta"):
        if number == 1:
            expect(wire_type, BYTES, "APIVersion")
            api_version = text(data, first, last)
        elif number == 2:
            expect(wire_type, BYTES, "Kind")
            kind = text(data, first, last)
    return api_version, kind


def complete(api_version: str, kind: str, default: GroupVersionKind) -> GroupVersionKind:
    """A type's name with what it leaves out taken from `default`, as upstream's decoder does.

    An apiVersion with two slashes counts as left out.
    """
    group, _, version = api_version.rpartition("/")
    if not version or "/" in group:
        group, version = default.group, default.version
    return GroupVersionKind(group, version, kind or default.kind)


def write_envelope(gvk: GroupVersionKind, message: bytes) -> bytes:
    kind = delimited(_FIRST, gvk.api_version.encode()) + delimited(_SECOND, gvk.kind.encode())
    return b"".join((MAGIC, delimited(_FIRST, kind), delimited(_SECOND, message), _TAIL))
