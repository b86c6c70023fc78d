"""JSON values into objects, as Go's decoder reads them into upstream's structs and writes them out again.

One walk does what upstream does in two: reading (types are checked, unknown fields dropped and reported,
nulls are zero values) and writing (fields in the struct's order, empty ones left out or spelled out by
their tags, maps sorted, quantities and times in canonical form). Because every stored object passes through
protobuf upstream, which knows no empty lists, an empty list that must be written is `null`, like an absent
one.

Each type is turned into a closure when it is first met; see decoders.py.
"""

from __future__ import annotations

from typing import Any

from sekisho.schema import decoders
from sekisho.schema.types import Type
from sekisho.schema.walk import DecodeError, Walk

__all__ = ["DecodeError", "decode"]


def decode(type_: Type, value: Any, *, path: str = "") -> tuple[Any, list[str]]:
    """Decode a JSON value into a new object, and tell the strict decoding errors (`unknown field
    "spec.foo"`).

    `path` is put in front of the paths in those. Raises DecodeError with Go's text. Nothing of the result
    is shared with the input.
    """
    walk = Walk(type_, path)
    try:
        result = decoders.zero(type_) if value is None else decoders.compiled(type_)(value, walk)
    except RecursionError:
        raise DecodeError("exceeded max depth") from None
    if walk.saved is not None:
        raise walk.saved
    return result, walk.problems
