"""Validation of admission policies and their bindings, as upstream's pkg/apis/admissionregistration/validation.

Expressions have to be there; whether they compile is for those who evaluate them to say.
"""

from __future__ import annotations

import re

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, duplicate, forbidden, invalid, not_supported, required
from sekisho.api.objectmeta import validate_label_selector
from sekisho.api.types import Object
from sekisho.schema.validation.admissionrules import (
    FAILURE_POLICIES,
    REINVOCATION_POLICIES,
    match_condition_errors,
    match_resources_errors,
    one_word,
)
from sekisho.schema.validation.common import checked, one_of, qualified_name_errors, required_name
from sekisho.schema.validation.conditions import validate_conditions

_SPEC = Path("spec")
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_ACTIONS = ("Audit", "Deny", "Warn")
_PATCH_TYPES = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}
_MUTABLE_OPERATIONS = ("*", "CONNECT", "CREATE", "UPDATE")
_NOT_FOUND_ACTIONS = ("Deny", "Allow")
_MOST_ANNOTATIONS = 20
_LONGEST_ANNOTATION = 5 * 1024
_NEITHER = "validations or auditAnnotations must contain at least one item"
_EXCLUSIVE = "name and selector are mutually exclusive"
_DENY_AND_WARN = (
    "must not contain both Deny and Warn (repeating the same validation failure information in the API"
    " response and headers serves no purpose)"
)
_IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*", re.ASCII)
_RESERVED = frozenset(
    [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)


def validate_validating_policy(policy: Object) -> ErrorList:
    spec: Object = policy.get("spec") or {}
    errors = _common_errors(spec)
    validations, annotations = spec.get("validations") or [], spec.get("auditAnnotations") or []
    if not validations and not annotations:
        return errors + [required(_SPEC.child(f), _NEITHER) for f in ("validations", "auditAnnotations")]
    for i, validation in enumerate(validations):
        errors += _validation_errors(validation, _SPEC.child("validations").index(i))
    return errors + _annotation_errors(annotations, policy["metadata"].get("name", ""))


def validate_mutating_policy(policy: Object) -> ErrorList:
    spec: Object = policy.get("spec") or {}
    errors = _common_errors(spec, mutating=True)
    mutations = spec.get("mutations") or []
    path = _SPEC.child("mutations")
    if not mutations:
        errors.append(required(path, "mutations must contain at least one item"))
    for i, mutation in enumerate(mutations):
        errors += _mutation_errors(mutation, path.index(i))
    policy_path = _SPEC.child("reinvocationPolicy")
    return errors + one_of(policy_path, spec.get("reinvocationPolicy", ""), REINVOCATION_POLICIES)


def _common_errors(spec: Object, *, mutating: bool = False) -> ErrorList:
    path = _SPEC.child("failurePolicy")
    errors = one_word(spec.get("failurePolicy"), path, FAILURE_POLICIES)
    if spec.get("paramKind") is not None:
        errors += _param_kind_errors(spec["paramKind"], _SPEC.child("paramKind"))
    constraints, path = spec.get("matchConstraints"), _SPEC.child("matchConstraints")
    if constraints is None:
        errors.append(required(path))
    else:
        errors += match_resources_errors(constraints, path)
        if not constraints.get("resourceRules"):
            errors.append(required(path.child("resourceRules")))
        if mutating:
            errors += _operation_errors(constraints, path.child("resourceRules", "operations"))
    errors += match_condition_errors(spec.get("matchConditions") or [], _SPEC.child("matchConditions"))
    for i, variable in enumerate(spec.get("variables") or ()):
        errors += _variable_errors(variable, _SPEC.child("variables").index(i))
    return errors


def _operation_errors(constraints: Object, path: Path) -> ErrorList:
    """Deletions cannot be mutated."""
    return [
        not_supported(path, operation, _MUTABLE_OPERATIONS)
        for rule in constraints.get("resourceRules") or ()
        for operation in rule.get("operations") or ()
        if operation not in _MUTABLE_OPERATIONS
    ]


def _param_kind_errors(param_kind: Object, path: Path) -> ErrorList:
    api_version, kind = param_kind.get("apiVersion", ""), param_kind.get("kind", "")
    errors = _api_version_errors(api_version, path.child("apiVersion"))
    at = path.child("kind")
    if not kind:
        return [*errors, required(at)]
    messages = names.dns1035_label(kind.lower())
    if messages:
        detail = "may have mixed case, but should otherwise match: " + ",".join(messages)
        errors.append(invalid(at, kind, detail))
    return errors


def _api_version_errors(api_version: str, path: Path) -> ErrorList:
    if not api_version:
        return [required(path)]
    if api_version.count("/") > 1:
        return [invalid(path, api_version, f"unexpected GroupVersion string: {api_version}")]
    group, _, version = api_version.rpartition("/")
    errors: ErrorList = []
    messages = names.dns1123_subdomain(group) if group else []
    if messages:
        errors.append(invalid(path, group, ",".join(messages)))
    if not version:
        return [*errors, invalid(path, api_version, "version must be specified")]
    messages = names.dns1035_label(version)
    return [*errors, invalid(path, version, ",".join(messages))] if messages else errors


def _variable_errors(variable: Object, path: Path) -> ErrorList:
    name = variable.get("name", "")
    errors: ErrorList = []
    if not name.strip():
        errors.append(required(path.child("name"), "name is not specified"))
    elif not _IDENTIFIER.fullmatch(name) or name in _RESERVED:
        errors.append(invalid(path.child("name"), name, "must be a valid CEL identifier"))
    if not variable.get("expression", "").strip():
        errors.append(required(path.child("expression"), "expression is not specified"))
    return errors


def _validation_errors(validation: Object, path: Path) -> ErrorList:
    errors: ErrorList = []
    if not validation.get("expression", "").strip():
        errors.append(required(path.child("expression"), "expression is not specified"))
    for field in ("messageExpression", "message"):
        text = validation.get(field, "")
        if text and not text.strip():
            errors.append(invalid(path.child(field), text, "must be non-empty if specified"))
    message = validation.get("message", "")
    if any(letter in message.strip() for letter in "\r\n"):
        errors.append(invalid(path.child("message"), message, "must not contain line breaks"))
    return errors + one_word(validation.get("reason"), path.child("reason"), _REASONS)


def _annotation_errors(annotations: list[Object], policy: str) -> ErrorList:
    path = _SPEC.child("auditAnnotations")
    errors: ErrorList = []
    if len(annotations) > _MOST_ANNOTATIONS:
        shown = [
            {"Key": a.get("key", ""), "ValueExpression": a.get("valueExpression", "")} for a in annotations
        ]
        detail = f"must not have more than {_MOST_ANNOTATIONS} auditAnnotations"
        errors.append(invalid(path, shown, detail))
    seen: set[str] = set()
    for i, annotation in enumerate(annotations):
        key, at = annotation.get("key", ""), path.index(i)
        expression = annotation.get("valueExpression", "").strip()
        errors += qualified_name_errors(at.child("key"), f"{policy}/{key}")
        if not expression:
            errors.append(required(at.child("valueExpression"), "valueExpression is not specified"))
        elif len(expression.encode()) > _LONGEST_ANNOTATION:
            detail = f"must not exceed {_LONGEST_ANNOTATION} bytes in length"
            errors.append(required(at.child("valueExpression"), detail))
        if key in seen:
            errors.append(duplicate(at.child("key"), key))
        seen.add(key)
    return errors


def _mutation_errors(mutation: Object, path: Path) -> ErrorList:
    type_ = mutation.get("patchType", "")
    wanted = _PATCH_TYPES.get(type_)
    if wanted is None:
        return one_of(path.child("patchType"), type_, tuple(_PATCH_TYPES))
    errors: ErrorList = []
    body = mutation.get(wanted)
    if body is None:
        errors.append(required(path.child(wanted), f"must be specified when patchType is {type_}"))
    elif not body.get("expression", "").strip():
        errors.append(required(path.child(wanted, "expression")))
    other = next(field for field in _PATCH_TYPES.values() if field != wanted)
    if mutation.get(other) is not None:
        detail = f"must not be specified when patchType is {type_}"
        errors.append(invalid(path.child(other), f"{{{other}}}", detail))
    return errors


def validate_validating_binding(binding: Object) -> ErrorList:
    spec: Object = binding.get("spec") or {}
    actions = spec.get("validationActions") or []
    path = _SPEC.child("validationActions")
    errors = validate_mutating_binding(binding)
    for i, action in enumerate(actions):
        errors += one_word(action, path.index(i), _ACTIONS)
        if action in actions[:i]:
            errors.append(duplicate(path.index(i), action))
    if {"Deny", "Warn"} <= set(actions):
        errors.append(invalid(path, actions, _DENY_AND_WARN))
    if not actions:
        errors.append(required(path, "at least one validation action is required"))
    return errors


def validate_mutating_binding(binding: Object) -> ErrorList:
    """`matchResouces` is upstream's spelling of the path."""
    spec: Object = binding.get("spec") or {}
    errors = required_name(_SPEC.child("policyName"), spec.get("policyName", ""), names.dns1123_subdomain)
    if spec.get("paramRef") is not None:
        errors += _param_ref_errors(spec["paramRef"], _SPEC.child("paramRef"))
    if spec.get("matchResources") is not None:
        errors += match_resources_errors(spec["matchResources"], _SPEC.child("matchResouces"))
    return errors


def _param_ref_errors(reference: Object, path: Path) -> ErrorList:
    name, selector = reference.get("name", ""), reference.get("selector")
    errors: ErrorList = []
    if name:
        errors += checked(path.child("name"), name, names.path_segment)
        errors += [forbidden(path.child("name"), _EXCLUSIVE)] if selector is not None else []
    if selector is not None:
        errors += validate_label_selector(selector, path.child("selector"))
        errors += [forbidden(path.child("selector"), _EXCLUSIVE)] if name else []
    if not name and selector is None:
        errors.append(required(path, "one of name or selector must be specified"))
    action = reference.get("parameterNotFoundAction") or ""
    return errors + one_of(path.child("parameterNotFoundAction"), action, _NOT_FOUND_ACTIONS)


def validate_policy_status(policy: Object) -> ErrorList:
    status: Object = policy.get("status") or {}
    path = Path("status.typeChecking.expressionWarnings")
    errors: ErrorList = []
    for i, warning in enumerate((status.get("typeChecking") or {}).get("expressionWarnings") or ()):
        for field in ("warning", "fieldRef"):
            if not warning.get(field, "").strip():
                errors.append(required(path.index(i).child(field)))
    return errors + validate_conditions(status.get("conditions") or [], Path("status.conditions"))
