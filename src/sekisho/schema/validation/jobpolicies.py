"""When a Job fails or succeeds early: pod failure policies (KEP-3329) and success policies (KEP-3998)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

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
from sekisho.api.goformat import quote
from sekisho.api.types import Object
from sekisho.schema.validation.common import not_negative, qualified_name_errors
from sekisho.schema.validation.jobindexes import count_indexes
from sekisho.schema.validation.workload import invalid_bare

_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_STATUSES = ("False", "True", "Unknown")
_REPLACEMENTS = ("Failed", "TerminatingOrFailed")
_MOST_RULES = 20
_MOST_CODES = 255
_MOST_PATTERNS = 20
_LONGEST_INDEXES = 64 * 1024


def validate_pod_failure_policy(spec: Object, path: Path) -> ErrorList:
    rules: list[Object] = spec["podFailurePolicy"].get("rules") or []
    at = path.child("rules")
    errors = [too_many(at, len(rules), _MOST_RULES)] if len(rules) > _MOST_RULES else []
    pod: Object = (spec.get("template") or {}).get("spec") or {}
    names = {
        container.get("name", "")
        for field in ("containers", "initContainers")
        for container in pod.get(field) or ()
    }
    for i, rule in enumerate(rules):
        errors += _validate_failure_rule(spec, rule, at.index(i), names)
    return errors


def _validate_failure_rule(spec: Object, rule: Object, path: Path, names: Collection[str]) -> ErrorList:
    errors = _validate_action(spec, rule.get("action", ""), path.child("action"))
    codes, patterns = rule.get("onExitCodes"), rule.get("onPodConditions") or []
    if codes is not None:
        errors += _validate_exit_codes(codes, path.child("onExitCodes"), names)
    if patterns:
        errors += _validate_patterns(patterns, path.child("onPodConditions"))
    if codes is not None and patterns:
        errors.append(invalid_bare(path, "specifying both OnExitCodes and OnPodConditions is not supported"))
    if codes is None and not patterns:
        errors.append(invalid_bare(path, "specifying one of OnExitCodes and OnPodConditions is required"))
    return errors


def _validate_action(spec: Object, action: str, path: Path) -> ErrorList:
    if action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
        return [invalid(path, action, "requires the backoffLimitPerIndex to be set")]
    return _one_of(path, action, _ACTIONS)


def _one_of(path: Path, value: str, supported: tuple[str, ...]) -> ErrorList:
    """As `common.one_of`, but a missing word is answered with the words to choose from."""
    if not value:
        return [required(path, f"valid values: {_listed(supported)}")]
    return [] if value in supported else [not_supported(path, value, supported)]


def _listed(words: Iterable[str]) -> str:
    """Go's %q of a slice."""
    return "[" + " ".join(map(quote, words)) + "]"


def _validate_exit_codes(codes: Object, path: Path, names: Collection[str]) -> ErrorList:
    operator = codes.get("operator", "")
    errors = _one_of(path.child("operator"), operator, _OPERATORS)
    name = codes.get("containerName")
    if name is not None and name not in names:
        detail = "must be one of the container or initContainer names in the pod template"
        errors.append(invalid(path.child("containerName"), name, detail))
    values: list[int] = codes.get("values") or []
    at = path.child("values")
    if not values:
        errors.append(invalid(at, codes.get("values"), "at least one value is required"))
    elif len(values) > _MOST_CODES:
        errors.append(too_many(at, len(values), _MOST_CODES))
    for i, value in enumerate(values):
        if operator == "In" and value == 0:
            errors.append(invalid(at.index(i), value, "must not be 0 for the In operator"))
        if value in values[:i]:
            errors.append(duplicate(at.index(i), value))
    if values != sorted(values):
        errors.append(invalid(at, values, "must be ordered"))
    return errors


def _validate_patterns(patterns: list[Object], path: Path) -> ErrorList:
    errors: ErrorList = []
    if len(patterns) > _MOST_PATTERNS:
        errors.append(too_many(path, len(patterns), _MOST_PATTERNS))
    for i, pattern in enumerate(patterns):
        at = path.index(i)
        errors += qualified_name_errors(at.child("type"), pattern.get("type", ""))
        errors += _one_of(at.child("status"), pattern.get("status", ""), _STATUSES)
    return errors


def validate_success_policy(spec: Object, path: Path) -> ErrorList:
    """Of an Indexed Job."""
    rules: list[Object] = spec["successPolicy"].get("rules") or []
    at = path.child("rules")
    errors: ErrorList = []
    if not rules:
        detail = "at least one rules must be specified when the successPolicy is specified"
        errors.append(required(at, detail))
    if len(rules) > _MOST_RULES:
        errors.append(too_many(at, len(rules), _MOST_RULES))
    completions = spec.get("completions") or 0
    for i, rule in enumerate(rules):
        errors += _validate_success_rule(rule, completions, at.index(i))
    return errors


def _validate_success_rule(rule: Object, completions: int, path: Path) -> ErrorList:
    count, indexes = rule.get("succeededCount"), rule.get("succeededIndexes")
    errors: ErrorList = []
    if count is None and indexes is None:
        detail = "at least one of succeededCount or succeededIndexes must be specified"
        errors.append(required(path, detail))
    total = 0
    if indexes is not None:
        at = path.child("succeededIndexes")
        if len(indexes) > _LONGEST_INDEXES:
            errors.append(too_long(at, _LONGEST_INDEXES))
        try:
            total = count_indexes(indexes, completions)
        except ValueError as error:
            errors.append(invalid(at, indexes, f"error parsing succeededIndexes: {error}"))
    if count is None:
        return errors
    at = path.child("succeededCount")
    errors += not_negative(at, count)
    if count > completions:
        detail = f"must be less than or equal to {completions} (the number of specified completions)"
        errors.append(invalid(at, count, detail))
    if indexes is not None and count > total:
        why = "the number of indexes in the specified succeededIndexes field"
        errors.append(invalid(at, count, f"must be less than or equal to {total} ({why})"))
    return errors


def validate_pod_replacement_policy(spec: Object, path: Path) -> ErrorList:
    """When pods are replaced (KEP-3939); with a failure policy only after they failed."""
    policy = spec.get("podReplacementPolicy")
    supported = _REPLACEMENTS if spec.get("podFailurePolicy") is None else ("Failed",)
    return [] if policy is None or policy in supported else [not_supported(path, policy, supported)]
