r"""Field selectors: `f=v`, `f==v`, `f!=v`, joined by commas; `\\`, `\,` and `\=` are escapes in values.

Follows k8s.io/apimachinery/pkg/fields. Which fields a kind offers is the registry's affair: it passes
a function that maps or refuses each name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sekisho.api.types import Requirement

EQUALS, NOT_EQUALS = "=", "!="


class FieldSelector:
    """A conjunction of terms, each one value that a field has or has not. Immutable and hashable."""

    __slots__ = ("_equal", "_hash", "_unequal", "terms")

    def __init__(self, terms: Iterable[Requirement] = ()) -> None:
        self.terms = tuple(terms)
        self._equal = tuple((t.key, t.values[0]) for t in self.terms if t.operator == EQUALS)
        self._unequal = tuple((t.key, t.values[0]) for t in self.terms if t.operator != EQUALS)
        self._hash = hash(self.terms)

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        return self.terms

    @property
    def empty(self) -> bool:
        """Whether it selects everything."""
        return not self.terms

    def matches(self, fields: Mapping[str, str]) -> bool:
        """Whether these field values are selected; a field that is not there is the empty string."""
        for key, value in self._equal:
            if fields.get(key, "") != value:
                return False
        return all(fields.get(key, "") != value for key, value in self._unequal)

    def requires_exact(self, field: str) -> str | None:
        """The value that the field must have, if the selector demands one."""
        return next((value for key, value in self._equal if key == field), None)

    def map_fields(self, convert: Callable[[str], str]) -> FieldSelector:
        """The same selector over other names; `convert` raises for a name it does not know."""
        return FieldSelector(Requirement(convert(t.key), t.operator, t.values) for t in self.terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldSelector) and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return ",".join(f"{t.key}{t.operator}{escape_value(t.values[0])}" for t in self.terms)

    def __repr__(self) -> str:
        return f"FieldSelector({str(self)!r})"


EVERYTHING = FieldSelector()


def parse_field_selector(text: str) -> FieldSelector:
    """The selector that a `fieldSelector` query parameter spells. Raises ValueError with upstream's text."""
    if not text:
        return EVERYTHING
    terms = []
    for part in sorted(_split(text)):
        if not part:
            continue
        key, operator, value = _split_term(part)
        if not operator:
            raise ValueError(f"invalid selector: '{text}'; can't understand '{part}'")
        terms.append(Requirement(key, operator, (unescape_value(value),)))
    return FieldSelector(terms)


def _split(text: str) -> list[str]:
    """At commas that no backslash escapes; the escapes stay."""
    if "\\" not in text:
        return text.split(",")
    parts, start, escaped = [], 0, False
    for i, c in enumerate(text):
        if escaped:
            escaped = False
        elif c == "\\":
            escaped = True
        elif c == ",":
            parts.append(text[start:i])
            start = i + 1
    parts.append(text[start:])
    return parts


def _split_term(term: str) -> tuple[str, str, str]:
    """(field, operator, value) at the first operator; the operator is empty when there is none."""
    for i, c in enumerate(term):
        if c == "=":
            return term[:i], EQUALS, term[i + 2 if term.startswith("==", i) else i + 1 :]
        if term.startswith("!=", i):
            return term[:i], NOT_EQUALS, term[i + 2 :]
    return "", "", ""


def escape_value(value: str) -> str:
    """A literal value as it is written in a field selector."""
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def unescape_value(value: str) -> str:
    """The literal that an escaped value stands for. Raises ValueError with upstream's text."""
    if not any(c in value for c in "\\,="):
        return value
    out, escaped = [], False
    for c in value:
        if escaped:
            if c not in "\\,=":
                raise ValueError(f"invalid field selector: invalid escape sequence: \\{c}")
            out.append(c)
            escaped = False
        elif c == "\\":
            escaped = True
        elif c in ",=":
            raise ValueError(f"invalid field selector: unescaped character in value: {ord(c)}")
        else:
            out.append(c)
    if escaped:
        raise ValueError("invalid field selector: invalid escape sequence: \\")
    return "".join(out)
