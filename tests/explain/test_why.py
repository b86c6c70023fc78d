"""Accounts of decisions: true sentences, and manifests that allow exactly the request."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from authz import clusters, naive
from explain.world import BOB, ROBOT, asking, bind, explain, role, rule
from sekisho.api.types import Attributes, Decision, UserInfo, Verdict
from sekisho.authz.index import RbacIndex
from sekisho.authz.rbac import RbacAuthorizer
from sekisho.explain.evidence import (
    FixedEvidence,
    LetThrough,
    NodeEvidence,
    PolicyLineEvidence,
    Refusals,
    WebhookEvidence,
)
from sekisho.explain.why import account


def test_an_allowed_request():
    objects = [
        role("reader", rule("list", "nodes"), rule("get list", "deployments", "apps", names="web")),
        bind("b", "reader", "group:system:authenticated", namespace="shop"),
    ]
    made = explain(objects, asking(BOB, "get", "deployments", "web", group="apps"))
    assert made.headline == 'user bob may get deployments.apps "web" in namespace shop'
    assert made.sentences == [
        "RBAC: RoleBinding shop/b gives ClusterRole reader to group system:authenticated; rule 2 allows get, list "
        "of deployments in API groups apps named web."
    ]
    assert made.manifests == []
    assert made.to_object()["verdict"]["evidence"]["ruleIndex"] == 1


def test_a_refused_request_of_a_service_account():
    made = explain([], asking(ROBOT, "create", "pods", "web", subresource="exec"))
    assert made.headline == 'service account shop/robot may not create pods/exec "web" in namespace shop'
    granted, bound = made.manifests
    assert granted == {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "robot-create-pods-exec", "namespace": "shop"},
        "rules": [
            {"verbs": ["create"], "apiGroups": [""], "resources": ["pods/exec"], "resourceNames": ["web"]}
        ],
    }
    assert bound["subjects"] == [{"kind": "ServiceAccount", "name": "robot", "namespace": "shop"}]
    assert bound["roleRef"]["name"] == "robot-create-pods-exec"


def test_names_of_manifests_are_free():
    taken = [role("bob-get-pods", namespace="shop"), bind("bob-get-pods-2", "x", namespace="shop")]
    made = explain(taken, asking(BOB, "get", "pods"))
    assert [m["metadata"]["name"] for m in made.manifests] == ["bob-get-pods-3"] * 2


def test_what_no_manifest_can_allow():
    assert explain([], asking(UserInfo(""), "get", "pods")).manifests == []
    assert explain([], Attributes(BOB, "get", resource_request=False, path="/x*")).manifests == []
    assert explain([], asking(BOB, "", "pods")).manifests == []


def sentences(evidence, decision=Decision.ALLOW, reason=""):
    verdict = Verdict(decision, reason, evidence=evidence)
    return account(asking(BOB, "get", "pods"), verdict).sentences


def test_other_authorizers_appear_in_the_same_account():
    assert sentences(NodeEvidence("n", "its own lease")) == ["Node: node n may do this: its own lease."]
    assert sentences(NodeEvidence("n", "", ("secrets a/s", "pods a/p"))) == [
        "Node: related to node n through secrets a/s -> pods a/p."
    ]
    assert sentences(PolicyLineEvidence("f", 3, {})) == ["ABAC: line 3 of f allows it."]
    assert sentences(WebhookEvidence("w", cached=True), Decision.DENY, "closed") == [
        "Webhook w denied it, by an answer it gave before: closed."
    ]
    assert sentences(FixedEvidence("SystemMasters", "system:masters")) == [
        "Group system:masters may do everything; no authorizer is asked."
    ]
    assert sentences(FixedEvidence("AlwaysAllow")) == ["AlwaysAllow: everything is allowed."]
    refused = Refusals(
        (
            ("SystemMasters", Verdict(Decision.NO_OPINION)),
            ("Node", Verdict(Decision.NO_OPINION, "no relationship found")),
            ("w", Verdict(Decision.NO_OPINION, "", "down", WebhookEvidence("w", error="down"))),
            ("RBAC", Verdict(Decision.NO_OPINION)),
            ("AlwaysDeny", Verdict(Decision.NO_OPINION, "Everything is forbidden.")),
        )
    )
    assert sentences(refused, Decision.NO_OPINION) == [
        "Node: no relationship found.",
        "Webhook w: down.",
        "RBAC: no binding that names the user allows it.",
        "AlwaysDeny: Everything is forbidden.",
    ]


def test_soft_mode_is_told():
    inner = Verdict(Decision.NO_OPINION, evidence=Refusals((("RBAC", Verdict(Decision.NO_OPINION)),)))
    made = account(
        asking(BOB, "get", "pods"), Verdict(Decision.ALLOW, evidence=LetThrough("namespace shop", inner))
    )
    assert made.headline.startswith("user bob may not")
    assert made.sentences == [
        "Soft mode for namespace shop let it through; without it the request is refused.",
        "RBAC: no binding that names the user allows it.",
    ]


def sensible(a):
    """Requests as servers see them: no wildcards, no slashes in the resource."""
    if not a.resource_request:
        return a.verb != "*" and not a.path.endswith("*")
    return "*" not in (a.verb, a.api_group, a.resource) and "/" not in a.resource


@settings(max_examples=250, deadline=None)
@given(clusters.clusters(), clusters.requests(), st.lists(clusters.requests(), max_size=12))
def test_suggested_manifests_allow_the_request_and_nothing_else(objects, request, others):
    assume(sensible(request) and request.user.name)
    made = explain(objects, request)
    if made.verdict.allowed:
        assert made.manifests == []
        return
    assert made.manifests
    more = objects + made.manifests
    assert len({clusters.key(o) for o in more}) == len(more)
    assert naive.evaluate(more, request)[0]
    variants = [replace(request, verb=v) for v in ("get", "list", "delete")]
    variants += [replace(request, namespace=n) for n in ("", "a", "b")] if request.resource_request else []
    for other in [*others, *variants]:
        if naive.evaluate(more, other)[0] and not naive.evaluate(objects, other)[0]:
            assert other.user.name == request.user.name
            assert (other.verb, other.resource_request) == (request.verb, request.resource_request)
            assert other.path == request.path
            assert request.namespace in ("", other.namespace), "cluster scope covers all namespaces, and only it"
            asked, granted = (
                (a.api_group, f"{a.resource}/{a.subresource}".rstrip("/")) for a in (other, request)
            )
            assert asked == granted
            assert not request.name or other.name == request.name


@settings(max_examples=250, deadline=None)
@given(clusters.clusters(), clusters.requests())
def test_without_the_named_rule_it_is_refused(objects, request):
    """Taking away the rule that each explanation names ends in a refusal, by the plain scan as well."""
    objects = [dict(o) for o in objects]
    for _ in range(40):
        verdict = RbacAuthorizer(RbacIndex.of(objects)).decide(request)
        assert verdict.allowed == naive.evaluate(objects, request)[0]
        if not verdict.allowed:
            return
        ref, at = verdict.evidence.binding, verdict.evidence.rule_index
        key = (ref.role_kind, ref.role_namespace, ref.role_name)
        for obj in objects:
            if clusters.key(obj) == key:
                obj["rules"] = [r for i, r in enumerate(obj["rules"]) if i != at]
    raise AssertionError("the rules never ended")


@settings(max_examples=200, deadline=None)
@given(clusters.clusters(), clusters.requests())
def test_near_misses_name_what_exists(objects, request):
    made = explain(objects, request)
    keys = {clusters.key(o) for o in objects}
    for miss in made.near_misses:
        assert not made.verdict.allowed
        ref = miss.binding
        assert (ref.kind, ref.namespace, ref.name) in keys
        if miss.difference.name == "NAMESPACE":
            there = replace(request, namespace=ref.namespace)
            assert naive.evaluate(objects, there)[0]
        if miss.difference.name == "MISSING_ROLE":
            assert (ref.role_kind, ref.role_namespace, ref.role_name) not in keys
