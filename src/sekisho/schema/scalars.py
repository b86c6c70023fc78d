"""Readers of plain values: text, numbers, quantities, times, and raw JSON that is carried along."""

from __future__ import annotations

import datetime
import re
import sys
from collections.abc import Callable
from typing import Any

from sekisho.api import time as gotime
from sekisho.api.quantity import canonicalize
from sekisho.schema.jsonvalue import Literal, go_float, normalize
from sekisho.schema.types import Type
from sekisho.schema.walk import DecodeError, Walk

Decoder = Callable[[Any, Walk], Any]
"""Reads a value that is not null. What it cannot take it saves on the walk or raises, as Go does."""

_MOST = sys.float_info.max
_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "int": (-(2**63), 2**63 - 1),
    "uint8": (0, 255),
    "byte": (0, 255),
}
_WHOLE_SECOND = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z").fullmatch
_MICROSECOND = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z").fullmatch


def string(type_: Type) -> Decoder:
    def decode_string(value: Any, walk: Walk) -> Any:
        return value if type(value) is str else walk.save(walk.mismatch(value, type_.go_name))

    return decode_string


def boolean(type_: Type) -> Decoder:
    def decode_boolean(value: Any, walk: Walk) -> Any:
        return value if type(value) is bool else walk.save(walk.mismatch(value, type_.go_name))

    return decode_boolean


def integer(type_: Type) -> Decoder:
    low, high = _RANGES[type_.format]

    def decode_integer(value: Any, walk: Walk) -> Any:
        if type(value) is int and low <= value <= high:
            return value
        return walk.save(walk.mismatch(value, type_.go_name, literal=True))

    return decode_integer


def number(type_: Type) -> Decoder:
    def decode_number(value: Any, walk: Walk) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return walk.save(walk.mismatch(value, type_.go_name))
        if abs(value) > _MOST:
            return walk.save(walk.mismatch(value, type_.go_name, literal=True))
        return go_float(float(value))

    return decode_number


def int_or_string(type_: Type) -> Decoder:
    def decode_int_or_string(value: Any, walk: Walk) -> Any:
        if type(value) is str or (type(value) is int and -(2**31) <= value < 2**31):
            return value
        raise walk.mismatch(value, "int32", literal=True)

    return decode_int_or_string


def quantity(type_: Type) -> Decoder:
    def decode_quantity(value: Any, walk: Walk) -> Any:
        try:
            return canonicalize(value.text if isinstance(value, Literal) else value)
        except ValueError as error:
            raise DecodeError(str(error)) from None

    return decode_quantity


def time(type_: Type) -> Decoder:
    def decode_time(value: Any, walk: Walk) -> Any:
        if type(value) is not str:
            raise walk.mismatch(value, "string")
        if _WHOLE_SECOND(value) and _is_usual(value):
            return value
        return _read_time(value, gotime.parse_time, gotime.format_time)

    return decode_time


def micro_time(type_: Type) -> Decoder:
    def decode_micro_time(value: Any, walk: Walk) -> Any:
        if type(value) is not str:
            raise walk.mismatch(value, "string")
        if _MICROSECOND(value) and _is_usual(value):
            return value
        return _read_time(value, gotime.parse_micro_time, gotime.format_micro_time)

    return decode_micro_time


def _is_usual(text: str) -> bool:
    """Whether a well-formed time exists in the calendar and is not Go's zero time."""
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return not text.startswith("0001-")


def _read_time(text: str, parse: Callable[[str], float], show: Callable[[float], str]) -> str | None:
    try:
        unix = parse(text)
    except ValueError as error:
        raise DecodeError(str(error)) from None
    return None if unix == gotime.ZERO else show(unix)


def duration(type_: Type) -> Decoder:
    def decode_duration(value: Any, walk: Walk) -> Any:
        if type(value) is not str:
            raise walk.mismatch(value, "string")
        try:
            return gotime.format_go_nanoseconds(gotime.parse_go_nanoseconds(value))
        except ValueError as error:
            raise DecodeError(str(error)) from None

    return decode_duration


def raw(type_: Type) -> Decoder:
    def decode_raw(value: Any, walk: Walk) -> Any:
        return normalize(value)

    return decode_raw


def anything(type_: Type) -> Decoder:
    def decode_any(value: Any, walk: Walk) -> Any:
        return normalize(value, sort_keys=True)

    return decode_any
