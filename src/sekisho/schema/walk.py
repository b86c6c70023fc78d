"""One decoding under way: the path walked, what was found on it, and errors in Go's words."""

from __future__ import annotations

from typing import Any

from sekisho.api.goformat import quote
from sekisho.schema.jsonvalue import number_text
from sekisho.schema.types import Field, Kind, Type

Segment = str | int | tuple[str]
"""A step of a path: a field's name, an index in a list, or a map's key (in a tuple)."""

MAX_PROBLEMS = 100


class DecodeError(ValueError):
    """A value that Go cannot decode; the text is Go's. `guessed` says that the text quotes a number whose
    spelling was not at hand."""

    def __init__(self, message: str, guessed: bool = False) -> None:
        super().__init__(message)
        self.guessed = guessed


class Mismatch(DecodeError):
    """A value of another type than the Go type it is for."""

    def __init__(self, value: Any, go_name: str, where: str, literal: bool = False) -> None:
        described = describe(value)
        if literal and described == "number":
            described = f"number {number_text(value)}"
        place = f"struct field {where}" if where else "value"
        super().__init__(
            f"json: cannot unmarshal {described} into Go {place} of type {go_name}",
            guessed=literal and type(value) is float,
        )
        self.value = value
        self.go_name = go_name
        self.literal = literal


def describe(value: Any) -> str:
    """What Go calls a JSON value in its messages."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "array"
    return "object" if isinstance(value, dict) else "number"


class Walk:
    """One decoding under way: where it is, what it found, and the first error that did not stop it.

    Go goes on after a value of the wrong type and reports the first one at the end, but stops at once when
    a type that reads itself (a time, a quantity) refuses its value; that error then wins.
    """

    __slots__ = ("path", "prefix", "problems", "root", "saved")

    def __init__(self, root: Type, prefix: str = "") -> None:
        self.root = root
        self.prefix = prefix
        self.path: list[Segment] = []
        self.problems: list[str] = []
        self.saved: DecodeError | None = None

    def report(self, problem: str, key: str) -> None:
        """Note a strict decoding error: `unknown field` or `duplicate field`."""
        text = f"{problem} {quote(self.location(key))}"
        if len(self.problems) < MAX_PROBLEMS and text not in self.problems:
            self.problems.append(text)

    def location(self, key: str) -> str:
        text = self.prefix
        for segment in (*self.path, key):
            if isinstance(segment, int):
                text += f"[{segment}]"
            else:
                name = segment if isinstance(segment, str) else segment[0]
                text += f".{name}" if text else name
        return text

    def context(self) -> str:
        """The place of an error in Go's words: the innermost struct, and all fields that led there."""
        names = [s for s in self.path if isinstance(s, str)]
        if not names:
            return ""
        owner, type_ = self.root, self.root
        for segment in self.path:
            if isinstance(segment, str):
                owner, type_ = type_, type_.fields[segment].type
            elif type_.element is not None:
                type_ = type_.element
        return f"{owner.go_name.rpartition('.')[2]}.{'.'.join(names)}"

    def mismatch(self, value: Any, go_name: str, literal: bool = False) -> Mismatch:
        return Mismatch(value, go_name, self.context(), literal)

    def save(self, error: DecodeError) -> None:
        """Keep the error for the end, unless there is one already."""
        if self.saved is None:
            self.saved = error


def merge(field: Field, old: Any, new: Any) -> Any:
    """What Go makes of a field that occurs twice: objects and maps are added to, the rest is replaced."""
    kind = field.type.kind
    if new is None:
        return None if field.pointer or kind in (Kind.LIST, Kind.MAP, Kind.BYTES) else old
    if kind is Kind.OBJECT and isinstance(old, dict) and isinstance(new, dict):
        return _merge_fields(field.type, old, new)
    if kind is Kind.MAP and isinstance(old, dict) and isinstance(new, dict):
        return {**old, **new}
    if kind is Kind.LIST and isinstance(old, list) and isinstance(new, list):
        element = field.type.element
        if element is not None and element.kind is Kind.OBJECT:
            return [
                _merge_fields(element, a, b) if isinstance(a, dict) and isinstance(b, dict) else b
                for a, b in zip(old, new, strict=False)
            ] + new[len(old) :]
    return new


def _merge_fields(type_: Type, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    out = dict(old)
    for key, value in new.items():
        known = type_.fields.get(key)
        out[key] = merge(known, out[key], value) if known is not None and key in out else value
    return out
