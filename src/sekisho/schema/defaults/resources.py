"""Defaults of compute resources: amounts are rounded up to thousandths, requests follow limits."""

from __future__ import annotations

from sekisho.api.quantity import Quantity
from sekisho.api.types import Object

_MILLI = -3


def round_resources(resources: Object) -> None:
    """Round the lists of a ResourceRequirements."""
    for field in ("limits", "requests"):
        amounts = resources.get(field)
        if amounts:
            round_resource_list(amounts)


def round_resource_list(amounts: Object) -> None:
    """Round each amount up to milli scale, the finest that upstream stores."""
    for name, amount in amounts.items():
        quantity = Quantity.parse(amount)
        if quantity.exponent < _MILLI:
            amounts[name] = str(quantity.round_up(_MILLI))


def default_requests(resources: Object) -> None:
    """Give each limit without a request the request that equals it."""
    limits = resources.get("limits")
    if limits:
        requests = resources.get("requests") or {}
        if limits.keys() - requests.keys():
            resources["requests"] = dict(sorted({**limits, **requests}.items()))
