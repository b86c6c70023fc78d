"""Validation of a device's capacity, and of how parts of it can be asked for (KEP-5075)."""

from __future__ import annotations

from sekisho.api.field import ErrorList, Path, duplicate, forbidden, invalid, required, too_many
from sekisho.api.quantity import Quantity
from sekisho.api.types import Object
from sekisho.schema.validation.common import NOT_POSITIVE

_MOST_VALUES = 10


def capacity_errors(capacity: Object, path: Path, several: bool) -> ErrorList:
    """`several`: the device can be allocated more than once at a time."""
    policy = capacity.get("requestPolicy")
    if policy is None:
        return []
    at = path.child("requestPolicy")
    if not several:
        return [forbidden(at, "allowMultipleAllocations must be true")]
    values, between, default = policy.get("validValues"), policy.get("validRange"), policy.get("default")
    if values and between is not None:
        detail = (
            'exactly one policy can be specified, cannot specify "validValues" and "validRange"'
            " at the same time"
        )
        return [forbidden(at, detail)]
    most = Quantity.parse(capacity.get("value", "0"))
    for field, given in (("validValues", bool(values)), ("validRange", between is not None)):
        if given and default is None:
            return [required(at.child("default"), f"required when {field} is defined")]
    if values:
        parsed = [Quantity.parse(value) for value in values]
        return _values_errors(Quantity.parse(default), most, parsed, at.child("validValues"))
    if between is not None:
        bounds = {name: Quantity.parse(v) for name, v in between.items() if v is not None}
        return _range_errors(Quantity.parse(default), most, bounds, at.child("validRange"))
    return []


def _values_errors(default: Quantity, most: Quantity, values: list[Quantity], path: Path) -> ErrorList:
    errors = [
        invalid(path.index(i), str(values[i]), "values must be sorted in ascending order")
        for i in range(1, len(values))
        if values[i - 1] > values[i]
    ]
    if len(values) > _MOST_VALUES:
        errors.append(too_many(path, len(values), _MOST_VALUES))
    else:
        for i, value in enumerate(values):
            if value > most:
                detail = f"option is larger than capacity value: {most}"
                errors.append(invalid(path.index(i), str(value), detail))
        whole = [value.value() for value in values]
        errors += [
            duplicate(path.index(i), str(number)) for i, number in enumerate(whole) if number in whole[:i]
        ]
    if default not in values or len(values) > _MOST_VALUES:
        detail = "default value is not valid according to the requestPolicy"
        errors.append(invalid(path, str(default), detail))
    return errors


def _range_errors(default: Quantity, most: Quantity, bounds: dict[str, Quantity], path: Path) -> ErrorList:
    low, high, step = bounds.get("min"), bounds.get("max"), bounds.get("step")
    if low is None:
        return [required(path.child("min"), "required when validRange is defined")]
    errors: ErrorList = []
    if low > most:
        errors.append(invalid(path.child("min"), str(low), f"min is larger than capacity value: {most}"))
    if default < low:
        errors.append(invalid(path.child("default"), str(default), f"default is less than min: {low}"))
    if high is not None:
        if low > high:
            errors.append(invalid(path.child("max"), str(low), f"min is larger than max: {high}"))
        if high > most:
            detail = f"max is larger than capacity value: {most}"
            errors.append(invalid(path.child("max"), str(high), detail))
        if default > high:
            errors.append(invalid(path.child("default"), str(default), f"default is more than max: {high}"))
    return errors if step is None else errors + _step_errors(default, most, low, high, step, path)


def _step_errors(
    default: Quantity, most: Quantity, low: Quantity, high: Quantity | None, step: Quantity, path: Path
) -> ErrorList:
    at = path.child("step")
    if step.sign <= 0:
        return [invalid(at, str(step), NOT_POSITIVE)]
    errors: ErrorList = []
    if low + step > most:
        detail = f"one step {low + step} is larger than capacity value: {most}"
        errors.append(invalid(at, str(step), detail))
    for value in (default, high):
        if value is not None and (value.value() - low.value()) % step.value():
            detail = f"value is not a multiple of a given step ({step}) from ({low})"
            errors.append(invalid(at, str(value), detail))
    return errors
