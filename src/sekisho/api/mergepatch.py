"""JSON merge patch (RFC 7386) as upstream's library applies it (evanphx/json-patch)."""

from __future__ import annotations

from typing import Any

from sekisho.api import status
from sekisho.api.encoding import copy


def apply_merge_patch(doc: Any, patch: Any) -> Any:
    """A new document: nulls delete, objects merge, everything else replaces. The inputs are left alone.

    Raises 400 for a patch that is null or a scalar. A list, which the RFC allows, takes the document's place.
    """
    if isinstance(patch, dict):
        merged: dict[str, Any] = copy(doc)
        _merge(merged, copy(patch))
        return merged
    if isinstance(patch, list):
        return _without_nulls(copy(patch))
    raise status.bad_request("Invalid JSON Patch")


def _merge(doc: dict[str, Any], patch: dict[str, Any]) -> None:
    for key, value in patch.items():
        present = doc.get(key)
        if value is None:
            doc.pop(key, None)
        elif isinstance(present, dict):
            if isinstance(value, dict):
                _merge(present, value)
            else:
                doc[key] = value
        else:
            doc[key] = _without_nulls(value)


def _without_nulls(value: Any) -> Any:
    """What is new has nothing for its nulls to delete: they go, in objects; lists keep theirs."""
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_nulls(v) for v in value]
    return value
