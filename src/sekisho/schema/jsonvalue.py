"""JSON values that remember what plain dicts and floats forget: repeated keys, and how a number was
written.

Go reports a repeated key and merges its values, and quotes a number it cannot take as the client wrote it.
The slow readers of bodies put these two classes where it matters; everything else sees a dict and a float.
"""

from __future__ import annotations

import math
from typing import Any


class RepeatedKeys(dict[str, Any]):
    """An object with a key that occurs more than once. As a dict it holds the last values; `pairs` has
    all."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


class Literal(float):
    """A number as it was written, for numbers whose text cannot be told from their value."""

    __slots__ = ("text",)
    text: str

    @classmethod
    def read(cls, text: str) -> Literal:
        number = cls(text)
        number.text = text
        return number


def number_text(value: float) -> str:
    """The number as the client wrote it, or else as Go's encoding/json would write it."""
    return value.text if isinstance(value, Literal) else go_number(value)


def go_number(value: float) -> str:
    """encoding/json's text of a number: the shortest digits, no exponent between 1e-6 and 1e21."""
    if isinstance(value, int):
        return str(value)
    mantissa, _, exponent = repr(float(value)).partition("e")
    if not exponent:
        return mantissa.removesuffix(".0")
    power = int(exponent)
    if not 1e-6 <= abs(value) < 1e21:
        return f"{mantissa}e{power:+03d}" if power > 0 else f"{mantissa}e{power}"
    sign = "-" if value < 0 else ""
    whole, _, fraction = mantissa.removeprefix("-").partition(".")
    digits = whole + fraction
    return sign + (
        digits.ljust(power + 1, "0") if power > 0 else "0." + digits.rjust(len(digits) - power - 1, "0")
    )


def go_float(value: float) -> int | float:
    """A float as JSON carries it on: whole numbers lose their fraction, as Go's encoder drops it."""
    if math.isfinite(value) and value.is_integer() and abs(value) < 1e21:
        return int(go_number(value))
    return float(value)


def normalize(value: Any, sort_keys: bool = False) -> Any:
    """A copy made of plain dicts, lists and numbers as Go re-encodes them: integers that do not fit 64 bits
    are floats, whole floats are integers. With `sort_keys` objects are ordered as Go orders maps."""
    if isinstance(value, dict):
        items = sorted(value.items()) if sort_keys else value.items()
        return {k: normalize(v, sort_keys) for k, v in items}
    if isinstance(value, list):
        return [normalize(v, sort_keys) for v in value]
    if isinstance(value, float):
        return go_float(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return go_float(float(value))
    return value
