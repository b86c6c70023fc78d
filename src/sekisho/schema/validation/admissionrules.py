"""What webhooks and admission policies have in common: rules, selectors, match conditions.

As upstream's pkg/apis/admissionregistration/validation, but for the expressions in CEL, which are compiled
where they are evaluated.
"""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, duplicate, invalid, not_supported, required, too_many
from sekisho.api.objectmeta import validate_label_selector
from sekisho.api.types import Object
from sekisho.schema.validation.common import checked, qualified_name_errors

FAILURE_POLICIES = ("Fail", "Ignore")
MATCH_POLICIES = ("Equivalent", "Exact")
OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
REINVOCATION_POLICIES = ("IfNeeded", "Never")
_SCOPES = ("*", "Cluster", "Namespaced")
_MOST_CONDITIONS = 64


def one_word(value: str | None, path: Path, supported: tuple[str, ...]) -> ErrorList:
    """A word that may be absent but has to be known."""
    return [] if value is None or value in supported else [not_supported(path, value, supported)]


def rule_errors(rule: Object, path: Path) -> ErrorList:
    operations = rule.get("operations") or []
    at = path.child("operations")
    errors: ErrorList = [] if operations else [required(at)]
    errors += _lonely_wildcard(operations, at, "operations")
    for i, operation in enumerate(operations):
        errors += one_word(operation, at.index(i), OPERATIONS)
    for field, what in (("apiGroups", "API groups"), ("apiVersions", "API versions")):
        values = rule.get(field) or []
        errors += [] if values else [required(path.child(field))]
        errors += _lonely_wildcard(values, path.child(field), what)
    versions = rule.get("apiVersions") or []
    errors += [required(path.child("apiVersions").index(i)) for i, v in enumerate(versions) if not v]
    errors += _resource_errors(rule.get("resources") or [], path.child("resources"))
    return errors + one_word(rule.get("scope"), path.child("scope"), _SCOPES)


def _lonely_wildcard(values: list[str], path: Path, what: str) -> ErrorList:
    if len(values) < 2 or "*" not in values:
        return []
    return [invalid(path, values, f"if '*' is present, must not specify other {what}")]


def _resource_errors(resources: list[str], path: Path) -> ErrorList:
    errors: ErrorList = [] if resources else [required(path)]
    all_of: set[str] = set()
    everywhere: set[str] = set()
    plain = False
    for i, text in enumerate(resources):
        if not text:
            errors.append(required(path.index(i)))
            continue
        resource, slash, subresource = text.partition("/")
        if not slash:
            plain = text != "*"
            continue
        for found, pattern in (
            (resource in all_of, f"{resource}/*"),
            (subresource in everywhere, f"*/{subresource}"),
        ):
            if found:
                detail = f"if '{pattern}' is present, must not specify {text}"
                errors.append(invalid(path.index(i), text, detail))
        if subresource == "*":
            all_of.add(resource)
        if resource == "*":
            everywhere.add(subresource)
    if len(resources) > 1 and "*/*" in resources:
        errors.append(invalid(path, resources, "if '*/*' is present, must not specify other resources"))
    if "*" in resources and plain:
        detail = "if '*' is present, must not specify other resources without subresources"
        errors.append(invalid(path, resources, detail))
    return errors


def match_resources_errors(resources: Object, path: Path) -> ErrorList:
    """matchConstraints of a policy, matchResources of a binding."""
    errors = one_word(resources.get("matchPolicy"), path.child("matchPolicy"), MATCH_POLICIES)
    for field in ("namespaceSelector", "objectSelector"):
        errors += validate_label_selector(resources.get(field), path.child(field))
    for field in ("resourceRules", "excludeResourceRules"):
        for i, rule in enumerate(resources.get(field) or ()):
            errors += _named_rule_errors(rule, path.child(field).index(i))
    return errors


def _named_rule_errors(rule: Object, path: Path) -> ErrorList:
    errors: ErrorList = []
    resource_names = rule.get("resourceNames") or []
    for i, name in enumerate(resource_names):
        at = path.child("resourceNames").index(i)
        errors += checked(at, name, names.path_segment)
        if name in resource_names[:i]:
            errors.append(duplicate(at, name))
    return errors + rule_errors(rule, path)


def match_condition_errors(conditions: list[Object], path: Path) -> ErrorList:
    errors: ErrorList = []
    if len(conditions) > _MOST_CONDITIONS:
        errors.append(too_many(path, len(conditions), _MOST_CONDITIONS))
    seen: set[str] = set()
    for i, condition in enumerate(conditions):
        at, name = path.index(i), condition.get("name", "")
        if not condition.get("expression", "").strip():
            errors.append(required(at.child("expression")))
        errors += qualified_name_errors(at.child("name"), name) if name else [required(at.child("name"))]
        if name and name in seen:
            errors.append(duplicate(at.child("name"), name))
        seen.add(name)
    return errors
