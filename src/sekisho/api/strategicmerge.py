"""Strategic merge patch: merge patch whose lists merge by key, steered by the type's tags and by directives.

Follows k8s.io/apimachinery/pkg/util/strategicpatch as the server uses it (null deletes and is then dropped,
parallel lists are applied). Errors are upstream's: a malformed directive is a 400, lists of lists are the
generic 422, all else is a 500 with the library's text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from sekisho.api import mergelist, status
from sekisho.api.encoding import copy
from sekisho.api.goformat import quote
from sekisho.api.goprint import go_print, go_type
from sekisho.api.types import Object

DIRECTIVE = "$patch"
RETAIN_KEYS = "$retainKeys"
DELETE_FROM_LIST = "$deleteFromPrimitiveList"
ELEMENT_ORDER = "$setElementOrder"

BAD_PRIMITIVE_LIST = "invalid patch format of primitive list"
BAD_RETAIN_KEYS = "invalid patch format of retainKeys"
BAD_ELEMENT_ORDER = "invalid patch format of setElementOrder list"


class PatchField(Protocol):
    """What merging asks of a field: its type and its two tags."""

    @property
    def type(self) -> PatchType: ...

    @property
    def patch_strategy(self) -> tuple[str, ...]: ...

    @property
    def patch_merge_key(self) -> str: ...


class PatchType(Protocol):
    """What merging asks of a type. `kind` is an enum whose values are `object`, `map`, `list`, ..."""

    @property
    def kind(self) -> Any: ...

    @property
    def go_name(self) -> str: ...

    @property
    def fields(self) -> Mapping[str, PatchField]: ...

    @property
    def element(self) -> PatchType | None: ...


def apply_strategic_merge_patch(doc: Object, patch: Object | None, type_: PatchType) -> Object:
    """A new document; the inputs are left alone. Raises StatusError as the module says."""
    merged: Object = copy(doc)
    return _merge_map(merged, copy(patch), type_) if patch else merged


def _go_kind(type_: PatchType) -> str:
    kind = getattr(type_.kind, "value", type_.kind)
    shapes = {"map": "map", "list": "slice", "bytes": "slice", "string": "string", "boolean": "bool"}
    return shapes.get(kind, "struct") if kind != "integer" else "int64"


def _lookup(type_: PatchType, key: str) -> PatchField:
    """The field of a struct that a key names; Go also takes another case of it."""
    found = type_.fields.get(key)
    if found is not None:
        return found
    kind = _go_kind(type_)
    if kind != "struct":
        text = f"merging an object in json but data type is not struct, instead is: {kind}"
        raise status.plain_error(text)
    folded = key.lower()
    for name, candidate in type_.fields.items():
        if name.lower() == folded:
            return candidate
    name = type_.go_name.rpartition(".")[2]
    raise status.plain_error(f"unable to find api field in struct {name} for the json field {quote(key)}")


def _lookup_list(type_: PatchType, key: str) -> tuple[PatchField, PatchType]:
    """The field of a list, and its elements' type."""
    field = _lookup(type_, key)
    element = field.type.element
    if _go_kind(field.type) != "slice":
        raise status.plain_error(f"expected slice or array type, but got: {_go_kind(type_)}")
    if element is not None and _go_kind(element) == "slice":
        raise status.plain_error("unexpected slice of slice")
    return field, element if element is not None else field.type


def _strategy(field: PatchField) -> str:
    """`merge`, `replace` or nothing; retainKeys only tells clients to send the directive."""
    others = [s for s in field.patch_strategy if s not in ("", "retainKeys")]
    return others[0] if others else ""


def _merge_map(original: Object, patch: Object, type_: PatchType) -> Object:
    """`original` with the patch merged in, in place; the patch is used up."""
    if DIRECTIVE in patch:
        return _apply_directive(patch)
    _retain_keys(original, patch)
    _merge_ordered_lists(original, patch, type_)
    for key, value in patch.items():
        deletes = key.startswith(DELETE_FROM_LIST)
        target = _field_of(key, DELETE_FROM_LIST, BAD_PRIMITIVE_LIST) if deletes else key
        if value is None:
            original.pop(target, None)
            continue
        present = original.get(target)
        if isinstance(present, dict) and isinstance(value, dict):
            original[target] = _merge_field(present, value, _lookup(type_, target))
        elif isinstance(present, list) and isinstance(value, list):
            field, element = _lookup_list(type_, target)
            if deletes or _strategy(field) == "merge":
                merge_key = field.patch_merge_key
                original[target] = _merge_list(present, value, element, merge_key, deletes)
            else:
                original[target] = value
        elif not deletes:
            _take(original, target, value)
    return original


def _apply_directive(patch: Object) -> Object:
    directive = patch[DIRECTIVE]
    if directive == "replace":
        return {k: v for k, v in patch.items() if k != DIRECTIVE}
    if directive == "delete":
        return {}
    raise _bad_directive(patch)


def _bad_directive(patch: Object) -> status.StatusError:
    directive = patch[DIRECTIVE]
    if not isinstance(directive, str):
        shown = "<nil>" if directive is None else f"{go_type(directive)}={go_print(directive)}"
        directive = f"%!s({shown})"  # what Go's %s makes of it
    return status.plain_error(f"unknown patch type: {directive} in map: {go_print(patch)}")


def _merge_field(present: Object, value: Object, field: PatchField) -> Object:
    return value if _strategy(field) == "replace" else _merge_map(present, value, field.type)


