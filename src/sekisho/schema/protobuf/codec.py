"""Whole bodies: objects, lists and watch events, in their envelopes."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema.protobuf.decoding import message_reader
from sekisho.schema.protobuf.encoding import message_writer
from sekisho.schema.protobuf.envelope import complete, read_envelope, write_envelope
from sekisho.schema.protobuf.fields import message_fields, message_name
from sekisho.schema.protobuf.wire import BYTES, EOF, ProtobufError, delimited, tag

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"

_NOTHING = GroupVersionKind("", "", "")


def has_protobuf(gvk: GroupVersionKind) -> bool:
    """Whether the kind has a protobuf form: every built-in one but Table, no custom one."""
    return message_name(gvk) is not None


def kind_of(data: bytes, default: GroupVersionKind) -> GroupVersionKind:
    """What an enveloped body says it is; `default` fills in what it leaves out.

    Raises ProtobufError when the envelope cannot be read: upstream then calls the object unrecognized.
    """
    api_version, kind, _, _ = read_envelope(data)
    return complete(api_version, kind, default)


def decode_protobuf(data: bytes, default: GroupVersionKind) -> Object:
    """An enveloped body as a JSON object, `kind` and `apiVersion` first.

    `default` fills in what the envelope does not say. Zero values stay; the schema's decoder drops those that
    JSON does not show. Raises ProtobufError (a ValueError) with upstream's text for bytes that are no such
    message, and KeyError for kinds without a protobuf form: ask `kind_of` and `has_protobuf` first.
    """
    api_version, kind, start, stop = read_envelope(data)
    gvk = complete(api_version, kind, default)
    read = message_reader(_message(gvk))
    out: Object = {"kind": gvk.kind, "apiVersion": gvk.api_version}
    try:
        read(data, start, stop, out)
    except IndexError:
        raise ProtobufError(EOF) from None
    except RecursionError:
        raise ProtobufError("exceeded max depth") from None
    return out


def encode_protobuf(obj: Object) -> bytes:
    """An object or a list, with its `kind` and `apiVersion`, as an enveloped body.

    Discovery documents of the core group have no apiVersion, in protobuf neither.

    Raises KeyError for kinds without a protobuf form; upstream answers 406 for them.
    """
    gvk = complete(obj.get("apiVersion", ""), obj["kind"], _NOTHING)
    return write_envelope(gvk, encode_message(obj, gvk))


def encode_message(obj: Object, gvk: GroupVersionKind) -> bytes:
    """An object without its envelope, which is how a list holds its items."""
    return message_writer(_message(gvk))(obj)


def encode_list(gvk: GroupVersionKind, metadata: Object, items: Iterable[bytes]) -> bytes:
    """A list of kind `gvk` (PodList) around items that `encode_message` made before."""
    fields = {spec.name: spec for spec in message_fields(_message(gvk))}
    head = delimited(tag(fields["metadata"].number, BYTES), message_writer(fields["metadata"].type)(metadata))
    item = tag(fields["items"].number, BYTES)
    return write_envelope(gvk, b"".join((head, *(delimited(item, data) for data in items))))


def _message(gvk: GroupVersionKind) -> str:
    message = message_name(gvk)
    if message is None:
        raise KeyError(str(gvk))
    return message


def watch_frame(event: str, enveloped: bytes) -> bytes:
    """One event of a watch stream: four bytes of length, then a bare `WatchEvent` around an enveloped object.

    The event itself has no envelope: upstream's streams use the raw serializer, only the object inside says
    what it is.
    """
    raw = delimited(tag(1, BYTES), enveloped)
    message = delimited(tag(1, BYTES), event.encode()) + delimited(tag(2, BYTES), raw)
    return struct.pack(">I", len(message)) + message
