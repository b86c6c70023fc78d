"""How one identity becomes another: each technique is a function that yields the steps it opens.

A right to create Pods is a right to every account of the namespace; a right to read Secrets is one to
their tokens. Techniques ask the policy for single rights and carry the rule that grants each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sekisho.api.rbac import SERVICE_ACCOUNT, Subject
from sekisho.api.types import MASTERS, Attributes, Object, UserInfo
from sekisho.explain.evidence import GrantEvidence
from sekisho.explain.policy import Policy, scope_text, subject_user
from sekisho.explain.sentences import rule_sentence, subject_text

CLUSTER_ADMIN = "cluster-admin"
ANYBODY = "anybody"
_AUTHENTICATION = "authentication.k8s.io"
_RBAC = "rbac.authorization.k8s.io"
_CERTIFICATES = "certificates.k8s.io"
_WORKLOADS = (
    ("apps", "deployments"),
    ("apps", "daemonsets"),
    ("apps", "statefulsets"),
    ("apps", "replicasets"),
    ("batch", "jobs"),
    ("batch", "cronjobs"),
    ("", "replicationcontrollers"),
)
_SIGNER = "kubernetes.io/kube-apiserver-client"


@dataclass(frozen=True, slots=True)
class Step:
    """From one identity to another: how, where (empty: cluster-wide), and by which rule. `to` is a subject's
    text, `cluster-admin` or `anybody`."""

    by: str
    to: str
    how: str
    namespace: str
    grant: GrantEvidence

    def __str__(self) -> str:
        rule = rule_sentence(self.grant.rule)
        return f"{self.by} -> {self.to}: {self.how} {scope_text(self.namespace)} ({rule})"

    def to_object(self) -> Object:
        out: Object = {"from": self.by, "to": self.to, "how": self.how}
        if self.namespace:
            out["namespace"] = self.namespace
        return {**out, "grant": self.grant.to_object()}


@dataclass(slots=True)
class Search:
    """One walk over identities. `accounts` are the service accounts that are known, by namespace."""

    policy: Policy
    accounts: dict[str, set[str]] = field(default_factory=dict)

    def right(
        self,
        user: UserInfo,
        verbs: str,
        resource: tuple[str, str],
        namespace: str = "",
        subresource: str = "",
        name: str = "",
    ) -> GrantEvidence | None:
        """The grant of the first of several verbs (separated by blanks) that the user has."""
        group, plural = resource
        for verb in verbs.split():
            found = self.policy.grant_for(
                Attributes(
                    user,
                    verb,
                    namespace=namespace,
                    api_group=group,
                    api_version="*",
                    resource=plural,
                    subresource=subresource,
                    name=name,
                )
            )
            if found is not None:
                return found
        return None

    def mentions(self, user: UserInfo, verb: str, combined: str, subresource: str = "") -> bool:
        """Whether any rule of the user is about a core resource at all, whatever its names: asked before every
        account is tried by its name."""
        for namespace in ("", *self.policy.namespaces_of(user)):
            for binding, _ in self.policy.held(user, namespace):
                role = self.policy.role_of(binding)
                for rule in role.rules if role is not None else ():
                    if (
                        rule.matches_verb(verb)
                        and rule.matches_group("")
                        and rule.matches_resource(combined, subresource)
                    ):
                        return True
        return False


Found = Iterator[tuple[Step, UserInfo | None]]


def steps(name: str, user: UserInfo, search: Search) -> Found:
    """What an identity can become at once; the identity itself where there is one to go on from."""
    for technique in (_everything, _impersonation, _roles, _certificates, _nodes):
        yield from technique(name, user, search)
    scopes = ["", *search.policy.namespaces_of(user)]
    for technique_in in (_namespace_roles, _tokens, _pods, _secrets):
        for namespace in scopes:
            yield from technique_in(name, user, search, namespace)


def _everything(name: str, user: UserInfo, search: Search) -> Found:
    grant = search.right(user, "*", ("*", "*"))
    if grant is not None:
        yield Step(name, CLUSTER_ADMIN, "may do everything", "", grant), None


def _impersonation(name: str, user: UserInfo, search: Search) -> Found:
    grant = search.right(user, "impersonate", ("", "groups"), name=MASTERS)
    if grant is not None and search.right(user, "impersonate", ("", "users"), name="anybody") is not None:
        yield Step(name, CLUSTER_ADMIN, f"impersonates a user of group {MASTERS}", "", grant), None
    grant = search.right(user, "impersonate", ("", "users"))
    if grant is not None:
        yield Step(name, ANYBODY, "impersonates any user", "", grant), None
    if not search.mentions(user, "impersonate", "serviceaccounts"):
        return
    for namespace, account in _accounts_of(search, ""):
        grant = search.right(user, "impersonate", ("", "serviceaccounts"), namespace, name=account)
        if grant is not None:
            yield _to_account(name, namespace, account, "impersonates it", grant)


def _roles(name: str, user: UserInfo, search: Search) -> Found:
    for verb, what in (("escalate", "rewrites"), ("bind", "binds")):
        grant = search.right(user, verb, (_RBAC, "clusterroles"), name=CLUSTER_ADMIN)
        if grant is None:
            continue
        kind = "clusterroles" if verb == "escalate" else "clusterrolebindings"
        writes = search.right(user, "create update patch", (_RBAC, kind))
        if writes is not None:
            yield Step(name, CLUSTER_ADMIN, f"{what} roles it does not hold", "", grant), None


def _namespace_roles(name: str, user: UserInfo, search: Search, namespace: str) -> Found:
    """Whoever may give himself any role in a namespace has all its accounts."""
    if not namespace:
        return
    for verb, resource, writes, how in (
        ("escalate", "roles", "roles", "rewrites roles beyond its own rights"),
        ("bind", "clusterroles", "rolebindings", "binds roles it does not hold"),
    ):
        grant = search.right(user, verb, (_RBAC, resource), namespace, name=CLUSTER_ADMIN)
        if grant is None:
            continue
        if search.right(user, "create update patch", (_RBAC, writes), namespace) is not None:
            yield Step(name, f"admin of namespace {namespace}", how, namespace, grant), None
            yield from _to_all(name, search, namespace, how, grant)


def _certificates(name: str, user: UserInfo, search: Search) -> Found:
    approves = search.right(user, "approve", (_CERTIFICATES, "signers"), name=_SIGNER)
    updates = search.right(
        user, "update patch", (_CERTIFICATES, "certificatesigningrequests"), subresource="approval"
    )
    if approves is not None and updates is not None:
        yield Step(name, ANYBODY, "approves client certificates of any user", "", approves), None
    signs = search.right(user, "sign", (_CERTIFICATES, "signers"), name=_SIGNER)
    updates = search.right(
        user, "update patch", (_CERTIFICATES, "certificatesigningrequests"), subresource="status"
    )
    if signs is not None and updates is not None:
        yield Step(name, ANYBODY, "signs client certificates of any user", "", signs), None


def _nodes(name: str, user: UserInfo, search: Search) -> Found:
    """Whoever speaks to kubelets runs commands in every Pod."""
    grant = search.right(user, "create get", ("", "nodes"), subresource="proxy")
    if grant is not None:
        yield from _to_all(name, search, "", "runs commands in its Pods through kubelets", grant)


def _tokens(name: str, user: UserInfo, search: Search, namespace: str) -> Found:
    if not search.mentions(user, "create", "serviceaccounts/token", "token"):
        return
    for place, account in _accounts_of(search, namespace):
        grant = search.right(user, "create", ("", "serviceaccounts"), namespace, "token", account)
        if grant is not None:
            yield _to_account(name, place, account, "requests its tokens", grant)


def _pods(name: str, user: UserInfo, search: Search, namespace: str) -> Found:
    grant = search.right(user, "create", ("", "pods"), namespace)
    if grant is not None:
        yield from _to_all(name, search, namespace, "creates Pods that run as it", grant)
    for workload in _WORKLOADS:
        grant = search.right(user, "create update patch", workload, namespace)
        if grant is not None:
            how = f"makes {workload[1]} whose Pods run as it"
            yield from _to_all(name, search, namespace, how, grant)
    for subresource, verbs, how in (
        ("exec", "create get", "runs commands in its Pods"),
        ("attach", "create get", "attaches to its Pods"),
        ("ephemeralcontainers", "update patch", "adds containers to its Pods"),
    ):
        grant = search.right(user, verbs, ("", "pods"), namespace, subresource)
        if grant is not None:
            yield from _to_all(name, search, namespace, how, grant)


def _secrets(name: str, user: UserInfo, search: Search, namespace: str) -> Found:
    grant = search.right(user, "list watch get", ("", "secrets"), namespace)
    if grant is not None:
        yield from _to_all(name, search, namespace, "reads its token Secrets", grant)
    grant = search.right(user, "create", ("", "secrets"), namespace)
    if grant is not None and search.right(user, "get list watch", ("", "secrets"), namespace) is not None:
        yield from _to_all(name, search, namespace, "makes token Secrets for it and reads them", grant)


def _accounts_of(search: Search, namespace: str) -> Iterator[tuple[str, str]]:
    places = search.accounts if not namespace else {namespace: search.accounts.get(namespace, set())}
    for place, accounts in sorted(places.items()):
        for account in sorted(accounts):
            yield place, account


def _to_all(name: str, search: Search, namespace: str, how: str, grant: GrantEvidence) -> Found:
    for place, account in _accounts_of(search, namespace):
        yield _to_account(name, place, account, how, grant)


def _to_account(
    name: str, namespace: str, account: str, how: str, grant: GrantEvidence
) -> tuple[Step, UserInfo]:
    subject = Subject(SERVICE_ACCOUNT, account, namespace)
    return Step(name, subject_text(subject), how, namespace, grant), subject_user(subject)
