"""Sets of completion indexes as Jobs write them: `1,3-5,7`."""

from __future__ import annotations

import re
from typing import NamedTuple

from sekisho.api.goformat import quote

_INTEGER = re.compile(r"[+-]?[0-9]+")


class _Interval(NamedTuple):
    first: int
    last: int


def count_indexes(text: str, completions: int) -> int:
    """How many indexes the set has, all below `completions`. Raises ValueError with upstream's text."""
    total = 0
    last: int | None = None
    for part in text.split(",") if text else ():
        interval = _parse(part, completions)
        if last is not None and last >= interval.first:
            raise ValueError(f"non-increasing order, previous: {last}, current: {interval.first}")
        total += interval.last - interval.first + 1
        last = interval.last
    return total


def first_overlap(completed: str, failed: str, completions: int) -> int | None:
    """An index that is in both sets; intervals that do not parse are passed over."""
    if not completed or not failed:
        return None
    done, lost = _readable(completed, completions), _readable(failed, completions)
    i = j = 0
    while i < len(done) and j < len(lost):
        if done[i].first <= lost[j].last and lost[j].first <= done[i].last:
            return max(done[i].first, lost[j].first)
        if done[i].first <= lost[j].first:
            i += 1
        else:
            j += 1
    return None


def _readable(text: str, completions: int) -> list[_Interval]:
    intervals = []
    for part in text.split(","):
        try:
            intervals.append(_parse(part, completions))
        except ValueError:
            continue
    return intervals


def _parse(text: str, completions: int) -> _Interval:
    ends = text.split("-")
    if len(ends) > 2:
        raise ValueError(
            f"the fragment {quote(text)} violates the requirement that an index interval can have at most two"
            " parts separated by '-'"
        )
    first = _index(ends[0], completions)
    if len(ends) == 1:
        return _Interval(first, first)
    last = _index(ends[1], completions)
    if first >= last:
        raise ValueError(f"non-increasing order, previous: {first}, current: {last}")
    return _Interval(first, last)


def _index(text: str, completions: int) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"cannot convert string to integer for index: {quote(text)}")
    if int(text) >= completions:
        raise ValueError(f"too large index: {quote(text)}")
    return int(text)
