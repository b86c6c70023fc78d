"""The vocabulary of RBAC: subjects, rules and what a rule matches.

Pure functions over rbac.authorization.k8s.io/v1, shared by the index that decides, the storage that
prevents escalation and the explanations. A `Rule` is compiled once from its object (sets instead of
lists, `*` as a flag), because rules are matched far more often than they change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sekisho.api.goformat import quote
from sekisho.api.types import SERVICE_ACCOUNT_PREFIX, Object, UserInfo

GROUP = "rbac.authorization.k8s.io"
VERSION = "v1"
USER = "User"
USER_GROUP = "Group"
SERVICE_ACCOUNT = "ServiceAccount"
ROLE = "Role"
CLUSTER_ROLE = "ClusterRole"
ROLE_BINDING = "RoleBinding"
CLUSTER_ROLE_BINDING = "ClusterRoleBinding"
KINDS = (CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING)
ALL = "*"
AGGREGATE_LABEL_PREFIX = "rbac.authorization.k8s.io/aggregate-to-"
AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"


class Subject(NamedTuple):
    """Whom a binding names. `namespace` is as written; see `resolved` for service accounts."""

    kind: str
    name: str
    namespace: str = ""

    @classmethod
    def of(cls, obj: Mapping[str, Any]) -> Subject:
        return cls(obj.get("kind", ""), obj.get("name", ""), obj.get("namespace", ""))

    def resolved(self, binding_namespace: str) -> Subject:
        """A service account without a namespace is one of the RoleBinding's namespace; others have none."""
        if self.kind != SERVICE_ACCOUNT:
            return self._replace(namespace="") if self.namespace else self
        return self if self.namespace else self._replace(namespace=binding_namespace)

    @property
    def user_name(self) -> str | None:
        """The one user name that a (resolved) subject matches; None for groups and unknown kinds."""
        if self.kind == USER:
            return self.name
        if self.kind == SERVICE_ACCOUNT and self.namespace:
            return f"{SERVICE_ACCOUNT_PREFIX}{self.namespace}:{self.name}"
        return None

    def matches(self, user: UserInfo) -> bool:
        """Exact and case-sensitive; the subject must be resolved."""
        if self.kind == USER_GROUP:
            return self.name in user.groups
        wanted = self.user_name
        return wanted is not None and wanted == user.name

    def __str__(self) -> str:
        """As reasons print it: `User "bob"`, `ServiceAccount "name/namespace"`."""
        if self.kind == SERVICE_ACCOUNT:
            return f"{self.kind} {quote(f'{self.name}/{self.namespace}')}"
        return f"{self.kind} {quote(self.name)}"

    def to_object(self) -> Object:
        if self.kind == SERVICE_ACCOUNT:
            return {"kind": self.kind, "name": self.name, "namespace": self.namespace}
        return {"kind": self.kind, "apiGroup": GROUP, "name": self.name}


class Rule:
    """One PolicyRule, compiled. `index` is its place in the role, `obj` the shared object it came from."""

    __slots__ = (
        "any_group",
        "any_resource",
        "any_verb",
        "groups",
        "index",
        "names",
        "obj",
        "resources",
        "urls",
        "verbs",
    )

    def __init__(self, obj: Object, index: int = 0) -> None:
        self.obj = obj
        self.index = index
        self.verbs = frozenset(obj.get("verbs") or ())
        self.groups = frozenset(obj.get("apiGroups") or ())
        self.resources = frozenset(obj.get("resources") or ())
        self.names = frozenset(obj.get("resourceNames") or ())
        self.urls: tuple[str, ...] = tuple(obj.get("nonResourceURLs") or ())
        self.any_verb = ALL in self.verbs
        self.any_group = ALL in self.groups
        self.any_resource = ALL in self.resources

    def matches_verb(self, verb: str) -> bool:
        return self.any_verb or verb in self.verbs

    def matches_group(self, group: str) -> bool:
        return self.any_group or group in self.groups

    def matches_resource(self, combined: str, subresource: str) -> bool:
        """`combined` is `resource` or `resource/subresource`. `*` covers subresources, `*/sub` that one
        of all resources; `pods/*` is no wildcard."""
        if self.any_resource or combined in self.resources:
            return True
        return bool(subresource) and f"*/{subresource}" in self.resources

    def matches_name(self, name: str) -> bool:
        """No names allow every name; a request without a name is met by no list of names."""
        return not self.names or name in self.names

    def matches_path(self, path: str) -> bool:
        return any(url_matches(url, path) for url in self.urls)

    def allows_resource(self, verb: str, group: str, combined: str, subresource: str, name: str) -> bool:
        return (
            self.matches_verb(verb)
            and self.matches_group(group)
            and self.matches_resource(combined, subresource)
            and self.matches_name(name)
        )

    def allows_path(self, verb: str, path: str) -> bool:
        return self.matches_verb(verb) and self.matches_path(path)


