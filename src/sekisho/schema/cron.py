"""Schedules of CronJobs: five fields, or a descriptor such as `@daily` or `@every 90m`.

Follows robfig/cron v3, whose errors upstream hands on. A field is the set of numbers it allows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sekisho.api.goformat import quote
from sekisho.api.time import parse_go_duration

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_INTEGER = re.compile(r"[+-]?[0-9]+")
_EVERY = "@every "


class _Bounds(NamedTuple):
    low: int
    high: int
    names: Mapping[str, int] = {}


_MINUTE = _Bounds(0, 59)
_HOUR = _Bounds(0, 23)
_DAY = _Bounds(1, 31)
_MONTH = _Bounds(1, 12, {name: i for i, name in enumerate(_MONTHS, 1)})
_WEEKDAY = _Bounds(0, 6, {name: i for i, name in enumerate(_DAYS)})
_FIELDS = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)

_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """The times it allows. `any_day` and `any_weekday`: the field was a plain star, so that the other one
    decides alone; else a day that suits either of both will do."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool


@dataclass(frozen=True, slots=True)
class Every:
    """A constant number of seconds between two times; at least one, and whole."""

    seconds: int


def split_zone(text: str) -> tuple[str, str]:
    """The zone of a leading `TZ=` or `CRON_TZ=`, empty when there is none, and the rest of the schedule."""
    if not text.startswith(("TZ=", "CRON_TZ=")):
        return "", text
    head, _, rest = text.partition(" ")
    return head.partition("=")[2], rest.strip()


def parse_schedule(text: str) -> Schedule | Every:
    """A schedule without zone. Raises ValueError with the library's text."""
    if not text:
        raise ValueError("empty spec string")
    if text.startswith("@"):
        return _parse_descriptor(text)
    return _parse_fields(text)


def _parse_descriptor(text: str) -> Schedule | Every:
    if text in _DESCRIPTORS:
        return _parse_fields(_DESCRIPTORS[text])
    if not text.startswith(_EVERY):
        raise ValueError(f"unrecognized descriptor: {text}")
    try:
        seconds = parse_go_duration(text.removeprefix(_EVERY))
    except ValueError as error:
        raise ValueError(f"failed to parse duration {text}: {error}") from None
    return Every(max(1, int(seconds)))


def _parse_fields(text: str) -> Schedule:
    fields = text.split()
    if len(fields) != len(_FIELDS):
        listed = " ".join(fields)
        raise ValueError(f"expected exactly {len(_FIELDS)} fields, found {len(fields)}: [{listed}]")
    minutes, hours, days, months, weekdays = (
        _parse_field(field, bounds) for field, bounds in zip(fields, _FIELDS, strict=True)
    )
    return Schedule(
        minutes[0], hours[0], days[0], months[0], weekdays[0], any_day=days[1], any_weekday=weekdays[1]
    )


def _parse_field(field: str, bounds: _Bounds) -> tuple[frozenset[int], bool]:
    """The numbers, and whether one of the ranges is a star without a step."""
    allowed: frozenset[int] = frozenset()
    star = False
    for expression in filter(None, field.split(",")):
        numbers, is_star = _parse_range(expression, bounds)
        allowed |= numbers
        star = star or is_star
    return allowed, star


def _parse_range(expression: str, bounds: _Bounds) -> tuple[frozenset[int], bool]:
    """`number`, `number-number` or a star, each with an optional `/step`."""
    span, *steps = expression.split("/")
    ends = span.split("-")
    star = ends[0] in ("*", "?")
    if star:
        low, high = bounds.low, bounds.high
    else:
        low = _number(ends[0], bounds)
        if len(ends) > 2:
            raise ValueError(f"too many hyphens: {expression}")
        high = _number(ends[1], bounds) if len(ends) == 2 else low
    if len(steps) > 1:
        raise ValueError(f"too many slashes: {expression}")
    step = _integer(steps[0]) if steps else 1
    if steps and len(ends) == 1:
        high = bounds.high
    _check_range(low, high, step, expression, bounds)
    return frozenset(range(low, high + 1, step)), star and step == 1


def _check_range(low: int, high: int, step: int, expression: str, bounds: _Bounds) -> None:
    if low < bounds.low:
        raise ValueError(f"beginning of range ({low}) below minimum ({bounds.low}): {expression}")
    if high > bounds.high:
        raise ValueError(f"end of range ({high}) above maximum ({bounds.high}): {expression}")
    if low > high:
        raise ValueError(f"beginning of range ({low}) beyond end of range ({high}): {expression}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {expression}")


def _number(text: str, bounds: _Bounds) -> int:
    named = bounds.names.get(text.lower())
    return _integer(text) if named is None else named


def _integer(text: str) -> int:
    """Go's strconv.Atoi, not negative."""
    if not _INTEGER.fullmatch(text):
        raise ValueError(
            f"failed to parse int from {text}: strconv.Atoi: parsing {quote(text)}: invalid syntax"
        )
    number = int(text)
    if not -(2**63) <= number < 2**63:
        raise ValueError(
            f"failed to parse int from {text}: strconv.Atoi: parsing {quote(text)}: value out of range"
        )
    if number < 0:
        raise ValueError(f"negative number ({number}) not allowed: {text}")
    return number
