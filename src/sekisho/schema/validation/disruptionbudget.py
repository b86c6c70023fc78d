"""PodDisruptionBudgets (pkg/apis/policy/validation)."""

from __future__ import annotations

from sekisho.api.field import ErrorList, Path, invalid, not_supported
from sekisho.api.objectmeta import validate_label_selector
from sekisho.api.types import Object
from sekisho.schema.validation import goform
from sekisho.schema.validation.conditions import validate_conditions
from sekisho.schema.validation.intorpercent import validate_at_most_all, validate_int_or_percent
from sekisho.schema.validation.workload import validate_counts

_SPEC = Path("spec")
_STATUS = Path("status")
_EVICTION_POLICIES = ("AlwaysAllow", "IfHealthyBudget")


def validate_disruption_budget(obj: Object, *, any_values: bool = False) -> ErrorList:
    """`any_values`: the stored selector has label values that are none, and may keep them."""
    spec: Object = obj.get("spec") or {}
    errors: ErrorList = []
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        detail = "minAvailable and maxUnavailable cannot be both set"
        errors.append(invalid(_SPEC, goform.disruption_budget(spec), detail))
    for field in ("minAvailable", "maxUnavailable"):
        value = spec.get(field)
        if value is not None:
            errors += validate_int_or_percent(_SPEC.child(field), value)
            errors += validate_at_most_all(_SPEC.child(field), value)
    errors += validate_label_selector(spec.get("selector"), _SPEC.child("selector"), any_values)
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in _EVICTION_POLICIES:
        at = _SPEC.child("unhealthyPodEvictionPolicy")
        errors.append(not_supported(at, policy, _EVICTION_POLICIES))
    return errors


def validate_disruption_budget_status(obj: Object) -> ErrorList:
    status: Object = obj.get("status") or {}
    errors = validate_conditions(status.get("conditions") or [], _STATUS.child("conditions"))
    counts = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    return errors + validate_counts(status, counts, _STATUS)
