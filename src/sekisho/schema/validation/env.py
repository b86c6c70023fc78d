"""Environment variables of containers, and the references to the pod itself that volumes share with them."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, invalid, not_supported, required
from sekisho.api.quantity import Quantity
from sekisho.api.types import Object
from sekisho.schema.resourcenames import HUGE_PAGES
from sekisho.schema.validation.common import (
    checked,
    no_backsteps,
    problems,
    qualified_name_errors,
    required_name,
)

_ENV_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
_VOLUME_FIELDS = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
_KNOWN_FIELDS = frozenset(
    (
        *_ENV_FIELDS,
        *_VOLUME_FIELDS,
        "spec.restartPolicy",
        "spec.schedulerName",
        "status.phase",
    )
)
_SUBSCRIPTED = ("metadata.annotations", "metadata.labels")
_RESOURCE_FIELDS = (
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
)
_HUGE_PAGE_FIELDS = ("limits." + HUGE_PAGES, "requests." + HUGE_PAGES)
_CPU_DIVISORS = frozenset(("1", "1m"))
_SIZES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_DIVISIBLE = {
    "memory": "memory resource",
    "ephemeral-storage": "local ephemeral storage resource",
    HUGE_PAGES: "hugepages resource",
}
_ONE_OF_FIVE = (
    "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
)
_ONLY_ONE = "may not have more than one field specified at a time"


def validate_env(variables: list[Object], path: Path) -> ErrorList:
    errors: ErrorList = []
    for i, variable in enumerate(variables):
        name = variable.get("name", "")
        if not name:
            errors.append(required(path.index(i).child("name")))
        else:
            messages = names.env_var_name(name)
            if messages:
                errors += problems(path.index(i).child("name"), name, messages)
        if variable.get("valueFrom") is not None:
            errors += _validate_source(variable, path.index(i).child("valueFrom"))
    return errors


def _validate_source(variable: Object, path: Path) -> ErrorList:
    source: Object = variable["valueFrom"]
    errors: ErrorList = []
    count = 0
    for field, rule in _SOURCES.items():
        if source.get(field) is not None:
            count += 1
            errors += rule(source[field], path.child(field))
    if not count:
        errors.append(invalid(path, "", _ONE_OF_FIVE))
    elif variable.get("value"):
        errors.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif count > 1:
        errors.append(invalid(path, "", _ONLY_ONE))
    return errors


def validate_env_from(sources: list[Object], path: Path) -> ErrorList:
    """Whole ConfigMaps and Secrets as environment; upstream puts two of the errors on the list itself."""
    errors: ErrorList = []
    for i, source in enumerate(sources):
        at = path.index(i)
        if source.get("prefix"):
            errors += checked(at.child("prefix"), source["prefix"], names.env_var_name)
        count = 0
        for field in ("configMapRef", "secretRef"):
            if source.get(field) is not None:
                count += 1
                errors += _validate_name_prefix(source[field].get("name", ""), at.child(field, "name"))
        if not count:
            errors.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif count > 1:
            errors.append(invalid(path, "", _ONLY_ONE))
    return errors


def _validate_name_prefix(name: str, path: Path) -> ErrorList:
    """Upstream checks these names as if they were prefixes: a trailing dash is good."""
    return (
        problems(path, name, names.dns1123_subdomain(names.mask_trailing_dash(name)))
        if name
        else [required(path)]
    )


def validate_pod_field(reference: Object, path: Path, *, volume: bool) -> ErrorList:
    """A `fieldRef`: a field of the pod that can be handed to its containers."""
    version, field = reference.get("apiVersion", ""), reference.get("fieldPath", "")
    if not version:
        return [required(path.child("apiVersion"))]
    if not field:
        return [required(path.child("fieldPath"))]
    name, subscript = split_subscript(field)
    problem = _conversion_problem(version, field, name, subscript)
    if problem:
        return [invalid(path.child("fieldPath"), field, f"error converting fieldPath: {problem}")]
    if subscript is not None:
        return qualified_name_errors(path, subscript.lower() if name == "metadata.annotations" else subscript)
    name = "spec.nodeName" if name == "spec.host" else name
    allowed = _VOLUME_FIELDS if volume else _ENV_FIELDS
    return [] if name in allowed else [not_supported(path.child("fieldPath"), name, allowed)]


def split_subscript(field: str) -> tuple[str, str | None]:
    """`metadata.labels['key']` as name and key; the key is None where there is none."""
    name, bracket, rest = field.partition("['")
    if bracket and name and rest.endswith("']"):
        return name, rest[:-2]
    return field, None


def _conversion_problem(version: str, field: str, name: str, subscript: str | None) -> str:
    if version != "v1":
        return f"unsupported pod version: {version}"
    if subscript is not None:
        return "" if name in _SUBSCRIPTED else f"field label does not support subscript: {field}"
    return "" if name in _KNOWN_FIELDS or name == "spec.host" else f"field label not supported: {field}"


def validate_resource_field(reference: Object, path: Path, *, volume: bool) -> ErrorList:
    """A `resourceFieldRef`: a limit or request of a container."""
    errors: ErrorList = []
    resource = reference.get("resource", "")
    if volume and not reference.get("containerName"):
        errors.append(required(path.child("containerName")))
    elif not resource:
        errors.append(required(path.child("resource")))
    elif resource not in _RESOURCE_FIELDS and not resource.startswith(_HUGE_PAGE_FIELDS):
        errors.append(not_supported(path.child("resource"), resource, _RESOURCE_FIELDS))
    return errors + _validate_divisor(resource, reference.get("divisor", "0"), path.child("divisor"))


def _validate_divisor(resource: str, divisor: str, path: Path) -> ErrorList:
    quantity = Quantity.parse(divisor)
    if quantity.is_zero:
        return []
    written = str(quantity)
    kind = HUGE_PAGES if resource.startswith(_HUGE_PAGE_FIELDS) else resource.partition(".")[2]
    if resource in ("limits.cpu", "requests.cpu"):
        if written not in _CPU_DIVISORS:
            return [
                invalid(path, resource, "only divisor's values 1m and 1 are supported with the cpu resource")
            ]
    elif (resource in _RESOURCE_FIELDS or kind == HUGE_PAGES) and written not in _SIZES:
        detail = f"only divisor's values {', '.join(_SIZES)} are supported with the {_DIVISIBLE[kind]}"
        return [invalid(path, resource, detail)]
    return []


def _validate_key(reference: Object, path: Path) -> ErrorList:
    errors = checked(path.child("name"), reference.get("name", ""), names.dns1123_subdomain)
    return errors + required_name(path.child("key"), reference.get("key", ""), names.config_map_key)


def _validate_file_key(reference: Object, path: Path) -> ErrorList:
    errors = required_name(path.child("key"), reference.get("key", ""), names.env_var_name)
    errors += required_name(path.child("volumeName"), reference.get("volumeName", ""), names.dns1123_label)
    file = reference.get("path", "")
    return errors + (no_backsteps(path.child("path"), file) if file else [required(path.child("path"))])


_SOURCES = {
    "fieldRef": lambda reference, path: validate_pod_field(reference, path, volume=False),
    "resourceFieldRef": lambda reference, path: validate_resource_field(reference, path, volume=False),
    "configMapKeyRef": _validate_key,
    "secretKeyRef": _validate_key,
    "fileKeyRef": _validate_file_key,
}
