"""JSON texts into values, with Go's ideas of what is wrong with them and what is kept.

orjson reads nearly every body. What it leaves unsaid (repeated keys, the spelling of numbers) and what it
refuses although Go takes it (bytes that are not UTF-8, lone surrogates) is left to a slower second reading.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from sekisho.api.goformat import quote
from sekisho.schema.jsonsyntax import syntax_error
from sekisho.schema.jsonvalue import Literal, RepeatedKeys, normalize
from sekisho.schema.walk import MAX_PROBLEMS

MAX_DEPTH = 250
"""Deeper texts are refused with the words Go has for those deeper than 10000: no real object comes near,
and the encoder stops at 254."""

_MAYBE_FRACTION = re.compile(rb"[0-9](?:[.eE][-+0-9]|[0-9]{18})")
_LONE_BYTES = re.compile("[\udc80-\udcff]")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATES = re.compile("[\ud800-\udfff]")


class BodyError(ValueError):
    """A text that is no JSON or YAML; the message is Go's."""


def load(data: bytes) -> Any:
    """The value of a JSON text. Objects with repeated keys are RepeatedKeys; fractions and integers beyond
    64 bits are Literals. Raises BodyError with encoding/json's message."""
    try:
        value = orjson.loads(data)
        compact = orjson.dumps(value)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        message = syntax_error(data, MAX_DEPTH)
        if message is not None:
            raise BodyError(message) from None
        return _load_slowly(data)
    # An equal length proves that no key was dropped, unless somebody works at hiding one from himself.
    if len(compact) != len(data.strip()) or (_MAYBE_FRACTION.search(data) and _has_odd_number(value)):
        return _load_slowly(data)
    return value


def _has_odd_number(value: Any) -> bool:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if type(item) is dict:
            waiting.extend(item.values())
        elif type(item) is list:
            waiting.extend(item)
        elif type(item) is float or (type(item) is int and not -(2**63) <= item < 2**63):
            return True
    return False


def _load_slowly(data: bytes) -> Any:
    """The value of a text that is known to be JSON, with all it repeats and how its numbers are written."""
    text = _LONE_BYTES.sub("\ufffd", data.decode("utf-8", "surrogateescape"))
    value = json.loads(text, object_pairs_hook=_object, parse_float=Literal.read, parse_int=_integer)
    return _without_surrogates(value) if _ESCAPED_SURROGATE.search(text) else value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    return out if len(out) == len(pairs) else RepeatedKeys(pairs)


def _integer(text: str) -> int | Literal:
    if len(text) > 20:
        return Literal.read(text)
    value = int(text)
    return value if -(2**63) <= value < 2**63 else Literal.read(text)


def _without_surrogates(value: Any) -> Any:
    """Go reads half of a surrogate pair as U+FFFD."""
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(v) for v in value]
    if isinstance(value, RepeatedKeys):
        return RepeatedKeys([(_without_surrogates(k), _without_surrogates(v)) for k, v in value.pairs])
    if isinstance(value, dict):
        return _object([(_without_surrogates(k), _without_surrogates(v)) for k, v in value.items()])
    return value


def parse_json(data: bytes) -> tuple[Any, list[str]]:
    """A JSON text as Go reads it without a type: (value, `duplicate field "a.b"` for each repeated key, in
    the order of the text). The last of repeated values counts; numbers are as Go re-encodes them. Raises
    BodyError.
    """
    value = load(data)
    return normalize(value), duplicates(value)


def duplicates(value: Any) -> list[str]:
    """`duplicate field "a.b"` for each repeated key in a value that `load` returned."""
    found: list[str] = []
    _find_duplicates(value, "", found)
    return found


def _find_duplicates(value: Any, path: str, found: list[str]) -> None:
    if isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict | list):
                _find_duplicates(item, f"{path}[{index}]", found)
    elif isinstance(value, dict):
        repeated = isinstance(value, RepeatedKeys)
        seen = set()
        for key, item in value.pairs if isinstance(value, RepeatedKeys) else value.items():
            place = f"{path}.{key}" if path else key
            if repeated and key in seen:
                _add(found, f"duplicate field {quote(place)}")
            seen.add(key)
            if isinstance(item, dict | list):
                _find_duplicates(item, place, found)


def _add(found: list[str], problem: str) -> None:
    if len(found) < MAX_PROBLEMS and problem not in found:
        found.append(problem)
