"""Subject names as Go's crypto/x509/pkix reads and writes them: which attributes count, and in what order.

A certificate's user is the last CN, its groups are all O values in the order they stand in.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.x509.oid import NameOID

_WRITTEN_AS_SETS = (
    NameOID.COUNTRY_NAME,
    NameOID.ORGANIZATION_NAME,
    NameOID.ORGANIZATIONAL_UNIT_NAME,
    NameOID.LOCALITY_NAME,
    NameOID.STATE_OR_PROVINCE_NAME,
    NameOID.STREET_ADDRESS,
    NameOID.POSTAL_CODE,
)
"""Attributes that pkix.Name keeps as lists; each becomes one set of all its values."""

_WRITTEN_LAST = (NameOID.COMMON_NAME, NameOID.SERIAL_NUMBER)


def _values(name: x509.Name, oid: x509.ObjectIdentifier) -> list[str]:
    return [a.value for a in name.get_attributes_for_oid(oid) if isinstance(a.value, str)]


def common_name(name: x509.Name) -> str:
    """The last CN, as pkix.Name has it; empty when there is none."""
    values = _values(name, NameOID.COMMON_NAME)
    return values[-1] if values else ""


def organizations(name: x509.Name) -> tuple[str, ...]:
    """All O values in order, repeats included."""
    return tuple(_values(name, NameOID.ORGANIZATION_NAME))


def values_of(name: x509.Name, dotted: str) -> list[object]:
    """Raw values of any attribute, for those that pkix.Name does not name."""
    return [a.value for a in name.get_attributes_for_oid(x509.ObjectIdentifier(dotted))]


def _attribute(oid: x509.ObjectIdentifier, value: str) -> x509.NameAttribute[str]:
    # Upstream enforces no X.520 lengths: a node's name may be longer than the 64 characters of a CN.
    return x509.NameAttribute(oid, value, _validate=False)


def make(common_name: str, organizations: Sequence[str] = ()) -> x509.Name:
    """A subject as kubeadm and the tests of client-go make it: O values, then the CN."""
    attributes = [_attribute(NameOID.ORGANIZATION_NAME, o) for o in organizations]
    if common_name:
        attributes.append(_attribute(NameOID.COMMON_NAME, common_name))
    return x509.Name(attributes)


def rewritten(name: x509.Name) -> x509.Name:
    """The subject that comes out when Go parses one and writes it again, as a signer does with a request's.

    Attributes unknown to pkix.Name vanish, all values of one attribute share a set, CN and serialNumber
    keep their last value only.
    """
    sets = []
    for oid in _WRITTEN_AS_SETS:
        values = list(dict.fromkeys(_values(name, oid)))
        if values:
            sets.append(x509.RelativeDistinguishedName([_attribute(oid, v) for v in values]))
    for oid in _WRITTEN_LAST:
        values = _values(name, oid)
        if values and values[-1]:
            sets.append(x509.RelativeDistinguishedName([_attribute(oid, values[-1])]))
    return x509.Name(sets)
