"""The order of a list that a strategic merge patch has merged.

Elements are scalars, or objects told apart by a merge key. The patch's order goes first; live elements it
does not name stay where they were relative to their neighbours. `merge_key` is empty for scalars.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sekisho.api import status
from sekisho.api.goprint import go_print, go_type
from sekisho.api.types import Object


def no_merge_key(item: Object, merge_key: str) -> status.StatusError:
    text = f"map: {go_print(item)} does not contain declared merge key: {merge_key}"
    return status.plain_error(text)


def _same(a: Any, b: Any) -> bool:
    """Go's comparison of two decoded scalars: `1`, `1.0` and `true` are three."""
    return type(a) is type(b) and not isinstance(a, dict | list) and bool(a == b)


def contains(items: Iterable[Any], value: Any) -> bool:
    return any(_same(item, value) for item in items)


def without_duplicates(items: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for item in items:
        if not contains(kept, item):
            kept.append(item)
    return kept


def element_kind(*lists: list[Any]) -> type:
    """The one type of all elements. Raises for a mixture, and the generic 422 for lists of lists."""
    kind: type | None = None
    for item in (item for items in lists for item in items):
        if kind is None:
            kind = type(item)
            if kind is list:
                raise status.generic_invalid()
        elif type(item) is not kind:
            raise status.plain_error(f"list element types are not identical: {go_print(list(lists))}")
    if kind is None:
        raise status.plain_error("no elements in any of the given slices")
    return kind


def find(items: list[Any], merge_key: str, value: Any) -> int | None:
    """Where the element with this key is."""
    for i, item in enumerate(items):
        if not isinstance(item, dict):
            raise status.plain_error(f"value for key {i} is not a map")
        if merge_key in item and _same(item[merge_key], value):
            return i
    return None


def check_order(patch: list[Any], order: list[Any], merge_key: str) -> None:
    """The patch's elements must occur in the order list, in its order; those with a directive need not."""
    if not patch or not order:
        return
    wanted = [_map(item) for item in patch] if merge_key else patch
    wanted = [item for item in wanted if not (merge_key and item.get("$patch") == "delete")]
    done = passed = 0
    while done < len(wanted) and passed < len(order):
        item = wanted[done]
        if isinstance(item, dict) and "$patch" in item:
            done += 1
            continue
        done += _same(_checked(item, merge_key), _checked(order[passed], merge_key))
        passed += 1
    if done < len(wanted) and passed >= len(order):
        raise status.plain_error(
            f"The order in patch list:\n{go_print(patch)}\n"
            f" doesn't match $setElementOrder list:\n{go_print(order)}\n"
        )


def _map(item: Any) -> Object:
    if not isinstance(item, dict):
        raise status.plain_error(f"expected a map[string]interface {{}}, but received a {go_type(item)}")
    return item


def _checked(item: Any, merge_key: str) -> Any:
    """The value that an element is told apart by."""
    if not merge_key:
        return item
    if merge_key not in _map(item):
        raise no_merge_key(item, merge_key)
    return item[merge_key]


def partition(merged: list[Any], by: list[Any], merge_key: str) -> tuple[list[Any], list[Any]]:
    """The elements that `by` names, and the others."""
    listed: list[Any] = []
    others: list[Any] = []
    for item in merged:
        value = _checked(item, merge_key)
        named = find(by, merge_key, value) is not None if merge_key else contains(by, value)
        (listed if named else others).append(item)
    return listed, others


def arrange(
    listed: list[Any],
    others: list[Any],
    order: list[Any],
    server_order: list[Any],
    merge_key: str,
    kind: type,
) -> list[Any]:
    """One list of both: each part in its own order; of two heads, that which the live list has first."""
    key = merge_key if kind is dict else ""
    listed, others = _sorted(listed, order, key), _sorted(others, server_order, key)
    places = [_checked(item, key) for item in server_order]
    out: list[Any] = []
    while listed and others:
        left, right = _place(places, others[0], key), _place(places, listed[0], key)
        before = left is not None and right is not None and left < right
        out.append((others if before else listed).pop(0))
    return out + listed + others


def _place(values: list[Any], item: Any, merge_key: str) -> int | None:
    wanted = _checked(item, merge_key)
    return next((i for i, value in enumerate(values) if _same(value, wanted)), None)


def _sorted(items: list[Any], order: list[Any], merge_key: str) -> list[Any]:
    """Stably in the order of `order`."""
    values = [_checked(item, merge_key) for item in order]
    last = len(values)

    def rank(item: Any) -> int:
        place = _place(values, item, merge_key)
        return last if place is None else place

    return sorted(items, key=rank)
