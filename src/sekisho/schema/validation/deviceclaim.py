"""Validation of DeviceClasses, ResourceClaims and ResourceClaimTemplates."""

from __future__ import annotations

import re

from sekisho.api import names
from sekisho.api.addresses import interface_address
from sekisho.api.field import ErrorList, Path, forbidden, invalid, not_supported, required, too_long, too_many
from sekisho.api.objectmeta import validate_annotations, validate_labels
from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema import resourcenames
from sekisho.schema.validation.affinity import validate_node_selector
from sekisho.schema.validation.common import IMMUTABLE, NOT_POSITIVE, checked, label_errors, required_name
from sekisho.schema.validation.conditions import validate_conditions
from sekisho.schema.validation.devicecommon import (
    MOST_CONFIGS,
    MOST_REQUESTS,
    MOST_SELECTORS,
    binding_condition_errors,
    configuration_errors,
    device_name_errors,
    each,
    fully_qualified_name_errors,
    name_of,
    pool_name_errors,
    raw_object_errors,
    selector_errors,
    toleration_errors,
    unique,
    validate_driver,
)
from sekisho.schema.validation.gostruct import internal_form

CLAIM = GroupVersionKind("resource.k8s.io", "v1", "ResourceClaim")
TEMPLATE = GroupVersionKind("resource.k8s.io", "v1", "ResourceClaimTemplate")
_SPEC = Path("spec")
_STATUS = Path("status")
_MODES = ("All", "ExactCount")
_SOURCES = ("FromClaim", "FromClass")
_MOST_ALTERNATIVES = 8
_MOST_CONSTRAINTS = 32
_MOST_CONSUMERS = 256
_MOST_RESULTS = 32
_MOST_CONDITIONS = 8
_MOST_ADDRESSES = 16
_LONGEST_INTERFACE = 256
_LONGEST_HARDWARE = 128
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ONE_OF = "exactly one of `exactly` or `firstAvailable` is required"
_REFERENCE = (
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
)
_NO_CONSTRAINT = (
    'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
)


def validate_device_class(device_class: Object, old: Object | None = None) -> ErrorList:
    spec: Object = device_class.get("spec") or {}
    before: Object = (old or {}).get("spec") or {}
    stored = old is not None and spec.get("config") == before.get("config")
    errors: ErrorList = []
    if old is None or spec.get("selectors") != before.get("selectors"):
        errors += each(spec.get("selectors"), MOST_SELECTORS, selector_errors, _SPEC.child("selectors"))
    errors += each(
        spec.get("config"),
        MOST_CONFIGS,
        lambda config, path: configuration_errors(config, path, stored=stored),
        _SPEC.child("config"),
    )
    name = spec.get("extendedResourceName")
    if name is not None and not resourcenames.is_extended(name):
        path = _SPEC.child("extendedResourceName")
        errors.append(invalid(path, name, "must be a valid extended resource name"))
    return errors


def validate_claim(claim: Object) -> ErrorList:
    return _devices_errors((claim.get("spec") or {}).get("devices") or {}, _SPEC.child("devices"))


def validate_claim_update(new: Object, old: Object, kind: GroupVersionKind = CLAIM) -> ErrorList:
    """The spec of a claim, and of a template, never changes."""
    if (new.get("spec") or {}) == (old.get("spec") or {}):
        return []
    return [invalid(_SPEC, internal_form(kind, ("spec",), new.get("spec")), IMMUTABLE)]


def validate_claim_template(template: Object) -> ErrorList:
    spec: Object = template.get("spec") or {}
    metadata: Object = spec.get("metadata") or {}
    path = _SPEC.child("metadata")
    errors = validate_annotations(metadata.get("annotations"), path.child("annotations"))
    errors += validate_labels(metadata.get("labels"), path.child("labels"))
    return errors + _devices_errors(
        (spec.get("spec") or {}).get("devices") or {}, _SPEC.child("spec", "devices")
    )


def _request_names(devices: Object) -> dict[str, set[str]]:
    return {
        name_of(request): {name_of(part) for part in request.get("firstAvailable") or ()}
        for request in devices.get("requests") or ()
    }


