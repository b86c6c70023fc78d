"""The quality-of-service class of a pod (k8s.io/kubernetes/pkg/apis/core/helper/qos)."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.api.quantity import Quantity
from sekisho.api.types import Object

GUARANTEED = "Guaranteed"
BURSTABLE = "Burstable"
BEST_EFFORT = "BestEffort"

_COMPUTE = ("cpu", "memory")


def pod_qos(pod: Object) -> str:
    """The class that the status records, or else the one that the spec asks for."""
    return (pod.get("status") or {}).get("qosClass") or compute_pod_qos(pod.get("spec") or {})


def compute_pod_qos(spec: Object) -> str:
    """BestEffort without cpu and memory; Guaranteed when everything has limits that equal the requests.

    Resources of the pod itself decide alone where there are any; else containers and init containers do.
    """
    requests: dict[str, Quantity] = {}
    limits: dict[str, Quantity] = {}
    complete = True
    for resources in _considered(spec):
        _sum(requests, resources.get("requests"))
        limited = _sum(limits, resources.get("limits"))
        complete = complete and limited == len(_COMPUTE)
    if not requests and not limits:
        return BEST_EFFORT
    if complete and requests == limits:
        return GUARANTEED
    return BURSTABLE


def _considered(spec: Object) -> Iterator[Object]:
    if spec.get("resources") is not None:
        yield spec["resources"]
        return
    for field in ("containers", "initContainers"):
        for container in spec.get(field) or ():
            yield container.get("resources") or {}


def _sum(total: dict[str, Quantity], amounts: Object | None) -> int:
    """Add cpu and memory to `total`; returns how many of the two there are."""
    found = 0
    for name in _COMPUTE:
        amount = amounts.get(name) if amounts else None
        if amount is not None:
            quantity = Quantity.parse(amount)
            if quantity.sign > 0:
                total[name] = total[name] + quantity if name in total else quantity
                found += 1
    return found
