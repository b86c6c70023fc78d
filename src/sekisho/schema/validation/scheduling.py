"""Validation of PriorityClasses, as upstream's pkg/apis/scheduling/validation."""

from __future__ import annotations

from sekisho.api.field import ErrorList, Path, forbidden
from sekisho.api.types import Object
from sekisho.schema.validation.common import immutable, one_of

SYSTEM_PREFIX = "system-"
SYSTEM_CLASSES = {"system-cluster-critical": 2000000000, "system-node-critical": 2000001000}
HIGHEST_USER_PRIORITY = 1000000000
PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")


def validate_priority_class(priority_class: Object) -> ErrorList:
    name, value = priority_class["metadata"].get("name", ""), priority_class.get("value", 0)
    errors: ErrorList = []
    if name.startswith(SYSTEM_PREFIX):
        problem = _system_class_problem(name, value, priority_class.get("globalDefault", False))
        if problem:
            detail = (
                f"priority class names with '{SYSTEM_PREFIX}' prefix are reserved for system use only."
                f" error: {problem}"
            )
            errors.append(forbidden(Path("metadata.name"), detail))
    elif value > HIGHEST_USER_PRIORITY:
        detail = f"maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}"
        errors.append(forbidden(Path("value"), detail))
    policy = priority_class.get("preemptionPolicy")
    if policy is not None:
        errors += one_of(Path("preemptionPolicy"), policy, PREEMPTION_POLICIES)
    return errors


def _system_class_problem(name: str, value: int, is_default: bool) -> str:
    known = SYSTEM_CLASSES.get(name)
    if known is None:
        return f"{name} is not a known system priority class"
    if value != known:
        return f"value of {name} PriorityClass must be {known}"
    return f"globalDefault of {name} PriorityClass must be false" if is_default else ""


def validate_priority_class_update(new: Object, old: Object) -> ErrorList:
    errors: ErrorList = []
    if new.get("value", 0) != old.get("value", 0):
        errors.append(forbidden(Path("value"), "may not be changed in an update."))
    return errors + immutable(
        Path("preemptionPolicy"), new.get("preemptionPolicy"), old.get("preemptionPolicy")
    )
