"""The audit policy as a file: read, checked as upstream checks it, and made into rules.

As upstream's, the reader takes unknown fields with a warning.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from sekisho.api import names
from sekisho.api.field import ErrorList, invalid, not_supported, required
from sekisho.api.field import Path as FieldPath
from sekisho.api.goformat import aggregate
from sekisho.api.types import Object
from sekisho.server.audit.policy import API_VERSION, LEVELS, STAGES, GroupResources, Policy, Rule

logger = logging.getLogger("sekisho.audit")


class PolicyError(ValueError):
    """A policy file that cannot be used; the text is for the operator."""


def load(path: Path) -> Policy:
    """The policy in a YAML or JSON file. Raises PolicyError with upstream's text."""
    try:
        return parse(path.read_bytes())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PolicyError(f"failed to read file path {path}: {reason}")
    except PolicyError as error:
        raise PolicyError(f"{error}: from file {path}")


def parse(data: bytes) -> Policy:
    """Raises PolicyError."""
    try:
        value = yaml.load(data, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PolicyError(f"failed decoding: {' '.join(str(error).split())}")
    if not isinstance(value, dict):
        raise PolicyError("failed decoding: the file holds no object")
    if value.get("apiVersion") != API_VERSION or value.get("kind") != "Policy":
        found = f"{value.get('apiVersion', '')}, Kind={value.get('kind', '')}"
        raise PolicyError(f"unknown group version field {found} in policy")
    errors = _errors(value)
    if errors:
        raise PolicyError(aggregate([str(error) for error in errors]))
    rules = value.get("rules") or []
    if not rules:
        raise PolicyError("loaded illegal policy with 0 rules")
    _warn_of_unknown(value, rules)
    return Policy(
        [_rule(rule) for rule in rules],
        _texts(value, "omitStages"),
        bool(value.get("omitManagedFields", False)),
    )


def _rule(raw: Object) -> Rule:
    resources = tuple(
        GroupResources(entry.get("group") or "", _texts(entry, "resources"), _texts(entry, "resourceNames"))
        for entry in raw.get("resources") or ()
    )
    return Rule(
        level=LEVELS[raw["level"]],
        users=_texts(raw, "users"),
        user_groups=_texts(raw, "userGroups"),
        verbs=_texts(raw, "verbs"),
        resources=resources,
        namespaces=_texts(raw, "namespaces"),
        non_resource_urls=_texts(raw, "nonResourceURLs"),
        omit_stages=_texts(raw, "omitStages"),
        omit_managed_fields=raw.get("omitManagedFields"),
    )


_POLICY_FIELDS = frozenset(("apiVersion", "kind", "metadata", "rules", "omitStages", "omitManagedFields"))
_RULE_LISTS = (
    "users",
    "userGroups",
    "verbs",
    "resources",
    "namespaces",
    "nonResourceURLs",
    "omitStages",
)
_RULE_FIELDS = frozenset((*_RULE_LISTS, "level", "omitManagedFields"))
_RESOURCE_FIELDS = frozenset(("group", "resources", "resourceNames"))


def _warn_of_unknown(value: Object, rules: list[Object]) -> None:
    unknown = [field for field in value if field not in _POLICY_FIELDS]
    for i, rule in enumerate(rules):
        unknown += [f"rules[{i}].{field}" for field in rule if field not in _RULE_FIELDS]
        for j, entry in enumerate(rule.get("resources") or ()):
            unknown += [
                f"rules[{i}].resources[{j}].{field}" for field in entry if field not in _RESOURCE_FIELDS
            ]
    if unknown:
        listed = ", ".join(f'"{field}"' for field in unknown)
        logger.warning("the audit policy has unknown fields, which count for nothing: %s", listed)


def _texts(raw: Object, field: str) -> tuple[str, ...]:
    return tuple(raw.get(field) or ())


def _check_type(value: Any, kind: type, path: str) -> None:
    """Raises PolicyError when a field is of another kind than the API says."""
    if value is not None and not isinstance(value, kind):
        wanted = {list: "a list", dict: "an object", str: "a string", bool: "a boolean"}[kind]
        raise PolicyError(f"failed decoding: {path} must be {wanted}")


def _check_texts(raw: Object, field: str, path: str) -> None:
    where = f"{path}.{field}" if path else field
    _check_type(raw.get(field), list, where)
    for i, item in enumerate(raw.get(field) or ()):
        _check_type(item, str, f"{where}[{i}]")
        if item is None:
            raise PolicyError(f"failed decoding: {where}[{i}] must be a string")


def _errors(value: Object) -> ErrorList:
    """Upstream's validation, after the types are known to be right."""
    _check_texts(value, "omitStages", "")
    _check_type(value.get("omitManagedFields"), bool, "omitManagedFields")
    _check_type(value.get("rules"), list, "rules")
    errors = _stage_errors(_texts(value, "omitStages"), FieldPath("omitStages"))
    for i, rule in enumerate(value.get("rules") or ()):
        _check_rule_types(rule, f"rules[{i}]")
        errors += _rule_errors(rule, FieldPath("rules").index(i))
    return errors


def _check_rule_types(rule: Any, path: str) -> None:
    if not isinstance(rule, dict):
        raise PolicyError(f"failed decoding: {path} must be an object")
    _check_type(rule.get("level"), str, f"{path}.level")
    _check_type(rule.get("omitManagedFields"), bool, f"{path}.omitManagedFields")
    for field in _RULE_LISTS:
        if field != "resources":
            _check_texts(rule, field, path)
    _check_type(rule.get("resources"), list, f"{path}.resources")
    for i, entry in enumerate(rule.get("resources") or ()):
        where = f"{path}.resources[{i}]"
        if not isinstance(entry, dict):
            raise PolicyError(f"failed decoding: {where} must be an object")
        _check_type(entry.get("group"), str, f"{where}.group")
        _check_texts(entry, "resources", where)
        _check_texts(entry, "resourceNames", where)


def _rule_errors(rule: Object, path: FieldPath) -> ErrorList:
    level = rule.get("level") or ""
    errors: ErrorList = []
    if not level:
        errors.append(required(path.child("level")))
    elif level not in LEVELS:
        errors.append(not_supported(path.child("level"), level, tuple(LEVELS)))
    urls = list(_texts(rule, "nonResourceURLs"))
    where = path.child("nonResourceURLs")
    for i, url in enumerate(urls):
        if url == "*":
            continue
        if not url.startswith("/"):
            detail = "non-resource URL rules must begin with a '/' character"
            errors.append(invalid(where.index(i), url, detail))
        if "*" in url[:-1]:
            detail = "non-resource URL wildcards '*' must be the final character of the rule"
            errors.append(invalid(where.index(i), url, detail))
    for i, entry in enumerate(rule.get("resources") or ()):
        errors += _resource_errors(entry, path.child("resources").index(i))
    errors += _stage_errors(_texts(rule, "omitStages"), path.child("omitStages"))
    if urls and (rule.get("resources") or rule.get("namespaces")):
        errors.append(
            invalid(where, urls, "rules cannot apply to both regular resources and non-resource URLs")
        )
    return errors


def _resource_errors(entry: Object, path: FieldPath) -> ErrorList:
    group = entry.get("group") or ""
    errors: ErrorList = []
    messages = names.dns1123_subdomain(group) if group and group != "*" else []
    if messages:
        errors.append(invalid(path.child("group"), group, ",".join(messages)))
    object_names = list(_texts(entry, "resourceNames"))
    if object_names and not entry.get("resources"):
        detail = "using resourceNames requires at least one resource"
        errors.append(invalid(path.child("resourceNames"), object_names, detail))
    return errors


def _stage_errors(stages: Sequence[str], path: FieldPath) -> ErrorList:
    return [not_supported(path.index(i), s, STAGES) for i, s in enumerate(stages) if s not in STAGES]
