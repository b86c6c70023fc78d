"""Label selectors: the query string's little language, the LabelSelector object, and quick matching.

Follows k8s.io/apimachinery/pkg/labels: the same tokens, the same order of complaints, the same words.
A selector is immutable and hashable, so equal selectors of many watchers can share one decision; its
equalities are tested first because they fail soonest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sekisho.api import field, names
from sekisho.api.field import FieldError, Path
from sekisho.api.goformat import aggregate, quote
from sekisho.api.types import Requirement

Labels = Mapping[str, str]

IN, NOT_IN, EQUALS, NOT_EQUALS = "in", "notin", "=", "!="
EXISTS, DOES_NOT_EXIST, GREATER, LESS = "exists", "!", "gt", "lt"

_OPERATOR_OF_TOKEN = {
    "in": IN,
    "notin": NOT_IN,
    "=": EQUALS,
    "==": EQUALS,
    "!=": NOT_EQUALS,
    ">": GREATER,
    "<": LESS,
}
_OPERATOR_OF_OBJECT = {"In": IN, "NotIn": NOT_IN, "Exists": EXISTS, "DoesNotExist": DOES_NOT_EXIST}
_INT64 = re.compile("[+-]?[0-9]+")


class Selector:
    """A conjunction of requirements, sorted by key. `Nothing` is told apart by `selects_nothing`."""

    __slots__ = ("_equal", "_hash", "_rest", "requirements", "selects_nothing")

    def __init__(self, requirements: Iterable[Requirement] = (), *, selects_nothing: bool = False) -> None:
        self.requirements = tuple(sorted(requirements, key=lambda r: r.key))
        self.selects_nothing = selects_nothing
        self._equal = tuple((r.key, r.values[0]) for r in self.requirements if r.operator == EQUALS)
        self._rest = tuple(r for r in self.requirements if r.operator != EQUALS)
        self._hash = hash((self.requirements, selects_nothing))

    def matches(self, labels: Labels | None) -> bool:
        """Whether these labels are selected. `!=` and `notin` also select what lacks the key."""
        if self.selects_nothing:
            return False
        found = labels or _NO_LABELS
        for key, value in self._equal:
            if found.get(key) != value:
                return False
        return all(_matches(r, found.get(r.key)) for r in self._rest)

    @property
    def empty(self) -> bool:
        """Whether it selects everything."""
        return not self.requirements and not self.selects_nothing

    def requires_exact(self, key: str) -> str | None:
        """The one value that the label must have, when the first requirement on it says so."""
        for r in self.requirements:
            if r.key == key:
                return r.values[0] if r.operator in (EQUALS, IN) and len(r.values) == 1 else None
        return None

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Selector)
            and self.requirements == other.requirements
            and self.selects_nothing == other.selects_nothing
        )

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return ",".join(map(_requirement_text, self.requirements))

    def __repr__(self) -> str:
        return f"Selector({str(self)!r})"


_NO_LABELS: Labels = {}
EVERYTHING = Selector()
NOTHING = Selector(selects_nothing=True)


def _matches(requirement: Requirement, value: str | None) -> bool:
    _, operator, values = requirement
    if operator == IN:
        return value in values
    if operator in (NOT_EQUALS, NOT_IN):
        return value not in values
    if operator == EXISTS:
        return value is not None
    if operator == DOES_NOT_EXIST:
        return value is None
    number = None if value is None else _int64(value)
    limit = _int64(values[0])
    if number is None or limit is None:
        return False
    return number > limit if operator == GREATER else number < limit


def _int64(text: str) -> int | None:
    """Go's strconv.ParseInt in base 10."""
    if not _INT64.fullmatch(text) or len(text) > 100:
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None


_INFIX = {EQUALS: "=", NOT_EQUALS: "!=", GREATER: ">", LESS: "<"}


def _requirement_text(requirement: Requirement) -> str:
    key, operator, values = requirement
    if operator == EXISTS:
        return key
    if operator == DOES_NOT_EXIST:
        return "!" + key
    listed = ",".join(sorted(values))
    if operator in (IN, NOT_IN):
        return f"{key} {operator} ({listed})"
    return f"{key}{_INFIX[operator]}{listed}"


def requirement(key: str, operator: str, values: Iterable[str]) -> Requirement:
    """A checked requirement, values as given. Raises ValueError with upstream's field errors as text."""
    listed = tuple(values)
    problems: list[FieldError] = []
    path = Path()
    key_problems = names.qualified_name(key)
    if key_problems:
        problems.append(field.invalid(path.child("key"), key, "; ".join(key_problems)))
    path = path.child("values")
    if operator in (IN, NOT_IN) and not listed:
        problems.append(field.invalid(path, [], "for 'in', 'notin' operators, values set can't be empty"))
    if operator in (GREATER, LESS):
        for i, value in enumerate(listed):
            if _int64(value) is None:
                detail = "for 'Gt', 'Lt' operators, the value must be an integer"
                problems.append(field.invalid(path.index(i), value, detail))
    if operator in (EXISTS, DOES_NOT_EXIST) and listed:
        problems.append(
            field.invalid(path, list(listed), "values set must be empty for exists and does not exist")
        )
    for i, value in enumerate(listed):
        value_problems = names.label_value(value)
        if value_problems:
            problems.append(field.invalid(path.index(i).key(key), value, "; ".join(value_problems)))
    if problems:
        raise ValueError(aggregate(map(str, problems)))
    return Requirement(key, operator, listed)


