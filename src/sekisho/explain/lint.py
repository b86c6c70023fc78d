"""What is wrong or unwise in roles and bindings: each finding by rule, with the object it is about.

Default objects of the cluster (label kubernetes.io/bootstrapping) are taken as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from sekisho.api.rbac import (
    ALL,
    CLUSTER_ROLE,
    ROLE,
    SERVICE_ACCOUNT,
    USER,
    USER_GROUP,
    Binding,
    Role,
    Subject,
)
from sekisho.api.rbacaggregation import selectors
from sekisho.api.types import (
    ANONYMOUS,
    AUTHENTICATED,
    SERVICE_ACCOUNTS,
    UNAUTHENTICATED,
    Object,
)
from sekisho.explain.policy import Policy
from sekisho.explain.sentences import listed, role_text, subject_text

ERROR, WARNING, NOTE = "error", "warning", "note"
_NAMELESS_VERBS = frozenset(("create", "deletecollection"))

RULES: dict[str, str] = {
    "dangling-role-ref": "A binding refers to a role that does not exist",
    "unused-role": "No binding refers to a role",
    "missing-subject": "A binding names a service account that does not exist",
    "wildcard": "A rule allows everything of some kind",
    "broad-subject": "A binding names everybody",
    "impossible-resource": "A rule names a resource that no request has",
    "impossible-name": "A rule limits by name what has no name",
    "impossible-subject": "A binding names a subject that matches nobody",
    "impossible-path": "A RoleBinding gives paths, which only ClusterRoleBindings can",
    "empty-binding": "A binding names nobody",
}
"""All rules with what they mean."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`level` is error, warning or note; kind, namespace and name say which object."""

    rule: str
    level: str
    message: str
    kind: str
    namespace: str
    name: str

    def to_object(self) -> Object:
        out: Object = {"rule": self.rule, "level": self.level, "message": self.message, "kind": self.kind}
        if self.namespace:
            out["namespace"] = self.namespace
        return {**out, "name": self.name}


def lint(policy: Policy, accounts: Collection[tuple[str, str]] | None = None) -> list[Finding]:
    """All findings, worst first. `accounts` are the service accounts that exist, as (namespace, name); None
    when that is not known."""
    found: list[Finding] = []
    for binding in policy.bindings():
        if not _default(binding.obj):
            found += _binding_findings(binding, policy, accounts)
    used = _used_roles(policy)
    for role in policy.roles():
        if not _default(role.obj):
            found += _role_findings(role, used)
    levels = (ERROR, WARNING, NOTE)
    return sorted(
        found, key=lambda f: (levels.index(f.level), f.rule, f.kind, f.namespace, f.name, f.message)
    )


def _default(obj: Object) -> bool:
    return "kubernetes.io/bootstrapping" in (obj["metadata"].get("labels") or {})


def _binding_findings(
    binding: Binding, policy: Policy, accounts: Collection[tuple[str, str]] | None
) -> Iterator[Finding]:
    def finding(rule: str, level: str, message: str) -> Finding:
        return Finding(rule, level, message, binding.kind, binding.namespace, binding.name)

    role = policy.role_of(binding)
    if role is None:
        name = role_text(binding.role_kind, binding.role_name)
        yield finding("dangling-role-ref", ERROR, f"refers to {name}, which does not exist")
    elif binding.namespace and role.rules and all(rule.urls and not rule.resources for rule in role.rules):
        name = role_text(role.kind, role.name)
        yield finding(
            "impossible-path", WARNING, f"gives the paths of {name}, which need a ClusterRoleBinding"
        )
    if not binding.subjects:
        yield finding("empty-binding", NOTE, "names nobody")
    for subject in binding.subjects:
        why = _impossible(subject)
        if why:
            yield finding("impossible-subject", ERROR, f"names {subject.kind} {subject.name}, {why}")
        elif _missing(subject, accounts):
            text = f"names {subject_text(subject)}, which does not exist"
            yield finding("missing-subject", WARNING, text)
        broad = _broad(subject)
        if broad:
            name = role_text(binding.role_kind, binding.role_name)
            yield finding("broad-subject", broad, f"gives {name} to {subject_text(subject)}")


def _impossible(subject: Subject) -> str:
    if subject.kind not in (USER, USER_GROUP, SERVICE_ACCOUNT):
        return "a kind that matches nobody"
    if subject.kind == SERVICE_ACCOUNT and not subject.namespace:
        return "without a namespace, which matches nobody"
    return "" if subject.name else "without a name"


def _missing(subject: Subject, accounts: Collection[tuple[str, str]] | None) -> bool:
    if subject.kind != SERVICE_ACCOUNT or accounts is None:
        return False
    return (subject.namespace, subject.name) not in accounts


def _broad(subject: Subject) -> str:
    """How bad it is to give something to a subject; empty when it is nobody in particular."""
    if (subject.kind, subject.name) in ((USER_GROUP, UNAUTHENTICATED), (USER, ANONYMOUS)):
        return ERROR
    if subject.kind == USER_GROUP and subject.name in (AUTHENTICATED, SERVICE_ACCOUNTS):
        return WARNING
    return ""


def _used_roles(policy: Policy) -> set[tuple[str, str, str]]:
    """Roles that bindings refer to, or that an aggregating role gathers."""
    used = {(b.role_kind, b.role_namespace, b.role_name) for b in policy.bindings()}
    cluster_roles = [role for role in policy.roles() if role.kind == CLUSTER_ROLE]
    for role in cluster_roles:
        try:
            compiled = selectors(role.obj)
        except ValueError:
            continue
        for part in cluster_roles:
            if any(selector.matches(part.labels) for selector in compiled):
                used.add((CLUSTER_ROLE, "", part.name))
    return used


def _role_findings(role: Role, used: set[tuple[str, str, str]]) -> Iterator[Finding]:
    def finding(rule: str, level: str, message: str) -> Finding:
        return Finding(rule, level, message, role.kind, role.namespace, role.name)

    if (role.kind, role.namespace, role.name) not in used:
        yield finding("unused-role", WARNING, "no binding refers to it")
    for rule in role.rules:
        yield from _rule_findings(rule.obj, f"rule {rule.index + 1}", role.kind == ROLE, finding)


def _rule_findings(
    rule: Object, label: str, namespaced: bool, finding: Callable[[str, str, str], Finding]
) -> Iterator[Finding]:
    wild = [
        word
        for word, key in (
            ("verbs", "verbs"),
            ("API groups", "apiGroups"),
            ("resources", "resources"),
            ("paths", "nonResourceURLs"),
        )
        if ALL in (rule.get(key) or ())
    ]
    if wild:
        yield finding("wildcard", WARNING, f"{label} allows all {listed(wild)}")
    if namespaced and rule.get("nonResourceURLs"):
        yield finding("impossible-path", WARNING, f"{label} has paths, which a Role cannot give")
    for resource in rule.get("resources") or ():
        if resource.endswith("/*"):
            yield finding("impossible-resource", ERROR, f"{label} names {resource}, which is no wildcard")
        elif resource != resource.lower():
            yield finding("impossible-resource", ERROR, f"{label} names {resource}; resources are lower case")
    if rule.get("resourceNames") and rule.get("verbs"):
        nameless = [verb for verb in rule["verbs"] if verb in _NAMELESS_VERBS]
        if nameless:
            text = f"{label} limits {listed(nameless)} by name, and those requests have none"
            yield finding("impossible-name", WARNING, text)
