"""OpenAPI documents in gnostic's protobuf, the form in which older clients fetch them.

The messages of google/gnostic's OpenAPIv2.proto and OpenAPIv3.proto are described by tables from a JSON key to
its field number and writer; only what the documents here contain is described, other keys are left out.
Extensions travel as YAML text, of which JSON is a part. As in proto3, zero scalars are not written.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from sekisho.api.types import Object
from sekisho.schema.protobuf.wire import BYTES, FIXED64, VARINT, delimited, tag, varint

V2_CONTENT_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
V3_CONTENT_TYPE = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf"

Content = Callable[[Any], bytes]
"""Writes the content of a message."""
Field = Callable[[int, Any], bytes]
"""Writes a field with the given number."""


def _string(number: int, value: Any) -> bytes:
    return delimited(tag(number, BYTES), value.encode()) if value else b""


def _strings(number: int, value: Any) -> bytes:
    return b"".join(delimited(tag(number, BYTES), item.encode()) for item in value)


def _integer(number: int, value: Any) -> bytes:
    return tag(number, VARINT) + varint(int(value)) if value else b""


def _double(number: int, value: Any) -> bytes:
    return tag(number, FIXED64) + struct.pack("<d", value) if value else b""


def _one(content: Content) -> Field:
    return lambda number, value: delimited(tag(number, BYTES), content(value))


def _many(content: Content) -> Field:
    return lambda number, values: b"".join(delimited(tag(number, BYTES), content(v)) for v in values)


def _named(content: Content) -> Field:
    """A map as gnostic writes it: repeated messages of a name and a value."""

    def entry(name: str, value: Any) -> bytes:
        return _string(1, name) + delimited(tag(2, BYTES), content(value))

    return lambda number, values: b"".join(
        delimited(tag(number, BYTES), entry(name, value)) for name, value in values.items()
    )


def _message(fields: Mapping[str, tuple[int, Field]], extensions: int) -> Content:
    """An object's keys by the table, and those that begin with `x-` as extensions."""

    def content(value: Object) -> bytes:
        parts = [
            (number, write(number, value[key])) for key, (number, write) in fields.items() if key in value
        ]
        own = {key: item for key, item in value.items() if key.startswith("x-")}
        if own:
            parts.append((extensions, _named(_any)(extensions, own)))
        return b"".join(part for _, part in sorted(parts, key=lambda p: p[0]))

    return content


def _any(value: Any) -> bytes:
    return _string(2, orjson.dumps(value).decode() + "\n")


def _map(content: Content) -> Content:
    """A message that is only a map: `additional_properties` is its first field."""
    return lambda values: _named(content)(1, values)


def _within(number: int, content: Content) -> Content:
    """One case of a oneof: the message inside a message."""
    return lambda value: delimited(tag(number, BYTES), content(value))


def _reference(value: Object) -> bytes:
    return _string(1, value["$ref"])


def _additional(schema: Content) -> Content:
    return lambda value: _integer(2, value) if isinstance(value, bool) else _within(1, schema)(value)


def _type_item(value: Any) -> bytes:
    return _strings(1, [value] if isinstance(value, str) else value)


def _string_array(values: list[str]) -> bytes:
    return _strings(1, values)


_V2_SCHEMA_FIELDS: dict[str, tuple[int, Field]] = {
    "$ref": (1, _string),
    "format": (2, _string),
    "title": (3, _string),
    "description": (4, _string),
    "default": (5, _one(_any)),
    "multipleOf": (6, _double),
    "maximum": (7, _double),
    "exclusiveMaximum": (8, _integer),
    "minimum": (9, _double),
    "exclusiveMinimum": (10, _integer),
    "maxLength": (11, _integer),
    "minLength": (12, _integer),
    "pattern": (13, _string),
    "maxItems": (14, _integer),
    "minItems": (15, _integer),
    "uniqueItems": (16, _integer),
    "maxProperties": (17, _integer),
    "minProperties": (18, _integer),
    "required": (19, _strings),
    "enum": (20, _many(_any)),
    "type": (22, _one(_type_item)),
    "example": (30, _one(_any)),
}
_v2_schema = _message(_V2_SCHEMA_FIELDS, 31)
_V2_SCHEMA_FIELDS.update(
    {
        "additionalProperties": (21, _one(_additional(lambda v: _v2_schema(v)))),
        "items": (23, _one(_within(1, lambda v: _v2_schema(v)))),
        "allOf": (24, _many(lambda v: _v2_schema(v))),
        "properties": (25, _one(_map(lambda v: _v2_schema(v)))),
    }
)

_v2_body = _message(
    {
        "description": (1, _string),
        "name": (2, _string),
        "in": (3, _string),
        "required": (4, _integer),
        "schema": (5, _one(_v2_schema)),
    },
    6,
)
_v2_query = _message(
    {
        "required": (1, _integer),
        "in": (2, _string),
        "description": (3, _string),
        "name": (4, _string),
        "type": (6, _string),
        "format": (7, _string),
        "uniqueItems": (20, _integer),
    },
    23,
)
_v2_path_parameter = _message(
    {
        "required": (1, _integer),
        "in": (2, _string),
        "description": (3, _string),
        "name": (4, _string),
        "type": (5, _string),
        "format": (6, _string),
        "uniqueItems": (19, _integer),
    },
    22,
)


def _v2_parameter(value: Object) -> bytes:
    if value["in"] == "body":
        return _within(1, _v2_body)(value)
    inner = _within(4, _v2_path_parameter) if value["in"] == "path" else _within(3, _v2_query)
    return _within(2, inner)(value)


def _v2_parameters_item(value: Object) -> bytes:
    return _within(2, _reference)(value) if "$ref" in value else _within(1, _v2_parameter)(value)


