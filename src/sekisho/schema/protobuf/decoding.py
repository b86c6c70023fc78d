"""Messages to JSON objects: one compiled reader a message.

A reader is a table from tag (field number and wire type together) to a closure that reads one field into
the object being built. Tables are compiled when a message is first met, so recursive messages need no care,
and live as long as the process: they are derived from upstream's fixed tables.

Zero values are kept as they come. Which of them JSON shows is the schema's business (`Field.always`,
`Field.pointer`), and the schema decodes what comes out of here.
"""

from __future__ import annotations

import functools
import struct
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema.protobuf.envelope import MAGIC, complete, read_envelope
from sekisho.schema.protobuf.fields import SCALARS, FieldSpec, message_fields, message_name
from sekisho.schema.protobuf.values import VALUES, expect, parse_json, read_raw, read_tag, scan, text
from sekisho.schema.protobuf.wire import (
    BYTES,
    EOF,
    FIXED64,
    VARINT,
    ProtobufError,
    read_length,
    read_varint,
    signed32,
    signed64,
    skip,
)

FieldReader = Callable[[bytes, int, int, Object], int]
"""(data, position after the tag, end of the message, object being built) -> position after the field."""

MessageReader = Callable[[bytes, int, int, Object], None]
"""Reads the message that fills `data[pos:end]` into an object."""

ValueReader = Callable[[bytes, int, int], Any]
"""Reads the value that fills `data[pos:end]`."""

_NOTHING = GroupVersionKind("", "", "")
_WIRE_TYPES = {"string": BYTES, "bytes": BYTES, "double": FIXED64}
_RAW_EXTENSION = "k8s.io.apimachinery.pkg.runtime.RawExtension"
_EXTENSIONS = "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions."


@functools.cache
def message_reader(message: str) -> MessageReader:
    table: dict[int, FieldReader] = {}
    names: dict[int, str] = {}
    short = message.rsplit(".", 1)[-1]

    def read(data: bytes, pos: int, end: int, out: Object) -> None:
        if not names:
            _compile(message, table, names)
        while pos < end:
            key = data[pos]
            if key < 0x80:
                pos += 1
            else:
                key, pos = read_varint(data, pos)
            reader = table.get(key)
            pos = reader(data, pos, end, out) if reader else _unknown(data, pos, end, key, names, short)
        if pos != end:
            raise ProtobufError(EOF)

    return read


def _unknown(data: bytes, pos: int, end: int, key: int, names: dict[int, str], message: str) -> int:
    number, wire_type, _ = read_tag(_tag_bytes(key), 0, message)
    if number in names:
        raise ProtobufError(f"proto: wrong wireType = {wire_type} for field {names[number]}")
    return skip(data, pos, end, wire_type)


def _tag_bytes(key: int) -> bytes:
    out = bytearray()
    while key > 0x7F:
        out.append(key & 0x7F | 0x80)
        key >>= 7
    out.append(key)
    return bytes(out)


def _compile(message: str, table: dict[int, FieldReader], names: dict[int, str]) -> None:
    for spec in message_fields(message):
        wire_type = _WIRE_TYPES.get(spec.type, VARINT if spec.type in SCALARS else BYTES)
        if spec.label == "map":
            table[spec.number << 3 | BYTES] = _map_field(spec)
        else:
            table[spec.number << 3 | wire_type] = _field(spec)
            if spec.label == "repeated" and wire_type == VARINT:
                table[spec.number << 3 | BYTES] = _packed_field(spec)
        names[spec.number] = spec.go_name
    names.setdefault(0, "")


def _field(spec: FieldSpec) -> FieldReader:
    if spec.type in ("string", "bytes"):
        return _text_field(spec)
    if spec.type == "double":
        return _double_field(spec.name)
    if spec.type in SCALARS:
        return _varint_field(spec)
    value = value_reader(spec.type)
    if value is not None:
        return _value_field(spec, value)
    return _message_field(spec)


def _text_field(spec: FieldSpec) -> FieldReader:
    name, binary, repeated = spec.name, spec.type == "bytes", spec.label == "repeated"

    def read(data: bytes, pos: int, end: int, out: Object) -> int:
        stop = data[pos]
        if stop < 0x80:
            pos += 1
            stop += pos
            if stop > end:
                raise ProtobufError(EOF)
        else:
            pos, stop = read_length(data, pos, end)
        raw = data[pos:stop]
        try:
            value = b64encode(raw).decode() if binary else raw.decode()
        except UnicodeDecodeError:
            value = raw.decode("utf-8", "replace")
        if repeated:
            out.setdefault(name, []).append(value)
        else:
            out[name] = value
        return stop

    return read


_CONVERT: dict[str, Callable[[int], Any]] = {"bool": bool, "int32": signed32, "int64": signed64}


def _varint_field(spec: FieldSpec) -> FieldReader:
    name, repeated, convert = spec.name, spec.label == "repeated", _CONVERT[spec.type]

    def read(data: bytes, pos: int, end: int, out: Object) -> int:
        raw, pos = read_varint(data, pos)
        if repeated:
            out.setdefault(name, []).append(convert(raw))
        else:
            out[name] = convert(raw)
        return pos

    return read


