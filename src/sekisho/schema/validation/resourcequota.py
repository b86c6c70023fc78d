"""Validation of ResourceQuotas, as upstream's pkg/apis/core/validation."""

from __future__ import annotations

from sekisho.api.field import ErrorList, Path, invalid, required
from sekisho.api.quantity import Quantity
from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema import quotascopes, resourcenames
from sekisho.schema.validation.common import IMMUTABLE
from sekisho.schema.validation.gostruct import internal_form
from sekisho.schema.validation.resources import quota_resource_name, validate_amount

_KIND = GroupVersionKind("", "v1", "ResourceQuota")
_SPEC = Path("spec")
_MUST_EXIST = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating,"
    " ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or"
    " ResourceQuotaScopeCrossNamespacePodAffinity"
)


def validate_resource_quota(quota: Object) -> ErrorList:
    spec: Object = quota.get("spec") or {}
    errors = _amount_errors(spec.get("hard") or {}, _SPEC.child("hard"))
    return errors + _scope_errors(spec) + _selector_errors(spec)


def validate_resource_quota_update(new: Object, old: Object) -> ErrorList:
    errors = validate_resource_quota(new)
    scopes, before = ((obj.get("spec") or {}).get("scopes") or [] for obj in (new, old))
    if set(scopes) != set(before):
        errors.append(invalid(_SPEC.child("scopes"), scopes or None, IMMUTABLE))
    return errors


def validate_resource_quota_status(quota: Object) -> ErrorList:
    status: Object = quota.get("status") or {}
    path = Path("status")
    return [e for f in ("hard", "used") for e in _amount_errors(status.get(f) or {}, path.child(f))]


def _amount_errors(amounts: Object, path: Path) -> ErrorList:
    errors: ErrorList = []
    for name, amount in amounts.items():
        errors += quota_resource_name(name, path.key(name))
        errors += validate_amount(name, Quantity.parse(amount), path.key(name))
    return errors


def _unsuited(spec: Object, scope: str) -> int:
    """How many of the resources that the quota limits cannot be counted in the scope."""
    return sum(
        resourcenames.is_standard_for_quota(name) and not quotascopes.suits(scope, name)
        for name in spec.get("hard") or ()
    )


def _contradicting(scopes: set[str]) -> int:
    return sum(scopes >= set(pair) for pair in quotascopes.CONTRADICTIONS)


def _scope_errors(spec: Object) -> ErrorList:
    scopes: list[str] = spec.get("scopes") or []
    path = _SPEC.child("scopes")
    errors: ErrorList = []
    for scope in scopes:
        if scope not in quotascopes.SCOPES:
            errors.append(invalid(path, scopes, "unsupported scope"))
        errors += [invalid(path, scopes, "unsupported scope applied to resource")] * _unsuited(spec, scope)
    return errors + [invalid(path, scopes, "conflicting scopes")] * _contradicting(set(scopes))


def _selector_errors(spec: Object) -> ErrorList:
    selector = spec.get("scopeSelector")
    if selector is None:
        return []
    path = _SPEC.child("scopeSelector", "matchExpressions")
    errors: ErrorList = []
    expressions = selector.get("matchExpressions") or []
    for expression in expressions:
        scope = expression.get("scopeName", "")
        if scope not in quotascopes.SCOPES:
            errors.append(invalid(path.child("scopeName"), scope, "unsupported scope"))
        unsuited = _unsuited(spec, scope)
        if unsuited:
            shown = internal_form(_KIND, ("spec", "scopeSelector"), selector)
            errors += [invalid(path, shown, "unsupported scope applied to resource")] * unsuited
        errors += _expression_errors(expression, scope, path)
    found = {expression.get("scopeName", "") for expression in expressions}
    shown_scopes = spec.get("scopes")
    return errors + [invalid(path, shown_scopes, "conflicting scopes")] * _contradicting(found)


def _expression_errors(expression: Object, scope: str, path: Path) -> ErrorList:
    operator, values = expression.get("operator", ""), expression.get("values") or []
    errors: ErrorList = []
    if scope in quotascopes.EXISTING_ONLY and operator != "Exists":
        errors.append(invalid(path.child("operator"), operator, _MUST_EXIST))
    if operator in ("In", "NotIn"):
        if not values:
            detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            errors.append(required(path.child("values"), detail))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
            errors.append(invalid(path.child("values"), values, detail))
    else:
        errors.append(invalid(path.child("operator"), operator, "not a valid selector operator"))
    return errors
