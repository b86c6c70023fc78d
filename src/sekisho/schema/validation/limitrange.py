"""Validation of LimitRanges, as upstream's pkg/apis/core/validation."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, duplicate, forbidden, invalid, required
from sekisho.api.quantity import Quantity
from sekisho.api.types import Object
from sekisho.schema import resourcenames
from sekisho.schema.validation.common import checked
from sekisho.schema.validation.resources import container_resource_name, resource_name

_TYPES = ("Pod", "Container", "PersistentVolumeClaim")
_FOR_CONTAINERS = ("Pod", "Container")
_ONE = Quantity.parse("1")
_MOST_MILLI = (2**63 - 1) // 1000

Amounts = dict[str, Quantity]


def validate_limit_range(limit_range: Object) -> ErrorList:
    path = Path("spec.limits")
    errors: ErrorList = []
    seen: set[str] = set()
    for i, item in enumerate((limit_range.get("spec") or {}).get("limits") or ()):
        type_ = item.get("type", "")
        errors += _type_errors(type_, path.index(i).child("type"))
        if type_ in seen:
            errors.append(duplicate(path.index(i).child("type"), type_))
        seen.add(type_)
        errors += _item_errors(item, type_, path.index(i))
    return errors


def _type_errors(type_: str, path: Path) -> ErrorList:
    errors = checked(path, type_, names.qualified_name)
    if not errors and "/" not in type_ and type_ not in _TYPES:
        errors.append(invalid(path, type_, "must be a standard limit type or fully qualified"))
    return errors


def _item_errors(item: Object, type_: str, path: Path) -> ErrorList:
    errors = _name_errors(item, type_, path, "max") + _name_errors(item, type_, path, "min")
    amounts = {field: _amounts(item, field) for field in ("max", "min", "maxLimitRequestRatio")}
    for field in ("default", "defaultRequest"):
        if type_ == "Pod":
            amounts[field] = {}
            if item.get(field):
                detail = "may not be specified when `type` is 'Pod'"
                errors.append(forbidden(path.child(field), detail))
        else:
            amounts[field] = _amounts(item, field)
            errors += _name_errors(item, type_, path, field)
    if type_ == "PersistentVolumeClaim" and not {"storage"} & (amounts["min"].keys() | amounts["max"].keys()):
        detail = "either minimum or maximum storage value is required, but neither was provided"
        errors.append(required(path.child("limits"), detail))
    errors += _name_errors(item, type_, path, "maxLimitRequestRatio")
    for name in sorted({name for part in amounts.values() for name in part}):
        errors += _order_errors(name, amounts, path) + _ratio_errors(name, amounts, path)
        errors += _overcommit_errors(name, amounts, path)
    return errors


def _amounts(item: Object, field: str) -> Amounts:
    return {name: Quantity.parse(amount) for name, amount in (item.get(field) or {}).items()}


def _name_errors(item: Object, type_: str, path: Path, field: str) -> ErrorList:
    rule = container_resource_name if type_ in _FOR_CONTAINERS else resource_name
    return [error for name in item.get(field) or () for error in rule(name, path.child(field).key(name))]


def _order_errors(name: str, amounts: dict[str, Amounts], path: Path) -> ErrorList:
    """That minimum, default request, default and maximum come in this order."""
    low, high = amounts["min"].get(name), amounts["max"].get(name)
    limit, request = amounts["default"].get(name), amounts["defaultRequest"].get(name)
    rules = (
        (low, high, "min", low, "min value", "max value"),
        (low, request, "defaultRequest", request, "min value", "default request value"),
        (request, high, "defaultRequest", request, "default request value", "max value"),
        (request, limit, "defaultRequest", request, "default request value", "default limit value"),
        (low, limit, "default", low, "min value", "default value"),
        (limit, high, "default", high, "default value", "max value"),
    )
    return [
        invalid(
            path.child(field).key(name),
            str(shown),
            f"{small_name} {small} is greater than {large_name} {large}",
        )
        for small, large, field, shown, small_name, large_name in rules
        if small is not None and large is not None and small > large
    ]


def _ratio_errors(name: str, amounts: dict[str, Amounts], path: Path) -> ErrorList:
    ratio = amounts["maxLimitRequestRatio"].get(name)
    if ratio is None:
        return []
    at = path.child("maxLimitRequestRatio").key(name)
    errors: ErrorList = []
    if ratio < _ONE:
        errors.append(invalid(at, str(ratio), f"ratio {ratio} is less than 1"))
    low, high = amounts["min"].get(name), amounts["max"].get(name)
    if low is None or high is None:
        return errors
    most = _divided(high, low, ratio)
    value = ratio.milli_value() / 1000 if ratio.value() < _MOST_MILLI else float(ratio.value())
    if value > most:
        shown = "+Inf" if most == float("inf") else f"{most:f}"
        errors.append(invalid(at, str(ratio), f"ratio {ratio} is greater than max/min = {shown}"))
    return errors


def _divided(high: Quantity, low: Quantity, ratio: Quantity) -> float:
    """The quotient, in thousandths when all three are small enough for that."""
    a, b = high.value(), low.value()
    if max(a, b, ratio.value()) < _MOST_MILLI:
        a, b = high.milli_value(), low.milli_value()
    return a / b if b else float("inf")


def _overcommit_errors(name: str, amounts: dict[str, Amounts], path: Path) -> ErrorList:
    limit, request = amounts["default"].get(name), amounts["defaultRequest"].get(name)
    if resourcenames.allows_overcommit(name) or limit is None or request is None or limit == request:
        return []
    detail = f"default value {limit} must equal to defaultRequest value {request} in {name}"
    return [invalid(path.child("defaultRequest").key(name), str(request), detail)]