def _packed_field(spec: FieldSpec) -> FieldReader:
    name, convert = spec.name, _CONVERT[spec.type]

    def read(data: bytes, pos: int, end: int, out: Object) -> int:
        pos, stop = read_length(data, pos, end)
        values = out.setdefault(name, [])
        while pos < stop:
            raw, pos = read_varint(data, pos)
            values.append(convert(raw))
        if pos != stop:
            raise ProtobufError(EOF)
        return stop

    return read


def _double_field(name: str) -> FieldReader:
    def read(data: bytes, pos: int, end: int, out: Object) -> int:
        if pos + 8 > end:
            raise ProtobufError(EOF)
        out[name] = _number(struct.unpack_from("<d", data, pos)[0])
        return pos + 8

    return read


def _number(value: float) -> float | int:
    """JSON has no infinities, and writes whole numbers without a fraction."""
    if value != value or value in (float("inf"), float("-inf")):
        raise ProtobufError(f"json: unsupported value: {value}")
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


def _value_field(spec: FieldSpec, value_of: ValueReader) -> FieldReader:
    name, repeated = spec.name, spec.label == "repeated"

    def read(data: bytes, pos: int, end: int, out: Object) -> int:
        pos, stop = read_length(data, pos, end)
        value = value_of(data, pos, stop)
        if repeated:
            out.setdefault(name, []).append(value)
        elif value is not None:
            out[name] = value
        return stop

    return read


def _message_field(spec: FieldSpec) -> FieldReader:
    name, inline, repeated = spec.name, spec.inline, spec.label == "repeated"
    read_message = message_reader(spec.type)

    def read(data: bytes, pos: int, end: int, out: Object) -> int:
        pos, stop = read_length(data, pos, end)
        if inline:
            target = out
        elif repeated:
            target = {}
            out.setdefault(name, []).append(target)
        else:
            target = out.setdefault(name, {})
        read_message(data, pos, stop, target)
        return stop

    return read


def _map_field(spec: FieldSpec) -> FieldReader:
    name, value_of = spec.name, _entry_value(spec)

    def read(data: bytes, pos: int, end: int, out: Object) -> int:
        pos, stop = read_length(data, pos, end)
        key = ""
        start = at = 0
        for number, wire_type, first, last in scan(data, pos, stop, spec.go_name):
            if number in (1, 2):
                expect(wire_type, BYTES, spec.go_name)
            if number == 1:
                key = text(data, first, last)
            elif number == 2:
                start, at = first, last
        out.setdefault(name, {})[key] = value_of(data, start, at)
        return stop

    return read


def _entry_value(spec: FieldSpec) -> ValueReader:
    """What a map holds; every value on the wire is length-delimited, and absent ones are zero values."""
    if spec.type == "string":
        return text
    if spec.type == "bytes":
        return lambda data, pos, end: b64encode(data[pos:end]).decode()
    return value_reader(spec.type) or _object_reader(spec.type)


def _object_reader(message: str) -> ValueReader:
    read = message_reader(message)

    def value_of(data: bytes, pos: int, end: int) -> Object:
        out: Object = {}
        read(data, pos, end, out)
        return out

    return value_of


def value_reader(message: str) -> ValueReader | None:
    """The reader of a message that JSON does not show as an object; None for ordinary messages."""
    if message in VALUES:
        return VALUES[message][0]
    if message == _RAW_EXTENSION:
        return _raw_extension
    short = message.rsplit(".", 1)[-1]
    if short in ("Verbs", "ExtraValue"):
        return _items_reader(message)
    if message.startswith(_EXTENSIONS) and short in _UNIONS:
        return _union_reader(message, _UNIONS[short])
    return None


def _items_reader(message: str) -> ValueReader:
    object_of = _object_reader(message)
    return lambda data, pos, end: object_of(data, pos, end).get("items", [])


def _raw_extension(data: bytes, pos: int, end: int) -> Any:
    """JSON, or an object in protobuf's own envelope, as typed clients embed it."""
    raw = read_raw(data, pos, end)
    if not raw.startswith(MAGIC):
        return parse_json(raw)
    api_version, kind, start, stop = read_envelope(raw)
    message = message_name(complete(api_version, kind, _NOTHING))
    if message is None:
        raise ProtobufError(f'no kind "{kind}" is registered for version "{api_version}"')
    out: Object = {"kind": kind, "apiVersion": api_version}
    message_reader(message)(raw, start, stop, out)
    return out


def _schema_or_bool(value: Object) -> Any:
    return value["schema"] if "schema" in value else bool(value.get("allows"))


def _schema_or_array(value: Object) -> Any:
    return value.get("JSONSchemas") or value.get("schema")


def _schema_or_strings(value: Object) -> Any:
    return value.get("property") or value.get("schema")


_UNIONS: dict[str, Callable[[Object], Any]] = {
    "JSONSchemaPropsOrBool": _schema_or_bool,
    "JSONSchemaPropsOrArray": _schema_or_array,
    "JSONSchemaPropsOrStringArray": _schema_or_strings,
}


def _union_reader(message: str, choose: Callable[[Object], Any]) -> ValueReader:
    object_of = _object_reader(message)
    return lambda data, pos, end: choose(object_of(data, pos, end))
