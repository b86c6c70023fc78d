"""How Go prints a whole internal struct in a message, derived from the versioned type.

Upstream's internal types have the fields of the versioned ones without JSON tags: capital names, nothing
left out, `null` for nil. `goform` describes single structs by hand; this does it for any type, with the
few names that do not follow from the JSON name in a table. Types of apimachinery (metadata, label
selectors, quantities) keep their tags there, and so their JSON form.
"""

from __future__ import annotations

from typing import Any

from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema.builtin import META, builtin_types
from sekisho.schema.types import Field, Kind, Type

_WORDS = {
    "api": "API",
    "cel": "CEL",
    "cidr": "CIDR",
    "csi": "CSI",
    "fs": "FS",
    "http": "HTTP",
    "id": "ID",
    "ip": "IP",
    "ips": "IPs",
    "nfs": "NFS",
    "rbd": "RBD",
    "se": "SE",
    "tls": "TLS",
    "uid": "UID",
    "url": "URL",
}
"""First words of JSON names that Go writes in capitals."""

_NAMES = {
    ("DeviceAttribute", "int"): "IntValue",
    ("DeviceAttribute", "bool"): "BoolValue",
    ("DeviceAttribute", "string"): "StringValue",
    ("DeviceAttribute", "version"): "VersionValue",
    ("DeviceAttribute", "ints"): "IntValues",
    ("DeviceAttribute", "bools"): "BoolValues",
    ("DeviceAttribute", "strings"): "StringValues",
    ("DeviceAttribute", "versions"): "VersionValues",
}

_ZEROS: dict[Kind, Any] = {
    Kind.STRING: "",
    Kind.INTEGER: 0,
    Kind.NUMBER: 0,
    Kind.BOOLEAN: False,
    Kind.QUANTITY: "0",
    Kind.INT_OR_STRING: 0,
    Kind.DURATION: "0s",
}


def internal_form(kind: GroupVersionKind, path: tuple[str, ...], value: Any) -> Any:
    """`value`, found at `path` of an object of a kind, as Go prints its internal form."""
    type_ = builtin_types().for_kind(kind)
    pointer = False
    for name in path:
        if type_.kind in (Kind.LIST, Kind.MAP) and type_.element is not None:
            type_, pointer = type_.element, False
        field = type_.fields[name]
        type_, pointer = field.type, field.pointer
    if type_.kind in (Kind.LIST, Kind.MAP) and not isinstance(value, list) and type_.element is not None:
        type_ = type_.element
    return _form(type_, value, pointer)


def _form(type_: Type, value: Any, pointer: bool) -> Any:
    if value is None and pointer:
        return None
    if type_.kind is Kind.OBJECT:
        if type_.name.startswith(META):
            return value or {}
        return _struct(type_, value or {})
    if value is None:
        return _ZEROS.get(type_.kind)
    if type_.kind is Kind.LIST and type_.element is not None:
        return [_form(type_.element, item, False) for item in value]
    if type_.kind is Kind.MAP and type_.element is not None:
        return {key: _form(type_.element, value[key], False) for key in sorted(value)}
    return value


def _struct(type_: Type, value: Object) -> Object:
    short = type_.name.rpartition(".")[2]
    return {
        go_field_name(short, field): _form(field.type, value.get(field.name), field.pointer)
        for field in type_.fields.values()
    }


def go_field_name(struct: str, field: Field) -> str:
    """Go's name of a field: `nodeID` is NodeID, `apiGroup` APIGroup, `cidr` CIDR."""
    known = _NAMES.get((struct, field.name))
    if known:
        return known
    name = field.name
    end = next((i for i, letter in enumerate(name) if letter.isupper()), len(name))
    word = name[:end]
    return _WORDS.get(word, word[:1].upper() + word[1:]) + name[end:]
