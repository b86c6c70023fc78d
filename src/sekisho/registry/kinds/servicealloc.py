"""Giving a Service its address families, cluster IPs and node ports (pkg/registry/core/service/storage)."""

from __future__ import annotations

from typing import NoReturn

from sekisho.api import status
from sekisho.api.addresses import is_ipv6
from sekisho.api.field import ErrorList, Path, invalid
from sekisho.api.types import GroupVersionKind, Object
from sekisho.registry.ipallocator import AddressError, ServiceAddresses
from sekisho.registry.portallocator import PortError, PortOperation
from sekisho.registry.strategy import Context, Finish
from sekisho.schema.servicefacts import (
    NO_IP,
    allocates_node_ports,
    is_headless,
    needs_cluster_ip,
    needs_health_check,
    needs_node_ports,
    node_ports,
)
from sekisho.schema.validation.clusterips import validate_address_fields

_SERVICE = GroupVersionKind("", "v1", "Service")
_SPEC = Path("spec")
_POLICY = _SPEC.child("ipFamilyPolicy")
_SINGLE, _PREFER, _REQUIRE = "SingleStack", "PreferDualStack", "RequireDualStack"


class Allocation:
    """What one write of a Service takes, and what it gives back when it succeeds."""

    def __init__(self, ctx: Context, addresses: ServiceAddresses, ports: PortOperation) -> None:
        self._ctx = ctx
        self._addresses = addresses
        self._ports = ports
        self._taken: list[str] = []
        self._dropped: list[str] = []

    async def create(self, service: Object) -> Finish:
        return await self._begin(service, None)

    async def update(self, service: Object, old: Object) -> Finish:
        return await self._begin(service, old)

    async def _begin(self, service: Object, old: Object | None) -> Finish:
        self._name = service["metadata"].get("name", "")
        spec = service["spec"]

        async def finish(done: bool) -> None:
            self._ports.end()
            await self._addresses.release(self._ctx, self._dropped if done else self._taken, service)
            self._addresses.settle(self._taken)

        try:
            if needs_cluster_ip(spec) and not (old and _keeps_preferred(spec, old["spec"])):
                self._settle_families(spec, old["spec"] if old else None)
            if old is None:
                await self._allocate_addresses(service)
                self._allocate_ports(spec)
            else:
                await self._update_addresses(service, old["spec"])
                self._update_ports(spec, old["spec"])
        except BaseException:
            await finish(False)
            raise
        return finish

    def _refuse(self, errors: ErrorList) -> None:
        if errors:
            raise status.invalid(_SERVICE, self._name, errors)

    def _refuse_port(self, index: int, port: int, error: PortError) -> NoReturn:
        at = _SPEC.child("ports").index(index).child("nodePort")
        raise status.invalid(_SERVICE, self._name, [invalid(at, port, str(error))])

    def _settle_families(self, spec: Object, before: Object | None) -> None:
        """Fill in policy and families; addresses say what families do not."""
        nameless = spec.get("clusterIP") == NO_IP and not spec.get("selector")
        if spec.get("ipFamilyPolicy") is None:
            stored = (before or {}).get("ipFamilyPolicy")
            spec["ipFamilyPolicy"] = stored or (_REQUIRE if nameless else _SINGLE)
        self._refuse(validate_address_fields(spec, before or {}))
        errors = _shrink(spec, before) if before else []
        errors += _check_policy(spec)
        errors += self._infer_families(spec)
        self._refuse(errors)
        families: list[str] = spec.get("ipFamilies") or []
        configured = self._addresses.families
        if not nameless:
            self._refuse(_check_configured(spec, families, configured))
        families = families or [configured[0]]
        dual = spec["ipFamilyPolicy"] != _SINGLE
        if dual and len(families) == 1 and (nameless or len(configured) == 2):
            families = [families[0], "IPv6" if families[0] == "IPv4" else "IPv4"]
        spec["ipFamilies"] = families

    def _infer_families(self, spec: Object) -> ErrorList:
        errors: ErrorList = []
        families: list[str] = list(spec.get("ipFamilies") or ())
        addresses: list[str] = spec.get("clusterIPs") or []
        for i, address in enumerate(addresses):
            if address == NO_IP:
                break
            family = "IPv6" if is_ipv6(address) else "IPv4"
            if i < len(families):
                continue
            if family in self._addresses.families:
                families.append(family)
            else:
                at = _SPEC.child("clusterIPs").index(i)
                errors.append(invalid(at, addresses, f"{family} is not configured on this cluster"))
        if families:
            spec["ipFamilies"] = families
        return errors

    async def _allocate_addresses(self, service: Object) -> None:
        spec = service["spec"]
        if not needs_cluster_ip(spec) or (spec.get("clusterIPs") or [""])[0] == NO_IP:
            return
        families, given = spec["ipFamilies"], spec.get("clusterIPs") or []
        wanted = [given[i] if i < len(given) else "" for i in range(len(families))]
        spec["clusterIPs"] = wanted
        for i, family in enumerate(families):
            wanted[i] = await self._take(service, family, wanted[i])
        spec["clusterIP"] = wanted[0]

    async def _take(self, service: Object, family: str, address: str) -> str:
        addresses = self._addresses
        try:
            if address:
                taken = await addresses.allocate(self._ctx, address, service)
            else:
                taken = await addresses.allocate_next(self._ctx, family, service)
        except AddressError as error:
            if not address:
                raise status.internal_error(f"failed to allocate a serviceIP: {error}") from error
            detail = f"failed to allocate IP {address}: {error}"
            listed = invalid(_SPEC.child("clusterIPs"), service["spec"]["clusterIPs"], detail)
            raise status.invalid(_SERVICE, self._name, [listed]) from error
        if not self._ctx.dry_run:
            self._taken.append(taken)
        return address or taken

    async def _update_addresses(self, service: Object, before: Object) -> None:
        spec = service["spec"]
        if _keeps_preferred(spec, before):
            return
        if not needs_cluster_ip(before):
            if needs_cluster_ip(spec):
                await self._allocate_addresses(service)
            return
        stored: list[str] = before.get("clusterIPs") or []
        if is_headless(before):
            return
        if not needs_cluster_ip(spec):
            self._dropped = list(stored)
            return
        families, stored_families = spec.get("ipFamilies") or [], before.get("ipFamilies") or []
        if len(stored_families) == 1 and len(families) == 2:
            addresses = [*(spec.get("clusterIPs") or ()), ""][:2]
            spec["clusterIPs"] = addresses
            addresses[1] = await self._take(service, families[1], addresses[1])
        elif len(stored_families) == 2 and len(families) == 1:
            self._dropped = stored[1:]

    def _allocate_ports(self, spec: Object) -> None:
        if needs_node_ports(spec):
            self._allocate_new_ports(spec)
        if needs_health_check(spec):
            self._allocate_health_check(spec)

    def _allocate_new_ports(self, spec: Object) -> None:
        """Ports of one number share a node port, whatever their protocols, unless they ask for different ones."""
        ports: list[Object] = spec.get("ports") or []
        chosen: dict[int, int] = {}
        for i, port in enumerate(ports):
            number, asked = port.get("port", 0), port.get("nodePort", 0)
            if not asked and not allocates_node_ports(spec):
                continue
            if number not in chosen:
                wanted = next(
                    (p["nodePort"] for p in ports if p.get("port") == number and p.get("nodePort")), 0
                )
                chosen[number] = self._take_port(i, wanted)
                port["nodePort"] = chosen[number]
            elif not asked:
                port["nodePort"] = chosen[number]
            elif asked != chosen[number]:
                self._take_port(i, asked)

    def _take_port(self, index: int, port: int) -> int:
        try:
            if not port:
                return self._ports.allocate_next()
            self._ports.allocate(port)
        except PortError as error:
            if not port:
                raise status.internal_error(f"failed to allocate a nodePort: {error}") from error
            self._refuse_port(index, port, error)
        return port

    def _allocate_health_check(self, spec: Object) -> None:
        port = spec.get("healthCheckNodePort", 0)
        try:
            if port:
                self._ports.allocate(port)
            else:
                spec["healthCheckNodePort"] = self._ports.allocate_next()
        except PortError as error:
            text = f"failed to allocate requested HealthCheck NodePort {port}: {error}"
            if not port:
                text = f"failed to allocate a HealthCheck NodePort 0: {error}"
            raise status.internal_error(text) from error

    def _update_ports(self, spec: Object, before: Object) -> None:
        if needs_node_ports(spec):
            mine = set(node_ports({"ports": before.get("ports")}))
            seen: set[tuple[str, int]] = set()
            for i, port in enumerate(spec.get("ports") or ()):
                number = port.get("nodePort", 0)
                if not number and not allocates_node_ports(spec):
                    continue
                if number not in mine:
                    number = port["nodePort"] = self._take_port(i, number)
                    mine.add(number)
                key = (port.get("protocol", ""), number)
                if key in seen:
                    raise status.plain_error(f"duplicate nodePort: {{{key[0]} {key[1]}}}")
                seen.add(key)
        if needs_health_check(spec) and not needs_health_check(before):
            self._allocate_health_check(spec)


