"""Numbers that are given as such or as a percentage of a total, and Go's way to round. Pure arithmetic."""

from __future__ import annotations


def scaled(value: int | str | None, total: int, *, round_up: bool) -> int:
    """`3` as it is, `"25%"` of `total`; None is 0. Raises ValueError for other texts."""
    if value is None:
        return 0
    if isinstance(value, int):
        return value
    if not value.endswith("%"):
        raise ValueError("invalid value for IntOrString: invalid type: string is not a percentage")
    product = int(value[:-1]) * total
    return -(-product // 100) if round_up else product // 100


def round_half_away(numerator: int, denominator: int) -> int:
    """A fraction to the nearest integer; halves go away from zero, as Go's math.Round has it."""
    sign = -1 if (numerator < 0) != (denominator < 0) else 1
    numerator, denominator = abs(numerator), abs(denominator)
    return sign * ((2 * numerator + denominator) // (2 * denominator))
