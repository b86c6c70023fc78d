"""Addresses in fields that are older than strict validation (KEP-4858): what is stored may stay."""

from __future__ import annotations

from collections.abc import Collection

from sekisho.api.addresses import cidr, ip, parse_ip
from sekisho.api.field import ErrorList, Path, invalid
from sekisho.schema.validation.common import problems


def legacy_ip(path: Path, value: str, stored: Collection[str] = ()) -> ErrorList:
    return [] if value in stored else problems(path, value, ip(value))


def legacy_cidr(path: Path, value: str, stored: Collection[str] = ()) -> ErrorList:
    return [] if value in stored else problems(path, value, cidr(value))


def endpoint_ip(path: Path, value: str) -> ErrorList:
    """Not one of the addresses that lead back to the node itself. `value` is a valid address."""
    address = parse_ip(value)
    if address is None:
        return [invalid(path, value, "must be a valid IP address")]
    address = getattr(address, "ipv4_mapped", None) or address
    texts = []
    if address.is_unspecified:
        texts.append(f"may not be unspecified ({value})")
    if address.is_loopback:
        texts.append("may not be in the loopback range (127.0.0.0/8, ::1/128)")
    if address.is_link_local:
        texts.append("may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    if _is_link_local_multicast(address.packed):
        texts.append("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
    return problems(path, value, texts)


def _is_link_local_multicast(packed: bytes) -> bool:
    """As Go's net.IP reads it: 224.0.0.0/24, or IPv6 multicast of link-local scope."""
    if len(packed) == 4:
        return packed[:3] == b"\xe0\x00\x00"
    return packed[0] == 0xFF and packed[1] & 0x0F == 0x02
