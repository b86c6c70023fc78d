"""The metrics of HorizontalPodAutoscalers: one source each, and a target that suits it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, forbidden, invalid, not_supported, required
from sekisho.api.quantity import Quantity
from sekisho.api.types import Object
from sekisho.schema.validation.common import label_errors, required_name
from sekisho.schema.validation.resources import container_resource_name

_TYPES = ("ContainerResource", "External", "Object", "Pods", "Resource")
_FIELDS = {kind: kind[0].lower() + kind[1:] for kind in _TYPES}
_TARGET_TYPES = ("Utilization", "Value", "AverageValue")
_ONE_SOURCE = "must populate the given metric source only"


@dataclass(frozen=True, slots=True)
class Reference:
    """How strictly the version of an object reference is read."""

    without_group: bool = False
    any_version: bool = False

    def problem(self, reference: Object) -> str:
        """What is wrong with the version; empty when nothing is."""
        version: str = reference.get("apiVersion", "")
        if self.any_version:
            return ""
        if version.count("/") > 1:
            return f"unexpected GroupVersion string: {version}"
        group = version.partition("/")[0] if "/" in version else ""
        return "" if group or self.without_group else "apiVersion must specify API group"


def validate_reference(reference: Object, path: Path, rules: Reference) -> ErrorList:
    """A CrossVersionObjectReference."""
    errors: ErrorList = []
    for field in ("kind", "name"):
        errors += required_name(path.child(field), reference.get(field, ""), names.path_segment)
    problem = rules.problem(reference)
    if problem:
        errors.append(invalid(path.child("apiVersion"), reference.get("apiVersion", ""), problem))
    return errors


def validate_metric(metric: Object, path: Path, rules: Reference) -> ErrorList:
    """Of several sources only the first in upstream's order is looked into; an unknown type is found twice."""
    kind = metric.get("type", "")
    errors: ErrorList = []
    if not kind:
        errors.append(required(path.child("type"), "must specify a metric source type"))
    unknown = [] if kind in _TYPES else [not_supported(path.child("type"), kind, _TYPES)]
    errors += unknown
    present = [field for field in _SOURCES if metric.get(field) is not None]
    if present:
        field = present[0]
        errors += _SOURCES[field](metric[field], path.child(field), rules)
    expected = _FIELDS.get(kind, "")
    if expected and expected not in present:
        detail = "must populate information for the given metric source"
        errors.append(required(path.child(expected), detail))
    errors += unknown
    if len(present) > 1:
        errors += [forbidden(path.child(field), _ONE_SOURCE) for field in present if field != expected]
    return errors


def _object(source: Object, path: Path, rules: Reference) -> ErrorList:
    target, at = source.get("target") or {}, path.child("target")
    errors = validate_reference(source.get("describedObject") or {}, path.child("describedObject"), rules)
    errors += _validate_metric_name(source, path) + _validate_target(target, at)
    if target.get("value") is None and target.get("averageValue") is None:
        detail = "must set either a target value or averageValue"
        errors.append(required(at.child("averageValue"), detail))
    return errors


def _external(source: Object, path: Path, rules: Reference) -> ErrorList:
    target, at = source.get("target") or {}, path.child("target")
    errors = _validate_metric_name(source, path) + _validate_target(target, at)
    given = [field for field in ("value", "averageValue") if target.get(field) is not None]
    if not given:
        detail = "must set either a target value for metric or a per-pod target"
        errors.append(required(at.child("averageValue"), detail))
    if len(given) > 1:
        detail = "may not set both a target value for metric and a per-pod target"
        errors.append(forbidden(at.child("value"), detail))
    return errors


def _pods(source: Object, path: Path, rules: Reference) -> ErrorList:
    target, at = source.get("target") or {}, path.child("target")
    errors = _validate_metric_name(source, path) + _validate_target(target, at)
    if target.get("averageValue") is None:
        detail = "must specify a positive target averageValue"
        errors.append(required(at.child("averageValue"), detail))
    return errors


def _resource(source: Object, path: Path, rules: Reference) -> ErrorList:
    errors: ErrorList = []
    if not source.get("name"):
        errors.append(required(path.child("name"), "must specify a resource name"))
    return errors + _validate_resource_target(source, path)


def _container_resource(source: Object, path: Path, rules: Reference) -> ErrorList:
    name, container = source.get("name", ""), source.get("container", "")
    if name:
        errors = container_resource_name(name, path.child("name"))
    else:
        errors = [required(path.child("name"), "must specify a resource name")]
    if container:
        errors += label_errors(path.child("container"), container)
    else:
        errors.append(required(path.child("container"), "must specify a container"))
    return errors + _validate_resource_target(source, path)


_SOURCES: dict[str, Callable[[Object, Path, Reference], ErrorList]] = {
    "object": _object,
    "external": _external,
    "pods": _pods,
    "resource": _resource,
    "containerResource": _container_resource,
}


def _validate_resource_target(source: Object, path: Path) -> ErrorList:
    target, at = source.get("target") or {}, path.child("target")
    errors = _validate_target(target, at)
    given = [field for field in ("averageUtilization", "averageValue") if target.get(field) is not None]
    if not given:
        detail = "must set either a target raw value or a target utilization"
        errors.append(required(at.child("averageUtilization"), detail))
    if len(given) > 1:
        detail = "may not set both a target raw value and a target utilization"
        errors.append(forbidden(at.child("averageValue"), detail))
    return errors


def _validate_target(target: Object, path: Path) -> ErrorList:
    kind = target.get("type", "")
    errors: ErrorList = []
    if not kind:
        errors.append(required(path.child("type"), "must specify a metric target type"))
    if kind not in _TARGET_TYPES:
        errors.append(invalid(path.child("type"), kind, "must be either Utilization, Value, or AverageValue"))
    for field in ("value", "averageValue"):
        amount = target.get(field)
        if amount is not None and Quantity.parse(amount).sign <= 0:
            errors.append(invalid(path.child(field), amount, "must be positive"))
    utilization = target.get("averageUtilization")
    if utilization is not None and utilization < 1:
        errors.append(invalid(path.child("averageUtilization"), utilization, "must be greater than 0"))
    return errors


def _validate_metric_name(source: Object, path: Path) -> ErrorList:
    name, at = (source.get("metric") or {}).get("name", ""), path.child("metric", "name")
    if not name:
        return [required(at, "must specify a metric name")]
    return [invalid(at, name, message) for message in names.path_segment(name)]
