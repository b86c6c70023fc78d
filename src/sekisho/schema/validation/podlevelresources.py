"""Resources of a pod as a whole, and how they bound those of its containers (KEP-2837)."""

from __future__ import annotations

from collections.abc import Collection

from sekisho.api.field import ErrorList, Path, forbidden, invalid
from sekisho.api.quantity import Quantity
from sekisho.api.types import Object
from sekisho.schema.podresources import aggregate_container_limits, aggregate_container_requests
from sekisho.schema.resourcenames import is_huge_page
from sekisho.schema.validation.options import PodOptions
from sekisho.schema.validation.resources import validate_pod_level_requirements


def validate_pod_level_resources(
    spec: Object, claims: Collection[str], path: Path, options: PodOptions
) -> ErrorList:
    """`spec.resources`; `path` is the spec's."""
    resources = spec.get("resources")
    if resources is None:
        return []
    at = path.child("resources")
    if (spec.get("os") or {}).get("name") == "windows":
        return [forbidden(at, "may not be set for a windows pod")]
    errors: ErrorList = []
    if resources.get("claims"):
        errors.append(forbidden(at.child("claims"), "claims may not be set for Resources at pod-level"))
    errors += validate_pod_level_requirements(resources, claims, at, options)
    errors += _validate_requests(spec, resources.get("requests") or {}, at)
    return errors + _validate_limits(spec, resources.get("limits") or {}, at)


def _validate_requests(spec: Object, requests: Object, path: Path) -> ErrorList:
    errors: ErrorList = []
    for name, total in aggregate_container_requests(spec).items():
        if name in requests and total > Quantity.parse(requests[name]):
            detail = f"must be greater than or equal to aggregate container requests of {total}"
            errors.append(invalid(path.child("requests").key(name), requests[name], detail))
    return errors


def _validate_limits(spec: Object, limits: Object, path: Path) -> ErrorList:
    if not limits:
        return []
    errors: ErrorList = []
    for name, total in aggregate_container_limits(spec).items():
        if is_huge_page(name) and name in limits and total > Quantity.parse(limits[name]):
            detail = f"must be greater than or equal to aggregate container limits of {total}"
            errors.append(invalid(path.child("limits").key(name), limits[name], detail))
    for i, container in enumerate(spec.get("containers") or ()):
        for name, limit in ((container.get("resources") or {}).get("limits") or {}).items():
            if name in limits and Quantity.parse(limit) > Quantity.parse(limits[name]):
                detail = f"must be less than or equal to pod limits of {limits[name]}"
                at = path.child("containers").index(i).key(name).child("limits")
                errors.append(invalid(at, limit, detail))
    return errors
