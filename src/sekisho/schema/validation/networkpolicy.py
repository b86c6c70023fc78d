"""Validation of NetworkPolicies, as upstream's pkg/apis/networking/validation."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sekisho.api import addresses, names
from sekisho.api.field import ErrorList, Path, forbidden, invalid, not_supported, required
from sekisho.api.objectmeta import validate_label_selector
from sekisho.api.types import Object
from sekisho.schema.validation.common import checked, problems

PROTOCOLS = ("TCP", "UDP", "SCTP")
POLICY_TYPES = ("Ingress", "Egress")
_DIRECTIONS = (("ingress", "from"), ("egress", "to"))
_SPEC = Path("spec")


def validate_network_policy(policy: Object) -> ErrorList:
    return _spec_errors(policy.get("spec") or {}, False, frozenset())


def validate_network_policy_update(new: Object, old: Object) -> ErrorList:
    """CIDRs that are there already are not looked at again; label values only if the old selector was good."""
    before: Object = old.get("spec") or {}
    tolerant = bool(validate_label_selector(before.get("podSelector") or {}, Path()))
    known = {
        cidr for _, block in _blocks(before) for cidr in (block.get("cidr", ""), *(block.get("except") or ()))
    }
    return _spec_errors(new.get("spec") or {}, tolerant, known)


def network_policy_warnings(policy: Object) -> list[str]:
    """CIDRs in an unusual spelling."""
    warnings: list[str] = []
    for path, block in _blocks(policy.get("spec") or {}):
        warnings += addresses.cidr_warnings(path.child("cidr"), block.get("cidr", ""))
        for i, cidr in enumerate(block.get("except") or ()):
            warnings += addresses.cidr_warnings(path.child("except").index(i), cidr)
    return warnings


def _blocks(spec: Object) -> Iterator[tuple[Path, Object]]:
    for direction, side in _DIRECTIONS:
        for i, rule in enumerate(spec.get(direction) or ()):
            for j, peer in enumerate((rule or {}).get(side) or ()):
                block = peer.get("ipBlock")
                if block is not None:
                    yield _SPEC.child(direction).index(i).child(side).index(j).child("ipBlock"), block


def _spec_errors(spec: Object, tolerant: bool, known: Collection[str]) -> ErrorList:
    errors = validate_label_selector(spec.get("podSelector") or {}, _SPEC.child("podSelector"), tolerant)
    for direction, side in _DIRECTIONS:
        for i, rule in enumerate(spec.get(direction) or ()):
            path = _SPEC.child(direction).index(i)
            for j, port in enumerate((rule or {}).get("ports") or ()):
                errors += _port_errors(port, path.child("ports").index(j))
            for j, peer in enumerate((rule or {}).get(side) or ()):
                errors += _peer_errors(peer, path.child(side).index(j), tolerant, known)
    return errors + _type_errors(spec.get("policyTypes") or [])


def _type_errors(types: list[str]) -> ErrorList:
    path = _SPEC.child("policyTypes")
    if len(types) > len(POLICY_TYPES):
        return [invalid(path, types, "may not specify more than two policyTypes")]
    return [
        not_supported(path.index(i), type_, POLICY_TYPES)
        for i, type_ in enumerate(types)
        if type_ not in POLICY_TYPES
    ]


def _port_errors(port: Object, path: Path) -> ErrorList:
    errors: ErrorList = []
    protocol, value, end = port.get("protocol"), port.get("port"), port.get("endPort")
    if protocol is not None and protocol not in PROTOCOLS:
        errors.append(not_supported(path.child("protocol"), protocol, PROTOCOLS))
    end_path = path.child("endPort")
    if value is None:
        if end is not None:
            errors.append(invalid(end_path, end, "may not be specified when `port` is not specified"))
    elif isinstance(value, str):
        if end is not None:
            errors.append(invalid(end_path, end, "may not be specified when `port` is non-numeric"))
        errors += checked(path.child("port"), value, names.port_name)
    else:
        errors += problems(path.child("port"), value, names.port_number(value))
        if end is not None:
            if end < value:
                errors.append(invalid(end_path, end, "must be greater than or equal to `port`"))
            errors += problems(end_path, end, names.port_number(end))
    return errors


def _peer_errors(peer: Object, path: Path, tolerant: bool, known: Collection[str]) -> ErrorList:
    errors: ErrorList = []
    count = 0
    for name in ("podSelector", "namespaceSelector"):
        selector = peer.get(name)
        if selector is not None:
            count += 1
            errors += validate_label_selector(selector, path.child(name), tolerant)
    block = peer.get("ipBlock")
    if block is not None:
        count += 1
        errors += _block_errors(block, path.child("ipBlock"), known)
    if count == 0:
        errors.append(required(path, "must specify a peer"))
    elif count > 1 and block is not None:
        errors.append(forbidden(path, "may not specify both ipBlock and another peer"))
    return errors


def _block_errors(block: Object, path: Path, known: Collection[str]) -> ErrorList:
    cidr = block.get("cidr", "")
    if not cidr:
        return [required(path.child("cidr"))]
    errors = _cidr_errors(cidr, path.child("cidr"), known)
    network = addresses.parse_cidr(cidr)
    if network is None:
        return errors
    for i, text in enumerate(block.get("except") or ()):
        at = path.child("except").index(i)
        errors += _cidr_errors(text, at, known)
        hole = addresses.parse_cidr(text)
        if hole is not None and not _is_strictly_inside(hole, network):
            errors.append(invalid(at, text, "must be a strict subset of `cidr`"))
    return errors


def _cidr_errors(text: str, path: Path, known: Collection[str]) -> ErrorList:
    return [] if text in known else checked(path, text, addresses.cidr)


def _is_strictly_inside(inner: addresses.Network, outer: addresses.Network) -> bool:
    """The address of `inner` lies in `outer`, and `outer` is larger."""
    if inner.version != outer.version:
        return False
    return outer.prefixlen < inner.prefixlen and inner.network_address in outer