def _take(original: Object, key: str, value: Any) -> None:
    """Put in what has no counterpart of its kind: without its nulls and without what carries a directive."""
    value = _without_directives(_without_nulls(value))
    if value is _GONE:
        original.pop(key, None)
    else:
        original[key] = value


_GONE: Any = object()


def _without_nulls(value: Any) -> Any:
    """Objects lose their nulls at every level; lists keep theirs."""
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(v) for v in value] if isinstance(value, list) else value


def _without_directives(value: Any) -> Any:
    if isinstance(value, dict):
        if DIRECTIVE in value:
            return _GONE
        kept = {k: _without_directives(v) for k, v in value.items()}
        return {k: v for k, v in kept.items() if v is not _GONE}
    if isinstance(value, list):
        return [v for v in map(_without_directives, value) if v is not _GONE]
    return value


def _field_of(key: str, prefix: str, complaint: str) -> str:
    """The field that `<prefix>/<field>` is about."""
    found, slash, name = key.partition("/")
    if found != prefix or not slash:
        raise status.bad_request(complaint)
    return name


def _retain_keys(original: Object, patch: Object) -> None:
    """`$retainKeys`: the live map keeps only the listed keys, and the patch may set no others."""
    if RETAIN_KEYS not in patch:
        return
    listed = patch.pop(RETAIN_KEYS)
    if not isinstance(listed, list):
        raise status.bad_request(BAD_RETAIN_KEYS)
    for key, value in patch.items():
        directive = key.startswith((DELETE_FROM_LIST, ELEMENT_ORDER))
        if value is not None and not directive and key not in listed:
            raise status.bad_request(BAD_RETAIN_KEYS)
    for key in [k for k in original if k not in listed]:
        del original[key]


def _merge_ordered_lists(original: Object, patch: Object, type_: PatchType) -> None:
    """Each `$setElementOrder/<field>`: merge the field's list and put it in that order."""
    for key in [k for k in patch if k.startswith(ELEMENT_ORDER)]:
        order = patch.pop(key)
        target = _field_of(key, ELEMENT_ORDER, BAD_ELEMENT_ORDER)
        present, change = original.get(target), patch.get(target)
        for part in (order, *(x[target] for x in (original, patch) if target in x)):
            if not isinstance(part, list):
                raise status.plain_error(f"expected a []interface {{}}, but received a {go_type(part)}")
        field, element = _lookup_list(type_, target)
        merge_key = field.patch_merge_key
        if change:
            mergelist.check_order(change, order, merge_key)
        merged = _merged_before_ordering(present, change, field, element)
        if merged is None:
            continue
        server_order = present or []
        kind = mergelist.element_kind(server_order, change or [])
        listed, others = mergelist.partition(merged, order, merge_key)
        original[target] = mergelist.arrange(listed, others, order, server_order, merge_key, kind)
        patch.pop(target, None)


def _merged_before_ordering(
    present: list[Any] | None, change: list[Any] | None, field: PatchField, element: PatchType
) -> list[Any] | None:
    """The list's elements, still in no particular order; None when neither side has the list."""
    if change is None:
        return present
    if present is None:
        kept: list[Any] = _without_directives(change)
        return kept
    if _strategy(field) == "merge":
        return _merge_list(list(present), change, element, field.patch_merge_key, False)
    return change


def _merge_list(
    original: list[Any], patch: list[Any], element: PatchType, merge_key: str, deletes: bool
) -> list[Any]:
    """Both lists as one: elements of the patch in its order, live ones at their place beside them."""
    if not original and not patch:
        return original
    kind = mergelist.element_kind(original, patch)
    if kind is not dict:
        if deletes:
            return [v for v in original if not mergelist.contains(patch, v)]
        merged = mergelist.without_duplicates(original + patch)
    else:
        if not merge_key:
            raise status.plain_error(f"cannot merge lists without merge key for {_go_kind(element)}")
        original, patch = _apply_special_elements(original, patch, merge_key)
        merged = _merge_elements(original, patch, element, merge_key)
    listed, others = mergelist.partition(merged, patch, merge_key)
    return mergelist.arrange(listed, others, patch, original, merge_key, kind)


def _apply_special_elements(
    original: list[Any], patch: list[Any], merge_key: str
) -> tuple[list[Any], list[Any]]:
    """Carry out elements with `$patch`. Returns both lists without them; `replace` drops the live one."""
    plain, replace = [], False
    for item in patch:
        directive = item.get(DIRECTIVE) if DIRECTIVE in item else _GONE
        if directive is _GONE:
            plain.append(item)
        elif directive == "delete":
            if merge_key not in item:
                raise mergelist.no_merge_key(item, merge_key)
            wanted = item[merge_key]
            while (found := mergelist.find(original, merge_key, wanted)) is not None:
                original = original[:found] + original[found + 1 :]
        elif directive == "replace":
            replace = True
        elif directive == "merge":
            raise status.plain_error("merging lists cannot yet be specified in the patch")
        else:
            raise _bad_directive(item)
    return (plain, []) if replace else (original, plain)


def _merge_elements(original: list[Any], patch: list[Any], element: PatchType, merge_key: str) -> list[Any]:
    merged = list(original)
    for item in patch:
        if merge_key not in item:
            raise mergelist.no_merge_key(item, merge_key)
        found = mergelist.find(merged, merge_key, item[merge_key])
        if found is None:
            merged.append(item)
        else:
            merged[found] = _merge_map(merged[found], item, element)
    return merged
