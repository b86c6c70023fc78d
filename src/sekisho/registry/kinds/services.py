"""Services: cluster IPs and node ports are given out before validation and taken back with the Service."""

from __future__ import annotations

from typing import Any

from sekisho.api import names
from sekisho.api.field import ErrorList
from sekisho.api.types import Object
from sekisho.registry.ipallocator import ServiceAddresses
from sekisho.registry.kinds.servicealloc import Allocation
from sekisho.registry.portallocator import NodePorts
from sekisho.registry.strategy import Context, Finish, StatusStrategy, Strategy
from sekisho.schema.defaults.service import set_defaults_service
from sekisho.schema.servicefacts import (
    NO_IP,
    is_externally_accessible,
    needs_cluster_ip,
    needs_health_check,
    needs_node_ports,
    node_ports,
)
from sekisho.schema.validation.service import (
    validate_service,
    validate_service_status,
    validate_service_update,
)
from sekisho.schema.validation.servicewarnings import service_status_warnings, service_warnings


class ServiceStrategy(Strategy):
    field_labels = frozenset(("spec.clusterIP", "spec.type"))

    def configure(self, settings: Any) -> None:
        self._addresses = ServiceAddresses(settings.service_cidrs)
        self._ports = NodePorts()

    def default(self, obj: Object) -> None:
        set_defaults_service(obj)

    def name_errors(self, name: str) -> list[str]:
        return names.dns1123_label(name)

    async def begin_create(self, ctx: Context, obj: Object) -> Finish | None:
        spec = obj["spec"]
        if spec.get("clusterIP") and not spec.get("clusterIPs"):
            spec["clusterIPs"] = [spec["clusterIP"]]
        return await self._begin(ctx).create(obj)

    async def begin_update(self, ctx: Context, new: Object, old: Object) -> Finish | None:
        _adopt_allocated(new["spec"], old["spec"])
        _synchronise_addresses(new["spec"], old["spec"])
        return await self._begin(ctx).update(new, old)

    def _begin(self, ctx: Context) -> Allocation:
        ports = self._ports.begin(ctx.registry.lookup_all("services"), ctx.random)
        return Allocation(ctx, self._addresses, ports)

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_service(obj, None)

    def warnings_on_create(self, ctx: Context, obj: Object) -> list[str]:
        return service_warnings(obj)

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        super().prepare_for_update(ctx, new, old)
        _drop_what_the_type_needs_not(new, old)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_service_update(new, old)

    def warnings_on_update(self, ctx: Context, new: Object, old: Object) -> list[str]:
        return service_warnings(new)

    async def after_delete(self, ctx: Context, obj: Object) -> None:
        addresses = [address for address in obj["spec"].get("clusterIPs") or () if address != NO_IP]
        await self._addresses.release(ctx, addresses, obj)

    def fields(self, obj: Object) -> dict[str, str]:
        spec: Object = obj.get("spec") or {}
        return {"spec.clusterIP": spec.get("clusterIP", ""), "spec.type": spec.get("type", "")}


class ServiceStatusStrategy(StatusStrategy):
    """What load balancers report."""

    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_service_status(new, old)

    def warnings_on_update(self, ctx: Context, new: Object, old: Object) -> list[str]:
        return service_status_warnings(new)


def _adopt_allocated(spec: Object, before: Object) -> None:
    """Put in what was given out and the client did not send, so that it may send the same thing twice."""
    if needs_cluster_ip(spec) and needs_cluster_ip(before):
        if not spec.get("clusterIP") and before.get("clusterIP"):
            spec["clusterIP"] = before["clusterIP"]
        if not spec.get("clusterIPs") and spec.get("clusterIP") == before.get("clusterIP"):
            spec["clusterIPs"] = list(before.get("clusterIPs") or ())
    if needs_node_ports(spec) and needs_node_ports(before):
        _adopt_node_ports(spec.get("ports") or [], before.get("ports") or [])
    if needs_health_check(spec) and needs_health_check(before) and not spec.get("healthCheckNodePort"):
        spec["healthCheckNodePort"] = before.get("healthCheckNodePort", 0)


def _adopt_node_ports(ports: list[Object], before: list[Object]) -> None:
    """Ports are told apart by their names."""
    known = {port.get("name", ""): port.get("nodePort", 0) for port in before}
    used = {port.get("nodePort", 0) for port in ports} & set(known.values())
    for port in ports:
        number = known.get(port.get("name", ""), 0)
        if not port.get("nodePort") and number and number not in used:
            port["nodePort"] = number
            used.add(number)


def _synchronise_addresses(spec: Object, before: Object) -> None:
    """Old clients know clusterIP only: what they do to it is done to clusterIPs."""
    first, stored_first = spec.get("clusterIP", ""), before.get("clusterIP", "")
    addresses, stored = spec.get("clusterIPs") or [], before.get("clusterIPs") or []
    if stored and not addresses and first == stored_first:
        spec["clusterIPs"] = list(stored)
    if first != stored_first and addresses == stored:
        if stored_first and not first:
            spec.pop("clusterIPs", None)
        else:
            spec["clusterIPs"] = [first]


def _drop_what_the_type_needs_not(new: Object, old: Object) -> None:
    """A change of type takes away the fields that came with the old one and were left as they are."""
    spec, before = new["spec"], old["spec"]

    def drop(field: str) -> None:
        if spec.get(field) == before.get(field):
            spec.pop(field, None)

    if needs_cluster_ip(before) and not needs_cluster_ip(spec):
        if (spec.get("clusterIPs") or []) == (before.get("clusterIPs") or []):
            spec.pop("clusterIP", None)
        for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            drop(field)
    if needs_node_ports(before) and not needs_node_ports(spec) and _same_node_ports(spec, before):
        for port in spec.get("ports") or ():
            port.pop("nodePort", None)
    if needs_health_check(before) and not needs_health_check(spec):
        drop("healthCheckNodePort")
    if before.get("type") == "LoadBalancer" != spec.get("type"):
        drop("allocateLoadBalancerNodePorts")
        drop("loadBalancerClass")
    if is_externally_accessible(before) and not is_externally_accessible(spec):
        drop("externalTrafficPolicy")
    if spec.get("type") != "LoadBalancer":
        new["status"] = {**(new.get("status") or {}), "loadBalancer": {}}


def _same_node_ports(spec: Object, before: Object) -> bool:
    ports, stored = (set(node_ports({"ports": s.get("ports")})) for s in (spec, before))
    return ports == stored