def _keeps_preferred(spec: Object, before: Object) -> bool:
    """Whether nothing about the addresses of a PreferDualStack Service changes: then nothing is added to it
    though the cluster may have become dual-stack."""
    return (
        spec.get("ipFamilyPolicy") == _PREFER
        and spec.get("type") == before.get("type") != "ExternalName"
        and before.get("ipFamilyPolicy") in (None, _PREFER)
        and (spec.get("clusterIPs") or []) == (before.get("clusterIPs") or [])
        and (spec.get("ipFamilies") or []) == (before.get("ipFamilies") or [])
    )


def _shrink(spec: Object, before: Object) -> ErrorList:
    """SingleStack takes away what is second; anything else may not lose it."""
    errors: ErrorList = []
    for field, what in (("clusterIPs", "cluster IP"), ("ipFamilies", "IP family")):
        values, stored = spec.get(field) or [], before.get(field) or []
        if spec["ipFamilyPolicy"] == _SINGLE:
            if values == stored and len(values) > 1:
                spec[field] = values[:1]
        elif 0 < len(values) < len(stored):
            detail = f"must be 'SingleStack' to release the secondary {what}"
            errors.append(invalid(_POLICY, spec["ipFamilyPolicy"], detail))
    return errors


def _check_policy(spec: Object) -> ErrorList:
    if spec["ipFamilyPolicy"] != _SINGLE:
        return []
    detail = "must be 'RequireDualStack' or 'PreferDualStack' when multiple {} are specified"
    return [
        invalid(_POLICY, _SINGLE, detail.format(what))
        for field, what in (("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families"))
        if len(spec.get(field) or ()) == 2
    ]


def _check_configured(spec: Object, families: list[str], configured: list[str]) -> ErrorList:
    errors: ErrorList = []
    if spec["ipFamilyPolicy"] == _REQUIRE and len(configured) < 2:
        errors.append(invalid(_POLICY, _REQUIRE, "this cluster is not configured for dual-stack services"))
    for i, family in enumerate(families):
        if family not in configured:
            errors.append(
                invalid(_SPEC.child("ipFamilies").index(i), family, "not configured on this cluster")
            )
    return errors
