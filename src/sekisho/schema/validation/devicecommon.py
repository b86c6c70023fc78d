"""What DeviceClasses, ResourceClaims and ResourceSlices have in common, as upstream's
pkg/apis/resource/validation."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import orjson

from sekisho.api import names
from sekisho.api.field import (
    ErrorList,
    Path,
    duplicate,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from sekisho.api.objectmeta import validate_label_name
from sekisho.api.types import Object
from sekisho.schema.validation.common import label_errors, problems, subdomain_errors
from sekisho.schema.validation.volumesource import validate_csi_driver

EFFECTS = ("NoExecute", "NoSchedule", "None")
MOST_SELECTORS = 32
MOST_CONFIGS = 32
MOST_REQUESTS = 32
_LONGEST_EXPRESSION = 10 * 1024
_LONGEST_PARAMETERS = 10 * 1024
_LONGEST_POOL = 253
_LONGEST_ID = 32
_MOST_BINDING_CONDITIONS = 4
_OPERATORS = ("Equal", "Exists")

Check = Callable[[Any, Path], ErrorList]

validate_driver = validate_csi_driver
"""Drivers of devices are named as CSI drivers are."""


def each(items: Sequence[Any] | None, most: int, check: Check, path: Path) -> ErrorList:
    """A list of limited length; a longer one is not looked into."""
    if len(items or ()) > most >= 0:
        return [too_many(path, len(items or ()), most)]
    return [error for i, item in enumerate(items or ()) for error in check(item, path.index(i))]


def unique(
    items: Sequence[Any] | None,
    most: int,
    check: Check,
    path: Path,
    key: Callable[[Any], Hashable] = lambda item: item,
) -> ErrorList:
    """As `each`, with every key once. Repetitions come after all other errors."""
    errors = each(items, most, check, path)
    if len(items or ()) > most >= 0:
        return errors
    seen: set[Hashable] = set()
    for i, item in enumerate(items or ()):
        value = key(item)
        if value in seen:
            errors.append(duplicate(path.index(i), value))
        seen.add(value)
    return errors


def name_of(item: Object) -> str:
    name: str = item.get("name", "")
    return name


def pool_name_errors(name: str, path: Path) -> ErrorList:
    if not name:
        return [required(path)]
    errors: ErrorList = [too_long(path, _LONGEST_POOL)] if len(name.encode()) > _LONGEST_POOL else []
    return errors + [error for part in name.split("/") for error in subdomain_errors(path, part)]


def device_name_errors(name: str, path: Path) -> ErrorList:
    return label_errors(path, name)


def qualified_name_errors(name: str, path: Path) -> ErrorList:
    """An attribute's or a capacity's name: a C identifier, with a domain in front or without."""
    domain, slash, identifier = name.partition("/")
    if not slash:
        return _identifier_errors(name, path)
    if "/" in identifier:
        return []
    errors = validate_driver(domain, path) if domain else [invalid(path, "", "the domain must not be empty")]
    if not identifier:
        return [*errors, invalid(path, "", "the name must not be empty")]
    return errors + _identifier_errors(identifier, path)


def fully_qualified_name_errors(name: str, path: Path) -> ErrorList:
    errors = qualified_name_errors(name, path)
    if "/" not in name:
        detail = "a fully qualified name must be a domain and a name separated by a slash"
        errors.append(invalid(path, name, detail))
    return errors


def _identifier_errors(name: str, path: Path) -> ErrorList:
    errors: ErrorList = [too_long(path, _LONGEST_ID)] if len(name.encode()) > _LONGEST_ID else []
    return errors + problems(path, name, names.c_identifier(name))


def selector_errors(selector: Object, path: Path) -> ErrorList:
    """A selector in CEL; its expression is measured here and compiled where it is evaluated."""
    expression = selector.get("cel")
    if expression is None:
        return [required(path.child("cel"))]
    if len(expression.get("expression", "").encode()) > _LONGEST_EXPRESSION:
        return [too_long(path.child("cel", "expression"), _LONGEST_EXPRESSION)]
    return []


def configuration_errors(config: Object, path: Path, *, stored: bool = False) -> ErrorList:
    opaque, at = config.get("opaque"), path.child("opaque")
    if opaque is None:
        return [required(at)]
    errors = validate_driver(opaque.get("driver", ""), at.child("driver"))
    limit = -1 if stored else _LONGEST_PARAMETERS
    return errors + raw_object_errors(opaque.get("parameters"), at.child("parameters"), limit)


def raw_object_errors(value: Any, path: Path, most: int = _LONGEST_PARAMETERS) -> ErrorList:
    """A JSON object that only a driver understands. What was stored may be longer (`most` is negative)."""
    if value is None:
        return [required(path)]
    if 0 <= most < len(orjson.dumps(value)):
        return [too_long(path, most)]
    if not isinstance(value, dict):
        return [invalid(path, "<value omitted>", "must be a valid JSON object")]
    return []


def taint_errors(taint: Object, path: Path, old: Object | None = None) -> ErrorList:
    value, effect = taint.get("value", ""), taint.get("effect", "")
    errors = validate_label_name(taint.get("key", ""), path.child("key"))
    errors += problems(path.child("value"), value, names.label_value(value)) if value else []
    if old is not None and old.get("effect", "") == effect:
        return errors
    if not effect:
        errors.append(required(path.child("effect")))
    return errors + _effect_errors(effect, path)


def _effect_errors(effect: str, path: Path) -> ErrorList:
    return [] if effect in ("", *EFFECTS) else [not_supported(path.child("effect"), effect, EFFECTS)]


def toleration_errors(toleration: Object, path: Path) -> ErrorList:
    key, value, operator = (toleration.get(field, "") for field in ("key", "value", "operator"))
    errors = validate_label_name(key, path.child("key")) if key else []
    if operator == "Exists":
        if value:
            errors.append(invalid(path.child("value"), value, "must be empty for operator `Exists`"))
    elif operator == "Equal":
        errors += problems(path.child("value"), value, names.label_value(value))
    elif not operator:
        errors.append(required(path.child("operator")))
    else:
        errors.append(not_supported(path.child("operator"), operator, _OPERATORS))
    return errors + _effect_errors(toleration.get("effect", ""), path)


def binding_condition_errors(holder: Object, path: Path) -> ErrorList:
    """Conditions that a pod waits for before it is bound, and those that end the wait (KEP-5007)."""
    wanted, failing = holder.get("bindingConditions") or [], holder.get("bindingFailureConditions") or []
    at, failing_at = path.child("bindingConditions"), path.child("bindingFailureConditions")
    errors = each(wanted, _MOST_BINDING_CONDITIONS, validate_label_name, at)
    errors += each(failing, _MOST_BINDING_CONDITIONS, validate_label_name, failing_at)
    errors += [duplicate(at.index(i), name) for i, name in enumerate(wanted) if name in wanted[:i]]
    for i, name in enumerate(failing):
        if name in failing[:i]:
            errors.append(duplicate(failing_at.index(i), name))
        if name in wanted:
            detail = "bindingFailureConditions must not overlap with bindingConditions"
            errors.append(invalid(failing_at.index(i), name, detail))
    if failing and not wanted:
        detail = "bindingConditions are required to use bindingFailureConditions"
        errors.append(invalid(at, None, detail))
    if wanted and not failing:
        detail = "bindingFailureConditions are required to use bindingConditions"
        errors.append(invalid(failing_at, None, detail))
    return errors
