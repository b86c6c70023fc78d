"""The review APIs of authorization.k8s.io/v1: what may somebody do, asked of the chain itself.

A review is created, answered and forgotten. The functions take the decoded object and return it with its
status; they raise the 422 that upstream's registry makes (whose kind is empty, a quirk clients know).
Follows upstream's pkg/registry/authorization and pkg/apis/authorization/validation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sekisho.api import field
from sekisho.api.encoding import order_metadata
from sekisho.api.field import ErrorList, Path
from sekisho.api.fields import parse_field_selector
from sekisho.api.labels import parse_selector, requirement
from sekisho.api.objectmeta import validate_field_selector_requirement, validate_label_selector_requirement
from sekisho.api.status import bad_request, invalid
from sekisho.api.types import (
    Attributes,
    Authorizer,
    Decision,
    GroupVersionKind,
    Object,
    Requirement,
    UserInfo,
    Verdict,
)

SUBJECT = "SubjectAccessReview"
LOCAL = "LocalSubjectAccessReview"
SELF = "SelfSubjectAccessReview"
RULES = "SelfSubjectRulesReview"
_NAMELESS_KIND = GroupVersionKind("authorization.k8s.io", "v1", "")
_LABEL_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
_FIELD_OPERATORS = {"In": "=", "NotIn": "!="}

Parsed = tuple[tuple[Requirement, ...] | None, str]
"""A selector's requirements that are of use, and why others are not (empty when all are)."""


async def review(authorizer: Authorizer, kind: str, obj: Object, requester: UserInfo) -> Object:
    """Answer a SubjectAccessReview, LocalSubjectAccessReview or SelfSubjectAccessReview.

    `obj` is decoded, a local one with the URL's namespace in its metadata. 422 when it is not valid.
    """
    errors = validate_review(kind, obj)
    if errors:
        raise invalid(_NAMELESS_KIND, "", errors)
    spec = obj.get("spec") or {}
    attributes = attributes_of(spec, requester if kind == SELF else user_of(spec))
    verdict = await authorizer.authorize(attributes)
    return {**obj, "status": _status(verdict, attributes)}


async def rules_review(authorizer: Authorizer, obj: Object, requester: UserInfo) -> Object:
    """Answer a SelfSubjectRulesReview: all rules of the requester in a namespace. 400 without one."""
    namespace = (obj.get("spec") or {}).get("namespace", "")
    if not namespace:
        raise bad_request("no namespace on request")
    rules = await authorizer.rules_for(requester, namespace)
    status: Object = {
        "resourceRules": rules.resource_rules,
        "nonResourceRules": rules.non_resource_rules,
        "incomplete": rules.incomplete,
    }
    if rules.error:
        status["evaluationError"] = rules.error
    head: Object = {"kind": obj.get("kind", RULES), "apiVersion": obj.get("apiVersion", "")}
    return {**head, "metadata": {}, "spec": {}, "status": status}


def user_of(spec: Object) -> UserInfo:
    """The user a review names, verbatim: no groups are added, extra keys keep their case."""
    extra = {key: tuple(values or ()) for key, values in (spec.get("extra") or {}).items()}
    return UserInfo(spec.get("user", ""), spec.get("uid", ""), tuple(spec.get("groups") or ()), extra)


def attributes_of(spec: Object, user: UserInfo) -> Attributes:
    """What a review's spec asks about `user`. A missing version means all of them, `*`."""
    path = spec.get("nonResourceAttributes")
    if path is not None:
        return Attributes(user, path.get("verb", ""), resource_request=False, path=path.get("path", ""))
    asked = spec.get("resourceAttributes") or {}
    fields, field_error = _parse(asked.get("fieldSelector"), _raw_fields, _field_requirement)
    labels, label_error = _parse(asked.get("labelSelector"), _raw_labels, _label_requirement)
    return Attributes(
        user,
        asked.get("verb", ""),
        namespace=asked.get("namespace", ""),
        api_group=asked.get("group", ""),
        api_version=asked.get("version") or "*",
        resource=asked.get("resource", ""),
        subresource=asked.get("subresource", ""),
        name=asked.get("name", ""),
        field_selector=fields,
        field_selector_error=field_error,
        label_selector=labels,
        label_selector_error=label_error,
    )


def _parse(
    selector: Object | None,
    parse_raw: Callable[[str], Sequence[Requirement]],
    convert: Callable[[Object], Requirement],
) -> Parsed:
    if selector is None:
        return None, ""
    raw = selector.get("rawSelector")
    if raw:
        try:
            return tuple(parse_raw(raw)), ""
        except ValueError as error:
            return None, str(error)
    useful, errors = [], []
    for item in selector.get("requirements") or ():
        try:
            useful.append(convert(item))
        except ValueError as error:
            errors.append(str(error))
    return tuple(useful) or None, "; ".join(errors)


def _raw_fields(text: str) -> Sequence[Requirement]:
    return parse_field_selector(text).terms


