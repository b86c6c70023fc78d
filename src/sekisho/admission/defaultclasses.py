"""Which of several classes is the default: the newest of those marked so, by name among equals."""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.api.types import Object


def default_class(classes: Iterable[Object], annotations: tuple[str, ...]) -> str:
    """The name of the class; empty when none is marked with `true` by one of the annotations."""
    marked = [
        c for c in classes if any(c["metadata"].get("annotations", {}).get(a) == "true" for a in annotations)
    ]
    if not marked:
        return ""
    newest = max(c["metadata"]["creationTimestamp"] for c in marked)
    name: str = min(c["metadata"]["name"] for c in marked if c["metadata"]["creationTimestamp"] == newest)
    return name
