"""Field errors: where in an object something is wrong, and upstream's words for it.

Follows k8s.io/apimachinery/pkg/util/validation/field: each constructor makes one cause of a 422.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sekisho.api.goformat import compact_json, quote


class Path:
    """A field path such as `spec.containers[0].image` or `data[my.key]`."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def child(self, *names: str) -> Path:
        text = ".".join(names)
        return Path(f"{self._text}.{text}" if self._text else text)

    def index(self, i: int) -> Path:
        return Path(f"{self._text}[{i}]")

    def key(self, key: str) -> Path:
        return Path(f"{self._text}[{key}]")

    def __str__(self) -> str:
        return self._text or "<nil>"


class FieldError(NamedTuple):
    """One cause: `reason` is its machine word, `body` the text after the field."""

    field: str
    reason: str
    body: str

    def __str__(self) -> str:
        return f"{self.field}: {self.body}"


ErrorList = list[FieldError]


def render_value(value: Any) -> str:
    """How a bad value is printed: strings quoted as Go does, numbers and booleans plain, the rest as JSON."""
    if isinstance(value, str):
        return quote(value)
    if value is True:
        return "true"
    if value is False:
        return "false"
    return compact_json(value)


def required(path: Path, detail: str = "") -> FieldError:
    return FieldError(str(path), "FieldValueRequired", "Required value" + (f": {detail}" if detail else ""))


def invalid(path: Path, value: Any, detail: str) -> FieldError:
    return FieldError(str(path), "FieldValueInvalid", f"Invalid value: {render_value(value)}: {detail}")


def type_invalid(path: Path, value: Any, detail: str) -> FieldError:
    return FieldError(str(path), "FieldValueTypeInvalid", f"Invalid value: {render_value(value)}: {detail}")


def not_supported(path: Path, value: Any, supported: Iterable[str]) -> FieldError:
    body = f"Unsupported value: {render_value(value)}"
    listed = [quote(s) for s in supported]
    if listed:
        body += ": supported values: " + ", ".join(listed)
    return FieldError(str(path), "FieldValueNotSupported", body)


def forbidden(path: Path, detail: str = "") -> FieldError:
    return FieldError(str(path), "FieldValueForbidden", "Forbidden" + (f": {detail}" if detail else ""))


def duplicate(path: Path, value: Any) -> FieldError:
    return FieldError(str(path), "FieldValueDuplicate", f"Duplicate value: {render_value(value)}")


def not_found(path: Path, value: Any) -> FieldError:
    return FieldError(str(path), "FieldValueNotFound", f"Not found: {render_value(value)}")


def too_long(path: Path, limit: int) -> FieldError:
    unit = "byte" if limit == 1 else "bytes"
    return FieldError(str(path), "FieldValueTooLong", f"Too long: may not be more than {limit} {unit}")


def too_many(path: Path, actual: int, limit: int) -> FieldError:
    unit = "item" if limit == 1 else "items"
    return FieldError(str(path), "FieldValueTooMany", f"Too many: {actual}: must have at most {limit} {unit}")


def internal(path: Path, error: str) -> FieldError:
    return FieldError(str(path), "InternalError", f"Internal error: {error}")
