"""The structured merge of server-side apply: what is live, overlaid with what a manager wants."""

from __future__ import annotations

from typing import Any

from sekisho.schema.typed import (
    FREE,
    below,
    element_type,
    index,
    is_associative,
    is_map,
    item_element,
)
from sekisho.schema.types import Kind, Type


def merge(type_: Type, live: Any, config: Any) -> Any:
    """A new value; what is not touched is shared with `live` and `config`.

    Maps and associative lists merge, all else is replaced. Null and empty containers in the configuration
    leave what is live alone. Items keep the live order where the configuration says nothing about it, and
    follow the configuration among those that it lists. Raises TypedError when a live item has no keys.
    """
    if is_map(type_, config) or (config is None and is_map(type_, live)):
        before = live if isinstance(live, dict) else None
        after = config if isinstance(config, dict) else None
        return _merge_maps(type_, before, after) if before and after else before or config
    if is_associative(type_):
        items = live if isinstance(live, list) else None
        wanted = config if isinstance(config, list) else None
        return _merge_lists(type_, items, wanted) if items and wanted else items or config
    return config


def _merge_maps(type_: Type, live: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    out = dict(live)
    for key, wanted in config.items():
        if key in live:
            out[key] = merge(below(type_, key)[0] or FREE, live[key], wanted)
        else:
            out[key] = wanted
    return _in_order(type_, out) if len(out) > len(live) else out


def _in_order(type_: Type, value: dict[str, Any]) -> dict[str, Any]:
    """A struct's fields in Go's order, a map's keys sorted."""
    if type_.kind is Kind.OBJECT:
        fields = type_.fields
        last = len(fields)
        return dict(
            sorted(value.items(), key=lambda kv: (fields[kv[0]].index if kv[0] in fields else last, kv[0]))
        )
    return dict(sorted(value.items()))


def _merge_lists(type_: Type, live: list[Any], config: list[Any]) -> list[Any]:
    child_type = element_type(type_)
    wanted = {element: items[0] for element, items in index(type_, config).items()}
    present = index(type_, live)
    out: list[Any] = []
    for element, item in _merged_order(type_, live, present, list(wanted)):
        if element not in wanted:
            out.append(item)
        elif element not in present:
            out.append(wanted[element])
        else:
            found = present[element]
            # An item that live holds more than once is not merged with, but replaced by the one wanted.
            out.append(merge(child_type, found[0] if len(found) == 1 else None, wanted[element]))
    return out


def _merged_order(
    type_: Type, live: list[Any], present: dict[str, list[Any]], wanted: list[str]
) -> list[tuple[str, Any]]:
    """The elements of the merged list, each with its live item when it is taken over as it is."""
    elements = [item_element(type_, item) for item in live]
    asked = set(wanted)
    shared = [element for element in wanted if element in present]
    merged: set[str] = set()
    out: list[tuple[str, Any]] = []
    left = right = 0
    while left < len(elements) or right < len(wanted):
        if left < len(elements) and right < len(wanted):
            element = elements[left]
            if element == wanted[right]:
                out.append((element, None))
                merged.add(element)
                left, right, shared = left + 1, right + 1, shared[1:]
                continue
            if element in asked and shared and element != shared[0]:
                left += 1
                continue
        if left < len(elements):
            if elements[left] not in asked:
                out.append((elements[left], live[left]))
                left += 1
                continue
            if elements[left] in merged:
                left += 1
        if right < len(wanted):
            element = wanted[right]
            out.append((element, None))
            merged.add(element)
            right += 1
            if shared and shared[0] == element:
                shared = shared[1:]
    return out
