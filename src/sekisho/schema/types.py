"""What a type is: the shape that decoding, validation, merging and OpenAPI share.

A `Type` is a node of a graph (JSONSchemaProps refers to itself), so its fields are filled in after it is
made; from then on nothing changes it. Types compare by identity.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any


class Kind(enum.Enum):
    """How a value of the type looks in JSON, and how Go reads it."""

    OBJECT = "object"
    MAP = "map"
    LIST = "list"
    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ANY = "any"
    """apiextensions' JSON: arbitrary JSON that is carried along, its objects sorted."""
    RAW_OBJECT = "raw object"
    """runtime.RawExtension: arbitrary JSON below which keys are not checked."""
    INT_OR_STRING = "int or string"
    QUANTITY = "quantity"
    TIME = "time"
    MICRO_TIME = "micro time"
    DURATION = "duration"
    BYTES = "bytes"
    FIELDS_V1 = "fields"
    """metav1.FieldsV1: raw JSON that managed fields keep."""
    SCHEMA_OR_BOOL = "schema or boolean"
    """apiextensions: `element` is the schema's type."""
    SCHEMA_OR_ARRAY = "schema or array"
    """apiextensions: one schema, or a list of them; `element` is the schema's type."""
    SCHEMA_OR_STRINGS = "schema or strings"
    """apiextensions: `element` is the schema's type."""


@dataclass(slots=True, eq=False)
class Type:
    """One type.

    `name` is the definition's name (`io.k8s.api.apps.v1.DeploymentSpec`), empty for types written in place.
    `go_name` is Go's name as error messages print it (`v1.DeploymentSpec`, `int32`, `[]v1.Container`).
    `fields` are an OBJECT's, in the order of Go's struct. `element` is what a LIST or a MAP holds.
    `list_type` is `atomic`, `set`, `map` or empty; `map_type` is `atomic`, `granular` or empty.
    """

    name: str
    kind: Kind
    go_name: str = ""
    fields: dict[str, Field] = field(default_factory=dict)
    element: Type | None = None
    list_type: str = ""
    list_map_keys: tuple[str, ...] = ()
    map_type: str = ""
    format: str = ""
    decoder: Any = None
    """Where decoding keeps what it made of the type; not part of its meaning."""

    def __repr__(self) -> str:
        return f"Type({self.name or self.go_name or self.kind.value})"


@dataclass(slots=True, eq=False)
class Field:
    """One field of an OBJECT.

    `required` is what the schema demands. `always` fields are written even when they are empty (Go's tag
    lacks omitempty, or they are structs, which omitempty does not drop). `pointer` fields keep an explicit
    zero; `0`, `false`, `""` and `{}` vanish from the others when they are not `always`. `index` counts from
    0 in the order of the struct.
    """

    name: str
    type: Type
    required: bool = False
    always: bool = False
    pointer: bool = False
    patch_strategy: tuple[str, ...] = ()
    patch_merge_key: str = ""
    default: Any = None
    index: int = 0
