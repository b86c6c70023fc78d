"""Conditions of the type that newer kinds share (metav1.Condition)."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, duplicate, invalid, not_supported, required, too_long
from sekisho.api.objectmeta import validate_label_name
from sekisho.api.types import Object

_STATUSES = ("False", "True", "Unknown")
_LONGEST_REASON = 1024
_LONGEST_MESSAGE = 32 * 1024


def validate_conditions(conditions: list[Object], path: Path) -> ErrorList:
    """Each complete, and one of a type."""
    errors: ErrorList = []
    seen: set[str] = set()
    for i, condition in enumerate(conditions):
        kind = condition.get("type", "")
        if kind in seen:
            errors.append(duplicate(path.index(i).child("type"), kind))
        seen.add(kind)
        errors += _validate_condition(condition, path.index(i))
    return errors


def _validate_condition(condition: Object, path: Path) -> ErrorList:
    errors = validate_label_name(condition.get("type", ""), path.child("type"))
    status, generation = condition.get("status", ""), condition.get("observedGeneration", 0)
    if status not in _STATUSES:
        errors.append(not_supported(path.child("status"), status, _STATUSES))
    if generation < 0:
        detail = "must be greater than or equal to zero"
        errors.append(invalid(path.child("observedGeneration"), generation, detail))
    if not condition.get("lastTransitionTime"):
        errors.append(required(path.child("lastTransitionTime"), "must be set"))
    reason, at = condition.get("reason", ""), path.child("reason")
    if reason:
        errors += [invalid(at, reason, message) for message in names.condition_reason(reason)]
        if len(reason.encode()) > _LONGEST_REASON:
            errors.append(too_long(at, _LONGEST_REASON))
    else:
        errors.append(required(at, "must be set"))
    if len(condition.get("message", "").encode()) > _LONGEST_MESSAGE:
        errors.append(too_long(path.child("message"), _LONGEST_MESSAGE))
    return errors
