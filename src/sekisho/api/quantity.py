r"""Resource quantities: `100m`, `1.5Gi`, `2e3`, kept exactly and written canonically.

Follows k8s.io/apimachinery/pkg/api/resource, its oddities included, because they are visible on the
wire: a text that its quick path takes for canonical is kept as it is (`1.500`, `+1`), digits beyond nano
are rounded away from zero, and only binary quantities are capped at 2^63-1. The value is
`mantissa * 10**exponent` in Python integers; there is no float anywhere.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

DECIMAL_SI: Final = "DecimalSI"
BINARY_SI: Final = "BinarySI"
DECIMAL_EXPONENT: Final = "DecimalExponent"

FORMAT_ERROR = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
NUMERIC_ERROR = "unable to parse numeric part of quantity"
SUFFIX_ERROR = "unable to parse quantity's suffix"

_SPLIT = re.compile(r"([+-]?)0*([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_BINARY_SUFFIX = {0: "", **{bits // 10: suffix for suffix, bits in _BINARY.items()}}
_EXPONENT = re.compile("[eE]([+-]?0*[0-9]{1,4})")
_NANO = -9
_MOST = 2**63 - 1
_MOST_DIGITS = 4000
_MOST_EXPONENT = 4000
"""Longer numbers are refused, unlike upstream: they serve only to make arithmetic slow."""


class Quantity:
    """An exact number with the family of suffixes it was written in. Immutable; equal when the value is."""

    __slots__ = ("_text", "exponent", "format", "mantissa")

    def __init__(self, mantissa: int, exponent: int = 0, format: str = DECIMAL_SI, text: str = "") -> None:
        self.mantissa = mantissa
        self.exponent = exponent
        self.format = format
        self._text = text

    @staticmethod
    def parse(text: str) -> Quantity:
        """Read a quantity. Raises ValueError with upstream's text."""
        return _parse(text)

    @property
    def is_zero(self) -> bool:
        return self.mantissa == 0

    @property
    def sign(self) -> int:
        """-1, 0 or 1."""
        return (self.mantissa > 0) - (self.mantissa < 0)

    def compare(self, other: Quantity) -> int:
        """-1, 0 or 1. Numbers of different size are told apart without arithmetic."""
        if self.sign != other.sign or self.mantissa == 0:
            return (self.sign > other.sign) - (self.sign < other.sign)
        if self.exponent == other.exponent:
            return (self.mantissa > other.mantissa) - (self.mantissa < other.mantissa)
        sizes = self._size(), other._size()
        if sizes[0] != sizes[1]:
            return self.sign if sizes[0] > sizes[1] else -self.sign
        a, b, _ = _align(self, other)
        return (a > b) - (a < b)

    def _size(self) -> int:
        """Decimal digits before the point (negative for zeros after it)."""
        return len(str(abs(self.mantissa))) + self.exponent

    def add(self, other: Quantity) -> Quantity:
        """The sum, in this one's format, or in the other's when this one is zero."""
        return self._plus(other, other.mantissa)

    def sub(self, other: Quantity) -> Quantity:
        """The difference, formatted as `add` does."""
        return self._plus(other, -other.mantissa)

    def _plus(self, other: Quantity, mantissa: int) -> Quantity:
        chosen = self.format if self.mantissa else other.format
        if not mantissa:
            return Quantity(self.mantissa, self.exponent, chosen)
        a, b, exponent = _align(self, Quantity(mantissa, other.exponent))
        return Quantity(a + b, exponent, chosen)

    def negate(self) -> Quantity:
        return Quantity(-self.mantissa, self.exponent, self.format)

    def multiply(self, factor: int) -> Quantity:
        return Quantity(self.mantissa * factor, self.exponent, self.format)

    def round_up(self, exponent: int) -> Quantity:
        """Rounded away from zero to a power of ten (-3: milli); itself when nothing is finer."""
        if self.exponent >= exponent:
            return self
        return Quantity(_scaled(self.mantissa, self.exponent - exponent), exponent, self.format)

    def value(self) -> int:
        """Whole units, rounded away from zero."""
        return _scaled(self.mantissa, self.exponent)

    def milli_value(self) -> int:
        """Thousandths, rounded away from zero."""
        return _scaled(self.mantissa, self.exponent + 3)

    @property
    def is_integer(self) -> bool:
        """Whether nothing is lost in `value`."""
        return self.exponent >= 0 or self.mantissa % int(10**-self.exponent) == 0

    def __str__(self) -> str:
        if not self._text:
            self._text = _canonical(self)
        return self._text

    def __repr__(self) -> str:
        return f"Quantity.parse({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.compare(other) == 0

    def __hash__(self) -> int:
        return hash(_strip_tens(self.mantissa, self.exponent))

    def __lt__(self, other: Quantity) -> bool:
        return self.compare(other) < 0

    def __le__(self, other: Quantity) -> bool:
        return self.compare(other) <= 0

    def __gt__(self, other: Quantity) -> bool:
        return self.compare(other) > 0

    def __ge__(self, other: Quantity) -> bool:
        return self.compare(other) >= 0

    def __add__(self, other: Quantity) -> Quantity:
        return self.add(other)

    def __sub__(self, other: Quantity) -> Quantity:
        return self.sub(other)


