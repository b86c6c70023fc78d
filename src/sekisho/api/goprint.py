"""Go's `%v` of JSON values, which a few of upstream's messages carry: `map[a:1 b:[x y]]`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any


def go_print(value: Any) -> str:
    """A decoded JSON value as fmt prints it: maps sorted by key, strings bare, nil as `<nil>`."""
    if isinstance(value, str):
        return value
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return go_float(value)
    if isinstance(value, dict):
        return "map[" + " ".join(f"{k}:{go_print(v)}" for k, v in sorted(value.items())) + "]"
    if isinstance(value, list | tuple):
        return "[" + " ".join(map(go_print, value)) + "]"
    return str(value)


def go_float(value: float) -> str:
    """strconv's shortest `%g`: with an exponent below 1e-04 and from 1e+06 on."""
    if value == 0 or value != value or abs(value) == float("inf"):
        return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN", "-0.0": "-0"}.get(str(value), "0")
    sign, digits, shift = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(map(str, digits))
    exponent = len(text) - 1 + int(shift)
    minus = "-" if sign else ""
    if -4 <= exponent < 6:
        return minus + format(Decimal(repr(abs(value))).normalize(), "f")
    mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
    return f"{minus}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def go_type(value: Any) -> str:
    """The reflect type that Go gives a decoded JSON value."""
    names = {
        dict: "map[string]interface {}",
        list: "[]interface {}",
        str: "string",
        bool: "bool",
        int: "int64",
        float: "float64",
    }
    return names.get(type(value), "%!s(<nil>)")
