"""ResourceRequirements of containers and pods, and the names and amounts in any list of resources."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sekisho.api import names
from sekisho.api.field import (
    ErrorList,
    FieldError,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
)
from sekisho.api.quantity import Quantity
from sekisho.api.types import Object
from sekisho.schema import resourcenames
from sekisho.schema.validation.common import checked, label_errors, quantity_not_negative
from sekisho.schema.validation.options import PodOptions

NameRule = Callable[[str, Path], ErrorList]

_POD_LEVEL = ("cpu", "hugepages-", "memory")


def validate_container_resources(
    resources: Object, claims: Collection[str], path: Path, options: PodOptions
) -> ErrorList:
    """A container's; `claims` are the names of the pod's resource claims."""
    return _validate_requirements(resources, container_resource_name, claims, path, options)


def validate_pod_level_requirements(
    resources: Object, claims: Collection[str], path: Path, options: PodOptions
) -> ErrorList:
    """Those of the pod as a whole (KEP-2837)."""
    return _validate_requirements(resources, pod_resource_name, claims, path, options)


def resource_name(name: str, path: Path) -> ErrorList:
    """Any compute resource."""
    errors = checked(path, name, names.qualified_name)
    if not errors and "/" not in name and not resourcenames.is_standard(name):
        errors.append(invalid(path, name, "must be a standard resource type or fully qualified"))
    return errors


def container_resource_name(name: str, path: Path) -> ErrorList:
    """What a container can ask for."""
    if name in resourcenames.CONTAINER_RESOURCES:
        return []
    errors = resource_name(name, path)
    if "/" not in name:
        if not resourcenames.is_standard_for_containers(name):
            errors.append(invalid(path, name, "must be a standard resource for containers"))
    elif not resourcenames.is_native(name) and not resourcenames.is_extended(name):
        errors.append(invalid(path, name, "doesn't follow extended resource name standard"))
    return errors


def pod_resource_name(name: str, path: Path) -> ErrorList:
    """What a pod as a whole can ask for."""
    errors = resource_name(name, path)
    if not errors and not resourcenames.is_pod_level(name):
        errors.append(not_supported(path, name, _POD_LEVEL))
    return errors


def quota_resource_name(name: str, path: Path) -> ErrorList:
    """What a ResourceQuota can count."""
    errors = resource_name(name, path)
    if "/" not in name and not resourcenames.is_standard_for_quota(name):
        errors.append(invalid(path, name, "must be a standard resource for quota"))
    return errors


def validate_amount(name: str, quantity: Quantity, path: Path) -> ErrorList:
    """Not negative, and whole where the resource is counted."""
    errors = quantity_not_negative(path, quantity)
    counted = name not in resourcenames.CONTAINER_RESOURCES and resourcenames.is_integer(name)
    if counted and quantity.milli_value() % 1000:
        errors.append(invalid(path, str(quantity), "must be an integer"))
    return errors


def validate_plain_amount(quantity: Quantity, path: Path) -> ErrorList:
    """An amount of storage, as capacities are checked."""
    value = quantity.value()
    return [] if value >= 0 else [invalid(path, value, "must be a valid resource quantity")]


def _validate_requirements(
    resources: Object, name_rule: NameRule, claims: Collection[str], path: Path, options: PodOptions
) -> ErrorList:
    limits: Object = resources.get("limits") or {}
    requests: Object = resources.get("requests") or {}
    errors: ErrorList = []
    if limits:
        limit_path = path.child("limits")
        for name, amount in limits.items():
            errors += _validate_one(name, Quantity.parse(amount), name_rule, limit_path.key(name), options)
    if requests:
        errors += _validate_requests(requests, limits, name_rule, path, options)
    if limits or requests:
        used = limits.keys() | requests.keys()
        if not used & {"cpu", "memory"} and any(map(resourcenames.is_huge_page, used)):
            errors.append(forbidden(path, "HugePages require cpu or memory"))
    if resources.get("claims"):
        errors += _validate_claims(resources["claims"], claims, path.child("claims"))
    return errors


def _validate_requests(
    requests: Object, limits: Object, name_rule: NameRule, path: Path, options: PodOptions
) -> ErrorList:
    errors: ErrorList = []
    request_path = path.child("requests")
    for name, amount in requests.items():
        key_path = request_path.key(name)
        quantity = Quantity.parse(amount)
        errors += name_rule(name, key_path)
        errors += validate_amount(name, quantity, key_path)
        if name in limits:
            errors += _validate_against_limit(name, quantity, Quantity.parse(limits[name]), request_path)
        elif not resourcenames.allows_overcommit(name):
            errors.append(
                required(path.child("limits"), "Limit must be set for non overcommitable resources")
            )
        errors += _validate_huge_page(name, quantity, key_path, options)
    return errors


def _validate_against_limit(name: str, request: Quantity, limit: Quantity, path: Path) -> ErrorList:
    order = request.compare(limit)
    if order and not resourcenames.allows_overcommit(name):
        return [invalid(path, str(request), f"must be equal to {name} limit of {limit}")]
    if order > 0:
        return [invalid(path, str(request), f"must be less than or equal to {name} limit of {limit}")]
    return []


def _validate_one(
    name: str, quantity: Quantity, name_rule: NameRule, path: Path, options: PodOptions
) -> ErrorList:
    errors = name_rule(name, path)
    errors += validate_amount(name, quantity, path)
    return errors + _validate_huge_page(name, quantity, path, options)


def _validate_huge_page(name: str, quantity: Quantity, path: Path, options: PodOptions) -> ErrorList:
    if not resourcenames.is_huge_page(name) or options.indivisible_huge_pages or is_divisible(name, quantity):
        return []
    return [invalid(path, str(quantity), f"{quantity} is not positive integer multiple of {name}")]


def is_divisible(name: str, quantity: Quantity) -> bool:
    """Whether an amount of huge pages is a whole number of pages of the size in the name."""
    try:
        size = Quantity.parse(name.removeprefix(resourcenames.HUGE_PAGES))
    except ValueError:
        return False
    if size.sign <= 0 or size.milli_value() % 1000:
        return False
    return quantity.value() % size.value() == 0


def _validate_claims(references: list[Object], claims: Collection[str], path: Path) -> ErrorList:
    """References to the pod's resource claims: a whole claim, or single requests of it."""
    errors: ErrorList = []
    seen: set[str] = set()
    for i, reference in enumerate(references):
        name = reference.get("name", "")
        if not name:
            errors.append(required(path.index(i)))
            continue
        errors += _claim_repetitions(name, reference.get("request", ""), seen, path.index(i))
        if name not in claims:
            errors.append(_unknown_claim(path.index(i), name, claims))
    return errors


def _claim_repetitions(name: str, request: str, seen: set[str], path: Path) -> ErrorList:
    if name in seen:
        return [duplicate(path, name)]
    errors = label_errors(path.child("request"), request) if request else []
    key = f"{name}/{request}" if request else name
    if key in seen:
        errors.append(duplicate(path, key))
    elif not request:
        errors += [duplicate(path, name) for other in seen if other.startswith(name + "/")]
    seen.add(key)
    return errors


def _unknown_claim(path: Path, name: str, claims: Collection[str]) -> FieldError:
    known = ": " + ", ".join(sorted(claims)) if claims else " which is empty"
    error = not_found(path, name)
    return error._replace(body=f"{error.body}: must be one of the names in pod.spec.resourceClaims{known}")