def _devices_errors(devices: Object, path: Path) -> ErrorList:
    known = _request_names(devices)
    requests = devices.get("requests")
    errors = unique(requests, MOST_REQUESTS, _request_errors, path.child("requests"), name_of)
    errors += each(
        devices.get("constraints"),
        _MOST_CONSTRAINTS,
        lambda constraint, at: _constraint_errors(constraint, at, known),
        path.child("constraints"),
    )
    return errors + each(
        devices.get("config"),
        MOST_CONFIGS,
        lambda config, at: _references(config, at, known) + configuration_errors(config, at),
        path.child("config"),
    )


def _request_errors(request: Object, path: Path) -> ErrorList:
    errors = label_errors(path.child("name"), request.get("name", ""))
    exactly, alternatives = request.get("exactly"), request.get("firstAvailable") or []
    if exactly is None and not alternatives:
        return [*errors, required(path, _ONE_OF)]
    if exactly is not None and alternatives:
        return [*errors, invalid(path, None, f"{_ONE_OF}, but multiple fields are set")]
    if exactly is not None:
        return errors + _exact_errors(exactly, path.child("exactly"))
    at = path.child("firstAvailable")
    return errors + unique(alternatives, _MOST_ALTERNATIVES, _alternative_errors, at, name_of)


def _alternative_errors(part: Object, path: Path) -> ErrorList:
    return label_errors(path.child("name"), part.get("name", "")) + _exact_errors(part, path)


def _exact_errors(part: Object, path: Path) -> ErrorList:
    class_path = path.child("deviceClassName")
    errors = required_name(class_path, part.get("deviceClassName", ""), names.dns1123_subdomain)
    errors += each(part.get("selectors"), MOST_SELECTORS, selector_errors, path.child("selectors"))
    mode, count, at = part.get("allocationMode", ""), part.get("count", 0), path.child("count")
    if mode == "All":
        if count:
            errors.append(invalid(at, count, "must not be specified when allocationMode is 'All'"))
    elif mode == "ExactCount":
        if count <= 0:
            errors.append(invalid(at, count, NOT_POSITIVE))
    else:
        errors.append(not_supported(path.child("allocationMode"), mode, _MODES))
    return errors + each(part.get("tolerations"), -1, toleration_errors, path.child("tolerations"))


def _reference_errors(name: str, path: Path, known: dict[str, set[str]]) -> ErrorList:
    parts = name.split("/")
    if len(parts) > 2:
        return [invalid(path, name, _REFERENCE)]
    errors = [error for part in parts for error in label_errors(path, part)]
    found = parts[0] in known and (len(parts) == 1 or parts[1] in known[parts[0]])
    return errors if found else [*errors, invalid(path, name, _REFERENCE)]


def _references(holder: Object, path: Path, known: dict[str, set[str]]) -> ErrorList:
    return unique(
        holder.get("requests"),
        MOST_REQUESTS,
        lambda name, at: _reference_errors(name, at, known),
        path.child("requests"),
    )


def _constraint_errors(constraint: Object, path: Path, known: dict[str, set[str]]) -> ErrorList:
    errors = _references(constraint, path, known)
    for field in ("matchAttribute", "distinctAttribute"):
        if constraint.get(field) is not None:
            return errors + fully_qualified_name_errors(constraint[field], path.child(field))
    return [*errors, required(path, _NO_CONSTRAINT)]


def validate_claim_status_update(new: Object, old: Object) -> ErrorList:
    """What the scheduler allocates and drivers report."""
    status: Object = new.get("status") or {}
    before: Object = old.get("status") or {}
    known = _request_names((new.get("spec") or {}).get("devices") or {})
    allocation: Object | None = status.get("allocation")
    results = ((allocation or {}).get("devices") or {}).get("results") or ()
    allocated = {_device_id(result) for result in results}
    errors = unique(
        status.get("reservedFor"),
        _MOST_CONSUMERS,
        _consumer_errors,
        _STATUS.child("reservedFor"),
        lambda consumer: consumer.get("uid", ""),
    )
    errors += unique(
        status.get("devices"),
        -1,
        lambda device, path: _device_status_errors(device, path, allocated),
        _STATUS.child("devices"),
        _device_id,
    )
    errors += _reservation_errors(new, status, before)
    path = _STATUS.child("allocation")
    if allocation is None:
        return errors
    if before.get("allocation") is None:
        return errors + _allocation_errors(allocation, path, known)
    if allocation != before["allocation"]:
        shown = internal_form(CLAIM, ("status", "allocation"), allocation)
        errors.append(invalid(path, shown, IMMUTABLE))
    return errors


def _device_id(device: Object) -> str:
    parts = [device.get(field) or "" for field in ("driver", "pool", "device")]
    return "/".join([*parts, *([device["shareID"]] if device.get("shareID") else [])])


