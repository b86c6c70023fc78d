"""Validation of FlowSchemas, as upstream's pkg/apis/flowcontrol/validation."""

from __future__ import annotations

from collections.abc import Sequence

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, duplicate, forbidden, invalid, not_supported, required
from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema.flowcontrol import EXEMPT, GROUP, mandatory_schemas
from sekisho.schema.validation.common import problems, subdomain_errors
from sekisho.schema.validation.gostruct import internal_form

_KIND = GroupVersionKind(GROUP, "v1", "FlowSchema")
_SPEC = Path("spec")
_LAST_PRECEDENCE = 10000
_METHODS = ("ByNamespace", "ByUser")
_SUBJECTS = {"Group": "group", "ServiceAccount": "serviceAccount", "User": "user"}
_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
_NAMESPACE_RULE = "each member of this list must be '*' or a DNS-1123 label; "


def validate_flow_schema(schema: Object) -> ErrorList:
    spec: Object = schema.get("spec") or {}
    name = schema["metadata"].get("name", "")
    errors = _spec_errors(spec, name)
    wanted = next((s["spec"] for s in mandatory_schemas() if s["metadata"]["name"] == name), None)
    if wanted is not None and spec != wanted:
        shown = internal_form(_KIND, ("spec",), spec)
        errors.append(invalid(_SPEC, shown, f"spec of '{name}' must equal the fixed value"))
    return errors + condition_errors(schema)


def condition_errors(obj: Object) -> ErrorList:
    """The conditions of either kind: each type once, and named."""
    path = Path("status.conditions")
    errors: ErrorList = []
    seen: set[str] = set()
    for i, condition in enumerate((obj.get("status") or {}).get("conditions") or ()):
        type_, at = condition.get("type", ""), path.index(i).child("type")
        if type_ in seen:
            errors.append(duplicate(at, type_))
        seen.add(type_)
        if not type_:
            errors.append(required(at, "must not be empty"))
    return errors


def _spec_errors(spec: Object, name: str) -> ErrorList:
    errors: ErrorList = []
    path, precedence = _SPEC.child("matchingPrecedence"), spec.get("matchingPrecedence", 0)
    if precedence <= 0:
        errors.append(invalid(path, precedence, "must be a positive value"))
    if precedence > _LAST_PRECEDENCE:
        errors.append(invalid(path, precedence, f"must not be greater than {_LAST_PRECEDENCE}"))
    if precedence == 1 and name != EXEMPT:
        detail = "only the schema named 'exempt' may have matchingPrecedence 1"
        errors.append(invalid(path, precedence, detail))
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type", "") not in _METHODS:
        shown = {"Type": method.get("type", "")}
        errors.append(not_supported(_SPEC.child("distinguisherMethod", "type"), shown, _METHODS))
    level = (spec.get("priorityLevelConfiguration") or {}).get("name", "")
    path = _SPEC.child("priorityLevelConfiguration", "name")
    errors += subdomain_errors(path, level) if level else [required(path, "must reference a priority level")]
    for i, rule in enumerate(spec.get("rules") or ()):
        errors += _rule_errors(rule, _SPEC.child("rules").index(i))
    return errors


def _rule_errors(rule: Object, path: Path) -> ErrorList:
    errors: ErrorList = []
    subjects, resources = rule.get("subjects") or [], rule.get("resourceRules") or []
    paths = rule.get("nonResourceRules") or []
    for i, subject in enumerate(subjects):
        errors += _subject_errors(subject, path.child("subjects").index(i))
    if not subjects:
        errors.append(required(path.child("subjects"), "subjects must contain at least one value"))
    if not resources and not paths:
        detail = "at least one of resourceRules and nonResourceRules has to be non-empty"
        errors.append(required(path, detail))
    for i, item in enumerate(resources):
        errors += _resource_rule_errors(item, path.child("resourceRules").index(i))
    for i, item in enumerate(paths):
        errors += _path_rule_errors(item, path.child("nonResourceRules").index(i))
    return errors


