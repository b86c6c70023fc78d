"""service-cidrs-controller (KEP-1880): a ServiceCIDR is ready, and stays as long as somebody has an address of it."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from sekisho.api.clock import Clock
from sekisho.api.time import format_time, parse_time
from sekisho.api.types import Object
from sekisho.controllers.controller import Controller
from sekisho.registry.client import Client

RANGES = "servicecidrs.networking.k8s.io"
ADDRESSES = "ipaddresses.networking.k8s.io"
FINALIZER = "networking.k8s.io/service-cidr-finalizer"
MANAGED_BY = "ipaddress.kubernetes.io/managed-by"
ALLOCATOR = "ipallocator.k8s.io"

GRACE_SECONDS = 10.0
"""How long a range that nobody uses is kept, so that all allocators have seen that it goes."""

_IN_USE = (
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR"
)


class ServiceCIDRs(Controller):
    account = "service-cidrs-controller"

    def __init__(self, client: Client, clock: Clock) -> None:
        super().__init__(client, clock)
        self._ranges = self.informer(RANGES)
        self._addresses = self.informer(ADDRESSES)
        self._ranges.on_change(self._range_changed)
        self._addresses.on_change(self._address_changed)

    def _range_changed(self, new: Object | None, old: Object | None) -> None:
        if new is not None:
            self.queue.add(new["metadata"]["name"])
        self._look_at_terminating()

    def _address_changed(self, new: Object | None, old: Object | None) -> None:
        if new is None:
            self._look_at_terminating()

    def _look_at_terminating(self) -> None:
        for service_cidr in self._ranges:
            if "deletionTimestamp" in service_cidr["metadata"]:
                self.queue.add(service_cidr["metadata"]["name"])

    async def reconcile(self, key: str) -> None:
        service_cidr = self._ranges.get("", key)
        if service_cidr is None:
            return
        metadata = service_cidr["metadata"]
        finalizers = metadata.get("finalizers", [])
        if "deletionTimestamp" in metadata:
            if FINALIZER in finalizers:
                await self._let_go(service_cidr)
            return
        if FINALIZER not in finalizers:
            await self._set_finalizers(metadata, [*finalizers, FINALIZER])
        await self._report(service_cidr, "True", "", "Kubernetes Service CIDR is ready")

    async def _let_go(self, service_cidr: Object) -> None:
        if self._is_needed(service_cidr):
            await self._report(service_cidr, "False", "Terminating", _IN_USE)
            return
        metadata = service_cidr["metadata"]
        left = parse_time(metadata["deletionTimestamp"]) + GRACE_SECONDS - self.clock.now()
        if left > 0:
            self.queue.add_after(metadata["name"], left)
        else:
            await self._set_finalizers(metadata, [f for f in metadata["finalizers"] if f != FINALIZER])

    def _is_needed(self, service_cidr: Object) -> bool:
        """Whether somebody has an address that no other range holds."""
        mine = _networks(service_cidr)
        others = [
            network
            for other in self._ranges
            if other is not service_cidr and "deletionTimestamp" not in other["metadata"]
            for network in _networks(other)
        ]
        for obj in self._addresses:
            if (obj["metadata"].get("labels") or {}).get(MANAGED_BY) == ALLOCATOR:
                address = ip_address(obj["metadata"]["name"])
                if any(address in n for n in mine) and not any(address in n for n in others):
                    return True
        return False

    async def _set_finalizers(self, metadata: Object, finalizers: list[str]) -> None:
        patch: Object = {"metadata": {"uid": metadata["uid"], "finalizers": finalizers}}
        await self.client.patch(RANGES, metadata["name"], patch)

    async def _report(self, service_cidr: Object, status: str, reason: str, message: str) -> None:
        conditions = (service_cidr.get("status") or {}).get("conditions") or ()
        present: Object = next((c for c in conditions if c.get("type") == "Ready"), {})
        if (present.get("status"), present.get("reason"), present.get("message")) == (
            status,
            reason,
            message,
        ):
            return
        name = service_cidr["metadata"]["name"]
        condition = {
            "type": "Ready",
            "status": status,
            "lastTransitionTime": format_time(self.clock.now()),
            "reason": reason,
            "message": message,
        }
        patch: Object = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "ServiceCIDR",
            "metadata": {"name": name},
            "status": {"conditions": [condition]},
        }
        await self.client.patch(RANGES, name, patch, type="apply", subresource="status", force=True)


def _networks(service_cidr: Object) -> list[IPv4Network | IPv6Network]:
    return [ip_network(text) for text in (service_cidr.get("spec") or {}).get("cidrs") or ()]
