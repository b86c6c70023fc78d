"""Key usages of certificates.k8s.io: their names, and the X.509 extensions that they become."""

from __future__ import annotations

from collections.abc import Iterable

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

KEY_USAGE_BITS = {
    "signing": 0,
    "digital signature": 0,
    "content commitment": 1,
    "key encipherment": 2,
    "data encipherment": 3,
    "key agreement": 4,
    "cert sign": 5,
    "crl sign": 6,
    "encipher only": 7,
    "decipher only": 8,
}
"""Bit of each usage in the keyUsage extension (RFC 5280, 4.2.1.3)."""

EXTENDED = {
    "any": "2.5.29.37.0",
    "server auth": "1.3.6.1.5.5.7.3.1",
    "client auth": "1.3.6.1.5.5.7.3.2",
    "code signing": "1.3.6.1.5.5.7.3.3",
    "email protection": "1.3.6.1.5.5.7.3.4",
    "s/mime": "1.3.6.1.5.5.7.3.4",
    "ipsec end system": "1.3.6.1.5.5.7.3.5",
    "ipsec tunnel": "1.3.6.1.5.5.7.3.6",
    "ipsec user": "1.3.6.1.5.5.7.3.7",
    "timestamping": "1.3.6.1.5.5.7.3.8",
    "ocsp signing": "1.3.6.1.5.5.7.3.9",
    "microsoft sgc": "1.3.6.1.4.1.311.10.3.3",
    "netscape sgc": "2.16.840.1.113730.4.1",
}
"""Extended usages in the numeric order of Go's constants, which is the order they are written in."""


def _bit_string(bits: Iterable[int]) -> bytes:
    """DER of a named bit string: trailing zero bits are left out."""
    chosen = set(bits)
    highest = max(chosen)
    content = bytearray(highest // 8 + 1)
    for bit in chosen:
        content[bit // 8] |= 0x80 >> (bit % 8)
    unused = 7 - highest % 8
    return bytes([3, len(content) + 1, unused, *content])


def key_usage(usages: Iterable[str]) -> x509.UnrecognizedExtension | None:
    """The keyUsage extension, or None when no usage asks for a bit.

    Written as raw bits: any combination is signed as asked for, as Go does, where x509.KeyUsage refuses
    `encipher only` without `key agreement`.
    """
    bits = {KEY_USAGE_BITS[u] for u in usages if u in KEY_USAGE_BITS}
    return x509.UnrecognizedExtension(ExtensionOID.KEY_USAGE, _bit_string(bits)) if bits else None


def extended_key_usage(usages: Iterable[str]) -> x509.ExtendedKeyUsage | None:
    wanted = {EXTENDED[u] for u in usages if u in EXTENDED}
    oids = [x509.ObjectIdentifier(o) for o in dict.fromkeys(EXTENDED.values()) if o in wanted]
    return x509.ExtendedKeyUsage(oids) if oids else None
