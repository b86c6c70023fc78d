"""JSON objects to messages: one compiled writer a message.

Fields go out in the order of their numbers and map entries in the order of their keys, and what is not
nullable in Go goes out even when it is zero: byte for byte what gogo's generated marshallers write. A writer
takes an object as the schema decodes it, so values have the types that the fields say.
"""

from __future__ import annotations

import functools
import struct
from base64 import b64decode
from collections.abc import Callable
from typing import Any

from sekisho.api.types import Object
from sekisho.schema.protobuf.fields import SCALARS, FieldSpec, message_fields
from sekisho.schema.protobuf.values import VALUES, write_json
from sekisho.schema.protobuf.wire import BYTES, FIXED64, VARINT, delimited, tag, varint

Writer = Callable[[Any], bytes]
"""From a JSON value to bytes: a field's with its tag, or a message's content."""

_TRUE, _FALSE = b"\x01", b"\x00"
_RAW_EXTENSION = "k8s.io.apimachinery.pkg.runtime.RawExtension"
_EXTENSIONS = "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions."


@functools.cache
def message_writer(message: str) -> Writer:
    """Writes the content of a message, without tag or envelope."""
    fields: list[tuple[str, Writer, bytes]] = []
    compiled = False

    def write(value: Object) -> bytes:
        nonlocal compiled
        if not compiled:
            fields.extend(_compile(message))
            compiled = True
        parts = []
        for name, write_field, zero in fields:
            item = value.get(name) if name else value
            if item is not None:
                parts.append(write_field(item))
            elif zero:
                parts.append(zero)
        return b"".join(parts)

    return write


def _compile(message: str) -> list[tuple[str, Writer, bytes]]:
    """(JSON name, writer of the field, bytes when it is absent); an embedded message has no name."""
    return [
        ("" if spec.inline else spec.name, _field(spec), _zero(spec) if spec.zero else b"")
        for spec in message_fields(message)
    ]


def _field(spec: FieldSpec) -> Writer:
    if spec.label == "map":
        return _map_field(spec)
    write = _one(spec)
    if spec.label == "repeated":
        return lambda values: b"".join([_zero(spec) if value is None else write(value) for value in values])
    return write


def _one(spec: FieldSpec) -> Writer:
    if spec.type == "double":
        prefix = tag(spec.number, FIXED64)
        return lambda value: prefix + struct.pack("<d", value)
    if spec.type == "bool":
        true, false = (tag(spec.number, VARINT) + byte for byte in (_TRUE, _FALSE))
        return lambda value: true if value else false
    if spec.type in ("int32", "int64"):
        prefix = tag(spec.number, VARINT)
        return lambda value: prefix + varint(value)
    prefix = tag(spec.number, BYTES)
    content = content_writer(spec.type)
    return lambda value: delimited(prefix, content(value))


def content_writer(type_: str) -> Writer:
    """Writes what stands between the length and the end of a length-delimited value of the type."""
    if type_ == "string":
        return lambda value: value.encode("utf-8", "surrogatepass")
    if type_ == "bytes":
        return b64decode
    if type_ in VALUES:
        return VALUES[type_][1]
    if type_ == _RAW_EXTENSION:
        return write_json
    short = type_.rsplit(".", 1)[-1]
    write = message_writer(type_)
    if short in ("Verbs", "ExtraValue"):
        return lambda value: write({"items": value})
    if type_.startswith(_EXTENSIONS) and short in _UNIONS:
        fields_of = _UNIONS[short]
        return lambda value: write(fields_of(value))
    return write


def _zero(spec: FieldSpec) -> bytes:
    """What gogo writes for a value that is not nullable and not set."""
    if spec.type == "double":
        return tag(spec.number, FIXED64) + bytes(8)
    if spec.type in ("bool", "int32", "int64"):
        return tag(spec.number, VARINT) + b"\x00"
    return delimited(tag(spec.number, BYTES), _zero_content(spec.type))


def _zero_content(type_: str) -> bytes:
    if type_ in SCALARS or type_ == _RAW_EXTENSION:
        return b""
    return VALUES[type_][2] if type_ in VALUES else message_writer(type_)({})


def _map_field(spec: FieldSpec) -> Writer:
    prefix, key_tag, value_tag = tag(spec.number, BYTES), tag(1, BYTES), tag(2, BYTES)
    content = content_writer(spec.type)

    def entry(key: str, value: Any) -> bytes:
        data = _zero_content(spec.type) if value is None else content(value)
        return delimited(prefix, delimited(key_tag, key.encode()) + delimited(value_tag, data))

    return lambda value: b"".join([entry(key, value[key]) for key in sorted(value)])


def _schema_or_bool(value: Any) -> Object:
    return {"allows": value} if isinstance(value, bool) else {"allows": True, "schema": value}


def _schema_or_array(value: Any) -> Object:
    return {"JSONSchemas": value} if isinstance(value, list) else {"schema": value}


def _schema_or_strings(value: Any) -> Object:
    return {"property": value} if isinstance(value, list) else {"schema": value}


_UNIONS: dict[str, Callable[[Any], Object]] = {
    "JSONSchemaPropsOrBool": _schema_or_bool,
    "JSONSchemaPropsOrArray": _schema_or_array,
    "JSONSchemaPropsOrStringArray": _schema_or_strings,
}
