"""DaemonSets (pkg/apis/apps/validation)."""

from __future__ import annotations

from sekisho.api.field import ErrorList, Path, invalid, not_supported, required
from sekisho.api.objectmeta import validate_label_selector
from sekisho.api.types import Object
from sekisho.schema.validation import goform
from sekisho.schema.validation.common import not_negative
from sekisho.schema.validation.intorpercent import amount, validate_at_most_all, validate_int_or_percent
from sekisho.schema.validation.options import PodOptions
from sekisho.schema.validation.workload import (
    is_empty,
    label_mismatch,
    parsed_selector,
    validate_collision_count,
    validate_counts,
    validate_lasting_template,
)

_SPEC = Path("spec")
_STATUS = Path("status")
_STRATEGIES = ("RollingUpdate", "OnDelete")


def validate_daemon_set(obj: Object, options: PodOptions, *, any_values: bool = False) -> ErrorList:
    """`any_values`: the stored selector has label values that are none, and may keep them."""
    spec: Object = obj.get("spec") or {}
    selector, template = spec.get("selector"), spec.get("template") or {}
    at, path = _SPEC.child("selector"), _SPEC.child("template")
    errors = validate_label_selector(selector, at, any_values)
    parsed = parsed_selector(selector)
    if parsed is not None:
        errors += label_mismatch(parsed, template, path)
    if selector is not None and is_empty(selector):
        errors.append(invalid(at, selector, "empty selector is invalid for daemonset"))
    errors += validate_lasting_template(template, path, "DaemonSet", options)
    errors += not_negative(_SPEC.child("minReadySeconds"), spec.get("minReadySeconds", 0))
    errors += _validate_strategy(spec.get("updateStrategy") or {}, _SPEC.child("updateStrategy"))
    return errors + validate_counts(spec, ("revisionHistoryLimit",), _SPEC)


def _validate_strategy(strategy: Object, path: Path) -> ErrorList:
    kind = strategy.get("type", "")
    if kind == "OnDelete":
        return []
    if kind != "RollingUpdate":
        return [not_supported(path, goform.surge_strategy(strategy), _STRATEGIES)]
    rolling, at = strategy.get("rollingUpdate"), path.child("rollingUpdate")
    return [required(at)] if rolling is None else _validate_rolling_update(rolling, at)


def _validate_rolling_update(rolling: Object, path: Path) -> ErrorList:
    """A pod is replaced on its node: either before the old one goes or after, not both."""
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    errors = validate_int_or_percent(path.child("maxUnavailable"), unavailable)
    errors += validate_int_or_percent(path.child("maxSurge"), surge)
    errors += validate_at_most_all(path.child("maxUnavailable"), unavailable)
    errors += validate_at_most_all(path.child("maxSurge"), surge)
    if amount(unavailable) and amount(surge):
        detail = "may not be set when maxUnavailable is non-zero"
        errors.append(invalid(path.child("maxSurge"), surge, detail))
    elif not amount(unavailable) and not amount(surge):
        errors.append(required(path.child("maxUnavailable"), "cannot be 0 when maxSurge is 0"))
    return errors


def validate_daemon_set_status_update(new: Object, old: Object) -> ErrorList:
    status: Object = new.get("status") or {}
    fields = (
        "currentNumberScheduled",
        "numberMisscheduled",
        "desiredNumberScheduled",
        "numberReady",
        "observedGeneration",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "collisionCount",
    )
    errors = validate_counts(status, fields, _STATUS)
    return errors + validate_collision_count(status, old.get("status") or {}, _STATUS)
