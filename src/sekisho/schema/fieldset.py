"""Sets of fields: which parts of an object somebody owns, as managedFields store them.

A set is kept in the very form of metav1.FieldsV1: nested dicts keyed by path elements
(structured-merge-diff's fieldpath, KEP-555). `f:<name>` is a field or a map's key, `k:<JSON>` an item of an
associative list, `v:<JSON>` a member of a set, `i:<n>` a position. `{}` below an element says that the
element itself belongs to the set; elements with further ones below them belong to it when they hold `"."`.

The trade-off: what is stored needs no parsing and what is computed no encoding, and stored sets are shared
by every version of an object. So a set is never changed in place, `LEAF` least of all. Every function takes
and returns canonical sets: elements in upstream's order, no empty branches. The empty set is `{}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import orjson

from sekisho.api.goformat import compact_json, quote

FieldSet = dict[str, Any]
Path = tuple[str, ...]
"""The elements from the root to a field."""

SELF = "."
LEAF: FieldSet = {}

_KINDS = {"f": 1, "k": 2, "v": 3, "i": 4}


def field(name: str) -> str:
    """The element of a struct's field or a map's key."""
    return "f:" + name


def item(keys: dict[str, Any]) -> str:
    """The element of an associative list's item. `keys` are its key fields in the order of their names."""
    return "k:{" + ",".join(f"{compact_json(name)}:{scalar_text(v)}" for name, v in keys.items()) + "}"


def member(value: Any) -> str:
    """The element of a set's member, which is a scalar."""
    return "v:" + scalar_text(value)


def scalar_text(value: Any) -> str:
    """A value as the JSON text that names it: numbers as Go writes a float64, strings with `<>&` escaped."""
    if isinstance(value, float):
        return _number_text(value, 21)
    return compact_json(value)


def number_text(value: float) -> str:
    """A number that came out of JSON, as Go's `%v` prints it."""
    return _number_text(float(value), 6)


def _number_text(value: float, threshold: int) -> str:
    """Shortest digits; an exponent from `threshold` on (21 in Go's JSON, 6 in its `%v`)."""
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(map(str, digits))
    zeros = int(exponent)
    point = len(digits) + zeros
    minus = "-" if sign else ""
    low = -6 if threshold == 21 else -4
    if low <= point - 1 < threshold:
        if point <= 0:
            return f"{minus}0.{'0' * -point}{text}"
        if zeros >= 0:
            return minus + text + "0" * zeros
        return f"{minus}{text[:point]}.{text[point:]}"
    mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
    width = 1 if threshold == 21 and point <= 0 else 2
    return f"{minus}{mantissa}e{'-' if point <= 0 else '+'}{abs(point - 1):0{width}d}"


def make(paths: Iterable[Path]) -> FieldSet:
    """The set of these paths. The empty path, the object as a whole, is never part of a set."""
    out: FieldSet = {}
    for path in paths:
        out = union(out, _single(path))
    return out


def _single(path: Path) -> FieldSet:
    out = LEAF
    for element in reversed(path):
        out = {element: out}
    return out


def is_member(node: FieldSet) -> bool:
    """Whether the element that `node` stands below belongs to the set itself."""
    return not node or SELF in node


def has(fields: FieldSet, path: Path) -> bool:
    if not path:
        return False
    node = fields
    for element in path:
        below = node.get(element)
        if below is None:
            return False
        node = below
    return is_member(node)


def paths(fields: FieldSet) -> Iterator[Path]:
    """Every path of the set; at each level the members come before what is below them, as in conflicts."""
    return _paths(fields, ())


def _paths(node: FieldSet, prefix: Path) -> Iterator[Path]:
    for element, below in node.items():
        if element != SELF and is_member(below):
            yield (*prefix, element)
    for element, below in node.items():
        if element != SELF and below:
            yield from _paths(below, (*prefix, element))


def union(a: FieldSet, b: FieldSet) -> FieldSet:
    """What is in either."""
    if not b:
        return a
    if not a:
        return b
    out: FieldSet | None = None
    grown = False
    for element, theirs in b.items():
        mine = a.get(element)
        joined = theirs if mine is None else _join(mine, theirs)
        if joined is mine:
            continue
        if out is None:
            out = dict(a)
        out[element] = joined
        grown = grown or mine is None
    if out is None:
        return a
    return _sorted(out) if grown else out


def _join(mine: FieldSet, theirs: FieldSet) -> FieldSet:
    if mine is theirs:
        return mine
    if not mine:
        return mine if not theirs else _with_self(theirs)
    return union(mine, theirs) if theirs else _with_self(mine)


def _with_self(node: FieldSet) -> FieldSet:
    return node if SELF in node else {SELF: LEAF, **node}


def difference(a: FieldSet, b: FieldSet) -> FieldSet:
    """What is in `a` and not in `b`: a parent without its child is the parent, and the other way round."""
    if a is b:
        return LEAF
    out: FieldSet | None = None
    for element, theirs in b.items():
        mine = a.get(element)
        if mine is None or element == SELF:
            continue
        left = _left(mine, theirs)
        if left is mine:
            continue
        if out is None:
            out = dict(a)
        if left is None:
            del out[element]
        else:
            out[element] = left
    return a if out is None else out


def _left(mine: FieldSet, theirs: FieldSet) -> FieldSet | None:
    owned = is_member(mine)
    stays = owned and not is_member(theirs)
    if not mine:
        return mine if stays else None
    return _settle(mine, difference(mine, theirs), owned, stays)


