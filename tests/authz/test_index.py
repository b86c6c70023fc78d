"""The index agrees with a plain scan on every decision and reason, through every kind of change."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from authz import clusters, naive
from sekisho.api.types import Attributes, UserInfo
from sekisho.authz.index import RbacIndex
from sekisho.authz.rbac import RbacAuthorizer


def cluster_role(name, *rules):
    return {"kind": "ClusterRole", "metadata": {"name": name}, "rules": list(rules)}


def binding(name, role, *subjects, namespace="", role_kind="ClusterRole"):
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    ref = {"kind": role_kind, "name": role}
    return {"kind": kind, "metadata": metadata, "subjects": list(subjects), "roleRef": ref}


def user_subject(name):
    return {"kind": "User", "name": name}


PODS = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}


def decide(objects, attributes):
    verdict = RbacAuthorizer(RbacIndex.of(objects)).decide(attributes)
    return verdict.allowed, verdict.reason


@settings(max_examples=400, deadline=None)
@given(clusters.clusters(), st.lists(clusters.requests(), min_size=1, max_size=8))
def test_agrees_with_the_scan(objects, requests):
    authorizer = RbacAuthorizer(RbacIndex.of(objects))
    for request in requests:
        verdict = authorizer.decide(request)
        assert (verdict.allowed, verdict.reason) == naive.evaluate(objects, request)


@settings(max_examples=300, deadline=None)
@given(
    clusters.clusters(),
    st.lists(clusters.changes, max_size=12),
    st.lists(clusters.requests(), min_size=1, max_size=4),
)
def test_agrees_with_the_scan_after_changes(objects, changes, requests):
    present = {clusters.key(obj): obj for obj in objects}
    index = RbacIndex.of(objects)
    authorizer = RbacAuthorizer(index)
    for action, obj in changes:
        if action == "put":
            present[clusters.key(obj)] = obj
            index.upsert(obj["kind"], obj)
        else:
            present.pop(clusters.key(obj), None)
            index.remove(*clusters.key(obj))
        for request in requests:
            verdict = authorizer.decide(request)
            assert (verdict.allowed, verdict.reason) == naive.evaluate(list(present.values()), request)
    for obj in list(present.values()):
        index.remove(*clusters.key(obj))
    assert not index._users
    assert not index._groups
    assert not index._slots
    assert index._dangling == 0


@settings(max_examples=200, deadline=None)
@given(clusters.clusters(), clusters.requests())
def test_evidence_names_the_rule_that_decided(objects, request):
    verdict = RbacAuthorizer(RbacIndex.of(objects)).decide(request)
    if not verdict.allowed:
        return
    evidence = verdict.evidence
    assert naive.rule_allows(evidence.rule, request)
    ref = evidence.binding
    role = next(o for o in objects if clusters.key(o) == (ref.role_kind, ref.role_namespace, ref.role_name))
    assert role["rules"][evidence.rule_index] == evidence.rule
    assert not any(naive.rule_allows(rule, request) for rule in role["rules"][: evidence.rule_index])


def test_first_subject_of_a_binding_names_the_reason():
    user = UserInfo("u", groups=("g",))
    objects = [
        cluster_role("r", PODS),
        binding("b", "r", {"kind": "Group", "name": "g"}, user_subject("u")),
    ]
    allowed, reason = decide(objects, Attributes(user, "get", resource="pods"))
    assert allowed
    assert reason == 'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to Group "g"'


def test_service_account_without_namespace_is_of_the_binding():
    user = UserInfo("system:serviceaccount:n:robot")
    subject = {"kind": "ServiceAccount", "name": "robot"}
    objects = [cluster_role("r", PODS), binding("b", "r", subject, namespace="n")]
    allowed, reason = decide(objects, Attributes(user, "get", namespace="n", resource="pods"))
    assert allowed
    assert reason == 'RBAC: allowed by RoleBinding "b/n" of ClusterRole "r" to ServiceAccount "robot/n"'


def test_dangling_references_are_said_only_to_their_subjects():
    objects = [
        binding("b", "gone", user_subject("u")),
        binding("c", "missing", user_subject("u"), namespace="n", role_kind="Role"),
    ]
    asked = Attributes(UserInfo("u"), "get", namespace="n", resource="pods")
    assert decide(objects, asked) == (
        False,
        'RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found,'
        ' role.rbac.authorization.k8s.io "missing" not found]',
    )
    assert decide(objects, Attributes(UserInfo("w"), "get", namespace="n", resource="pods")) == (False, "")


def test_a_role_change_counts_for_all_its_bindings():
    index = RbacIndex.of(
        [cluster_role("r", PODS)] + [binding(f"b{i}", "r", user_subject(f"u{i}")) for i in range(5)]
    )
    authorizer = RbacAuthorizer(index)
    asked = [Attributes(UserInfo(f"u{i}"), "delete", resource="pods") for i in range(5)]
    assert not any(authorizer.decide(a).allowed for a in asked)
    index.upsert("ClusterRole", cluster_role("r", {**PODS, "verbs": ["delete"]}))
    assert all(authorizer.decide(a).allowed for a in asked)


def test_rules_are_listed_in_the_order_of_the_walk():
    paths = {"verbs": ["get"], "nonResourceURLs": ["/x"]}
    named = {**PODS, "resourceNames": ["x"]}
    objects = [
        cluster_role("r", PODS, paths),
        cluster_role("s", named),
        binding("a", "s", user_subject("u"), namespace="n"),
        binding("b", "r", user_subject("u")),
        binding("c", "gone", user_subject("u")),
    ]
    rules = asyncio.run(RbacAuthorizer(RbacIndex.of(objects)).rules_for(UserInfo("u"), "n"))
    assert rules.resource_rules == [PODS, named]
    assert rules.non_resource_rules == [paths]
    assert not rules.incomplete
    assert rules.error == 'clusterrole.rbac.authorization.k8s.io "gone" not found'
