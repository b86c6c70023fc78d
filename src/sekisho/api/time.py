"""Times and durations in Kubernetes' spellings, with the error texts of Go's time package.

Times are Unix seconds (float, exact to the microsecond until the year 2106), durations are seconds (float).
Go keeps nanoseconds; nothing on the wire shows more than microseconds, so fractions are cut there, as Go's
formatting cuts them. The canonical forms do without floats.
"""

from __future__ import annotations

import calendar
import re
import time as _time
from typing import NoReturn

RFC3339 = "2006-01-02T15:04:05Z07:00"
RFC3339_MICRO = "2006-01-02T15:04:05.000000Z07:00"
"""The layouts as Go writes them, which its error texts show."""

ZERO = -62135596800.0
"""Go's zero time, 0001-01-01T00:00:00Z: it counts as absent."""

_GOOD = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(\.[0-9]+)?(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
_FOUR_CENTURIES = 146097 * 86400
_MICRO = 1_000_000


def format_time(unix: float) -> str:
    """RFC 3339 in UTC, cut to the second: `2026-01-02T03:04:05Z`."""
    t = _time.gmtime(unix // 1)
    return f"{t[0]:04d}-{t[1]:02d}-{t[2]:02d}T{t[3]:02d}:{t[4]:02d}:{t[5]:02d}Z"


def format_micro_time(unix: float) -> str:
    """RFC 3339 in UTC with six digits after the second: `2026-01-02T03:04:05.000000Z`."""
    return _format_micros(round(unix * _MICRO))


def _format_micros(unix_micros: int) -> str:
    seconds, micros = divmod(unix_micros, _MICRO)
    return f"{format_time(seconds)[:-1]}.{micros:06d}Z"


def parse_time(text: str) -> float:
    """RFC 3339 with or without a fraction. Raises ValueError with Go's text."""
    return _parse(text, RFC3339) / _MICRO


def parse_micro_time(text: str) -> float:
    """RFC 3339 with exactly six digits after the second: MicroTime. Raises ValueError with Go's text."""
    return _parse(text, RFC3339_MICRO) / _MICRO


def canonical_time(text: str) -> str:
    """A time as upstream writes back what it has read. Raises ValueError with Go's text."""
    return format_time(_parse(text, RFC3339) // _MICRO)


def canonical_micro_time(text: str) -> str:
    """A MicroTime as upstream writes back what it has read. Raises ValueError with Go's text."""
    return _format_micros(_parse(text, RFC3339_MICRO))


def _parse(text: str, layout: str) -> int:
    """Unix time in microseconds."""
    match = _GOOD.fullmatch(text)
    if match is None or (layout == RFC3339_MICRO and len(match[7] or "") != 7):
        return _TimeReader(text, layout).read()
    parts = [int(match[i]) for i in range(1, 7)]
    hours, minutes = int(match[9] or 0), int(match[10] or 0)
    if not _in_range(parts) or hours > 23 or minutes > 59:
        return _TimeReader(text, layout).read()
    offset = (hours * 60 + minutes) * 60
    return _unix(parts, _micros(match[7] or ""), -offset if match[8] == "-" else offset)


def _in_range(parts: list[int]) -> bool:
    year, month, day, hour, minute, second = parts
    if not 1 <= month <= 12 or hour > 23 or minute > 59 or second > 59:
        return False
    return 1 <= day <= _days_in(year, month)


def _days_in(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _micros(fraction: str) -> int:
    return int(fraction[1:7].ljust(6, "0")) if fraction else 0


def _unix(parts: list[int], micros: int, offset: int) -> int:
    """Python knows no year 0; four centuries later the calendar is the same."""
    year = parts[0] or 400
    whole = calendar.timegm((year, *parts[1:], 0, 0, 0)) - offset
    if not parts[0]:
        whole -= _FOUR_CENTURIES
    return whole * _MICRO + micros


class _TimeReader:
    """Go's time.Parse step by step, for the odd spellings it accepts and the exact words of its refusals."""

    _STEPS = (
        ("", "2006"),
        ("-", "01"),
        ("-", "02"),
        ("T", "15"),
        (":", "04"),
        (":", "05"),
    )
    _LIMITS = {
        "01": ("month", 1, 12),
        "15": ("hour", 0, 23),
        "04": ("minute", 0, 59),
        "05": ("second", 0, 59),
    }

    def __init__(self, text: str, layout: str) -> None:
        self.text = text
        self.layout = layout
        self.rest = text
        self.micros = 0

    def read(self) -> int:
        parts = [self._number(separator, element) for separator, element in self._STEPS]
        if self.layout == RFC3339_MICRO:
            self._exact_fraction()
        else:
            self._optional_fraction()
        offset = self._zone()
        if self.rest:
            self._fail(f": extra text: {_go_quote(self.rest)}")
        if not 1 <= parts[2] <= _days_in(parts[0], parts[1]):
            self._fail(": day out of range")
        return _unix(parts, self.micros, offset)

    def _fail(self, message: str) -> NoReturn:
        raise ValueError(f"parsing time {_go_quote(self.text)}{message}")

    def _cannot(self, value: str, element: str) -> NoReturn:
        self._fail(f" as {_go_quote(self.layout)}: cannot parse {_go_quote(value)} as {_go_quote(element)}")

    def _number(self, separator: str, element: str) -> int:
        if separator:
            if not self.rest.startswith(separator):
                self._cannot(self.rest, separator)
            self.rest = self.rest[1:]
        digits = 4 if element == "2006" else 2
        taken = self.rest[:digits]
        if element == "15" and _is_digits(taken[:1]) and not _is_digits(taken):
            taken = taken[:1]  # Go reads an hour of one digit
        elif len(taken) < digits or not _is_digits(taken):
            self._cannot(self.rest, element)
        self.rest = self.rest[len(taken) :]
        value = int(taken)
        name, low, high = self._LIMITS.get(element, ("", value, value))
        if not low <= value <= high:
            self._fail(f": {name} out of range")
        return value

    def _optional_fraction(self) -> None:
        match = re.match(r"[.,]([0-9]+)", self.rest)
        if match:
            self.micros = _micros(match[0])
            self.rest = self.rest[match.end() :]

    def _exact_fraction(self) -> None:
        match = re.match(r"[.,]([0-9]{6})", self.rest)
        if not match:
            self._cannot(self.rest, ".000000")
        self.micros = int(match[1])
        self.rest = self.rest[7:]

    def _zone(self) -> int:
        if self.rest.startswith("Z"):
            self.rest = self.rest[1:]
            return 0
        match = re.match(r"([+-])([0-9]{2}):([0-9]{2})", self.rest)
        if not match:
            self._cannot(self.rest, "Z07:00")
        hours, minutes = int(match[2]), int(match[3])
        self.rest = self.rest[6:]
        if hours > 24:
            self._fail(": time zone offset hour out of range")
        if minutes > 60:
            self._fail(": time zone offset minute out of range")
        offset = (hours * 60 + minutes) * 60
        return -offset if match[1] == "-" else offset


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _go_quote(text: str) -> str:
    """The time package's own quoting: what is not printable ASCII is shown byte by byte."""
    out = []
    for byte in text.encode(errors="surrogateescape"):
        c = chr(byte)
        if byte >= 0x80 or byte < 0x20:
            out.append(f"\\x{byte:02x}")
        else:
            out.append("\\" + c if c in '"\\' else c)
    return '"' + "".join(out) + '"'


def human_duration(seconds: float) -> str:
    """A duration with two or three significant figures, as ages in tables: `5m30s`, `3h`, `2d4h`."""
    s = int(seconds)
    if s < -1:
        return "<invalid>"
    if s < 0:
        return "0s"
    if s < 120:
        return f"{s}s"
    minutes, hours = s // 60, s // 3600
    if minutes < 10:
        return _two(minutes, "m", s % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if hours < 192:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    if days < 2920:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(big: int, big_unit: str, small: int, small_unit: str) -> str:
    return f"{big}{big_unit}{small}{small_unit}" if small else f"{big}{big_unit}"


_UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_TERM = re.compile(r"([0-9]*)(\.[0-9]*)?([^0-9.]*)")
_LONGEST = 2**63
"""Go's durations are 64-bit nanoseconds."""


def parse_go_duration(text: str) -> float:
    """Go's time.ParseDuration, in seconds: `1h30m`, `-1.5s`, `0`. Raises ValueError with Go's text."""
    return parse_go_nanoseconds(text) / 10**9


def parse_go_nanoseconds(text: str) -> int:
    """As `parse_go_duration`, in whole nanoseconds."""
    negative = text.startswith("-")
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest:
        raise ValueError(f"time: invalid duration {_go_quote(text)}")
    total = 0
    for match in _TERM.finditer(rest):
        if match[0]:
            total += _term(match, text)
        if total > _LONGEST:
            raise ValueError(f"time: invalid duration {_go_quote(text)}")
    if total == _LONGEST and not negative:
        raise ValueError(f"time: invalid duration {_go_quote(text)}")
    return -total if negative else total


def _term(match: re.Match[str], text: str) -> int:
    whole, fraction, unit = match[1], (match[2] or "")[1:], match[3]
    if not whole and not fraction:
        raise ValueError(f"time: invalid duration {_go_quote(text)}")
    if len(whole) > 19:
        raise ValueError(f"time: invalid duration {_go_quote(text)}")
    if not unit:
        raise ValueError(f"time: missing unit in duration {_go_quote(text)}")
    if unit not in _UNITS:
        raise ValueError(f"time: unknown unit {_go_quote(unit)} in duration {_go_quote(text)}")
    size = _UNITS[unit]
    fraction = fraction[:18]
    return int(whole or "0") * size + int(fraction or "0") * size // int("1" + "0" * len(fraction))


def format_go_duration(seconds: float) -> str:
    """Go's Duration.String: `1h0m0s`, `1.5s`, `300ms`, `0s`."""
    return format_go_nanoseconds(round(seconds * 10**9))


def format_go_nanoseconds(nanoseconds: int) -> str:
    """As `format_go_duration`, from whole nanoseconds."""
    sign, n = ("-" if nanoseconds < 0 else ""), abs(nanoseconds)
    if n == 0:
        return "0s"
    if n < 10**9:
        for unit, size in (("ns", 1), ("µs", 10**3), ("ms", 10**6)):
            if n < size * 1000:
                return f"{sign}{_decimal(n, size)}{unit}"
    minutes, below = divmod(n, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(below, 10**9)}s"
    if hours:
        text = f"{hours}h{minutes}m{text}"
    elif minutes:
        text = f"{minutes}m{text}"
    return sign + text


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    if not rest:
        return str(whole)
    digits = len(str(unit)) - 1
    return f"{whole}.{rest:0{digits}d}".rstrip("0")
