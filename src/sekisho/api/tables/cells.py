"""Texts that cells of several kinds share: ages, selectors, shortened lists.

Values that are missing read as zero values, as in Go's structs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sekisho.api import time
from sekisho.api.labels import selector_from_label_selector
from sekisho.api.types import Object

NONE = "<none>"
UNSET = "<unset>"
UNKNOWN = "<unknown>"


def part(obj: Object, *path: str) -> Object:
    """The object at a path, empty where something is missing."""
    for key in path:
        obj = obj.get(key) or {}
    return obj


def name(obj: Object) -> str:
    return str(obj["metadata"].get("name", ""))


def marked_default(obj: Object, *annotations: str) -> str:
    """The name, with ` (default)` when an annotation says that the class is the default one."""
    found = obj["metadata"].get("annotations") or {}
    return name(obj) + (" (default)" if any(found.get(a) == "true" for a in annotations) else "")


def age(obj: Object, now: float) -> str:
    return since(obj["metadata"].get("creationTimestamp"), now)


def since(text: str | None, now: float) -> str:
    """The time that has passed since an RFC 3339 time."""
    if not text:
        return UNKNOWN
    moment = time.parse_time(text)
    return UNKNOWN if moment == time.ZERO else time.human_duration(now - moment)


def labels(found: Mapping[str, str] | None) -> str:
    """`k=v,k2=v2`, sorted."""
    return ",".join(f"{k}={v}" for k, v in sorted((found or {}).items())) or NONE


def label_selector(selector: Object | None) -> str:
    try:
        return str(selector_from_label_selector(selector)) or NONE
    except ValueError:
        return "<error>"


def containers(pod_template: Object) -> tuple[str, str]:
    """Names and images of a pod template's containers."""
    found = part(pod_template, "spec").get("containers") or []
    return (
        ",".join(c.get("name", "") for c in found),
        ",".join(c.get("image", "") for c in found),
    )


def shortened(items: Iterable[str], limit: int = 3, separator: str = ",", empty: str = UNSET) -> str:
    """The first few items, and how many more there are."""
    listed = list(items)
    text = separator.join(listed[:limit])
    if len(listed) > limit:
        return f"{text} + {len(listed) - limit} more..."
    return text or empty


def condition_status(obj: Object, type_: str) -> str:
    """The status of the first condition of a type, empty when there is none."""
    found = condition(obj, type_)
    return str(found.get("status", "")) if found else ""


def condition(obj: Object, type_: str) -> Object | None:
    found: list[Object] = part(obj, "status").get("conditions") or []
    return next((c for c in found if c.get("type") == type_), None)


def or_none(value: Any) -> str:
    return str(value) if value else NONE
