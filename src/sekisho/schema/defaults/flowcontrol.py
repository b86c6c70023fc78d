"""Defaults of flowcontrol.apiserver.k8s.io/v1."""

from __future__ import annotations

from sekisho.api.types import Object
from sekisho.schema.flowcontrol import EXEMPT

_QUEUING = (("queues", 64), ("handSize", 8), ("queueLengthLimit", 50))


def set_defaults_flow_schema(schema: Object) -> None:
    """Schemas without a precedence come in the middle."""
    spec: Object = schema.setdefault("spec", {})
    if not spec.get("matchingPrecedence"):
        spec["matchingPrecedence"] = 1000


def set_defaults_priority_level(level: Object) -> None:
    """Shares, lending and queues; the level named `exempt` always has its own part of the spec."""
    spec: Object = level.setdefault("spec", {})
    if level["metadata"].get("name") == EXEMPT and spec.get("exempt") is None:
        spec["exempt"] = {}
    exempt, limited = spec.get("exempt"), spec.get("limited")
    if exempt is not None:
        _fill(exempt, "nominalConcurrencyShares", 0)
        _fill(exempt, "lendablePercent", 0)
    if limited is not None:
        _fill(limited, "nominalConcurrencyShares", 30)
        _fill(limited, "lendablePercent", 0)
        queuing = (limited.get("limitResponse") or {}).get("queuing")
        if queuing is not None:
            for field, value in _QUEUING:
                if not queuing.get(field):
                    queuing[field] = value


def _fill(target: Object, field: str, value: int) -> None:
    if target.get(field) is None:
        target[field] = value
