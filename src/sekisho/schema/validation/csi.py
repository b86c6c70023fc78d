"""Validation of CSIDrivers, CSINodes and CSIStorageCapacities, as upstream's pkg/apis/storage/validation."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, duplicate, invalid, not_supported, required
from sekisho.api.objectmeta import has_invalid_label_value, validate_label_selector
from sekisho.api.quantity import Quantity
from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema.validation.common import (
    checked,
    immutable,
    not_negative,
    qualified_name_errors,
    quantity_not_negative,
)
from sekisho.schema.validation.gostruct import internal_form
from sekisho.schema.validation.podwarnings import label_warning
from sekisho.schema.validation.volumesource import validate_csi_driver

_NODE = GroupVersionKind("storage.k8s.io", "v1", "CSINode")
_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
_LIFECYCLES = ("Persistent", "Ephemeral")
_LONGEST_NODE_ID = 256
_SHORTEST_TOKEN = 600
_LONGEST_TOKEN = 2**32
_SHORTEST_PERIOD = 10
_SPEC = Path("spec")


def validate_csi_driver_object(driver: Object) -> ErrorList:
    """A CSIDriver; defaulting has filled in what would be missing."""
    spec: Object = driver.get("spec") or {}
    errors: ErrorList = []
    policy = spec.get("fsGroupPolicy")
    if policy is not None and policy not in _GROUP_POLICIES:
        errors.append(not_supported(_SPEC.child("fsGroupPolicy"), policy, _GROUP_POLICIES))
    errors += _token_request_errors(spec.get("tokenRequests") or [], _SPEC.child("tokenRequests"))
    errors += [
        not_supported(_SPEC.child("volumeLifecycleModes"), mode, _LIFECYCLES)
        for mode in spec.get("volumeLifecycleModes") or ()
        if mode not in _LIFECYCLES
    ]
    period = spec.get("nodeAllocatableUpdatePeriodSeconds")
    if period is not None and period < _SHORTEST_PERIOD:
        path = _SPEC.child("nodeAllocatableUpdatePeriodSeconds")
        errors.append(invalid(path, period, "must be greater than or equal to 10 seconds"))
    return errors


def validate_csi_driver_update(new: Object, old: Object) -> ErrorList:
    """`attachedRequired` is upstream's spelling of the path."""
    errors = validate_csi_driver_object(new)
    specs: list[Object] = [obj.get("spec") or {} for obj in (new, old)]
    for field, name in (
        ("attachRequired", "attachedRequired"),
        ("volumeLifecycleModes", "volumeLifecycleModes"),
    ):
        errors += immutable(_SPEC.child(name), *(spec.get(field) for spec in specs))
    return errors


def _token_request_errors(requests: list[Object], path: Path) -> ErrorList:
    errors: ErrorList = []
    seen: set[str] = set()
    for i, request in enumerate(requests):
        audience, seconds = request.get("audience", ""), request.get("expirationSeconds")
        if audience in seen:
            errors.append(duplicate(path.index(i).child("audience"), audience))
            continue
        seen.add(audience)
        at = path.index(i).child("expirationSeconds")
        if seconds is not None and seconds < _SHORTEST_TOKEN:
            errors.append(invalid(at, seconds, "may not specify a duration less than 10 minutes"))
        if seconds is not None and seconds > _LONGEST_TOKEN:
            errors.append(invalid(at, seconds, "may not specify a duration larger than 2^32 seconds"))
    return errors


def validate_csi_node(node: Object) -> ErrorList:
    errors: ErrorList = []
    seen: set[str] = set()
    for i, driver in enumerate((node.get("spec") or {}).get("drivers") or ()):
        path = _SPEC.child("drivers").index(i)
        errors += _node_driver_errors(driver, seen, path)
    return errors


def validate_csi_node_update(new: Object, old: Object) -> ErrorList:
    """Of a driver that stays, only how much the node can attach may change (KEP-4876)."""
    errors = validate_csi_node(new)
    for before in (old.get("spec") or {}).get("drivers") or ():
        for after in (new.get("spec") or {}).get("drivers") or ():
            if before.get("name", "") == after.get("name", ""):
                shown = [
                    internal_form(_NODE, ("spec", "drivers"), {**driver, "allocatable": None})
                    for driver in (after, before)
                ]
                errors += immutable(_SPEC.child("drivers"), *shown)
    return errors


def _node_driver_errors(driver: Object, seen: set[str], path: Path) -> ErrorList:
    name, node_id = driver.get("name", ""), driver.get("nodeID", "")
    errors = validate_csi_driver(name, path.child("name"))
    if not node_id:
        errors.append(required(path.child("nodeID")))
    if len(node_id.encode()) > _LONGEST_NODE_ID:
        detail = f"must be {_LONGEST_NODE_ID} characters or less"
        errors.append(invalid(path.child("nodeID"), node_id, detail))
    count = (driver.get("allocatable") or {}).get("count")
    if count is not None:
        errors += not_negative(path.child("allocatable", "count"), count)
    if name in seen:
        errors.append(duplicate(path.child("name"), name))
    seen.add(name)
    keys = driver.get("topologyKeys") or []
    for i, key in enumerate(keys):
        if not key:
            errors.append(required(path, key))
        if key in keys[:i]:
            errors.append(duplicate(path, key))
        errors += qualified_name_errors(path, key)
    return errors


def validate_csi_storage_capacity(capacity: Object, old: Object | None = None) -> ErrorList:
    tolerant = has_invalid_label_value((old or {}).get("nodeTopology"))
    errors = validate_label_selector(capacity.get("nodeTopology"), Path("nodeTopology"), tolerant)
    path = Path("storageClassName")
    errors += checked(path, capacity.get("storageClassName", ""), names.dns1123_subdomain)
    amount = capacity.get("capacity")
    if amount is not None:
        errors += quantity_not_negative(Path("capacity"), Quantity.parse(amount))
    return errors


def validate_csi_storage_capacity_update(new: Object, old: Object) -> ErrorList:
    errors = validate_csi_storage_capacity(new, old)
    errors += immutable(Path("nodeTopology"), new.get("nodeTopology"), old.get("nodeTopology"))
    fields = (obj.get("storageClassName", "") for obj in (new, old))
    return errors + immutable(Path("storageClassName"), *fields)


def csi_storage_capacity_warnings(capacity: Object) -> list[str]:
    """Topologies by labels that nodes have lost."""
    path = Path("nodeTopology")
    selector: Object = capacity.get("nodeTopology") or {}
    places = [(path.child("matchLabels").key(key), key) for key in selector.get("matchLabels") or {}]
    places += [
        (path.child("matchExpressions").index(i).child("key"), expression.get("key", ""))
        for i, expression in enumerate(selector.get("matchExpressions") or ())
    ]
    return [f"{at}: {label_warning(key)}" for at, key in places if label_warning(key)]
