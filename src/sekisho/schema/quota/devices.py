"""ResourceClaims: counted, and charged for the most devices of each class that they may be given."""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.api.quantity import Quantity
from sekisho.api.types import Object
from sekisho.schema.quota.amounts import ONE, Amounts, added
from sekisho.schema.quota.evaluator import Evaluator

_SUFFIX = ".deviceclass.resource.k8s.io/devices"
_MOST_DEVICES = 32
"""What a request for all devices may be given: as many results as an allocation can have."""


class DeviceClaimEvaluator(Evaluator):
    def __init__(self) -> None:
        super().__init__("resource.k8s.io", "resourceclaims")

    def handles(self, operation: str, subresource: str) -> bool:
        return operation in ("CREATE", "UPDATE") and not subresource

    def matching(self, names: Iterable[str]) -> list[str]:
        return sorted(name for name in names if name in self.names or name.endswith(_SUFFIX))

    def usage(self, obj: Object, now: float) -> Amounts:
        out: Amounts = {self.count_name: ONE}
        for request in ((obj.get("spec") or {}).get("devices") or {}).get("requests") or ():
            if request.get("exactly") is not None:
                out = added(out, _charge(request["exactly"]))
            most: Amounts = {}
            for part in request.get("firstAvailable") or ():
                for name, amount in _charge(part).items():
                    most[name] = max(amount, most.get(name, amount))
            out = added(out, most)
        return out


def _charge(request: Object) -> Amounts:
    count = _MOST_DEVICES if request.get("allocationMode") == "All" else request.get("count", 0)
    return {request.get("deviceClassName", "") + _SUFFIX: Quantity(count)}
