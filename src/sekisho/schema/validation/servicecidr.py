"""ServiceCIDRs and IPAddresses."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.addresses import canonical_cidr, cidr, is_ipv6
from sekisho.api.field import ErrorList, Path, invalid, required
from sekisho.api.types import Object
from sekisho.schema.validation.common import IMMUTABLE, checked, problems, required_name

_RANGES = Path("spec.cidrs")
_PARENT = Path("spec.parentRef")


def validate_service_cidr(obj: Object) -> ErrorList:
    ranges: list[str] = (obj.get("spec") or {}).get("cidrs") or []
    if not ranges:
        return [required(_RANGES, "at least one CIDR required")]
    if len(ranges) > 2:
        return [invalid(_RANGES, {"CIDRs": ranges}, "may only hold up to 2 values")]
    errors: ErrorList = []
    for i, text in enumerate(ranges):
        errors += problems(_RANGES.index(i), text, canonical_cidr(text))
    if len(ranges) == 2 and not any(map(cidr, ranges)) and is_ipv6(ranges[0]) == is_ipv6(ranges[1]):
        detail = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        errors.append(invalid(_RANGES, ranges, detail))
    return errors


def validate_service_cidr_update(new: Object, old: Object) -> ErrorList:
    """The other family may be added; what is there stays."""
    ranges: list[str] = (new.get("spec") or {}).get("cidrs") or []
    stored: list[str] = (old.get("spec") or {}).get("cidrs") or []
    if len(ranges) == 2 and len(stored) == 1:
        errors = [] if ranges[0] == stored[0] else [invalid(_RANGES.index(0), ranges[0], IMMUTABLE)]
        return errors + validate_service_cidr(new)
    if len(ranges) != len(stored):
        return [invalid(_RANGES, ranges or None, IMMUTABLE)]
    pairs = enumerate(zip(ranges, stored, strict=True))
    return [invalid(_RANGES.index(i), text, IMMUTABLE) for i, (text, before) in pairs if text != before]


def validate_ip_address(obj: Object) -> ErrorList:
    parent = (obj.get("spec") or {}).get("parentRef")
    if parent is None:
        return [required(_PARENT)]
    errors: ErrorList = []
    if parent.get("group"):
        errors += checked(_PARENT.child("group"), parent["group"], names.dns1123_subdomain)
    errors += required_name(_PARENT.child("resource"), parent.get("resource", ""), names.path_segment)
    errors += required_name(_PARENT.child("name"), parent.get("name", ""), names.path_segment)
    if parent.get("namespace"):
        errors += checked(_PARENT.child("namespace"), parent["namespace"], names.path_segment)
    return errors


def validate_ip_address_update(new: Object, old: Object) -> ErrorList:
    parent, before = ((obj.get("spec") or {}).get("parentRef") for obj in (new, old))
    if parent == before:
        return []
    parent = parent or {}
    shown = {word.capitalize(): parent.get(word, "") for word in ("group", "resource", "namespace", "name")}
    return [invalid(_PARENT, shown, IMMUTABLE)]