def _consumer_errors(consumer: Object, path: Path) -> ErrorList:
    return [required(path.child(f)) for f in ("resource", "name", "uid") if not consumer.get(f)]


def _reservation_errors(claim: Object, status: Object, before: Object) -> ErrorList:
    path, consumers = _STATUS.child("reservedFor"), status.get("reservedFor") or []
    if consumers and status.get("allocation") is None:
        return [forbidden(path, "may not be specified when `allocated` is not set")]
    known = before.get("reservedFor") or []
    if "deletionTimestamp" in claim["metadata"] and any(c not in known for c in consumers):
        detail = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"
        return [forbidden(path, detail)]
    return []


def _allocation_errors(allocation: Object, path: Path, known: dict[str, set[str]]) -> ErrorList:
    devices, at = allocation.get("devices") or {}, path.child("devices")
    errors = each(
        devices.get("results"),
        _MOST_RESULTS,
        lambda result, here: _result_errors(result, here, known),
        at.child("results"),
    )
    errors += each(
        devices.get("config"),
        2 * MOST_CONFIGS,
        lambda config, here: _allocated_config_errors(config, here, known),
        at.child("config"),
    )
    selector = allocation.get("nodeSelector")
    if selector is not None:
        errors += validate_node_selector(selector, path.child("nodeSelector"), any_values=False)
    return errors


def _result_errors(result: Object, path: Path, known: dict[str, set[str]]) -> ErrorList:
    errors = _reference_errors(result.get("request", ""), path.child("request"), known)
    errors += _identity_errors(result, path)
    errors += binding_condition_errors(result, path)
    errors += each(result.get("tolerations"), -1, toleration_errors, path.child("tolerations"))
    return errors + _share_errors(result, path)


def _identity_errors(device: Object, path: Path) -> ErrorList:
    errors = validate_driver(device.get("driver", ""), path.child("driver"))
    errors += pool_name_errors(device.get("pool", ""), path.child("pool"))
    return errors + device_name_errors(device.get("device", ""), path.child("device"))


def _share_errors(device: Object, path: Path) -> ErrorList:
    share, at = device.get("shareID"), path.child("shareID")
    if share is None or _UUID.fullmatch(share):
        return []
    if _UUID.fullmatch(share.lower()):
        detail = (
            "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`"
            " with lowercase hexadecimal characters"
        )
        return [invalid(at, share, detail)]
    problem = (
        "invalid UUID format" if len(share.encode()) == 36 else f"invalid UUID length: {len(share.encode())}"
    )
    return [invalid(at, share, f"error validating uid: {problem}")]


def _allocated_config_errors(config: Object, path: Path, known: dict[str, set[str]]) -> ErrorList:
    source, at = config.get("source", ""), path.child("source")
    errors: ErrorList = [] if source else [required(at)]
    if source and source not in _SOURCES:
        errors.append(not_supported(at, source, _SOURCES))
    return errors + _references(config, path, known) + configuration_errors(config, path)


def _device_status_errors(device: Object, path: Path, allocated: set[str]) -> ErrorList:
    errors = _identity_errors(device, path) + _share_errors(device, path)
    if _device_id(device) not in allocated:
        shown = {key.capitalize(): device.get(key, "") for key in ("driver", "pool", "device")}
        shown["ShareID"] = device.get("shareID") or ""
        errors.append(invalid(path, shown, "must be an allocated device in the claim"))
    conditions, at = device.get("conditions") or [], path.child("conditions")
    if len(conditions) > _MOST_CONDITIONS:
        errors.append(too_many(at, len(conditions), _MOST_CONDITIONS))
    errors += validate_conditions(conditions, at)
    if device.get("data") is not None:
        errors += raw_object_errors(device["data"], path.child("data"))
    return errors + _network_errors(device.get("networkData") or {}, path.child("networkData"))


def _network_errors(data: Object, path: Path) -> ErrorList:
    errors: ErrorList = []
    for field, most in (("interfaceName", _LONGEST_INTERFACE), ("hardwareAddress", _LONGEST_HARDWARE)):
        if len(data.get(field, "").encode()) > most:
            errors.append(too_long(path.child(field), most))
    return errors + unique(
        data.get("ips"),
        _MOST_ADDRESSES,
        lambda address, at: checked(at, address, interface_address),
        path.child("ips"),
    )
