"""The smallest manifest that allows exactly one request, ready for kubectl apply."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sekisho.api.rbac import CLUSTER_ROLE, GROUP, ROLE, VERSION, Subject, combined_resource
from sekisho.api.types import Attributes, Object
from sekisho.explain.policy import Policy, subject_of_user

API_VERSION = f"{GROUP}/{VERSION}"
_UNSAFE = re.compile(r"[^a-z0-9.-]+")
_LONGEST_NAME = 63


def for_request(a: Attributes, policy: Policy | None = None) -> list[Object]:
    """A role with one rule and its binding to the request's user: Role and RoleBinding where the request is in
    a namespace. `policy` keeps them from replacing what exists. Empty when no rule can express just this
    request (no user name, no verb, a path that would read as a pattern)."""
    rule = _rule(a)
    if rule is None or not a.user.name:
        return []
    return role_and_binding([rule], subject_of_user(a.user), a.namespace, _base_name(a), policy)


def role_and_binding(
    rules: Sequence[Object], subject: Subject, namespace: str, name: str, policy: Policy | None = None
) -> list[Object]:
    """A role with these rules in a namespace (empty: a ClusterRole) and its binding to one subject."""
    kind = ROLE if namespace else CLUSTER_ROLE
    free = _free_name(name, namespace, policy)
    metadata: Object = {"name": free, "namespace": namespace} if namespace else {"name": free}
    return [
        {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "rules": list(rules)},
        {
            "apiVersion": API_VERSION,
            "kind": f"{kind}Binding",
            "metadata": dict(metadata),
            "subjects": [subject.to_object()],
            "roleRef": {"apiGroup": GROUP, "kind": kind, "name": free},
        },
    ]


def _rule(a: Attributes) -> Object | None:
    if not a.verb:
        return None
    if not a.resource_request:
        if not a.path or a.path.endswith("*"):
            return None
        return {"verbs": [a.verb], "nonResourceURLs": [a.path]}
    if not a.resource:
        return None
    rule: Object = {
        "verbs": [a.verb],
        "apiGroups": [a.api_group],
        "resources": [combined_resource(a.resource, a.subresource)],
    }
    if a.name:
        rule["resourceNames"] = [a.name]
    return rule


def _base_name(a: Attributes) -> str:
    subject = subject_of_user(a.user)
    what = a.path if not a.resource_request else combined_resource(a.resource, a.subresource)
    text = f"{subject.name}-{a.verb}-{what}".lower()
    return safe_name(text)


def safe_name(text: str) -> str:
    """A name that every kind of object may have."""
    return _UNSAFE.sub("-", text.lower())[:_LONGEST_NAME].strip("-.") or "role"


def _free_name(name: str, namespace: str, policy: Policy | None) -> str:
    if policy is None:
        return name
    kind = ROLE if namespace else CLUSTER_ROLE
    free, number = name, 1
    while policy.role(kind, namespace, free) or policy.binding(namespace, free):
        number += 1
        free = f"{name}-{number}"
    return free
