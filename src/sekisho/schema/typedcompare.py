"""What a write changed: the fields that were added, modified and removed between two versions of an object.

This is structured-merge-diff's comparison, from which an ordinary write's ownership is computed; it runs on
every create and update, so equal parts are recognised by Python's own equality and never walked.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sekisho.schema import fieldset
from sekisho.schema.fieldset import LEAF, SELF, FieldSet
from sekisho.schema.typed import (
    FREE,
    below,
    element_type,
    index,
    is_associative,
    is_deduced,
    is_map,
    same,
    zero,
)
from sekisho.schema.types import Type

_ABSENT: Any = object()


class Comparison(NamedTuple):
    """Three canonical sets. A container that appears or vanishes is listed with all that is in it."""

    added: FieldSet
    modified: FieldSet
    removed: FieldSet

    @property
    def written(self) -> FieldSet:
        """What the newer version says and the older one did not."""
        return fieldset.union(self.modified, self.added)

    @property
    def is_same(self) -> bool:
        return not (self.added or self.modified or self.removed)

    def without(self, fields: FieldSet) -> Comparison:
        """Leaving out these fields and all below them."""
        if not fields:
            return self
        return Comparison(
            fieldset.recursive_difference(self.added, fields),
            fieldset.recursive_difference(self.modified, fields),
            fieldset.recursive_difference(self.removed, fields),
        )


def compare(type_: Type, old: dict[str, Any], new: dict[str, Any], *, strict: bool = True) -> Comparison:
    """Compare two objects of a type; `old` is `{}` for one that is created.

    Fields that Go always writes count as present with their zero value, so that a created object's `spec` is
    no new container. `strict` false says that true and 1 never stand for each other, which lets equal
    parts be skipped at once. Raises TypedError when an item of an associative list has no keys.
    """
    walk = _Walk(strict)
    walk.maps(type_, old, new)
    return Comparison(
        fieldset.canonical(walk.added), fieldset.canonical(walk.modified), fieldset.canonical(walk.removed)
    )


class _Walk:
    """The sets that one level contributes to; a level below gets a walk of its own."""

    __slots__ = ("added", "modified", "removed", "strict")

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.added: FieldSet = {}
        self.modified: FieldSet = {}
        self.removed: FieldSet = {}

    def maps(self, type_: Type, old: dict[str, Any], new: dict[str, Any]) -> None:
        strict = self.strict
        fields = type_.fields
        for key, value in new.items():
            before = old.get(key, _ABSENT)
            if before is value or (not strict and before == value):
                continue
            field = fields.get(key)
            if field is not None:
                child_type = field.type
                if before is _ABSENT and field.always:
                    before = zero(field)
            else:
                child_type = below(type_, key)[0] or FREE
            element = "f:" + key
            if before is _ABSENT:
                self.added[element] = _everything(child_type, value)
            else:
                self.both(element, child_type, before, value)
        for key, value in old.items():
            if key not in new:
                self.gone(type_, key, value)

    def gone(self, type_: Type, key: str, value: Any) -> None:
        field = type_.fields.get(key)
        if field is not None and field.always:
            self.both("f:" + key, field.type, value, zero(field))
        else:
            self.removed["f:" + key] = _everything(below(type_, key)[0] or FREE, value)

    def both(self, element: str, type_: Type, old: Any, new: Any) -> None:
        """A value that is there before and after. Neither becomes an owner of the container as such."""
        if is_map(type_, old) or is_map(type_, new):
            before = old if isinstance(old, dict) else {}
            after = new if isinstance(new, dict) else {}
            if before or after:
                changed = is_deduced(type_) and not _both_maps(old, new)
                walk = _Walk(self.strict)
                walk.maps(type_, before, after)
                self.take(element, walk, changed)
                return
        elif is_associative(type_) and (old or new):
            walk = _Walk(self.strict)
            walk.lists(type_, old or [], new or [])
            self.take(element, walk, False)
            return
        if not same(old, new):
            self.modified[element] = LEAF

    def take(self, element: str, walk: _Walk, changed: bool) -> None:
        if walk.added:
            self.added[element] = walk.added
        if walk.removed:
            self.removed[element] = walk.removed
        if changed:
            self.modified[element] = {SELF: LEAF, **walk.modified} if walk.modified else LEAF
        elif walk.modified:
            self.modified[element] = walk.modified

    def lists(self, type_: Type, old: list[Any], new: list[Any]) -> None:
        before, after = index(type_, old), index(type_, new)
        child_type = element_type(type_)
        for element, values in after.items():
            self.items(element, child_type, before.get(element, []), values)
        for element, values in before.items():
            if element not in after:
                self.items(element, child_type, values, [])

    def items(self, element: str, type_: Type, old: list[Any], new: list[Any]) -> None:
        """Items of one key. Where a key repeats, its items come and go as a whole."""
        if len(old) < 2 and len(new) < 2:
            if not old:
                self.added[element] = _everything(type_, new[0])
            elif not new:
                self.removed[element] = _everything(type_, old[0])
            elif old[0] is not new[0]:
                self.both(element, type_, old[0], new[0])
        elif len(old) >= 2 and len(new) >= 2:
            if not same(old, new):
                self.modified[element] = LEAF
        elif len(old) >= 2:
            if new:
                self.added[element] = _everything(type_, new[0])
            self.removed[element] = LEAF
        else:
            if old:
                self.removed[element] = _everything(type_, old[0])
            self.added[element] = LEAF


def _both_maps(old: Any, new: Any) -> bool:
    """Whether a deduced value was and is a map, null being any."""
    return (old is None or isinstance(old, dict)) and (new is None or isinstance(new, dict))


def _everything(type_: Type, value: Any) -> FieldSet:
    """The node of a value that appears or vanishes with all that is in it."""
    if not value:
        return LEAF
    if is_map(type_, value):
        node: FieldSet = {SELF: LEAF}
        fields = type_.fields
        for key, child in value.items():
            field = fields.get(key)
            child_type = field.type if field is not None else below(type_, key)[0] or FREE
            node["f:" + key] = _everything(child_type, child)
        return node
    if is_associative(type_):
        child_type = element_type(type_)
        node = {SELF: LEAF}
        for element, found in index(type_, value).items():
            node[element] = _everything(child_type, found[0]) if len(found) == 1 else LEAF
        return node
    return LEAF
