"""The smallest roles that cover what somebody was seen to do, and which of its rights it never used.

What it did comes from the passage log or from an audit log; both are turned into attributes, and the
same rules of matching apply to them as to requests.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from sekisho.api.rbac import CLUSTER_ROLE, GROUP, ROLE, Rule, Subject, combined_resource
from sekisho.api.rbaccover import compact, uncovered
from sekisho.api.types import AUTHENTICATED, UNAUTHENTICATED, Attributes, Decision, Object, UserInfo
from sekisho.explain.manifest import API_VERSION, role_and_binding, safe_name
from sekisho.explain.passages import Passage
from sekisho.explain.policy import Policy
from sekisho.explain.whocan import Right, what_can

_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
_EVERYBODY = (AUTHENTICATED, UNAUTHENTICATED)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`manifests` cover all that was seen; `unused` are rights held and never needed; `seen` counts requests."""

    subject: Subject
    manifests: list[Object]
    unused: list[Right]
    seen: int

    def to_object(self) -> Object:
        return {
            "subject": self.subject.to_object(),
            "requests": self.seen,
            "manifests": self.manifests,
            "unused": [right.to_object() for right in self.unused],
        }


def of_passages(passages: Iterable[Passage], user_name: str) -> Iterator[Attributes]:
    """What a user did according to the passage log; refused requests do not count."""
    for passage in passages:
        a = passage.attributes
        if a is not None and passage.allowed and a.user.name == user_name:
            yield a


def of_passage_objects(items: Iterable[Object], user_name: str) -> Iterator[Attributes]:
    """As `of_passages`, of passages as the API shows them."""
    for item in items:
        asked = item.get("attributes")
        if not asked or (item.get("authorization") or {}).get("decision") != Decision.ALLOW.value:
            continue
        user = UserInfo(user_name)
        if "path" in asked:
            yield Attributes(user, asked["verb"], resource_request=False, path=asked["path"])
            continue
        resource, _, subresource = asked.get("resource", "").partition("/")
        yield Attributes(
            user,
            asked["verb"],
            namespace=asked.get("namespace", ""),
            api_group=asked.get("apiGroup", ""),
            api_version=asked.get("apiVersion", ""),
            resource=resource,
            subresource=subresource,
            name=asked.get("name", ""),
        )


def of_audit_log(lines: Iterable[str], user_name: str) -> Iterator[Attributes]:
    """What a user did according to an audit log of audit.k8s.io/v1 events, one JSON object a line. Events of
    other users, refused requests, and further stages of a request are skipped, and so are lines that are no
    events."""
    seen: set[str] = set()
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if not isinstance(event, dict) or event.get("kind") != "Event":
            continue
        user = event.get("impersonatedUser") or event.get("user") or {}
        decision = (event.get("annotations") or {}).get("authorization.k8s.io/decision", "allow")
        audit_id = str(event.get("auditID", ""))
        if user.get("username") != user_name or decision != "allow" or (audit_id and audit_id in seen):
            continue
        seen.add(audit_id)
        yield _of_event(event, UserInfo(user_name, groups=tuple(user.get("groups") or ())))


def _of_event(event: Object, user: UserInfo) -> Attributes:
    target = event.get("objectRef")
    verb = event.get("verb", "")
    if not target:
        path = str(event.get("requestURI", "")).partition("?")[0]
        return Attributes(user, verb, resource_request=False, path=path)
    return Attributes(
        user,
        verb,
        namespace=target.get("namespace", ""),
        api_group=target.get("apiGroup", ""),
        api_version=target.get("apiVersion", ""),
        resource=target.get("resource", ""),
        subresource=target.get("subresource", ""),
        name=target.get("name", ""),
    )


def role_for(
    subject: Subject, used: Iterable[Attributes], policy: Policy | None = None, user: UserInfo | None = None
) -> Suggestion:
    """The smallest roles for what was used. With a `policy`, the rights of `user` that nothing used; rights that
    everybody has are left out."""
    requests = list(used)
    manifests = list(_manifests(subject, requests, policy))
    unused = _unused(user, requests, policy) if policy is not None and user is not None else []
    return Suggestion(subject, manifests, unused, len(requests))


