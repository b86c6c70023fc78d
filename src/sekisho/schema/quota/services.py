"""Services: counted, and by how many ports of nodes and load balancers they take."""

from __future__ import annotations

from sekisho.api.quantity import Quantity
from sekisho.api.types import Object
from sekisho.schema.quota.amounts import ONE, ZERO, Amounts
from sekisho.schema.quota.evaluator import Evaluator

_NODE_PORTS = "services.nodeports"
_LOAD_BALANCERS = "services.loadbalancers"


class ServiceEvaluator(Evaluator):
    """Updates count, too: a service may change its type."""

    def __init__(self) -> None:
        super().__init__("", "services")
        self.names = self.names | {"services", _NODE_PORTS, _LOAD_BALANCERS}

    def handles(self, operation: str, subresource: str) -> bool:
        return operation in ("CREATE", "UPDATE") and not subresource

    def usage(self, obj: Object, now: float) -> Amounts:
        spec: Object = obj.get("spec") or {}
        type_, ports = spec.get("type"), spec.get("ports") or []
        if type_ == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is False:
            ports = [port for port in ports if port.get("nodePort")]
        taken = len(ports) if type_ in ("NodePort", "LoadBalancer") else 0
        return {
            self.count_name: ONE,
            "services": ONE,
            _NODE_PORTS: Quantity(taken),
            _LOAD_BALANCERS: ONE if type_ == "LoadBalancer" else ZERO,
        }