def url_matches(url: str, path: str) -> bool:
    """`*`, the same text, or a prefix that ends in `*` (all trailing stars are the wildcard)."""
    if url in (ALL, path):
        return True
    return url.endswith(ALL) and path.startswith(url.rstrip(ALL))


def compile_rules(rules: Iterable[Object] | None) -> tuple[Rule, ...]:
    """Compile a role's `rules`, which may be null."""
    return tuple(Rule(obj, i) for i, obj in enumerate(rules or ()))


def combined_resource(resource: str, subresource: str) -> str:
    """`pods`, or `pods/log` when there is a subresource."""
    return f"{resource}/{subresource}" if subresource else resource


def not_found_text(kind: str, name: str) -> str:
    """How evaluation names a role that a binding refers to and that does not exist."""
    return f"{kind.lower()}.{GROUP} {quote(name)} not found"


def unsupported_kind_text(kind: str) -> str:
    """What a roleRef of another kind than Role and ClusterRole is answered with."""
    return f"unsupported role reference kind: {quote(kind)}"


class Role:
    """A Role or (namespace empty) ClusterRole: its compiled rules and the shared object they came from."""

    __slots__ = ("kind", "name", "namespace", "obj", "rules")

    def __init__(self, kind: str, obj: Object) -> None:
        meta = obj["metadata"]
        self.kind = kind
        self.namespace: str = meta.get("namespace", "") if kind == ROLE else ""
        self.name: str = meta["name"]
        self.rules = compile_rules(obj.get("rules"))
        self.obj = obj

    @property
    def labels(self) -> Mapping[str, str]:
        return self.obj["metadata"].get("labels") or {}

    @property
    def selectors(self) -> list[Object]:
        """The label selectors of the roles whose rules this one gathers."""
        return (self.obj.get("aggregationRule") or {}).get("clusterRoleSelectors") or []


class Binding:
    """A RoleBinding or (namespace empty) ClusterRoleBinding with its subjects resolved."""

    __slots__ = ("kind", "name", "namespace", "obj", "role_kind", "role_name", "subjects")

    def __init__(self, kind: str, obj: Object) -> None:
        meta = obj["metadata"]
        ref = obj.get("roleRef") or {}
        self.kind = kind
        self.namespace: str = meta.get("namespace", "") if kind == ROLE_BINDING else ""
        self.name: str = meta["name"]
        self.role_kind: str = ref.get("kind", "")
        self.role_name: str = ref.get("name", "")
        self.subjects = tuple(Subject.of(s).resolved(self.namespace) for s in obj.get("subjects") or ())
        self.obj = obj

    @property
    def role_namespace(self) -> str:
        """Where the role is looked for: a Role in the binding's namespace."""
        return self.namespace if self.role_kind == ROLE else ""

    def position_of(self, user: UserInfo) -> int:
        """The index of the first subject that matches the user, or -1."""
        for i, subject in enumerate(self.subjects):
            if subject.matches(user):
                return i
        return -1

    def missing_role_text(self) -> str:
        """The error of a walk that cannot resolve this binding's roleRef."""
        if self.role_kind in (ROLE, CLUSTER_ROLE):
            return not_found_text(self.role_kind, self.role_name)
        return unsupported_kind_text(self.role_kind)

    def reason(self, subject: Subject) -> str:
        """Upstream's reason for a request that this binding allows to this subject."""
        name = f"{self.name}/{self.namespace}" if self.namespace else self.name
        role = f"{self.role_kind} {quote(self.role_name)}"
        return f"RBAC: allowed by {self.kind} {quote(name)} of {role} to {subject}"