def _subject_errors(subject: Object, path: Path) -> ErrorList:
    kind = subject.get("kind", "")
    field = _SUBJECTS.get(kind)
    if field is None:
        return [not_supported(path.child("kind"), kind, _SUBJECTS)]
    errors = _subject_body_errors(kind, subject.get(field), path.child(field))
    for other in ("ServiceAccount", "User", "Group"):
        name = _SUBJECTS[other]
        if other != kind and subject.get(name) is not None:
            detail = f"{name} is forbidden when subject kind is not '{other}'"
            errors.append(forbidden(path.child(name), detail))
    return errors


def _subject_body_errors(kind: str, body: Object | None, path: Path) -> ErrorList:
    if body is None:
        return [required(path, f"{_SUBJECTS[kind]} is required when subject kind is '{kind}'")]
    name = body.get("name", "")
    errors: ErrorList = [] if name else [required(path.child("name"))]
    if kind != "ServiceAccount":
        return errors
    if name and name != "*":
        errors += subdomain_errors(path.child("name"), name)
    namespace, at = body.get("namespace", ""), path.child("namespace")
    if not namespace:
        return [*errors, required(at, "must specify namespace for service account")]
    return errors + problems(at, namespace, names.dns1123_label(namespace))


def _verb_errors(verbs: list[str], path: Path) -> ErrorList:
    if not verbs:
        return [required(path, "verbs must contain at least one value")]
    if "*" in verbs:
        return _lonely_wildcard(verbs, path, "verbs")
    return [] if set(verbs) <= set(_VERBS) else [not_supported(path, verbs, _VERBS)]


def _lonely_wildcard(values: Sequence[str], path: Path, what: str) -> ErrorList:
    if "*" not in values or len(values) == 1:
        return []
    return [invalid(path, values, f"if '*' is present, must not specify other {what}")]


def _resource_rule_errors(rule: Object, path: Path) -> ErrorList:
    errors = _verb_errors(rule.get("verbs") or [], path.child("verbs"))
    for field, one, many in (
        ("apiGroups", "api group", "api groups"),
        ("resources", "resource", "resources"),
    ):
        values = rule.get(field) or []
        if not values:
            detail = f"resource rules must supply at least one {one}"
            errors.append(required(path.child(field), detail))
        errors += _lonely_wildcard(values, path.child(field), many)
    at, namespaces = path.child("namespaces"), rule.get("namespaces") or []
    if not namespaces and not rule.get("clusterScope"):
        detail = "resource rules that are not cluster scoped must supply at least one namespace"
        errors.append(required(at, detail))
    elif "*" in namespaces:
        errors += _lonely_wildcard(namespaces, at, "namespaces")
    else:
        for i, namespace in enumerate(namespaces):
            messages = names.dns1123_label(namespace)
            errors += problems(at.index(i), namespace, (_NAMESPACE_RULE + m for m in messages))
    return errors


def _path_rule_errors(rule: Object, path: Path) -> ErrorList:
    errors = _verb_errors(rule.get("verbs") or [], path.child("verbs"))
    at, urls = path.child("nonResourceURLs"), rule.get("nonResourceURLs") or []
    if not urls:
        errors.append(required(at, "nonResourceURLs must contain at least one value"))
    elif "*" in urls:
        errors += _lonely_wildcard(urls, at, "non-resource URLs")
    else:
        for i, url in enumerate(urls):
            problem = _url_problem(url)
            errors += [invalid(at.index(i), url, problem)] if problem else []
    return errors


def _url_problem(url: str) -> str:
    if not url:
        return "must not be empty"
    if url == "/":
        return ""
    if not url.startswith("/"):
        return "must start with slash"
    if " " in url:
        return "must not contain white-space"
    if "//" in url:
        return "must not contain double slash"
    wildcards = url.count("*")
    if wildcards > 1 or (wildcards == 1 and not url.endswith("/*")):
        return "wildcard can only do suffix matching"
    return ""
