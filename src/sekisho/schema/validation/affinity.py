"""Affinity of pods to nodes and to each other, and node selectors wherever they occur."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, forbidden, invalid, required
from sekisho.api.objectmeta import validate_label_selector
from sekisho.api.types import Object
from sekisho.schema.validation import goform
from sekisho.schema.validation.common import problems, qualified_name_errors
from sekisho.schema.validation.options import PodOptions

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"

_NOT_AN_OPERATOR = "not a valid selector operator"
_WEIGHT = "must be in the range 1-100"


def validate_affinity(affinity: Object, path: Path, options: PodOptions) -> ErrorList:
    errors: ErrorList = []
    node = affinity.get("nodeAffinity")
    if node is not None:
        errors += _validate_node_affinity(node, path.child("nodeAffinity"), options)
    for field in ("podAffinity", "podAntiAffinity"):
        if affinity.get(field) is not None:
            errors += _validate_pod_affinity(affinity[field], path.child(field), options)
    return errors


def _validate_node_affinity(affinity: Object, path: Path, options: PodOptions) -> ErrorList:
    errors: ErrorList = []
    selector = affinity.get(REQUIRED)
    if selector is not None:
        tolerant = options.invalid_node_affinity_values
        errors += validate_node_selector(selector, path.child(REQUIRED), any_values=tolerant)
    for i, term in enumerate(affinity.get(PREFERRED) or ()):
        at = path.child(PREFERRED).index(i)
        errors += _validate_weight(term, at)
        # Values that no node can have only make a preference idle, so upstream has never refused them.
        errors += _validate_node_selector_term(
            term.get("preference") or {}, at.child("preference"), any_values=True
        )
    return errors


def _validate_weight(term: Object, path: Path) -> ErrorList:
    weight = term.get("weight", 0)
    return [] if 0 < weight <= 100 else [invalid(path.child("weight"), weight, _WEIGHT)]


def validate_node_selector(selector: Object, path: Path, *, any_values: bool) -> ErrorList:
    """`any_values`: values that are no label values are let through."""
    terms = selector.get("nodeSelectorTerms") or []
    at = path.child("nodeSelectorTerms")
    if not terms:
        return [required(at, "must have at least one node selector term")]
    errors: ErrorList = []
    for i, term in enumerate(terms):
        errors += _validate_node_selector_term(term, at.index(i), any_values=any_values)
    return errors


def _validate_node_selector_term(term: Object, path: Path, *, any_values: bool) -> ErrorList:
    errors: ErrorList = []
    for i, requirement in enumerate(term.get("matchExpressions") or ()):
        errors += _validate_expression(
            requirement, path.child("matchExpressions").index(i), any_values=any_values
        )
    for i, requirement in enumerate(term.get("matchFields") or ()):
        errors += _validate_field(requirement, path.child("matchFields").index(i))
    return errors


def _validate_expression(requirement: Object, path: Path, *, any_values: bool) -> ErrorList:
    operator, values = requirement.get("operator", ""), requirement.get("values") or []
    at = path.child("values")
    errors: ErrorList = []
    if operator in ("In", "NotIn"):
        if not values:
            errors.append(required(at, "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            errors.append(forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            errors.append(required(at, "must be specified single value when `operator` is 'Lt' or 'Gt'"))
    else:
        errors.append(invalid(path.child("operator"), operator, _NOT_AN_OPERATOR))
    errors += qualified_name_errors(path.child("key"), requirement.get("key", ""))
    if not any_values:
        for i, value in enumerate(values):
            errors += problems(at.index(i), value, names.label_value(value))
    return errors


def _validate_field(requirement: Object, path: Path) -> ErrorList:
    operator, values = requirement.get("operator", ""), requirement.get("values") or []
    errors: ErrorList = []
    if operator not in ("In", "NotIn"):
        errors.append(invalid(path.child("operator"), operator, _NOT_AN_OPERATOR))
    elif len(values) != 1:
        detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        errors.append(required(path.child("values"), detail))
    key = requirement.get("key", "")
    if key != "metadata.name":
        return [*errors, invalid(path.child("key"), key, "not a valid field selector key")]
    for i, value in enumerate(values):
        errors += problems(path.child("values").index(i), value, names.dns1123_subdomain(value))
    return errors


def _validate_pod_affinity(affinity: Object, path: Path, options: PodOptions) -> ErrorList:
    errors: ErrorList = []
    for i, term in enumerate(affinity.get(REQUIRED) or ()):
        errors += _validate_pod_term(term, path.child(REQUIRED).index(i), options)
    for i, weighted in enumerate(affinity.get(PREFERRED) or ()):
        at = path.child(PREFERRED).index(i)
        errors += _validate_weight(weighted, at)
        errors += _validate_pod_term(
            weighted.get("podAffinityTerm") or {}, at.child("podAffinityTerm"), options
        )
    return errors


def _validate_pod_term(term: Object, path: Path, options: PodOptions) -> ErrorList:
    errors = pod_term_selector_errors(term, path, any_values=options.invalid_affinity_values)
    for name in term.get("namespaces") or ():
        errors += problems(path.child("namespace"), name, names.dns1123_label(name))
    errors += validate_label_keys(
        term.get("matchLabelKeys") or [], term.get("mismatchLabelKeys") or [], term.get("labelSelector"), path
    )
    key = term.get("topologyKey", "")
    at = path.child("topologyKey")
    if not key:
        errors.append(required(at, "can not be empty"))
    return errors + qualified_name_errors(at, key)


def pod_term_selector_errors(term: Object, path: Path, *, any_values: bool) -> ErrorList:
    """The selectors of pods and of namespaces."""
    errors: ErrorList = []
    for field in ("labelSelector", "namespaceSelector"):
        if term.get(field) is not None:
            errors += validate_label_selector(term[field], path.child(field), allow_invalid_values=any_values)
    return errors


def validate_label_keys(
    match: list[str], mismatch: list[str], selector: Object | None, path: Path
) -> ErrorList:
    """`matchLabelKeys` and `mismatchLabelKeys` (KEP-3633). By now the selector has taken the keys in, so a
    key that it had of its own occurs twice."""
    errors = _validate_keys(match, selector, path.child("matchLabelKeys"))
    errors += _validate_keys(mismatch, selector, path.child("mismatchLabelKeys"))
    if selector is not None and match:
        seen = set(selector.get("matchLabels") or ())
        for expression in selector.get("matchExpressions") or ():
            key = expression.get("key", "")
            if key in match and key in seen:
                at = path.index(len(match) - 1 - match[::-1].index(key))
                errors.append(invalid(at, key, "exists in both matchLabelKeys and labelSelector"))
            seen.add(key)
    for i, key in enumerate(match):
        if key in mismatch:
            at = path.child("matchLabelKeys").index(i)
            errors.append(invalid(at, key, "exists in both matchLabelKeys and mismatchLabelKeys"))
    return errors


def _validate_keys(keys: list[str], selector: Object | None, path: Path) -> ErrorList:
    if not keys:
        return []
    if selector is None:
        return [forbidden(path, "must not be specified when labelSelector is not set")]
    errors: ErrorList = []
    for i, key in enumerate(keys):
        errors += qualified_name_errors(path.index(i), key)
    return errors


def validate_narrowed_node_affinity(new: Object | None, old: Object | None, path: Path) -> ErrorList:
    """A gated pod's required node affinity may only become narrower: more expressions in the same terms."""
    terms: list[Object] = ((old or {}).get(REQUIRED) or {}).get("nodeSelectorTerms") or []
    if not terms:
        return []
    asked: list[Object] = ((new or {}).get(REQUIRED) or {}).get("nodeSelectorTerms") or []
    at = path.child(REQUIRED, "nodeSelectorTerms")
    if len(terms) != len(asked):
        detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        return [invalid(at, goform.node_selector_terms(asked or None), detail)]
    return [
        invalid(
            at.index(i),
            goform.node_selector_term(asked[i]),
            "only additions are allowed (no mutations or deletions)",
        )
        for i, term in enumerate(terms)
        if not _only_adds(asked[i], term)
    ]


def _only_adds(new: Object, old: Object) -> bool:
    fields = ("matchExpressions", "matchFields")
    if not any(old.get(field) for field in fields):
        # A term without requirements matches nothing; anything added would make it wider.
        return not any(new.get(field) for field in fields)
    return all(
        (new.get(field) or [])[: len(old.get(field) or [])] == (old.get(field) or []) for field in fields
    )
