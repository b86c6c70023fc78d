"""Defaults of networking.k8s.io/v1."""

from __future__ import annotations

from sekisho.api.types import Object


def set_defaults_network_policy(policy: Object) -> None:
    """Ports are TCP; a policy is about Ingress, and about Egress when it has such rules."""
    spec: Object = policy.get("spec") or {}
    for direction in ("ingress", "egress"):
        for rule in spec.get(direction) or ():
            for port in (rule or {}).get("ports") or ():
                if port.get("protocol") is None:
                    port["protocol"] = "TCP"
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
        policy["spec"] = spec


def set_defaults_ingress_class(ingress_class: Object) -> None:
    """Parameters are cluster-scoped unless they say otherwise."""
    parameters = (ingress_class.get("spec") or {}).get("parameters")
    if parameters is not None and parameters.get("scope") is None:
        parameters["scope"] = "Cluster"
