"""Defaults of Nodes."""

from __future__ import annotations

from sekisho.api.types import Object
from sekisho.schema.defaults.resources import round_resource_list


def set_defaults_node(node: Object) -> None:
    """What is there may be given out; the older field for one pod network repeats the first of the newer."""
    status = node.get("status")
    if status:
        for field in ("capacity", "allocatable"):
            if status.get(field):
                round_resource_list(status[field])
        if status.get("capacity") is not None and status.get("allocatable") is None:
            status["allocatable"] = dict(status["capacity"])
    spec = node.get("spec")
    if spec:
        network, networks = spec.get("podCIDR", ""), spec.get("podCIDRs") or []
        if network and (not networks or networks[0] != network):
            spec["podCIDRs"] = [network]
        elif networks and not network:
            spec["podCIDR"] = networks[0]
