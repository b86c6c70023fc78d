"""Tolerations, taints, and the gates that hold a pod back."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, duplicate, forbidden, invalid, not_supported, required
from sekisho.api.types import Object
from sekisho.schema.validation import goform
from sekisho.schema.validation.common import label_value_problem, problems, qualified_name_errors
from sekisho.schema.validation.options import PodOptions

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")

_COMPARING = ("Lt", "Gt")
_OPERATORS = ("Equal", "Exists")


def validate_tolerations(tolerations: list[Object], path: Path, options: PodOptions) -> ErrorList:
    errors: ErrorList = []
    for i, toleration in enumerate(tolerations):
        errors += _validate_toleration(toleration, path.index(i), options)
    return errors


def _validate_toleration(toleration: Object, path: Path, options: PodOptions) -> ErrorList:
    key, operator = toleration.get("key", ""), toleration.get("operator", "")
    effect = toleration.get("effect", "")
    errors = qualified_name_errors(path.child("key"), key) if key else []
    if not key and operator != "Exists":
        detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        errors.append(invalid(path.child("operator"), operator, detail))
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        errors.append(invalid(path.child("effect"), effect, detail))
    errors += _validate_operator(operator, toleration.get("value", ""), path, options)
    return errors + (validate_effect(effect, path.child("effect")) if effect else [])


def _validate_operator(operator: str, value: str, path: Path, options: PodOptions) -> ErrorList:
    at = path.child("operator")
    if operator in ("Equal", ""):
        return label_value_problem(at, value)
    if operator == "Exists":
        return [invalid(at, value, "value must be empty when `operator` is 'Exists'")] if value else []
    if operator not in _COMPARING:
        return [not_supported(at, operator, _OPERATORS)]
    if not options.comparing_tolerations:
        return [not_supported(at, operator, _OPERATORS + _COMPARING)]
    errors = problems(path.child("value"), value, names.decimal_integer(value))
    problem = _int64_problem(value)
    return [*errors, invalid(path.child("value"), value, problem)] if problem else errors


def _int64_problem(text: str) -> str:
    """What Go's strconv.ParseInt says."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not digits.isascii() or not digits.isdigit():
        return f'strconv.ParseInt: parsing "{text}": invalid syntax'
    if -(2**63) <= int(text) < 2**63:
        return ""
    return f'strconv.ParseInt: parsing "{text}": value out of range'


def validate_effect(effect: str, path: Path) -> ErrorList:
    return [] if effect in EFFECTS else [not_supported(path, effect, EFFECTS)]


def validate_added_tolerations(
    new: list[Object], old: list[Object], path: Path, options: PodOptions
) -> ErrorList:
    """On update tolerations may be added, and change their seconds."""
    kept = [_without_seconds(toleration) for toleration in new]
    if any(_without_seconds(toleration) not in kept for toleration in old):
        return [forbidden(path, "existing toleration can not be modified except its tolerationSeconds")]
    return validate_tolerations(new, path, options)


def _without_seconds(toleration: Object) -> Object:
    return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}


def validate_taints(taints: list[Object], path: Path) -> ErrorList:
    """A node's taints: unique by key and effect."""
    errors: ErrorList = []
    seen: set[tuple[str, str]] = set()
    for i, taint in enumerate(taints):
        at = path.index(i)
        key, effect = taint.get("key", ""), taint.get("effect", "")
        errors += qualified_name_errors(at.child("key"), key)
        errors += label_value_problem(at.child("value"), taint.get("value", ""))
        errors += validate_effect(effect, at.child("effect")) if effect else [required(at.child("effect"))]
        if (key, effect) in seen:
            error = duplicate(at, goform.taint(taint))
            errors.append(error._replace(body=f"{error.body}: taints must be unique by key and effect pair"))
        seen.add((key, effect))
    return errors


def validate_scheduling_gates(gates: list[Object], path: Path) -> ErrorList:
    errors: ErrorList = []
    seen: set[str] = set()
    for i, gate in enumerate(gates):
        name = gate.get("name", "")
        errors += qualified_name_errors(path.index(i), name)
        if name in seen:
            errors.append(duplicate(path.index(i), name))
        seen.add(name)
    return errors


def validate_lifted_gates(new: list[Object], old: list[Object], path: Path) -> ErrorList:
    """On update gates may only go away."""
    known = {gate.get("name", "") for gate in old}
    added = {gate.get("name", ""): i for i, gate in enumerate(new) if gate.get("name", "") not in known}
    return [
        forbidden(
            path.index(i).child("name"), f"only deletion is allowed, but found new scheduling gate '{name}'"
        )
        for name, i in added.items()
    ]


def validate_readiness_gates(gates: list[Object], path: Path) -> ErrorList:
    errors: ErrorList = []
    for i, gate in enumerate(gates):
        errors += qualified_name_errors(path.index(i).child("conditionType"), gate.get("conditionType", ""))
    return errors