def parse_selector(text: str) -> Selector:
    """The selector that a `labelSelector` query parameter spells. Raises ValueError with upstream's text."""
    return Selector(_Parser(text).parse()) if text else EVERYTHING


def selector_from_labels(labels: Labels) -> Selector:
    """The selector that wants exactly these values, unchecked (ReplicationController, Service)."""
    return Selector(Requirement(k, EQUALS, (v,)) for k, v in labels.items())


def selector_from_label_selector(selector: Mapping[str, Any] | None) -> Selector:
    """A `metav1.LabelSelector` object as a selector: none selects nothing, an empty one everything.

    Raises ValueError with upstream's text for a bad operator, key or value.
    """
    if selector is None:
        return NOTHING
    wanted = [requirement(k, EQUALS, (v,)) for k, v in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or ():
        operator = _OPERATOR_OF_OBJECT.get(expression.get("operator", ""))
        if operator is None:
            raise ValueError(
                f"{quote(expression.get('operator', ''))} is not a valid label selector operator"
            )
        wanted.append(requirement(expression.get("key", ""), operator, expression.get("values") or ()))
    return Selector(wanted)


_IDENTIFIER = ""
"""Type of an identifier token; all other tokens are their own type, and None is the end."""

_TOKEN = re.compile(r"[ \t\r\n]*(?:(==|!=|[=!(),<>])|([^=!(),<> \t\r\n\0]+))\0?")


def _scan(text: str) -> list[tuple[str | None, str]]:
    """(type, literal) of each token, the end included. A NUL ends the text where a token could begin."""
    tokens: list[tuple[str | None, str]] = []
    position = 0
    while match := _TOKEN.match(text, position):
        symbol, word = match.groups()
        literal: str = symbol or word
        tokens.append((literal if symbol or word in ("in", "notin") else _IDENTIFIER, literal))
        position = match.end()
    tokens.append((None, ""))
    return tokens


class _Parser:
    """Recursive descent over the tokens, in upstream's steps so that the first complaint is the same."""

    def __init__(self, text: str) -> None:
        self.tokens = _scan(text)
        self.position = 0

    def _peek(self) -> tuple[str | None, str]:
        """The next token where a key or value may stand: there `in` and `notin` are plain words."""
        kind, literal = self.tokens[self.position]
        return (_IDENTIFIER if kind in ("in", "notin") else kind), literal

    def _take(self) -> tuple[str | None, str]:
        token = self._peek()
        self.position += 1
        return token

    def parse(self) -> list[Requirement]:
        found: list[Requirement] = []
        while True:
            kind, literal = self._peek()
            if kind is None:
                return found
            if kind not in (_IDENTIFIER, "!"):
                raise ValueError(f"found '{literal}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self._requirement())
            except ValueError as error:
                raise ValueError(f"unable to parse requirement: {error}") from None
            kind, literal = self._take()
            if kind is None:
                return found
            if kind != ",":
                raise ValueError(f"found '{literal}', expected: ',' or 'end of string'")
            kind, literal = self._peek()
            if kind not in (_IDENTIFIER, "!"):
                raise ValueError(f"found '{literal}', expected: identifier after ','")

    def _requirement(self) -> Requirement:
        kind, key = self._take()
        negated = kind == "!"
        if negated:
            kind, key = self._take()
        if kind != _IDENTIFIER:
            raise ValueError(f"found '{key}', expected: identifier")
        problems = names.qualified_name(key)
        if problems:
            raise ValueError(str(field.invalid(Path(), key, "; ".join(problems))))
        if negated:
            return requirement(key, DOES_NOT_EXIST, ())
        if self._peek()[0] in (None, ","):
            return requirement(key, EXISTS, ())
        operator = self._operator()
        values = self._values() if operator in (IN, NOT_IN) else {self._value()}
        return requirement(key, operator, sorted(values))

    def _operator(self) -> str:
        kind, literal = self.tokens[self.position]
        self.position += 1
        operator = _OPERATOR_OF_TOKEN.get(kind or "")
        if operator is None:
            raise ValueError(f"found '{literal}', expected: in, notin, =, ==, !=, gt, lt")
        return operator

    def _value(self) -> str:
        if self._peek()[0] in (None, ","):
            return ""
        kind, literal = self._take()
        if kind != _IDENTIFIER:
            raise ValueError(f"found '{literal}', expected: identifier")
        return literal

    def _values(self) -> set[str]:
        kind, literal = self._take()
        if kind != "(":
            raise ValueError(f"found '{literal}' expected: '('")
        kind, literal = self._peek()
        if kind == ")":
            self.position += 1
            return {""}
        if kind not in (_IDENTIFIER, ","):
            raise ValueError(f"found '{literal}', expected: ',', ')' or identifier")
        return self._list()

    def _list(self) -> set[str]:
        """Values up to and with the closing parenthesis; nothing between two commas is the empty value."""
        values: set[str] = set()
        while True:
            kind, literal = self._take()
            following, next_literal = self._peek() if kind is not None else (None, "")
            if kind == _IDENTIFIER:
                values.add(literal)
                if following not in (",", ")"):
                    raise ValueError(f"found '{next_literal}', expected: ',' or ')'")
            elif kind == ",":
                if not values or following in (",", ")"):
                    values.add("")
            else:
                raise ValueError(f"found '{literal}', expected: ',', or identifier")
            if following == ")":
                self.position += 1
                return values