def _manifests(subject: Subject, requests: list[Attributes], policy: Policy | None) -> Iterator[Object]:
    """A ClusterRole for what is cluster-wide, a Role for each namespace; one ClusterRole bound in several
    namespaces where the same is needed in all of them."""
    name = safe_name(f"{subject.name}-minimal")
    scopes: dict[str, list[Attributes]] = defaultdict(list)
    for a in requests:
        scopes[a.namespace if a.resource_request else ""].append(a)
    cluster = minimal_rules(scopes.pop("", []))
    if cluster:
        yield from role_and_binding(cluster, subject, "", name, policy)
    alike: dict[str, list[str]] = defaultdict(list)
    for namespace in sorted(scopes):
        alike[json.dumps(minimal_rules(scopes[namespace]))].append(namespace)
    shared = 0
    for text, namespaces in alike.items():
        rules: list[Object] = json.loads(text)
        if len(namespaces) == 1:
            yield from role_and_binding(rules, subject, namespaces[0], name, policy)
            continue
        shared += 1
        yield from _shared_role(rules, subject, namespaces, f"{name}-shared-{shared}")


def _shared_role(rules: list[Object], subject: Subject, namespaces: list[str], name: str) -> Iterator[Object]:
    yield {"apiVersion": API_VERSION, "kind": CLUSTER_ROLE, "metadata": {"name": name}, "rules": rules}
    for namespace in namespaces:
        yield {
            "apiVersion": API_VERSION,
            "kind": f"{ROLE}Binding",
            "metadata": {"name": name, "namespace": namespace},
            "subjects": [subject.to_object()],
            "roleRef": {"apiGroup": GROUP, "kind": CLUSTER_ROLE, "name": name},
        }


def minimal_rules(requests: Iterable[Attributes]) -> list[Object]:
    """Rules that allow these requests and, names apart, nothing else; resources of the same group with the same
    verbs share a rule."""
    verbs: dict[tuple[str, str], set[str]] = defaultdict(set)
    urls: dict[str, set[str]] = defaultdict(set)
    for a in requests:
        if a.resource_request:
            verbs[a.api_group, combined_resource(a.resource, a.subresource)].add(a.verb)
        else:
            urls[a.path].add(a.verb)
    resources: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (group, resource), wanted in sorted(verbs.items()):
        resources[group, _ordered(wanted)].append(resource)
    paths: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for url, wanted in sorted(urls.items()):
        paths[_ordered(wanted)].append(url)
    rules: list[Object] = [
        {"verbs": list(wanted), "apiGroups": [group], "resources": names}
        for (group, wanted), names in resources.items()
    ]
    return rules + [{"verbs": list(wanted), "nonResourceURLs": found} for wanted, found in paths.items()]


def _ordered(verbs: Iterable[str]) -> tuple[str, ...]:
    """Reading verbs first, as people write them."""
    return tuple(sorted(verbs, key=lambda v: (_VERBS.index(v) if v in _VERBS else len(_VERBS), v)))


def _unused(user: UserInfo, requests: list[Attributes], policy: Policy) -> list[Right]:
    return [
        unused
        for right in what_can(user, policy)
        if right.grant.subject.name not in _EVERYBODY
        for unused in _unused_part(right, requests)
    ]


def _unused_part(right: Right, requests: list[Attributes]) -> Iterator[Right]:
    """A right that no request needed; of one that some needed, what else it gives. Of a wildcard that was needed
    nothing is said: what else it gives has no end."""
    rule = Rule(right.grant.rule)
    needing = [a for a in requests if _needs(a, rule, right.namespace)]
    if not needing:
        yield right
    elif not _has_wildcard(rule):
        used = [Rule(obj) for obj in minimal_rules(needing)]
        for rest in compact(uncovered(used, [right.grant.rule])):
            yield replace(right, grant=replace(right.grant, rule=rest))


def _needs(a: Attributes, rule: Rule, namespace: str) -> bool:
    if namespace and (not a.resource_request or a.namespace != namespace):
        return False
    if not a.resource_request:
        return rule.allows_path(a.verb, a.path)
    combined = combined_resource(a.resource, a.subresource)
    return rule.allows_resource(a.verb, a.api_group, combined, a.subresource, a.name)


def _has_wildcard(rule: Rule) -> bool:
    patterns = (*rule.resources, *rule.urls)
    return rule.any_verb or rule.any_group or any("*" in pattern for pattern in patterns)
