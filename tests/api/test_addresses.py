"""Addresses: Go's lenient reading, upstream's strict rules, warnings."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.api import addresses
from sekisho.api.field import Path

NOT_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
NOT_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        ("10.0.0.1", []),
        ("FE80:0:0:0:0:0:0:abc", []),
        ("010.0.0.1", ["must not have leading 0s"]),
        ("1.2.3.00", ["must not have leading 0s"]),
        ("::ffff:1.2.3.4", ["must not be an IPv4-mapped IPv6 address"]),
        ("00001::", ["must not have leading 0s"]),
        ("1.2.3", [NOT_IP]),
        ("1.2.3.256", [NOT_IP]),
        ("fe80::1%eth0", [NOT_IP]),
        ("", [NOT_IP]),
        (" 1.2.3.4", [NOT_IP]),
    ],
)
def test_ip(value, problems):
    assert addresses.ip(value) == problems


def test_canonical_ip():
    assert addresses.canonical_ip("fe80::abc") == []
    assert addresses.canonical_ip("FE80::ABC") == ['must be in canonical form ("fe80::abc")']
    assert addresses.canonical_ip("x") == [NOT_IP]


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        ("10.0.0.0/8", []),
        ("2001:DB8::/64", []),
        ("10.0.0.1/8", ["must not have bits set beyond the prefix length"]),
        ("10.0.0.0/08", ["must not have leading 0s in IP or prefix length"]),
        ("::ffff:1.2.3.4/128", ["must not have an IPv4-mapped IPv6 address"]),
        ("10.0.0.0/33", [NOT_CIDR]),
        ("10.0.0.0/+8", [NOT_CIDR]),
        ("10.0.0.0", [NOT_CIDR]),
        ("10.0.0.0/", [NOT_CIDR]),
        ("10.0.0.0/" + "9" * 50, [NOT_CIDR]),
    ],
)
def test_cidr(value, problems):
    assert addresses.cidr(value) == problems


def test_canonical_cidr():
    assert addresses.canonical_cidr("2001:DB8::/64") == ['must be in canonical form ("2001:db8::/64")']
    assert addresses.canonical_cidr("10.0.0.0/8") == []


def test_interface_address():
    assert addresses.interface_address("192.168.1.5/24") == []
    assert addresses.interface_address("::FFFF:192.168.0.1/120") == [
        'must be in canonical form ("192.168.0.1/24")'
    ]
    assert addresses.interface_address("x")[0].startswith("must be a valid address in CIDR form")


def test_warnings():
    path = Path("spec.ip")
    assert addresses.ip_warnings(path, "10.0.0.1") == []
    assert addresses.ip_warnings(path, "010.0.0.1") == [
        'spec.ip: non-standard IP address "010.0.0.1" is invalid: use "10.0.0.1"'
    ]
    assert addresses.ip_warnings(path, "FE80::1") == [
        'spec.ip: IPv6 address "FE80::1" should be in RFC 5952 canonical format ("fe80::1")'
    ]
    assert addresses.cidr_warnings(path, "10.0.0.1/8") == [
        'spec.ip: CIDR value "10.0.0.1/8" is ambiguous in this context'
        ' (should be "10.0.0.0/8" or "10.0.0.1/32"?)'
    ]
    assert addresses.cidr_warnings(path, "::ffff:1.2.3.0/120") == [
        'spec.ip: non-standard CIDR value "::ffff:1.2.3.0/120" is invalid: use "1.2.3.0/24"'
    ]
    assert addresses.cidr_warnings(path, "FE80::/64") == [
        'spec.ip: IPv6 CIDR value "FE80::/64" should be in RFC 5952 canonical format ("fe80::/64")'
    ]


def test_families():
    assert addresses.is_ipv6("fd00::/64")
    assert not addresses.is_ipv6("::ffff:1.2.3.4")
    assert not addresses.is_ipv6("10.0.0.1")
    assert str(addresses.parse_ip("010.0.0.1")) == "10.0.0.1"
    assert addresses.parse_ip("x") is None


@given(st.ip_addresses())
def test_every_address_is_canonical_as_python_writes_it(address):
    mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped
    assert bool(mapped) == bool(addresses.canonical_ip(str(address)))
