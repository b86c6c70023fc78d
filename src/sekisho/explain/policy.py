"""What explanations read of RBAC: the index, as far as it can be asked questions.

authz.index.RbacIndex is one, fed by a running cluster or built from manifests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from sekisho.api.rbac import (
    SERVICE_ACCOUNT,
    USER,
    USER_GROUP,
    Binding,
    Role,
    Rule,
    Subject,
    combined_resource,
)
from sekisho.api.types import (
    ANONYMOUS,
    AUTHENTICATED,
    SERVICE_ACCOUNT_PREFIX,
    SERVICE_ACCOUNTS,
    UNAUTHENTICATED,
    Attributes,
    UserInfo,
    service_account_user,
)
from sekisho.explain.evidence import GrantEvidence


class Policy(Protocol):
    """Roles and bindings, by themselves and by whom they name."""

    def bindings(self) -> Iterable[Binding]: ...

    def binding(self, namespace: str, name: str) -> Binding | None: ...

    def roles(self) -> Iterable[Role]: ...

    def role(self, kind: str, namespace: str, name: str) -> Role | None: ...

    def role_of(self, binding: Binding) -> Role | None: ...

    def namespaces_of(self, user: UserInfo) -> list[str]:
        """Sorted namespaces in which RoleBindings name the user."""

    def held(self, user: UserInfo, namespace: str) -> Iterator[tuple[Binding, Subject]]:
        """The bindings that count for the user in a namespace (empty: cluster scope only), in the walk's order."""

    def grant_for(self, attributes: Attributes) -> GrantEvidence | None:
        """What allows a request; None when RBAC does not."""


def first_rule(role: Role, a: Attributes) -> Rule | None:
    """The first rule of a role that allows a request, wherever the role is bound."""
    if not a.resource_request:
        return next((rule for rule in role.rules if rule.allows_path(a.verb, a.path)), None)
    combined = combined_resource(a.resource, a.subresource)
    for rule in role.rules:
        if rule.allows_resource(a.verb, a.api_group, combined, a.subresource, a.name):
            return rule
    return None


def subject_user(subject: Subject) -> UserInfo:
    """Who a subject is, with the groups that such a user always has. A group is a nameless member of it."""
    if subject.kind == USER_GROUP:
        return UserInfo("", groups=(subject.name,))
    if subject.kind == SERVICE_ACCOUNT:
        return service_account_user(subject.namespace, subject.name)
    return named_user(subject.name)


def named_user(name: str) -> UserInfo:
    """A user by name with the groups that the name implies."""
    if name == ANONYMOUS:
        return UserInfo(name, groups=(UNAUTHENTICATED,))
    if name.startswith(SERVICE_ACCOUNT_PREFIX):
        namespace = name[len(SERVICE_ACCOUNT_PREFIX) :].partition(":")[0]
        return UserInfo(name, groups=(SERVICE_ACCOUNTS, f"{SERVICE_ACCOUNTS}:{namespace}", AUTHENTICATED))
    return UserInfo(name, groups=(AUTHENTICATED,))


def subject_of_user(user: UserInfo) -> Subject:
    """The subject that names exactly this user."""
    if user.name.startswith(SERVICE_ACCOUNT_PREFIX):
        namespace, colon, name = user.name[len(SERVICE_ACCOUNT_PREFIX) :].partition(":")
        if colon and namespace and name:
            return Subject(SERVICE_ACCOUNT, name, namespace)
    return Subject(USER, user.name)


def parse_subject(text: str) -> Subject:
    """A subject as people write it: `bob`, `user:bob`, `group:dev`, `serviceaccount:NAMESPACE:NAME`, `sa:NS/NAME`,
    `system:serviceaccount:NS:NAME`. Raises ValueError."""
    kind, colon, rest = text.partition(":")
    if text.startswith(SERVICE_ACCOUNT_PREFIX):
        kind, rest = "serviceaccount", text[len(SERVICE_ACCOUNT_PREFIX) :]
    if kind in ("serviceaccount", "sa") and colon:
        namespace, separator, name = rest.partition("/" if "/" in rest else ":")
        if not separator or not namespace or not name:
            raise ValueError(f'"{text}": a service account is written serviceaccount:NAMESPACE:NAME')
        return Subject(SERVICE_ACCOUNT, name, namespace)
    if kind in ("user", "group") and colon:
        if not rest:
            raise ValueError(f'"{text}" names nobody')
        return Subject(USER if kind == "user" else USER_GROUP, rest)
    if not text:
        raise ValueError("a subject has a name")
    return Subject(USER, text)


def scope_text(namespace: str) -> str:
    return f"in namespace {namespace}" if namespace else "cluster-wide"
