"""Addresses of Services out of the cluster's ranges (KEP-1880): each one taken is an IPAddress object.

The objects make sure that no two Services get one address. The ranges are those that the server was started
with, and those of the ServiceCIDRs that are ready.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING

from sekisho.api.addresses import parse_ip
from sekisho.api.encoding import go_order
from sekisho.api.time import format_time
from sekisho.api.types import Object
from sekisho.registry.storage import WriteConflict

if TYPE_CHECKING:
    from sekisho.registry.strategy import Context

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

MANAGED_BY = "ipaddress.kubernetes.io/managed-by"
FAMILY = "ipaddress.kubernetes.io/ip-family"
ALLOCATOR = "ipallocator.k8s.io"
_ADDRESSES = "ipaddresses.networking.k8s.io"
_RANGES = "servicecidrs.networking.k8s.io"


class AddressError(Exception):
    """Why there is no address; the text is upstream's."""


def family_of(network: Network | Address) -> str:
    return f"IPv{network.version}"


class ServiceAddresses:
    """The addresses of one cluster; `configured` are the ranges of the command line, the default one first."""

    def __init__(self, configured: Sequence[Network]) -> None:
        self._configured = configured
        self._busy: set[str] = set()
        """What is being given out or taken back at this moment."""

    @property
    def families(self) -> list[str]:
        """What the cluster is made for, the default family first."""
        return list(dict.fromkeys(map(family_of, self._configured)))

    async def allocate(self, ctx: Context, text: str, service: Object) -> str:
        """Take this very address; the caller calls `settle` in the end with what is returned. Raises
        AddressError."""
        address = parse_ip(text)
        if address is None or not any(_holds(network, address) for network in self._ranges(ctx)):
            raise AddressError("the provided network does not match the current range")
        if not await self._take(ctx, address, service):
            raise AddressError("provided IP is already allocated")
        return str(address)

    async def allocate_next(self, ctx: Context, family: str, service: Object) -> str:
        """As `allocate`, any address of a family. A dry run is shown the first one."""
        for network in self._ranges(ctx):
            if family_of(network) != family:
                continue
            if ctx.dry_run:
                return str(network[1])
            for address in _candidates(ctx, network):
                if await self._take(ctx, address, service):
                    return str(address)
        raise AddressError("range is full")

    def settle(self, addresses: Iterable[str]) -> None:
        """The Service with these addresses is stored, or they are released."""
        self._busy.difference_update(addresses)

    async def release(self, ctx: Context, addresses: Iterable[str], service: Object) -> None:
        """Give addresses back, as far as they are this Service's."""
        rest = ctx.registry.named(_ADDRESSES)
        for text in addresses:
            name = str(parse_ip(text))
            self._busy.add(name)
            try:
                entry = rest.storage.get("", name)
                if entry is not None and _belongs(entry.obj, service):
                    await rest.storage.remove(entry.key, entry.revision)
            except WriteConflict:
                continue  # somebody else has changed it: then it is theirs
            finally:
                self._busy.discard(name)

    def _ranges(self, ctx: Context) -> Iterator[Network]:
        yield from self._configured
        for obj in ctx.registry.lookup_all(_RANGES):
            if _is_ready(obj):
                for text in (obj.get("spec") or {}).get("cidrs") or ():
                    network = IPv6Network(text) if ":" in text else IPv4Network(text)
                    if network not in self._configured:
                        yield network

    async def _take(self, ctx: Context, address: Address, service: Object) -> bool:
        """Whether the address was free."""
        rest = ctx.registry.named(_ADDRESSES)
        name = str(address)
        entry = rest.storage.get("", name)
        if name in self._busy or (entry is not None and not _is_abandoned(ctx, entry.obj)):
            return False
        if ctx.dry_run:
            return True
        self._busy.add(name)
        obj = go_order(_object(ctx, address, service))
        try:
            await rest.write(rest.storage.key("", name), obj, expect=entry.revision if entry else 0)
        except BaseException as error:
            self._busy.discard(name)
            if isinstance(error, WriteConflict):
                return False
            raise
        return True


def _holds(network: Network, address: Address) -> bool:
    """Whether the network gives out this address: not its own, and of IPv4 not the last one either."""
    if address.version != network.version or address not in network:
        return False
    return address != network[0] and (address.version == 6 or address != network[-1])


def _candidates(ctx: Context, network: Network) -> Iterator[Address]:
    """Every address that is for anybody, in an order that begins anywhere; the lower part last (KEP-3070)."""
    first, last = 1, network.num_addresses - (2 if network.version == 4 else 1)
    offset = first + _reserved(network.num_addresses)
    for low, high in ((offset, last), (first, offset - 1)):
        if low <= high:
            start = min(int(ctx.random.uniform(low, high + 1)), high)
            for position in (
                *range(start, min(high, start + 65536) + 1),
                *range(low, min(start, low + 65536)),
            ):
                yield network[position]


def _reserved(size: int) -> int:
    """How many addresses at the start are left to those who ask for one."""
    return 0 if size <= 16 else min(max(16, size // 16), 256)


def _is_ready(service_cidr: Object) -> bool:
    if service_cidr["metadata"].get("deletionTimestamp"):
        return False
    conditions = (service_cidr.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _object(ctx: Context, address: Address, service: Object) -> Object:
    metadata = service["metadata"]
    return {
        "kind": "IPAddress",
        "apiVersion": "networking.k8s.io/v1",
        "metadata": {
            "name": str(address),
            "uid": ctx.random.uuid(),
            "creationTimestamp": format_time(ctx.clock.now()),
            "labels": {FAMILY: family_of(address), MANAGED_BY: ALLOCATOR},
        },
        "spec": {
            "parentRef": {
                "resource": "services",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
            }
        },
    }


def _belongs(obj: Object, service: Object) -> bool:
    parent: Object = (obj.get("spec") or {}).get("parentRef") or {}
    metadata = service["metadata"]
    return (parent.get("resource"), parent.get("namespace"), parent.get("name")) == (
        "services",
        metadata["namespace"],
        metadata["name"],
    )


def _is_abandoned(ctx: Context, obj: Object) -> bool:
    """Whether a crash between two writes has left it: ours, of a Service that does not have it."""
    if (obj["metadata"].get("labels") or {}).get(MANAGED_BY) != ALLOCATOR:
        return False
    parent: Object = (obj.get("spec") or {}).get("parentRef") or {}
    service = ctx.registry.lookup("services", parent.get("namespace", ""), parent.get("name", ""))
    return service is None or obj["metadata"]["name"] not in (service["spec"].get("clusterIPs") or ())