def _settle(mine: FieldSet, left: FieldSet, owned: bool, stays: bool) -> FieldSet | None:
    """`mine` with what is left below it and with or without itself; None when nothing is."""
    if owned and not stays:
        left = {element: below for element, below in left.items() if element != SELF}
    if len(left) == 1 and SELF in left:
        return LEAF
    return left or None


def recursive_difference(a: FieldSet, b: FieldSet) -> FieldSet:
    """`a` without every element that `b` holds and without all that is below those."""
    out: FieldSet | None = None
    for element, theirs in b.items():
        mine = a.get(element)
        if mine is None or element == SELF:
            continue
        left = None if is_member(theirs) else mine
        if left:
            below = recursive_difference(left, theirs)
            if below is mine:
                continue
            left = _settle(mine, below, SELF in mine, SELF in mine)
        elif left is mine:
            continue
        if out is None:
            out = dict(a)
        if left is None:
            del out[element]
        else:
            out[element] = left
    return a if out is None else out


def intersection(a: FieldSet, b: FieldSet) -> FieldSet:
    """What is in both."""
    if len(b) < len(a):
        a, b = b, a
    out: FieldSet = {}
    for element, mine in a.items():
        theirs = b.get(element)
        if theirs is None or element == SELF:
            continue
        common = _common(mine, theirs)
        if common is not None:
            out[element] = common
    return out


def _common(mine: FieldSet, theirs: FieldSet) -> FieldSet | None:
    if mine is theirs:
        return mine
    both = is_member(mine) and is_member(theirs)
    below = intersection(mine, theirs) if mine and theirs else LEAF
    if not below:
        return LEAF if both else None
    return {SELF: LEAF, **below} if both else below


def leaves(fields: FieldSet) -> FieldSet:
    """The set without the paths that have others of the set below them."""
    return {element: leaves(below) if below else LEAF for element, below in fields.items() if element != SELF}


def canonical(fields: FieldSet) -> FieldSet:
    """A well-formed set in upstream's order, in which computed sets have yet to be put."""
    if len(fields) < 2:
        return {element: canonical(below) if below else LEAF for element, below in fields.items()}
    return {element: canonical(fields[element]) if fields[element] else LEAF for element in _order(fields)}


def _sorted(fields: FieldSet) -> FieldSet:
    return {element: fields[element] for element in _order(fields)}


def _order(fields: FieldSet) -> list[str]:
    """`.` first, then names bytewise, items and members by their values, positions by number."""
    elements = sorted(fields)
    if elements[-1][0] > "f":
        elements.sort(key=_rank)
    return elements


def _rank(element: str) -> tuple[int, Any]:
    kind = _KINDS.get(element[0], 0) if element != SELF else 0
    text = element[2:]
    if kind < 2:
        return kind, text
    value = orjson.loads(text)
    if kind == 2:
        return kind, tuple((name, _value_rank(v)) for name, v in value.items())
    return kind, _value_rank(value)


def _value_rank(value: Any) -> tuple[int, Any]:
    """Upstream's order among values of several kinds: numbers, strings, booleans, lists, maps, null."""
    if isinstance(value, bool):
        return 2, value
    if isinstance(value, int | float):
        return 0, value
    if isinstance(value, str):
        return 1, value
    if isinstance(value, list):
        return 3, tuple(map(_value_rank, value))
    if isinstance(value, dict):
        return 4, tuple((name, _value_rank(v)) for name, v in sorted(value.items()))
    return 5, None


def parse(fields: object) -> FieldSet:
    """The set that a client's FieldsV1 means. Elements of unknown kinds are dropped. Raises ValueError."""
    node = _parse_node(fields)
    return node if node is not None and SELF not in node else _without_self(node or LEAF)


def _without_self(node: FieldSet) -> FieldSet:
    return {element: below for element, below in node.items() if element != SELF}


def _parse_node(value: object) -> FieldSet | None:
    if value is None:
        return LEAF
    if not isinstance(value, dict):
        raise ValueError("ReadMapCB: expect { or n")
    out: FieldSet = {}
    for key, below in value.items():
        if key == SELF:
            out[SELF] = LEAF
            continue
        element = _parse_element(key)
        if element is None:
            continue
        node = _parse_node(below) or LEAF
        out[element] = node if element not in out else _join(out[element], node)
    if len(out) == 1 and SELF in out:
        return LEAF
    return _sorted(out) if len(out) > 1 else out


def _parse_element(key: str) -> str | None:
    """The element in canonical spelling, None for a kind that a later version may know."""
    if len(key) < 2:
        raise ValueError("key must be 2 characters long:")
    if key[1] != ":":
        raise ValueError(f"missing colon: {key}")
    kind, text = key[0], key[2:]
    if kind == "f":
        return key
    if kind == "i":
        return f"i:{int(text)}"
    if kind not in _KINDS:
        return None
    value = orjson.loads(text)
    if kind == "v":
        return member(value)
    if not isinstance(value, dict):
        raise ValueError(f"expected an object: {text}")
    return item(dict(sorted(value.items())))


def path_text(path: Path) -> str:
    """How messages print a path: `.spec.containers[name="c"].image`, `[="x"]`, `[0]`."""
    return "".join(map(element_text, path))


def element_text(element: str) -> str:
    kind, text = element[0], element[2:]
    if kind == "f":
        return "." + text
    if kind == "i":
        return f"[{text}]"
    value = orjson.loads(text)
    if kind == "v":
        return f"[={_value_text(value)}]"
    return "[" + ",".join(f"{name}={_value_text(v)}" for name, v in value.items()) + "]"


def _value_text(value: Any) -> str:
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, list):
        return "[" + ",".join(map(_value_text, value)) + "]"
    if isinstance(value, dict):
        return "".join(f"{name}={_value_text(v)}" for name, v in value.items())
    return "null"
