"""IP addresses and CIDRs as upstream judges them (KEP-4858): Go's lenient reading, then today's strict rules.

Old API fields accept any spelling that is not ambiguous (`ip`, `cidr`); new ones want the canonical
one (`canonical_ip`, `canonical_cidr`). What old fields accept though it is unusual earns a warning.
Messages equal k8s.io/apimachinery/pkg/util/validation.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import NamedTuple

from sekisho.api.field import Path
from sekisho.api.goformat import quote

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_V4 = re.compile(r"([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)", re.ASCII)
_LEADING_ZEROS = re.compile(r"(?<![0-9A-Fa-f])0+(?=[0-9A-Fa-f])")
_DIGITS = re.compile(r"[0-9]+", re.ASCII)

NOT_AN_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
NOT_A_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


class _Parsed(NamedTuple):
    address: Address
    """An IPv4-mapped IPv6 address is kept as IPv6 here; `_go_text` prints it as IPv4, as Go does."""
    leading_zeros: bool


class _ParsedCidr(NamedTuple):
    address: Address
    length: int
    leading_zeros: bool


def _parse(value: str) -> _Parsed | None:
    """Go's net.ParseIP before 1.17: leading zeros mean nothing, zones are refused."""
    plain = _LEADING_ZEROS.sub("", value)
    try:
        address: Address = IPv6Address(plain) if ":" in plain else IPv4Address(plain)
    except ValueError:
        return None
    if "%" in value or not value.isascii():
        return None
    return _Parsed(address, _has_refused_zeros(value))


def _has_refused_zeros(value: str) -> bool:
    """What Go's netip refuses: IPv4 octets with a zero in front, IPv6 groups of more than four digits."""
    groups = value.split(":")
    tail = _V4.fullmatch(groups[-1])
    if tail:
        groups.pop()
        if any(len(octet) > 1 and octet[0] == "0" for octet in tail.groups()):
            return True
    return any(len(group) > 4 for group in groups)


def _mapped(address: Address) -> IPv4Address | None:
    return address.ipv4_mapped if isinstance(address, IPv6Address) else None


def _go_text(address: Address) -> str:
    return str(_mapped(address) or address)


def parse_ip(value: str) -> Address | None:
    """The address that `value` stands for in Go's lenient reading, or None."""
    parsed = _parse(value)
    return parsed.address if parsed else None


def is_ipv6(value: str) -> bool:
    """Whether a valid address or CIDR is IPv6 (IPv4-mapped ones are not, as in Go)."""
    parsed = _parse(value.partition("/")[0])
    return parsed is not None and isinstance(parsed.address, IPv6Address) and _mapped(parsed.address) is None


def ip(value: str) -> list[str]:
    """Upstream's IsValidIPForLegacyField with strict validation on: any unambiguous spelling."""
    parsed = _parse(value)
    if parsed is None:
        return [NOT_AN_IP]
    if parsed.leading_zeros:
        return ["must not have leading 0s"]
    if _mapped(parsed.address):
        return ["must not be an IPv4-mapped IPv6 address"]
    return []


def canonical_ip(value: str) -> list[str]:
    """Upstream's IsValidIP: only the canonical spelling (RFC 5952 for IPv6)."""
    problems = ip(value)
    if problems:
        return problems
    text = _go_text(_parse(value).address)  # type: ignore[union-attr]  # ip() has parsed it
    return [] if text == value else [f"must be in canonical form ({quote(text)})"]


def _parse_cidr(value: str) -> _ParsedCidr | None:
    text, slash, length = value.partition("/")
    parsed = _parse(text)
    if parsed is None or not slash or not _DIGITS.fullmatch(length):
        return None
    bits = int(length[-6:]) if not length[:-6].strip("0") else 10**6
    if bits > parsed.address.max_prefixlen:
        return None
    zeros = parsed.leading_zeros or (len(length) > 1 and length[0] == "0")
    return _ParsedCidr(parsed.address, bits, zeros)


def parse_cidr(value: str) -> Network | None:
    """The network that `value` lies in by Go's lenient reading, or None."""
    parsed = _parse_cidr(value)
    return None if parsed is None else ip_network((parsed.address, parsed.length), strict=False)


def _network_text(parsed: _ParsedCidr) -> str:
    """Go's net.IPNet.String: the network's address, an IPv4-mapped one in IPv4 terms."""
    network = ip_network((parsed.address, parsed.length), strict=False)
    if isinstance(network, IPv6Network) and parsed.length >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped:
            return f"{mapped}/{parsed.length - 96}"
    return str(network)


def _has_host_bits(parsed: _ParsedCidr) -> bool:
    network = ip_network((parsed.address, parsed.length), strict=False)
    return network.network_address != parsed.address


def cidr(value: str) -> list[str]:
    """Upstream's IsValidCIDRForLegacyField with strict validation on."""
    parsed = _parse_cidr(value)
    if parsed is None:
        return [NOT_A_CIDR]
    if parsed.leading_zeros:
        return ["must not have leading 0s in IP or prefix length"]
    if _mapped(parsed.address):
        return ["must not have an IPv4-mapped IPv6 address"]
    if _has_host_bits(parsed):
        return ["must not have bits set beyond the prefix length"]
    return []


def canonical_cidr(value: str) -> list[str]:
    """Upstream's IsValidCIDR: `<network>/<length>` in its canonical spelling."""
    problems = cidr(value)
    if problems:
        return problems
    text = _network_text(_parse_cidr(value))  # type: ignore[arg-type]  # cidr() has parsed it
    return [] if text == value else [f"must be in canonical form ({quote(text)})"]


def interface_address(value: str) -> list[str]:
    """Upstream's IsValidInterfaceAddress: a whole address with its subnet's length, canonical."""
    parsed = _parse_cidr(value)
    if parsed is None:
        return ["must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)"]
    mapped = _mapped(parsed.address)
    length = parsed.length - 96 if mapped and parsed.length > 32 else parsed.length
    text = f"{mapped or parsed.address}/{length}"
    return [] if text == value else [f"must be in canonical form ({quote(text)})"]


def ip_warnings(path: Path, value: str) -> list[str]:
    """Warnings for an address that an old field accepts in an unusual spelling."""
    parsed = _parse(value)
    if parsed is None:
        return []
    text = _go_text(parsed.address)
    if parsed.leading_zeros or _mapped(parsed.address):
        return [f"{path}: non-standard IP address {quote(value)} is invalid: use {quote(text)}"]
    if isinstance(parsed.address, IPv6Address) and text != value:
        return [f"{path}: IPv6 address {quote(value)} should be in RFC 5952 canonical format ({quote(text)})"]
    return []


def cidr_warnings(path: Path, value: str) -> list[str]:
    """Warnings for a CIDR that an old field accepts in an unusual or ambiguous spelling."""
    parsed = _parse_cidr(value)
    if parsed is None:
        return []
    network = _network_text(parsed)
    warnings = []
    if _has_host_bits(parsed):
        single = f"{_go_text(parsed.address)}/{parsed.address.max_prefixlen}"
        warnings.append(
            f"{path}: CIDR value {quote(value)} is ambiguous in this context"
            f" (should be {quote(network)} or {quote(single)}?)"
        )
    if parsed.leading_zeros or _mapped(parsed.address):
        warnings.append(f"{path}: non-standard CIDR value {quote(value)} is invalid: use {quote(network)}")
    if not warnings and isinstance(parsed.address, IPv6Address) and network != value:
        warnings.append(
            f"{path}: IPv6 CIDR value {quote(value)} should be in RFC 5952 canonical format"
            f" ({quote(network)})"
        )
    return warnings
