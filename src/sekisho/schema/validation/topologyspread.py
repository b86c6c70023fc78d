"""Topology spread constraints (KEP-895 and its successors)."""

from __future__ import annotations

from sekisho.api.field import ErrorList, Path, duplicate, forbidden, invalid, not_supported, required
from sekisho.api.objectmeta import validate_label_selector
from sekisho.api.types import Object
from sekisho.schema.validation.affinity import validate_label_keys
from sekisho.schema.validation.common import positive, qualified_name_errors
from sekisho.schema.validation.options import PodOptions

_ACTIONS = ("DoNotSchedule", "ScheduleAnyway")
_POLICIES = ("Honor", "Ignore")


def validate_topology_spread(constraints: list[Object], path: Path, options: PodOptions) -> ErrorList:
    errors: ErrorList = []
    for i, constraint in enumerate(constraints):
        errors += _validate_constraint(constraint, constraints[i + 1 :], path.index(i), options)
    return errors


def _validate_constraint(
    constraint: Object, following: list[Object], path: Path, options: PodOptions
) -> ErrorList:
    key, action = constraint.get("topologyKey", ""), constraint.get("whenUnsatisfiable", "")
    errors = positive(path.child("maxSkew"), constraint.get("maxSkew", 0))
    if not key:
        errors.append(required(path.child("topologyKey"), "can not be empty"))
    if action not in _ACTIONS:
        errors.append(not_supported(path.child("whenUnsatisfiable"), action, _ACTIONS))
    if any(
        (other.get("topologyKey", ""), other.get("whenUnsatisfiable", "")) == (key, action)
        for other in following
    ):
        errors.append(duplicate(path.child("{topologyKey, whenUnsatisfiable}"), f"{{{key}, {action}}}"))
    errors += _validate_min_domains(constraint.get("minDomains"), action, path.child("minDomains"))
    for field in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
        policy = constraint.get(field)
        if policy is not None and policy not in _POLICIES:
            errors.append(not_supported(path.child(field), policy, _POLICIES))
    keys, selector = constraint.get("matchLabelKeys") or [], constraint.get("labelSelector")
    if options.legacy_spread_label_keys:
        errors += legacy_label_key_errors(keys, selector, path.child("matchLabelKeys"))
    else:
        errors += validate_label_keys(keys, [], selector, path)
    if selector is not None and not options.invalid_spread_selector:
        errors += validate_label_selector(selector, path.child("labelSelector"))
    return errors


def _validate_min_domains(domains: int | None, action: str, path: Path) -> ErrorList:
    if domains is None:
        return []
    errors = positive(path, domains)
    if action != "DoNotSchedule":
        detail = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
        errors.append(invalid(path, domains, detail))
    return errors


def legacy_label_key_errors(keys: list[str], selector: Object | None, path: Path) -> ErrorList:
    """The rule before 1.34, when keys were not merged into the selector."""
    if not keys:
        return []
    errors: ErrorList = []
    used: set[str] = set()
    if selector is None:
        errors.append(forbidden(path, "must not be specified when labelSelector is not set"))
    else:
        used.update(selector.get("matchLabels") or ())
        used.update(expression.get("key", "") for expression in selector.get("matchExpressions") or ())
    for i, key in enumerate(keys):
        errors += qualified_name_errors(path.index(i), key)
        if key in used:
            errors.append(invalid(path.index(i), key, "exists in both matchLabelKeys and labelSelector"))
    return errors
