"""Whether the body of an apply request fits its type, in structured-merge-diff's words.

Those words print Go values, so this module spells values as Go's `%v`, `%#v` and `%T` do. Where upstream's
order is that of a Go map, the order here is the document's.
"""

from __future__ import annotations

from typing import Any

from sekisho.api.goformat import quote
from sekisho.schema import fieldset
from sekisho.schema.typed import (
    TypedError,
    below,
    element_type,
    is_associative,
    is_deduced,
    item_element,
)
from sekisho.schema.types import Kind, Type

_NUMBERS = frozenset({Kind.INTEGER, Kind.NUMBER})
_STRINGS = frozenset({Kind.STRING, Kind.BYTES, Kind.DURATION})

Problem = tuple[str, str]
"""Path and message."""


def problem(type_: Type, value: Any, *, duplicates: bool = False) -> str:
    """What is wrong with a value, as one text; empty when nothing is. `duplicates` lets list keys repeat."""
    found = _check(type_, value, duplicates)
    texts = [f"{path}: {message}" if path else message for path, message in found]
    if len(texts) < 2:
        return texts[0] if texts else ""
    return "\n".join(["errors:", *(f"  {text}" for text in texts)])


def _check(type_: Type, value: Any, duplicates: bool) -> list[Problem]:
    kind = type_.kind
    if value is None or is_deduced(type_) or kind is Kind.RAW_OBJECT:
        return []
    if kind is Kind.LIST:
        return _check_list(type_, value, duplicates)
    if kind in (Kind.OBJECT, Kind.MAP, Kind.FIELDS_V1):
        return _check_map(type_, value, duplicates)
    message = _scalar_problem(kind, type_.format, value)
    return [("", message)] if message else []


def _scalar_problem(kind: Kind, format_: str, value: Any) -> str:
    if kind in _NUMBERS:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        return "" if fits else f"expected numeric (int or float), got {_go_type(value)}"
    if kind is Kind.BOOLEAN:
        return "" if isinstance(value, bool) else f"expected boolean, got {_boxed(value)}"
    if kind in _STRINGS and format_ in ("", "byte"):
        if isinstance(value, str):
            return ""
        return f"expected string, got &value.valueUnstructured{{Value:{_go_syntax(value)}}}"
    return f"expected any scalar, got {_boxed(value)}" if isinstance(value, dict | list) else ""


def _check_list(type_: Type, value: Any, duplicates: bool) -> list[Problem]:
    if not isinstance(value, list):
        return [("", f"expected list, got {_boxed(value)}")]
    out: list[Problem] = []
    child_type = element_type(type_)
    associative = is_associative(type_)
    seen: set[str] = set()
    for i, item in enumerate(value):
        element = f"i:{i}"
        if associative:
            try:
                element = item_element(type_, item)
            except TypedError as e:
                out.append(("", f"element {i}: {e}"))
                return out
            if element in seen and not duplicates:
                out.append(("", f"duplicate entries for key {fieldset.element_text(element)}"))
            seen.add(element)
        out.extend(_below(element, _check(child_type, item, duplicates)))
    return out


def _check_map(type_: Type, value: Any, duplicates: bool) -> list[Problem]:
    if not isinstance(value, dict):
        return [("", f"expected map, got {_boxed(value)}")]
    out: list[Problem] = []
    for key, child in value.items():
        element = fieldset.field(key)
        child_type, _ = below(type_, key)
        if child_type is None:
            out.extend(_below(element, [("", "field not declared in schema")]))
            return out
        out.extend(_below(element, _check(child_type, child, duplicates)))
    return out


def _below(element: str, problems: list[Problem]) -> list[Problem]:
    if not problems:
        return problems
    prefix = fieldset.element_text(element)
    return [(prefix + path, message) for path, message in problems]


def _boxed(value: Any) -> str:
    """`%v` of upstream's wrapper around a value."""
    return "&{" + _go_value(value) + "}"


def _go_value(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "[" + " ".join(map(_go_value, value)) + "]"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{k}:{_go_value(v)}" for k, v in sorted(value.items())) + "]"
    return "<nil>" if value is None else _go_plain(value)


def _go_syntax(value: Any) -> str:
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, list):
        return "[]interface {}{" + ", ".join(map(_go_syntax, value)) + "}"
    if isinstance(value, dict):
        return (
            "map[string]interface {}{"
            + ", ".join(f"{quote(k)}:{_go_syntax(v)}" for k, v in sorted(value.items()))
            + "}"
        )
    return "interface {}(nil)" if value is None else _go_plain(value)


def _go_plain(value: bool | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return fieldset.number_text(value)


def _go_type(value: Any) -> str:
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "bool"
    return "[]interface {}" if isinstance(value, list) else "map[string]interface {}"
