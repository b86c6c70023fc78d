"""Validation of ResourceSlices: devices, where they are, and what they can do."""

from __future__ import annotations

import re
from typing import Any

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, invalid, required, too_long, too_many
from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema.validation.affinity import validate_node_selector
from sekisho.schema.validation.common import NOT_POSITIVE, checked, immutable, label_errors
from sekisho.schema.validation.devicecapacity import capacity_errors
from sekisho.schema.validation.devicecommon import (
    binding_condition_errors,
    each,
    name_of,
    pool_name_errors,
    qualified_name_errors,
    taint_errors,
    unique,
    validate_driver,
)
from sekisho.schema.validation.goform import node_selector_terms
from sekisho.schema.validation.gostruct import internal_form

_KIND = GroupVersionKind("resource.k8s.io", "v1", "ResourceSlice")
_SPEC = Path("spec")
_MOST_DEVICES = 128
_MOST_ADVANCED_DEVICES = 64
_MOST_COUNTER_SETS = 8
_MOST_COUNTERS = 32
_MOST_CONSUMPTIONS = 2
_MOST_PROPERTIES = 32
_MOST_TAINTS = 16
_LONGEST_VALUE = 64
_PLACES = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
_DEVICE_PLACES = (
    "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection`"
    " is set to true in the ResourceSlice spec"
)
_NO_DEVICE_PLACES = (
    "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true"
    " in the ResourceSlice spec"
)
_NUMBER = r"(0|[1-9]\d*)"
_RELEASE = r"(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_BUILD = r"[0-9a-zA-Z-]+"
_SEMVER = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_RELEASE}(\.{_RELEASE})*)?(\+{_BUILD}(\.{_BUILD})*)?", re.ASCII
)
_VALUES = ("int", "bool", "string", "version", "ints", "bools", "strings", "versions")


def validate_resource_slice(resource_slice: Object, old: Object | None = None) -> ErrorList:
    spec: Object = resource_slice.get("spec") or {}
    before: Object | None = None if old is None else old.get("spec") or {}
    errors = validate_driver(spec.get("driver", ""), _SPEC.child("driver"))
    errors += _pool_errors(spec.get("pool") or {}, _SPEC.child("pool"))
    if before is not None:
        errors += _immutable_errors(spec, before)
    errors += _place_errors(spec)
    if spec.get("sharedCounters") and spec.get("devices"):
        errors.append(invalid(_SPEC, "", "only one of `sharedCounters` or `devices` is allowed"))
    devices: list[Object] = spec.get("devices") or []
    advanced = any(device.get("taints") or device.get("consumesCounters") for device in devices)
    known = {name_of(device): device for device in (before or {}).get("devices") or ()}
    per_device = bool(spec.get("perDeviceNodeSelection"))
    errors += unique(
        devices,
        _MOST_ADVANCED_DEVICES if advanced else _MOST_DEVICES,
        lambda device, path: _device_errors(device, known.get(name_of(device)), path, per_device),
        _SPEC.child("devices"),
        name_of,
    )
    return errors + unique(
        spec.get("sharedCounters"),
        _MOST_COUNTER_SETS,
        lambda counters, path: _counter_errors(counters, "name", path),
        _SPEC.child("sharedCounters"),
        name_of,
    )


def _immutable_errors(spec: Object, before: Object) -> ErrorList:
    pools = [(part.get("pool") or {}).get("name", "") for part in (spec, before)]
    errors = immutable(_SPEC.child("pool", "name"), *pools)
    errors += immutable(_SPEC.child("driver"), spec.get("driver", ""), before.get("driver", ""))
    return errors + immutable(_SPEC.child("nodeName"), spec.get("nodeName"), before.get("nodeName"))


def _pool_errors(pool: Object, path: Path) -> ErrorList:
    errors = pool_name_errors(pool.get("name", ""), path.child("name"))
    count, generation = pool.get("resourceSliceCount", 0), pool.get("generation", 0)
    if count <= 0:
        errors.append(invalid(path.child("resourceSliceCount"), count, NOT_POSITIVE))
    if generation < 0:
        detail = "must be greater than or equal to zero"
        errors.append(invalid(path.child("generation"), generation, detail))
    return errors


def _place_errors(spec: Object) -> ErrorList:
    errors: ErrorList = []
    found: list[str] = []
    node, selector = spec.get("nodeName"), spec.get("nodeSelector")
    if node:
        found.append("`nodeName`")
        errors += checked(_SPEC.child("nodeName"), node, names.dns1123_subdomain)
    elif node is not None:
        detail = "must be either unset or set to a non-empty string"
        errors.append(invalid(_SPEC.child("nodeName"), node, detail))
    if selector is not None:
        found.append("`nodeSelector`")
        errors += validate_node_selector(selector, _SPEC.child("nodeSelector"), any_values=False)
        terms = selector.get("nodeSelectorTerms")
        if len(terms or ()) != 1:
            path = _SPEC.child("nodeSelector", "nodeSelectorTerms")
            shown = node_selector_terms(terms)
            errors.append(invalid(path, shown, "must have exactly one node selector term"))
    for field in ("allNodes", "perDeviceNodeSelection"):
        if spec.get(field):
            found.append(f"`{field}`")
        elif spec.get(field) is not None:
            errors.append(invalid(_SPEC.child(field), False, "must be either unset or set to true"))
    if not found:
        errors.append(required(_SPEC, _PLACES))
    elif len(found) > 1:
        shown = "{" + ", ".join(found) + "}"
        errors.append(invalid(_SPEC, shown, f"{_PLACES}, but multiple fields are set"))
    return errors


