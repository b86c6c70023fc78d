"""The cluster addresses of a Service and their families (KEP-563): what fits together, what may change."""

from __future__ import annotations

from sekisho.api.addresses import is_ipv6
from sekisho.api.field import ErrorList, Path, duplicate, invalid, not_supported, required
from sekisho.api.types import Object
from sekisho.schema.servicefacts import NO_IP, is_headless
from sekisho.schema.validation.addresses import legacy_ip

_SPEC = Path("spec")
_ADDRESSES = _SPEC.child("clusterIPs")
_FAMILIES = _SPEC.child("ipFamilies")
_POLICY = _SPEC.child("ipFamilyPolicy")

FAMILIES = ("IPv4", "IPv6")
_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_FIXED = "may not change once set"


def validate_address_fields(spec: Object, before: Object) -> ErrorList:
    """`before` is the stored spec, empty on create."""
    if spec.get("type") == "ExternalName":
        return []
    first: str = spec.get("clusterIP", "")
    addresses: list[str] = spec.get("clusterIPs") or []
    errors: ErrorList = []
    if first and not addresses:
        errors.append(required(_ADDRESSES))
    elif first and addresses[0] != first:
        errors.append(invalid(_ADDRESSES, addresses, "first value must match `clusterIP`"))
    elif addresses and not first:
        errors.append(invalid(_ADDRESSES, addresses, "must be empty when `clusterIP` is not specified"))
    families: list[str] = spec.get("ipFamilies") or []
    for i, family in enumerate(families):
        if family not in FAMILIES:
            errors.append(not_supported(_FAMILIES.index(i), family, FAMILIES))
        if family in families[:i]:
            errors.append(duplicate(_FAMILIES.index(i), family))
    policy = spec.get("ipFamilyPolicy")
    if policy is not None and policy not in _POLICIES:
        errors.append(not_supported(_POLICY, policy, _POLICIES))
    wrong = _validate_addresses(addresses, before.get("clusterIPs") or [])
    errors += wrong
    if len(addresses) > 2:
        errors.append(invalid(_ADDRESSES, addresses, "may only hold up to 2 values"))
    if wrong:
        return errors
    if len(addresses) > 1 and not _is_dual(addresses):
        errors.append(invalid(_ADDRESSES, addresses, "may specify no more than one IP for each IP family"))
    if not is_headless(spec):
        errors += _validate_match(addresses, families)
    return errors


def _validate_addresses(addresses: list[str], stored: list[str]) -> ErrorList:
    errors: ErrorList = []
    for i, address in enumerate(addresses):
        if i == 0 and address == NO_IP:
            if len(addresses) > 1:
                errors.append(invalid(_ADDRESSES, addresses, "'None' must be the first and only value"))
            continue
        errors += legacy_ip(_ADDRESSES.index(i), address, stored)
    return errors


def _is_dual(addresses: list[str]) -> bool:
    return len({is_ipv6(address) for address in addresses}) == 2


def _validate_match(addresses: list[str], families: list[str]) -> ErrorList:
    errors: ErrorList = []
    for i, (address, family) in enumerate(zip(addresses, families, strict=False)):
        if family in FAMILIES and (family == "IPv6") != is_ipv6(address):
            detail = f"expected an {family} value as indicated by `ipFamilies[{i}]`"
            errors.append(invalid(_ADDRESSES.index(i), address, detail))
    return errors


def validate_changed_addresses(spec: Object, before: Object) -> ErrorList:
    """A second address may come and go; the first stays, unless names or nothing take its place."""
    if _is_free_to_change(spec, before) or (is_headless(spec) and is_headless(before)):
        return []
    addresses, stored = spec.get("clusterIPs") or [], before.get("clusterIPs") or []
    if len(addresses) == len(stored):
        pairs = enumerate(zip(addresses, stored, strict=True))
        return [invalid(_ADDRESSES.index(i), addresses, _FIXED) for i, (new, old) in pairs if new != old]
    at = _ADDRESSES.index(0)
    if len(addresses) > len(stored):
        return [invalid(at, addresses, _FIXED)] if stored and addresses[0] != stored[0] else []
    errors: ErrorList = []
    if not addresses:
        errors.append(invalid(at, None, "primary clusterIP can not be unset"))
    elif addresses[0] != stored[0]:
        errors.append(invalid(at, addresses, _FIXED))
    if len(addresses) == 1 and spec.get("ipFamilyPolicy") != "SingleStack":
        detail = "must be set to 'SingleStack' when releasing the secondary clusterIP"
        errors.append(invalid(_POLICY, spec.get("ipFamilyPolicy"), detail))
    return errors


def validate_changed_families(spec: Object, before: Object) -> ErrorList:
    """As for the addresses. Upstream shows the addresses where it means the families."""
    if _is_free_to_change(spec, before) or is_headless(spec) or is_headless(before):
        return []
    families, stored = spec.get("ipFamilies") or [], before.get("ipFamilies") or []
    at = _FAMILIES.index(0)
    if len(families) == len(stored):
        pairs = zip(families, stored, strict=True)
        return [invalid(at, families, _FIXED) for new, old in pairs if new != old]
    errors: ErrorList = []
    shrinks = len(families) < len(stored)
    if shrinks and not spec.get("clusterIPs"):
        errors.append(invalid(at, families or None, "primary ipFamily can not be unset"))
    if families and stored and families[0] != stored[0]:
        errors.append(invalid(at, spec.get("clusterIPs"), _FIXED))
    if shrinks and len(families) == 1 and spec.get("ipFamilyPolicy") != "SingleStack":
        detail = "must be set to 'SingleStack' when releasing the secondary ipFamily"
        errors.append(invalid(_POLICY, spec.get("ipFamilyPolicy"), detail))
    return errors


def _is_free_to_change(spec: Object, before: Object) -> bool:
    return "ExternalName" in (spec.get("type"), before.get("type"))
