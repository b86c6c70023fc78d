"""Conditions of Pods as the server itself writes them."""

from __future__ import annotations

from typing import Any

from sekisho.api.types import Object


def with_condition(status: Object, condition: Object, now: str) -> Object:
    """The pod status, copied, with a condition added or replaced; its transition time is kept while its
    status is."""
    conditions: list[Any] = list(status.get("conditions") or ())
    place = next((i for i, c in enumerate(conditions) if c.get("type") == condition["type"]), len(conditions))
    present = conditions[place] if place < len(conditions) else None
    same = present is not None and present.get("status") == condition["status"]
    since = present.get("lastTransitionTime") if same and present is not None else now
    new = {
        "type": condition["type"],
        "status": condition["status"],
        "lastProbeTime": None,
        "lastTransitionTime": since,
        **{key: condition[key] for key in ("reason", "message") if condition.get(key)},
    }
    conditions[place : place + 1] = [new]
    return {
        **{key: status[key] for key in ("observedGeneration", "phase") if key in status},
        "conditions": conditions,
        **{
            key: value
            for key, value in status.items()
            if key not in ("observedGeneration", "phase", "conditions")
        },
    }