def _device_errors(device: Object, old: Object | None, path: Path, per_device: bool) -> ErrorList:
    errors = label_errors(path.child("name"), device.get("name", ""))
    attributes, capacity = device.get("attributes") or {}, device.get("capacity") or {}
    count = len(attributes) + len(capacity)
    if count > _MOST_PROPERTIES:
        detail = f"the total number of attributes and capacities must not exceed {_MOST_PROPERTIES}"
        errors.append(invalid(path, count, detail))
    for name, attribute in attributes.items():
        at = path.child("attributes")
        errors += qualified_name_errors(name, at) + _attribute_errors(attribute, at.key(_shortened(name)))
    if old is None or old.get("capacity") != device.get("capacity"):
        for name, amount in capacity.items():
            at = path.child("capacity")
            several = bool(device.get("allowMultipleAllocations"))
            errors += qualified_name_errors(name, at)
            errors += capacity_errors(amount, at.key(_shortened(name)), several)
    if old is None or old.get("taints") != device.get("taints"):
        errors += each(device.get("taints"), _MOST_TAINTS, taint_errors, path.child("taints"))
    errors += unique(
        device.get("consumesCounters"),
        _MOST_CONSUMPTIONS,
        lambda consumption, at: _counter_errors(consumption, "counterSet", at),
        path.child("consumesCounters"),
        lambda consumption: consumption.get("counterSet", ""),
    )
    errors += _device_place_errors(device, path, per_device)
    return errors + binding_condition_errors(device, path)


def _shortened(key: str) -> str:
    """A key that is too long for a path loses its middle."""
    most = 63 + 1 + 32
    if len(key) <= most:
        return key
    left = most - 3
    return key[: (left + 1) // 2] + "..." + key[len(key) - left // 2 :]


def _device_place_errors(device: Object, path: Path, per_device: bool) -> ErrorList:
    node, selector, every = (device.get(f) for f in ("nodeName", "nodeSelector", "allNodes"))
    if not per_device:
        given = any(value is not None for value in (node, selector, every))
        return [invalid(path, None, _NO_DEVICE_PLACES)] if given else []
    errors: ErrorList = []
    found: list[str] = []
    if node:
        found.append("`nodeName`")
        errors += checked(path.child("nodeName"), node, names.dns1123_subdomain)
    elif node is not None:
        errors.append(invalid(path.child("nodeName"), node, "must not be empty"))
    if selector is not None:
        found.append("`nodeSelector`")
        errors += validate_node_selector(selector, path.child("nodeSelector"), any_values=False)
    if every:
        found.append("`allNodes`")
    elif every is not None:
        errors.append(invalid(path.child("allNodes"), every, "must be either unset or set to true"))
    if not found:
        errors.append(required(path, _DEVICE_PLACES))
    elif len(found) > 1:
        errors.append(invalid(path, "{" + ", ".join(found) + "}", _DEVICE_PLACES))
    return errors


def _counter_errors(holder: Object, name_field: str, path: Path) -> ErrorList:
    """A set of counters, or what a device takes of one."""
    name, counters, at = holder.get(name_field, ""), holder.get("counters") or {}, path.child("counters")
    errors = label_errors(path.child(name_field), name) if name else [required(path.child(name_field))]
    if not counters:
        return [*errors, required(at)]
    if len(counters) > _MOST_COUNTERS:
        return [*errors, too_many(at, len(counters), _MOST_COUNTERS)]
    return errors + [error for key in counters for error in label_errors(at, key)]


def _attribute_errors(attribute: Object, path: Path) -> ErrorList:
    errors: ErrorList = []
    for field, plural in (("string", "strings"), ("version", "versions")):
        if attribute.get(field) is not None:
            errors += _value_errors(field, attribute[field], path.child(field))
        for i, value in enumerate(attribute.get(plural) or ()):
            errors += _value_errors(field, value, path.child(plural).index(i))
    given = [field for field in _VALUES if attribute.get(field) is not None]
    if len(given) != 1:
        shown: Any = internal_form(_KIND, ("spec", "devices", "attributes"), attribute) if given else ""
        errors.append(invalid(path, shown, "exactly one value must be specified"))
    return errors


def _value_errors(field: str, value: str, path: Path) -> ErrorList:
    errors: ErrorList = []
    if field == "version" and not _SEMVER.fullmatch(value):
        errors.append(invalid(path, value, "must be a string compatible with semver.org spec 2.0.0"))
    if len(value.encode()) > _LONGEST_VALUE:
        errors.append(too_long(path, _LONGEST_VALUE))
    return errors