def canonicalize(value: Any) -> str:
    """A JSON value for a quantity (a string, or a number) as upstream stores it. Raises ValueError.

    Spaces around a string are ignored; anything but strings and numbers is no quantity.
    """
    if isinstance(value, str):
        return str(_parse(value.strip()))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(_parse(str(value)))
    raise ValueError(FORMAT_ERROR)


@lru_cache(maxsize=4096)
def _parse(text: str) -> Quantity:
    match = _SPLIT.fullmatch(text)
    if match is None or not text:
        raise ValueError(FORMAT_ERROR)
    whole, fraction, suffix = match[2] or "0", match[3] or "", match[4]
    format, exponent = _interpret(suffix)
    if len(whole) + len(fraction) > _MOST_DIGITS:
        raise ValueError(NUMERIC_ERROR)
    negative = match[1] == "-"
    quick = _quick(text, whole, fraction, format, exponent, negative)
    if quick is not None:
        return quick
    if not any(c.isdigit() for c in text[: match.start(4)]):
        raise ValueError(NUMERIC_ERROR)
    return _exact(int(whole + fraction), exponent, len(fraction), format, negative)


def _interpret(suffix: str) -> tuple[str, int]:
    """(format, exponent); the exponent is one of 2 for the binary format, else of 10."""
    if suffix in _DECIMAL:
        return DECIMAL_SI, _DECIMAL[suffix]
    if suffix in _BINARY:
        return BINARY_SI, _BINARY[suffix]
    match = _EXPONENT.fullmatch(suffix)
    if match is None or abs(int(match[1])) > _MOST_EXPONENT:
        raise ValueError(SUFFIX_ERROR)
    return DECIMAL_EXPONENT, int(match[1])


def _quick(
    text: str, whole: str, fraction: str, format: str, exponent: int, negative: bool
) -> Quantity | None:
    """Upstream's path for what fits 64 bits. It decides which texts are kept as they were written."""
    if format == BINARY_SI:
        room = -1 if fraction else 15 - len(whole) - exponent * 3 // 10 - 1
        scale, factor = 0, 1 << exponent
    else:
        room = 18 - len(whole) - len(fraction)
        scale, factor = exponent - len(fraction), 1
    if room < 0 or scale < _NANO:
        return None
    digits = whole + fraction
    number = int(digits)
    if format == BINARY_SI:
        kept = number & 7 != 0
    else:
        kept = scale % 3 == 0 and not digits.endswith("000") and digits[0] != "0"
    value = number * factor
    return Quantity(-value if negative else value, scale, format, text if kept else "")


def _exact(number: int, exponent: int, places: int, format: str, negative: bool) -> Quantity:
    if format == BINARY_SI:
        mantissa, scale = number << exponent, -places
    else:
        mantissa, scale = number, exponent - places
    if scale < _NANO:
        mantissa, scale = _scaled(mantissa, scale - _NANO), _NANO
    if format == BINARY_SI:
        if _scaled(mantissa, scale) > _MOST:
            mantissa, scale = _MOST, 0
        elif 0 < mantissa < 10**-scale:
            format = DECIMAL_SI
    return Quantity(-mantissa if negative else mantissa, scale, format)


def _scaled(mantissa: int, exponent: int) -> int:
    """`mantissa * 10**exponent` as an integer, rounded away from zero."""
    if exponent >= 0:
        return mantissa * int(10**exponent)
    whole, rest = divmod(abs(mantissa), int(10**-exponent))
    whole += rest > 0
    return whole if mantissa > 0 else -whole


def _align(a: Quantity, b: Quantity) -> tuple[int, int, int]:
    """Both mantissas at the smaller exponent."""
    exponent = min(a.exponent, b.exponent)
    return a.mantissa * 10 ** (a.exponent - exponent), b.mantissa * 10 ** (b.exponent - exponent), exponent


def _strip_tens(mantissa: int, exponent: int) -> tuple[int, int]:
    if mantissa == 0:
        return 0, 0
    while mantissa % 10 == 0:
        mantissa //= 10
        exponent += 1
    return mantissa, exponent


def _canonical(quantity: Quantity) -> str:
    """The shortest form without a fraction: the largest suffix that leaves the mantissa whole."""
    if quantity.mantissa == 0:
        return "0"
    if quantity.format == BINARY_SI and quantity.is_integer:
        whole = quantity.value()
        if not -1024 < whole < 1024:
            return _binary_text(whole)
    mantissa, exponent = _strip_tens(quantity.mantissa, quantity.exponent)
    excess = exponent % 3
    mantissa *= 10**excess
    exponent -= excess
    if quantity.format == DECIMAL_EXPONENT:
        return f"{mantissa}e{exponent}" if exponent else str(mantissa)
    return f"{mantissa}{_DECIMAL_SUFFIX.get(exponent, '')}"  # upstream too has no suffix beyond E


def _binary_text(whole: int) -> str:
    power = 0
    while whole % 1024 == 0:
        whole //= 1024
        power += 1
    return f"{whole}{_BINARY_SUFFIX.get(power, '')}"
