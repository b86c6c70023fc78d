"""Restart policies of single containers (KEP-753, KEP-5307)."""

from __future__ import annotations

from sekisho.api.field import ErrorList, Path, not_supported, required, too_many
from sekisho.api.types import Object

_POLICIES = ("Always", "Never", "OnFailure")
_ACTIONS = ("Restart", "RestartAllContainers")
_OPERATORS = ("In", "NotIn")
_MOST_RULES = 20
_MOST_EXIT_CODES = 255


def validate_container_restart(container: Object, path: Path) -> ErrorList:
    """`restartPolicy` and `restartPolicyRules` of a container or init container."""
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or []
    at = path.child("restartPolicy")
    if policy is None:
        if not rules:
            return []
        errors = [required(at, "must specify restartPolicy when restart rules are used")]
    else:
        errors = [] if policy in _POLICIES else [not_supported(at, policy, _POLICIES)]
    rules_path = path.child("restartPolicyRules")
    if len(rules) > _MOST_RULES:
        errors.append(too_many(rules_path, len(rules), _MOST_RULES))
    for i, rule in enumerate(rules):
        errors += _validate_rule(rule, rules_path.index(i))
    return errors


def _validate_rule(rule: Object, path: Path) -> ErrorList:
    action = rule.get("action", "")
    errors = [] if action in _ACTIONS else [not_supported(path.child("action"), action, _ACTIONS)]
    at = path.child("exitCodes")
    codes = rule.get("exitCodes")
    if codes is None:
        return [*errors, required(at, "must be specified")]
    operator, values = codes.get("operator", ""), codes.get("values") or []
    if operator not in _OPERATORS:
        errors.append(not_supported(at.child("operator"), operator, _OPERATORS))
    if len(values) > _MOST_EXIT_CODES:
        errors.append(too_many(at.child("values"), len(values), _MOST_EXIT_CODES))
    return errors
