"""Endpoints, and EndpointSlices (KEP-752)."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.addresses import is_ipv6
from sekisho.api.field import ErrorList, Path, duplicate, invalid, not_supported, required, too_many
from sekisho.api.objectmeta import validate_labels
from sekisho.api.types import Object
from sekisho.schema.validation.addresses import endpoint_ip, legacy_ip
from sekisho.schema.validation.common import checked, immutable, one_of, problems

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
_MOST_ENDPOINTS = 1000
_MOST_ADDRESSES = 100
_MOST_PORTS = 20000
_MOST_TOPOLOGY_LABELS = 16
_MOST_HINTS = 8


def validate_endpoints(endpoints: Object, old: Object | None) -> ErrorList:
    """What is stored may stay, whatever it is."""
    subsets: list[Object] = endpoints.get("subsets") or []
    if old is not None and subsets == (old.get("subsets") or []):
        return []
    errors: ErrorList = []
    for i, subset in enumerate(subsets):
        path = Path("subsets").index(i)
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            errors.append(required(path, "must specify `addresses` or `notReadyAddresses`"))
        for field in ("addresses", "notReadyAddresses"):
            for j, address in enumerate(subset.get(field) or ()):
                errors += _validate_address(address, path.child(field).index(j))
        ports = subset.get("ports") or []
        for j, port in enumerate(ports):
            errors += _validate_port(port, len(ports) > 1, path.child("ports").index(j))
    return errors


def _validate_address(address: Object, path: Path) -> ErrorList:
    ip, host, node = address.get("ip", ""), address.get("hostname", ""), address.get("nodeName")
    errors = legacy_ip(path.child("ip"), ip)
    if host:
        errors += problems(path.child("hostname"), host, names.dns1123_label(host))
    if node is not None:
        errors += checked(path.child("nodeName"), node, names.dns1123_subdomain)
    return errors + endpoint_ip(path.child("ip"), ip)


def _validate_port(port: Object, needs_name: bool, path: Path) -> ErrorList:
    name, number = port.get("name", ""), port.get("port", 0)
    errors: ErrorList = []
    if name:
        errors += problems(path.child("name"), name, names.dns1123_label(name))
    elif needs_name:
        errors.append(required(path.child("name")))
    errors += problems(path.child("port"), number, names.port_number(number))
    errors += one_of(path.child("protocol"), port.get("protocol", ""), _PROTOCOLS)
    if port.get("appProtocol") is not None:
        errors += checked(path.child("appProtocol"), port["appProtocol"], names.qualified_name)
    return errors


def validate_endpoint_slice(endpoint_slice: Object, old: Object | None) -> ErrorList:
    """Without the metadata."""
    kind = endpoint_slice.get("addressType", "")
    before: Object = old or {}
    errors = one_of(Path("addressType"), kind, _ADDRESS_TYPES)
    endpoints = endpoint_slice.get("endpoints") or []
    if old is None or endpoints != (before.get("endpoints") or []):
        errors += _validate_slice_endpoints(endpoints, kind)
    ports = endpoint_slice.get("ports") or []
    if old is None or ports != (before.get("ports") or []):
        errors += _validate_slice_ports(ports)
    if old is not None:
        errors += immutable(Path("addressType"), kind, before.get("addressType", ""))
    return errors


def _validate_slice_endpoints(endpoints: list[Object], kind: str) -> ErrorList:
    root = Path("endpoints")
    if len(endpoints) > _MOST_ENDPOINTS:
        return [too_many(root, len(endpoints), _MOST_ENDPOINTS)]
    errors: ErrorList = []
    for i, endpoint in enumerate(endpoints):
        path = root.index(i)
        errors += _validate_slice_addresses(endpoint.get("addresses") or [], kind, path.child("addresses"))
        node, host = endpoint.get("nodeName"), endpoint.get("hostname")
        if node is not None:
            errors += checked(path.child("nodeName"), node, names.dns1123_subdomain)
        topology: Object = endpoint.get("deprecatedTopology") or {}
        if topology:
            at = path.child("deprecatedTopology")
            if len(topology) > _MOST_TOPOLOGY_LABELS:
                errors.append(too_many(at, len(topology), _MOST_TOPOLOGY_LABELS))
            errors += validate_labels(topology, at)
        if host is not None:
            errors += problems(path.child("hostname"), host, names.dns1123_label(host))
        if endpoint.get("hints") is not None:
            errors += _validate_hints(endpoint["hints"], path.child("hints"))
    return errors


def _validate_slice_addresses(addresses: list[str], kind: str, path: Path) -> ErrorList:
    if not addresses:
        return [required(path, "must contain at least 1 address")]
    errors: ErrorList = []
    if len(addresses) > _MOST_ADDRESSES:
        errors.append(too_many(path, len(addresses), _MOST_ADDRESSES))
    for i, address in enumerate(addresses):
        at = path.index(i)
        if kind == "FQDN":
            errors += names.fully_qualified_domain_name_errors(at, address)
        elif kind in ("IPv4", "IPv6"):
            wrong = legacy_ip(at, address)
            if not wrong and is_ipv6(address) != (kind == "IPv6"):
                article = "an IPv4" if kind == "IPv4" else "an IPv6"
                wrong.append(invalid(at, address, f"must be {article} address"))
            errors += wrong + endpoint_ip(at, address)
    return errors


def _validate_hints(hints: Object, path: Path) -> ErrorList:
    """Zones and nodes that an endpoint is for, each named once."""
    errors: ErrorList = []
    for field in ("forZones", "forNodes"):
        wanted = hints.get(field) or []
        if len(wanted) > _MOST_HINTS:
            errors.append(too_many(path.child(field), len(wanted), _MOST_HINTS))
            continue
        seen: set[str] = set()
        for i, item in enumerate(wanted):
            name = item.get("name", "")
            at = path.child(field).index(i).child("name")
            if name in seen:
                errors.append(duplicate(at, name))
            seen.add(name)
            errors += checked(at, name, names.label_value if field == "forZones" else names.dns1123_subdomain)
    return errors


def _validate_slice_ports(ports: list[Object]) -> ErrorList:
    root = Path("ports")
    if len(ports) > _MOST_PORTS:
        return [too_many(root, len(ports), _MOST_PORTS)]
    errors: ErrorList = []
    seen: set[str] = set()
    for i, port in enumerate(ports):
        path = root.index(i)
        name, protocol = port.get("name") or "", port.get("protocol")
        if name:
            errors += problems(path.child("name"), name, names.dns1123_label(name))
        if name in seen:
            errors.append(duplicate(path.child("name"), name))
        seen.add(name)
        if protocol is None:
            errors.append(required(path.child("protocol")))
        elif protocol not in _PROTOCOLS:
            errors.append(not_supported(path.child("protocol"), protocol, _PROTOCOLS))
        if port.get("appProtocol") is not None:
            errors += checked(path.child("appProtocol"), port["appProtocol"], names.qualified_name)
    return errors
