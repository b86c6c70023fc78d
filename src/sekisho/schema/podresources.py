"""What a pod's containers need together (k8s.io/component-helpers/resource).

Init containers run one by one before the others, so only the largest of them counts; a sidecar runs on
beside those that follow it, and beside the containers.
"""

from __future__ import annotations

from sekisho.api.quantity import Quantity
from sekisho.api.types import Object
from sekisho.schema.podwalk import is_sidecar

Amounts = dict[str, Quantity]


def aggregate_container_requests(spec: Object) -> Amounts:
    """The requests of all containers of a pod spec, the pod's own level and its overhead left out."""
    return _aggregate(spec, "requests")


def aggregate_container_limits(spec: Object) -> Amounts:
    """As `aggregate_container_requests`, of limits."""
    return _aggregate(spec, "limits")


def _aggregate(spec: Object, field: str) -> Amounts:
    total: Amounts = {}
    for container in spec.get("containers") or ():
        _add(total, _amounts(container, field))
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in spec.get("initContainers") or ():
        amounts = _amounts(container, field)
        if is_sidecar(container):
            _add(total, amounts)
            _add(sidecars, amounts)
            _raise(peak, sidecars)
        else:
            _add(amounts, sidecars)
            _raise(peak, amounts)
    _raise(total, peak)
    return total


def _amounts(container: Object, field: str) -> Amounts:
    amounts = (container.get("resources") or {}).get(field) or {}
    return {name: Quantity.parse(amount) for name, amount in amounts.items()}


def _add(total: Amounts, more: Amounts) -> None:
    for name, amount in more.items():
        total[name] = total[name] + amount if name in total else amount


def _raise(floor: Amounts, other: Amounts) -> None:
    for name, amount in other.items():
        if name not in floor or amount > floor[name]:
            floor[name] = amount
