"""Words every layer shares: objects, resources' coordinates, users, attributes, verdicts."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

Object = dict[str, Any]
"""A decoded API object: JSON values in upstream's field order. Objects that come from the watch cache
are shared between all readers and must never be changed in place."""


class GroupVersion(NamedTuple):
    group: str
    version: str

    def __str__(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


class GroupVersionKind(NamedTuple):
    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def __str__(self) -> str:
        """Upstream's rendering, `apps/v1, Kind=Deployment` (core: `/v1, Kind=Pod`)."""
        return f"{self.group}/{self.version}, Kind={self.kind}"


class GroupResource(NamedTuple):
    group: str
    resource: str

    def __str__(self) -> str:
        return f"{self.resource}.{self.group}" if self.group else self.resource


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Who a request comes from, as an authenticator proved it."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_object(self) -> Object:
        """The `authentication.k8s.io/v1 UserInfo` form; empty fields are left out."""
        out: Object = {}
        if self.name:
            out["username"] = self.name
        if self.uid:
            out["uid"] = self.uid
        if self.groups:
            out["groups"] = list(self.groups)
        if self.extra:
            out["extra"] = {k: list(v) for k, v in sorted(self.extra.items())}
        return out


ANONYMOUS = "system:anonymous"
UNAUTHENTICATED = "system:unauthenticated"
AUTHENTICATED = "system:authenticated"
MASTERS = "system:masters"
NODES = "system:nodes"
NODE_USER_PREFIX = "system:node:"
SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:"
SERVICE_ACCOUNTS = "system:serviceaccounts"


def service_account_user(namespace: str, name: str, uid: str = "") -> UserInfo:
    """The identity a ServiceAccount's token proves, `system:authenticated` included."""
    return UserInfo(
        f"{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}",
        uid,
        (SERVICE_ACCOUNTS, f"{SERVICE_ACCOUNTS}:{namespace}", AUTHENTICATED),
    )


class Requirement(NamedTuple):
    """One term of a field or label selector. Operators: `=`, `!=`, `in`, `notin`, `exists`, `!`, `gt`, `lt`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(slots=True)
class Attributes:
    """What is asked of the authorizer: the user and the parsed request.

    `field_selector` and `label_selector` are None where no selector applies or it did not parse
    (then the `*_error` says why); only the Node authorizer, webhooks and CEL look at them.
    """

    user: UserInfo
    verb: str
    namespace: str = ""
    api_group: str = ""
    api_version: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    resource_request: bool = True
    path: str = ""
    field_selector: tuple[Requirement, ...] | None = None
    field_selector_error: str = ""
    label_selector: tuple[Requirement, ...] | None = None
    label_selector_error: str = ""


class Decision(enum.Enum):
    ALLOW = "allow"
    DENY = "deny"
    NO_OPINION = "no opinion"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An authorizer's answer. `evidence` is a reference to what decided (a grant, a policy line), never prose."""

    decision: Decision
    reason: str = ""
    error: str = ""
    evidence: object | None = None

    @property
    def allowed(self) -> bool:
        return self.decision is Decision.ALLOW


class Rules(NamedTuple):
    """What a user may do in a namespace, as SelfSubjectRulesReview lists it."""

    resource_rules: list[Object]
    non_resource_rules: list[Object]
    incomplete: bool = False
    error: str = ""


class Authorizer(Protocol):
    """One-method interface behind which RBAC, Node, ABAC and webhooks stand."""

    async def authorize(self, attributes: Attributes) -> Verdict: ...

    async def rules_for(self, user: UserInfo, namespace: str) -> Rules: ...
