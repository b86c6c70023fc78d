"""How each kind of type reads a value: closures, made once a type and kept on it.

A decoder gets a value that is not null and the walk, and returns the value to write. What it cannot take it
either saves on the walk (and returns nothing of worth), or raises, as Go's decoder and Go's types do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sekisho.schema import scalars
from sekisho.schema.gobase64 import CorruptInputError, decode_base64, encode_base64
from sekisho.schema.jsonvalue import RepeatedKeys
from sekisho.schema.scalars import Decoder
from sekisho.schema.types import Field, Kind, Type
from sekisho.schema.walk import DecodeError, Mismatch, Walk, merge

Entry = tuple[int, type | None, bool, Decoder]
"""A field's index, the Python type that needs no decoding, whether an empty value stays, and its
decoder."""

_PLAIN: dict[Kind, type] = {Kind.STRING: str, Kind.BOOLEAN: bool}
_COLLECTIONS = (Kind.LIST, Kind.MAP)


def compiled(type_: Type) -> Decoder:
    """The type's decoder."""
    if type_.decoder is None:
        type_.decoder = _MAKERS[type_.kind](type_)
    decoder: Decoder = type_.decoder
    return decoder


def zero(type_: Type) -> Any:
    """What Go writes for the type's zero value."""
    kind = type_.kind
    if kind is Kind.OBJECT:
        return {f.name: _zero_field(f) for f in type_.fields.values() if f.always}
    return _ZEROS.get(kind)


_ZEROS: dict[Kind, Any] = {
    Kind.STRING: "",
    Kind.INTEGER: 0,
    Kind.NUMBER: 0,
    Kind.BOOLEAN: False,
    Kind.INT_OR_STRING: 0,
    Kind.QUANTITY: "0",
    Kind.DURATION: "0s",
}


def _zero_field(field: Field) -> Any:
    return None if field.pointer else zero(field.type)


def _object(type_: Type) -> Decoder:
    fields = type_.fields
    entries: dict[str, Entry] = {}
    always = [f for f in fields.values() if f.always]
    rank = {name: f.index for name, f in fields.items()}.__getitem__

    def decode_object(value: Any, walk: Walk) -> Any:
        if type(value) is not dict:
            if not isinstance(value, RepeatedKeys):
                return walk.save(walk.mismatch(value, type_.go_name))
            value = _join_repeated(type_, value, walk)
        out = {}
        path = walk.path
        ordered, last = True, -1
        for key, item in value.items():
            entry = entries.get(key)
            if entry is None:
                field = fields.get(key)
                if field is None:
                    walk.report("unknown field", key)
                    continue
                entry = entries[key] = _entry(field)
            if item is None:
                continue
            index, plain, keep, decoder = entry
            if type(item) is not plain:
                path.append(key)
                item = decoder(item, walk)
                path.pop()
            if item or keep:
                out[key] = item
                if index < last:
                    ordered = False
                last = index
        for field in always:
            if field.name not in out:
                out[field.name] = _zero_field(field)
                ordered = False
        return out if ordered else {name: out[name] for name in sorted(out, key=rank)}

    return decode_object


def _entry(field: Field) -> Entry:
    kind = field.type.kind
    keep = (field.pointer or field.always) and kind not in _COLLECTIONS
    return field.index, _PLAIN.get(kind), keep, compiled(field.type)


def _join_repeated(type_: Type, value: RepeatedKeys, walk: Walk) -> dict[str, Any]:
    """Read an object with repeated keys as Go does, one after the other into the same struct. Reports come
    in the order of the text; the joined values are read once more by the caller, which reports nothing
    new."""
    joined: dict[str, Any] = {}
    for key, item in value.pairs:
        field = type_.fields.get(key)
        if field is None:
            walk.report("unknown field", key)
            continue
        if key in joined:
            walk.report("duplicate field", key)
        if item is not None:
            walk.path.append(key)
            compiled(field.type)(item, walk)
            walk.path.pop()
        joined[key] = merge(field, joined[key], item) if key in joined else item
    return joined


def _list(type_: Type) -> Decoder:
    element = _element(type_)
    decode_item = compiled(element)
    plain = _PLAIN.get(element.kind)

    def decode_list(value: Any, walk: Walk) -> Any:
        if type(value) is not list:
            return walk.save(walk.mismatch(value, type_.go_name))
        path = walk.path
        depth = len(path)
        path.append(0)
        out = []
        for index, item in enumerate(value):
            if type(item) is plain:
                out.append(item)
            elif item is None:
                out.append(zero(element))
            else:
                path[depth] = index
                out.append(decode_item(item, walk))
        path.pop()
        return out

    return decode_list