_v2_response = _message({"description": (1, _string), "schema": (2, _one(_within(1, _v2_schema)))}, 5)
_v2_operation = _message(
    {
        "tags": (1, _strings),
        "description": (3, _string),
        "operationId": (5, _string),
        "produces": (6, _strings),
        "consumes": (7, _strings),
        "parameters": (8, _many(_v2_parameters_item)),
        "responses": (9, _one(_map(_within(1, _v2_response)))),
        "schemes": (10, _strings),
    },
    13,
)
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_v2_path_item = _message(
    {method: (number, _one(_v2_operation)) for number, method in enumerate(_METHODS, 2)}
    | {"parameters": (9, _many(_v2_parameters_item))},
    10,
)


def _v2_paths(value: Object) -> bytes:
    return _named(_v2_path_item)(2, value)


_v2_info = _message({"title": (1, _string), "version": (2, _string), "description": (3, _string)}, 7)
_v2_api_key = _message(
    {"type": (1, _string), "name": (2, _string), "in": (3, _string), "description": (4, _string)}, 5
)
_v2_document = _message(
    {
        "swagger": (1, _string),
        "info": (2, _one(_v2_info)),
        "paths": (8, _one(_v2_paths)),
        "definitions": (9, _one(_map(_v2_schema))),
        "parameters": (10, _one(_map(_v2_parameter))),
        "security": (12, _many(_map(_string_array))),
        "securityDefinitions": (13, _one(_map(_within(2, _v2_api_key)))),
    },
    16,
)


def _v3_default(value: Any) -> bytes:
    if isinstance(value, bool):
        return tag(2, VARINT) + varint(value)
    if isinstance(value, (int, float)):
        return tag(1, FIXED64) + struct.pack("<d", value)
    return delimited(tag(3, BYTES), value.encode()) if isinstance(value, str) else b""


_V3_SCHEMA_FIELDS: dict[str, tuple[int, Field]] = {
    "nullable": (1, _integer),
    "example": (7, _one(_any)),
    "title": (9, _string),
    "multipleOf": (10, _double),
    "maximum": (11, _double),
    "exclusiveMaximum": (12, _integer),
    "minimum": (13, _double),
    "exclusiveMinimum": (14, _integer),
    "maxLength": (15, _integer),
    "minLength": (16, _integer),
    "pattern": (17, _string),
    "maxItems": (18, _integer),
    "minItems": (19, _integer),
    "uniqueItems": (20, _integer),
    "maxProperties": (21, _integer),
    "minProperties": (22, _integer),
    "required": (23, _strings),
    "enum": (24, _many(_any)),
    "type": (25, _string),
    "default": (33, _one(_v3_default)),
    "description": (34, _string),
    "format": (35, _string),
}
_v3_plain_schema = _message(_V3_SCHEMA_FIELDS, 36)


def _v3_schema(value: Object) -> bytes:
    return _within(2, _reference)(value) if "$ref" in value else _within(1, _v3_plain_schema)(value)


_V3_SCHEMA_FIELDS.update(
    {
        "allOf": (26, _many(_v3_schema)),
        "oneOf": (27, _many(_v3_schema)),
        "anyOf": (28, _many(_v3_schema)),
        "not": (29, _one(_v3_plain_schema)),
        "items": (30, _one(_within(1, _v3_schema))),
        "properties": (31, _one(_map(_v3_schema))),
        "additionalProperties": (32, _one(_additional(_v3_schema))),
    }
)

_v3_content = _map(_message({"schema": (1, _one(_v3_schema))}, 5))
_v3_parameter = _message(
    {
        "name": (1, _string),
        "in": (2, _string),
        "description": (3, _string),
        "required": (4, _integer),
        "schema": (10, _one(_v3_schema)),
    },
    14,
)
_v3_request_body = _message(
    {"description": (1, _string), "content": (2, _one(_v3_content)), "required": (3, _integer)}, 4
)
_v3_response = _message({"description": (1, _string), "content": (3, _one(_v3_content))}, 5)


def _v3_responses(value: Object) -> bytes:
    return _named(_within(1, _v3_response))(2, value)


_v3_operation = _message(
    {
        "tags": (1, _strings),
        "description": (3, _string),
        "operationId": (5, _string),
        "parameters": (6, _many(_within(1, _v3_parameter))),
        "requestBody": (7, _one(_within(1, _v3_request_body))),
        "responses": (8, _one(_v3_responses)),
    },
    13,
)
_v3_path_item = _message(
    {method: (number, _one(_v3_operation)) for number, method in enumerate(_METHODS, 4)}
    | {"parameters": (13, _many(_within(1, _v3_parameter)))},
    14,
)
_v3_security = _message(
    {"type": (1, _string), "description": (2, _string), "name": (3, _string), "in": (4, _string)}, 9
)
_v3_components = _message(
    {"schemas": (1, _one(_map(_v3_schema))), "securitySchemes": (7, _one(_map(_within(1, _v3_security))))}, 10
)
_v3_info = _message({"title": (1, _string), "description": (2, _string), "version": (6, _string)}, 7)
_v3_document = _message(
    {
        "openapi": (1, _string),
        "info": (2, _one(_v3_info)),
        "paths": (4, _one(_map(_v3_path_item))),
        "components": (5, _one(_v3_components)),
    },
    9,
)


def encode_v2(document: Object) -> bytes:
    """An OpenAPI 2 document as gnostic's `openapi.v2.Document`."""
    return _v2_document(document)


def encode_v3(document: Object) -> bytes:
    """An OpenAPI 3 document as gnostic's `openapi.v3.Document`."""
    return _v3_document(document)