def _raw_labels(text: str) -> Sequence[Requirement]:
    return parse_selector(text).requirements


def _field_requirement(item: Object) -> Requirement:
    operator = _FIELD_OPERATORS.get(item.get("operator", ""))
    values: Sequence[str] = item.get("values") or ()
    if operator is None:
        raise ValueError(f"fieldSelectors do not support the operator {item.get('operator', '')}")
    if len(values) != 1:
        raise ValueError("fieldSelectors do not yet support multiple values")
    return Requirement(item.get("key", ""), operator, (values[0],))


def _label_requirement(item: Object) -> Requirement:
    operator = _LABEL_OPERATORS.get(item.get("operator", ""))
    if operator is None:
        raise ValueError(f"{item.get('operator', '')} is not a valid label selector operator")
    return requirement(item.get("key", ""), operator, item.get("values") or ())


def _status(verdict: Verdict, attributes: Attributes) -> Object:
    status: Object = {"allowed": verdict.decision is Decision.ALLOW}
    if verdict.decision is Decision.DENY:
        status["denied"] = True
    if verdict.reason:
        status["reason"] = verdict.reason
    pieces = [verdict.error] if verdict.error else []
    for name, error, useful in (
        ("fieldSelector", attributes.field_selector_error, attributes.field_selector),
        ("labelSelector", attributes.label_selector_error, attributes.label_selector),
    ):
        if error:
            degree = "partially ignored" if useful else "ignored"
            pieces.append(f"spec.resourceAttributes.{name} {degree} due to parse error")
    if pieces:
        status["evaluationError"] = "; ".join(pieces)
    return status


def validate_review(kind: str, obj: Object) -> ErrorList:
    """The errors of a review in upstream's order; `kind` is one of SUBJECT, LOCAL and SELF."""
    spec: Object = obj.get("spec") or {}
    path = Path("spec")
    errors = _attribute_errors(spec, path)
    if kind != SELF and not spec.get("user") and not spec.get("groups"):
        errors.append(
            field.invalid(path.child("user"), "", "at least one of user or group must be specified")
        )
    asked = spec.get("resourceAttributes")
    if asked is not None:
        here = path.child("resourceAttributes")
        errors += _selector_errors(
            asked.get("fieldSelector"), here.child("fieldSelector"), validate_field_selector_requirement
        )
        errors += _selector_errors(
            asked.get("labelSelector"), here.child("labelSelector"), validate_label_selector_requirement
        )
    errors += _metadata_errors(kind, obj.get("metadata") or {})
    return errors + _local_errors(spec, obj, path) if kind == LOCAL else errors


def _attribute_errors(spec: Object, path: Path) -> ErrorList:
    asked, url = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if asked is not None and url is not None:
        detail = "cannot be specified in combination with resourceAttributes"
        return [field.invalid(path.child("nonResourceAttributes"), _shown(url), detail)]
    if asked is None and url is None:
        detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        return [field.invalid(path.child("resourceAttributes"), None, detail)]
    return []


def _shown(url: Object) -> Object:
    """Non-resource attributes as upstream's internal struct prints."""
    return {"Path": url.get("path", ""), "Verb": url.get("verb", "")}


def _selector_errors(selector: Object | None, path: Path, validate: Callable[..., ErrorList]) -> ErrorList:
    if selector is None:
        return []
    raw, requirements = selector.get("rawSelector", ""), selector.get("requirements") or []
    errors: ErrorList = []
    if raw and requirements:
        detail = "may not specified at the same time as requirements"
        errors.append(field.invalid(path.child("rawSelector"), raw, detail))
    if not raw and not requirements:
        detail = f"when {path} is specified, requirements or rawSelector is required"
        errors.append(field.required(path.child("requirements"), detail))
    for i, item in enumerate(requirements):
        errors += validate(item, path.child("requirements").index(i), allow_unknown_operators=True)
    return errors


def _metadata_errors(kind: str, metadata: Mapping[str, Any]) -> ErrorList:
    free = {"managedFields", "namespace"} if kind == LOCAL else {"managedFields"}
    if all(key in free or not value for key, value in metadata.items()):
        return []
    detail = "must be empty except for namespace" if kind == LOCAL else "must be empty"
    return [field.invalid(Path("metadata"), order_metadata(dict(metadata)), detail)]


def _local_errors(spec: Object, obj: Object, path: Path) -> ErrorList:
    errors: ErrorList = []
    asked, url = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    namespace = (obj.get("metadata") or {}).get("namespace", "")
    if asked is not None and asked.get("namespace", "") != namespace:
        here = path.child("resourceAttributes").child("namespace")
        errors.append(field.invalid(here, asked.get("namespace", ""), "must match metadata.namespace"))
    if url is not None:
        detail = "disallowed on this kind of request"
        errors.append(field.invalid(path.child("nonResourceAttributes"), _shown(url), detail))
    return errors