def _map(type_: Type) -> Decoder:
    element = _element(type_)
    decode_item = compiled(element)
    plain = _PLAIN.get(element.kind)
    # Protobuf tells no absent bytes in a map from empty ones.
    absent = "" if element.kind is Kind.BYTES else None

    def decode_map(value: Any, walk: Walk) -> Any:
        if type(value) is not dict:
            if not isinstance(value, RepeatedKeys):
                return walk.save(walk.mismatch(value, type_.go_name))
            _report_repeated(value, decode_item, walk)
        path = walk.path
        depth = len(path)
        path.append("")
        out = {}
        ordered, last = True, ""
        for key, item in value.items():
            if type(item) is not plain:
                if item is None:
                    item = absent if absent is not None else zero(element)
                else:
                    path[depth] = (key,)
                    item = decode_item(item, walk)
            if key < last:
                ordered = False
            last = key
            out[key] = item
        path.pop()
        return out if ordered else dict(sorted(out.items()))

    return decode_map


def _report_repeated(value: RepeatedKeys, decode_item: Decoder, walk: Walk) -> None:
    """Read the values of a map in the order of the text, for what they have to report."""
    seen = set()
    for key, item in value.pairs:
        if key in seen:
            walk.report("duplicate field", key)
        seen.add(key)
        if item is not None:
            walk.path.append((key,))
            decode_item(item, walk)
            walk.path.pop()


def _element(type_: Type) -> Type:
    if type_.element is None:
        raise TypeError(f"{type_} has no element type")
    return type_.element


def _bytes(type_: Type) -> Decoder:
    decode_numbers = _list(type_)

    def decode_bytes(value: Any, walk: Walk) -> Any:
        if type(value) is list:
            numbers = decode_numbers(value, walk)
            return encode_base64(bytes(numbers)) if walk.saved is None else ""
        if type(value) is not str:
            return walk.save(walk.mismatch(value, type_.go_name))
        try:
            return encode_base64(decode_base64(value))
        except CorruptInputError as error:
            return walk.save(DecodeError(str(error)))

    return decode_bytes


def _schema_or(type_: Type) -> Decoder:
    """The three types of apiextensions that are a schema or something else. They decode what they hold on
    their own, so unknown fields below them are not reported, and an error is told with the place of the
    whole."""
    schema = _element(type_)
    alternative = {
        Kind.SCHEMA_OR_ARRAY: Type("", Kind.LIST, f"[]{schema.go_name}", element=schema),
        Kind.SCHEMA_OR_STRINGS: Type("", Kind.LIST, "[]string", element=Type("", Kind.STRING, "string")),
    }.get(type_.kind)

    def decode_schema_or(value: Any, walk: Walk) -> Any:
        if isinstance(value, dict):
            return _decode_apart(schema, value, walk)
        if alternative is None:
            if isinstance(value, bool):
                return value
            raise DecodeError("boolean or JSON schema expected")
        return (_decode_apart(alternative, value, walk) or None) if isinstance(value, list) else None

    return decode_schema_or


def _decode_apart(type_: Type, value: Any, walk: Walk) -> Any:
    apart = Walk(type_)
    try:
        result = compiled(type_)(value, apart)
        if apart.saved is not None:
            raise apart.saved
    except Mismatch as error:
        raise walk.mismatch(error.value, error.go_name, error.literal) from None
    return result


_MAKERS: dict[Kind, Callable[[Type], Decoder]] = {
    Kind.OBJECT: _object,
    Kind.MAP: _map,
    Kind.LIST: _list,
    Kind.STRING: scalars.string,
    Kind.INTEGER: scalars.integer,
    Kind.NUMBER: scalars.number,
    Kind.BOOLEAN: scalars.boolean,
    Kind.ANY: scalars.anything,
    Kind.RAW_OBJECT: scalars.raw,
    Kind.INT_OR_STRING: scalars.int_or_string,
    Kind.QUANTITY: scalars.quantity,
    Kind.TIME: scalars.time,
    Kind.MICRO_TIME: scalars.micro_time,
    Kind.DURATION: scalars.duration,
    Kind.BYTES: _bytes,
    Kind.FIELDS_V1: scalars.raw,
    Kind.SCHEMA_OR_BOOL: _schema_or,
    Kind.SCHEMA_OR_ARRAY: _schema_or,
    Kind.SCHEMA_OR_STRINGS: _schema_or,
}
