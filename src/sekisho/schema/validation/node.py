"""Nodes: taints, pod networks, amounts."""

from __future__ import annotations

import re

from sekisho.api.addresses import is_ipv6
from sekisho.api.field import ErrorList, Path, duplicate, forbidden, internal, invalid
from sekisho.api.goformat import quote
from sekisho.api.quantity import Quantity
from sekisho.api.types import Object
from sekisho.schema.validation.addresses import legacy_cidr
from sekisho.schema.validation.common import positive
from sekisho.schema.validation.resources import validate_amount
from sekisho.schema.validation.tolerations import validate_taints

_TAINTS = Path("metadata.taints")
"""Where upstream says the taints are."""

_NETWORKS = Path("spec.podCIDRs")
_FEATURES = Path("status.declaredFeatures")
_FEATURE = re.compile(r"[A-Z][A-Za-z0-9]*(/[A-Za-z0-9]+)*")
_LONGEST_FEATURE = 253


def validate_node(node: Object) -> ErrorList:
    """What create and update check, without the metadata."""
    spec: Object = node.get("spec") or {}
    errors = validate_taints(spec.get("taints") or [], _TAINTS)
    errors += _validate_amounts(node)
    swap: Object = ((node.get("status") or {}).get("nodeInfo") or {}).get("swap") or {}
    if swap.get("capacity") is not None:
        errors += positive(Path("metadata.nodeSwapStatus.capacity"), swap["capacity"])
    errors += _validate_features(node)
    return errors + _validate_networks(spec.get("podCIDRs") or [])


def _validate_amounts(node: Object) -> ErrorList:
    status: Object = node.get("status") or {}
    errors: ErrorList = []
    for field in ("capacity", "allocatable"):
        for name, amount in (status.get(field) or {}).items():
            errors += validate_amount(name, Quantity.parse(amount), Path("status").child(field, name))
    return errors


def _validate_features(node: Object) -> ErrorList:
    """Names of features that the kubelet tells (KEP-5328), sorted and each once."""
    errors: ErrorList = []
    features: list[str] = (node.get("status") or {}).get("declaredFeatures") or []
    for i, feature in enumerate(features):
        text = _feature_problem(feature)
        if text:
            errors.append(invalid(_FEATURES.index(i), feature, text))
        if i and features[i - 1] == feature:
            errors.append(duplicate(_FEATURES.index(i), feature))
        elif i and features[i - 1] > feature:
            errors.append(invalid(_FEATURES.index(i), feature, "list must be sorted alphabetically"))
    return errors


def _feature_problem(name: str) -> str:
    start = f"invalid feature name {quote(name)}: must "
    if len(name.encode()) > _LONGEST_FEATURE:
        return f"{start}be no more than {_LONGEST_FEATURE} characters"
    if _FEATURE.fullmatch(name):
        return ""
    return (
        f"{start}start with an UpperCamelCase segment, with subsequent segments separated by '/'"
        " (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"
    )


def _validate_networks(networks: list[str]) -> ErrorList:
    errors: ErrorList = []
    for i, network in enumerate(networks):
        errors += legacy_cidr(_NETWORKS.index(i), network)
    if len(networks) > 1:
        if errors:
            bad = next(network for network in networks if legacy_cidr(_NETWORKS, network))
            text = f"invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR address: {bad}"
            errors.append(internal(_NETWORKS, text))
        if errors or len(networks) > 2 or len(set(map(is_ipv6, networks))) != 2:
            detail = "may specify no more than one CIDR for each IP family"
            errors.append(invalid(_NETWORKS, networks, detail))
    return errors


def validate_node_update(node: Object, old: Object) -> ErrorList:
    """What an update of either endpoint checks: names and networks of a node are given once."""
    spec: Object = node.get("spec") or {}
    before: Object = old.get("spec") or {}
    errors = _validate_amounts(node) + _validate_features(node)
    errors += _validate_addresses((node.get("status") or {}).get("addresses") or [])
    networks, stored = spec.get("podCIDRs") or [], before.get("podCIDRs") or []
    if stored:
        same = len(networks) == len(stored)
        changes = sum(a != b for a, b in zip(networks, stored, strict=True)) if same else 1
        detail = 'node updates may not change podCIDR except from "" to valid'
        errors += [forbidden(_NETWORKS, detail)] * changes
    if before.get("providerID") and before["providerID"] != spec.get("providerID", ""):
        detail = 'node updates may not change providerID except from "" to valid'
        errors.append(forbidden(Path("spec.providerID"), detail))
    errors += validate_taints(spec.get("taints") or [], _TAINTS)
    if spec.get("externalID", "") != before.get("externalID", ""):
        errors.append(forbidden(Path("spec.externalID"), "may not be updated"))
    return errors


def _validate_addresses(addresses: list[Object]) -> ErrorList:
    errors: ErrorList = []
    for i, address in enumerate(addresses):
        if address in addresses[:i]:
            shown = {"Type": address.get("type", ""), "Address": address.get("address", "")}
            errors.append(duplicate(Path("status.addresses").index(i), shown))
    return errors
