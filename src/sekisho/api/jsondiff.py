"""What changed between two JSON values, as RFC 6902 operations: enough to show, and to get from one to the other."""

from __future__ import annotations

from typing import Any

from sekisho.api.types import Object


def changes(before: Any, after: Any, path: str = "") -> list[Object]:
    """The operations that turn `before` into `after`, fields in order of appearance. Lists are compared by place:
    what was put into the middle shows as changes of all that follows."""
    if before == after and type(before) is type(after):
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        return _object_changes(before, after, path)
    if isinstance(before, list) and isinstance(after, list):
        return _list_changes(before, after, path)
    return [{"op": "replace", "path": path, "value": after}]


def _object_changes(before: Object, after: Object, path: str) -> list[Object]:
    out: list[Object] = [{"op": "remove", "path": _child(path, key)} for key in before if key not in after]
    for key, value in after.items():
        here = _child(path, key)
        if key in before:
            out += changes(before[key], value, here)
        else:
            out.append({"op": "add", "path": here, "value": value})
    return out


def _list_changes(before: list[Any], after: list[Any], path: str) -> list[Object]:
    out: list[Object] = []
    for i, (old, new) in enumerate(zip(before, after, strict=False)):
        out += changes(old, new, f"{path}/{i}")
    out += [{"op": "remove", "path": f"{path}/{i}"} for i in range(len(before) - 1, len(after) - 1, -1)]
    out += [{"op": "add", "path": f"{path}/{i}", "value": after[i]} for i in range(len(before), len(after))]
    return out


def _child(path: str, key: str) -> str:
    return f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
