"""Validation of roles and bindings, as upstream's pkg/apis/rbac/validation. What rules say is not checked,
only that each says something and that resources and paths are not mixed."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, invalid, not_supported, required
from sekisho.api.labels import selector_from_label_selector
from sekisho.api.objectmeta import has_invalid_label_value, validate_label_selector
from sekisho.api.rbac import CLUSTER_ROLE, GROUP, ROLE, SERVICE_ACCOUNT, USER, USER_GROUP
from sekisho.api.types import Object
from sekisho.schema.validation.common import checked, required_name


def validate_role(role: Object) -> ErrorList:
    """A Role."""
    return _rules_errors(role, namespaced=True)


def validate_cluster_role(role: Object, old: Object | None = None) -> ErrorList:
    """A ClusterRole; on update selectors may keep bad label values that `old` has."""
    errors = _rules_errors(role, namespaced=False)
    aggregation = role.get("aggregationRule")
    if aggregation is None:
        return errors
    path = Path("aggregationRule").child("clusterRoleSelectors")
    selectors = aggregation.get("clusterRoleSelectors") or []
    if not selectors:
        detail = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        errors.append(required(path, detail))
    tolerant = any(has_invalid_label_value(selector) for selector in _selectors(old))
    for i, selector in enumerate(selectors):
        errors += validate_label_selector(selector, path.index(i), tolerant)
        try:
            selector_from_label_selector(selector)
        except ValueError:
            errors.append(invalid(path.index(i), None, "invalid label selector."))
    return errors


def _selectors(role: Object | None) -> list[Object]:
    return ((role or {}).get("aggregationRule") or {}).get("clusterRoleSelectors") or []


def _rules_errors(role: Object, namespaced: bool) -> ErrorList:
    errors: ErrorList = []
    for i, rule in enumerate(role.get("rules") or ()):
        errors += _rule_errors(rule, Path("rules").index(i), namespaced)
    return errors


def _rule_errors(rule: Object, path: Path, namespaced: bool) -> ErrorList:
    errors: ErrorList = []
    if not rule.get("verbs"):
        errors.append(required(path.child("verbs"), "verbs must contain at least one value"))
    urls = rule.get("nonResourceURLs")
    if urls:
        here = path.child("nonResourceURLs")
        if namespaced:
            errors.append(invalid(here, urls, "namespaced rules cannot apply to non-resource URLs"))
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            detail = "rules cannot apply to both regular resources and non-resource URLs"
            errors.append(invalid(here, urls, detail))
        return errors
    if not rule.get("apiGroups"):
        errors.append(required(path.child("apiGroups"), "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        errors.append(required(path.child("resources"), "resource rules must supply at least one resource"))
    return errors


def validate_role_binding(binding: Object) -> ErrorList:
    """A RoleBinding: a Role of its namespace or a ClusterRole, to any subjects."""
    return _binding_errors(binding, (ROLE, CLUSTER_ROLE), namespaced=True)


def validate_cluster_role_binding(binding: Object) -> ErrorList:
    """A ClusterRoleBinding: a ClusterRole; service accounts need a namespace."""
    return _binding_errors(binding, (CLUSTER_ROLE,), namespaced=False)


def validate_binding_update(new: Object, old: Object) -> ErrorList:
    """What an update of either binding may not change. The value prints as upstream's internal struct."""
    ref = new.get("roleRef") or {}
    if ref == (old.get("roleRef") or {}):
        return []
    shown = {
        "APIGroup": ref.get("apiGroup", ""),
        "Kind": ref.get("kind", ""),
        "Name": ref.get("name", ""),
    }
    return [invalid(Path("roleRef"), shown, "cannot change roleRef")]


def _binding_errors(binding: Object, kinds: tuple[str, ...], namespaced: bool) -> ErrorList:
    path, ref = Path("roleRef"), binding.get("roleRef") or {}
    errors: ErrorList = []
    if ref.get("apiGroup", "") != GROUP:
        errors.append(not_supported(path.child("apiGroup"), ref.get("apiGroup", ""), (GROUP,)))
    if ref.get("kind", "") not in kinds:
        errors.append(not_supported(path.child("kind"), ref.get("kind", ""), kinds))
    errors += required_name(path.child("name"), ref.get("name", ""), names.path_segment)
    for i, subject in enumerate(binding.get("subjects") or ()):
        errors += _subject_errors(subject, Path("subjects").index(i), namespaced)
    return errors


def _subject_errors(subject: Object, path: Path, namespaced: bool) -> ErrorList:
    name, kind, group = (subject.get(key, "") for key in ("name", "kind", "apiGroup"))
    errors: ErrorList = [] if name else [required(path.child("name"))]
    if kind == SERVICE_ACCOUNT:
        if name:
            errors += checked(path.child("name"), name, names.dns1123_subdomain)
        if group:
            errors.append(not_supported(path.child("apiGroup"), group, ("",)))
        if not namespaced and not subject.get("namespace"):
            errors.append(required(path.child("namespace")))
    elif kind in (USER, USER_GROUP):
        if group != GROUP:
            errors.append(not_supported(path.child("apiGroup"), group, (GROUP,)))
    else:
        errors.append(not_supported(path.child("kind"), kind, (SERVICE_ACCOUNT, USER, USER_GROUP)))
    return errors
