"""Who can, what can, where can: the same answers as asking for each one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from authz import clusters, naive
from explain.world import BOB, ROBOT, asking, bind, paths, role, rule
from sekisho.api.rbac import Subject
from sekisho.api.types import Attributes, UserInfo
from sekisho.authz.index import RbacIndex
from sekisho.explain.policy import parse_subject, subject_user
from sekisho.explain.whocan import what_can, where_can, who_can

WORLD = [
    role("reader", rule("get list", "pods"), paths("get", "/metrics")),
    role("writer", rule("create", "pods"), namespace="shop"),
    bind("all", "reader", "group:dev"),
    bind("some", "reader", "user:bob", "sa:shop/robot", namespace="shop"),
    bind("more", "writer", "sa:shop/robot", namespace="shop", kind="Role"),
    bind("other", "reader", "user:bob", namespace="store"),
]
INDEX = RbacIndex.of(WORLD)


def holders(attributes, **kwargs):
    found = who_can(attributes, INDEX, **kwargs)
    assert found[0].subject.name == "system:masters"
    assert found[0].grant is None
    return [(h.subject.kind, h.subject.name, h.namespace, h.grant.binding.name) for h in found[1:]]


def test_who_can():
    assert holders(asking(BOB, "get", "pods")) == [
        ("Group", "dev", "", "all"),
        ("ServiceAccount", "robot", "shop", "some"),
        ("User", "bob", "shop", "some"),
    ]
    assert holders(asking(BOB, "get", "pods", namespace="")) == [("Group", "dev", "", "all")]
    assert holders(asking(BOB, "create", "pods")) == [("ServiceAccount", "robot", "shop", "more")]
    everywhere = holders(asking(BOB, "get", "pods", namespace=""), all_namespaces=True)
    assert ("User", "bob", "store", "other") in everywhere
    path = Attributes(BOB, "get", resource_request=False, path="/metrics")
    assert holders(path, all_namespaces=True) == [("Group", "dev", "", "all")]


def test_what_can():
    rights = what_can(ROBOT, INDEX)
    assert [(r.namespace, r.grant.binding.name, r.grant.rule_index) for r in rights] == [
        ("shop", "more", 0),
        ("shop", "some", 0),
        ("shop", "some", 1),
    ]
    assert str(rights[0]) == "create of pods (as service account shop/robot)"
    assert [r.namespace for r in what_can(UserInfo("x", groups=("dev",)), INDEX)] == ["", ""]
    assert rights[0].to_object()["grant"]["binding"]["name"] == "more"


def test_where_can():
    places = where_can(asking(BOB, "get", "pods"), INDEX)
    assert [p.namespace for p in places] == ["shop", "store"]
    assert [p.namespace for p in where_can(asking(BOB, "create", "pods"), INDEX)] == []
    (everywhere,) = where_can(asking(UserInfo("x", groups=("dev",)), "get", "pods"), INDEX)
    assert everywhere.to_object()["everywhere"] is True


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("bob", Subject("User", "bob")),
        ("user:bob", Subject("User", "bob")),
        ("group:system:masters", Subject("Group", "system:masters")),
        ("serviceaccount:a:b", Subject("ServiceAccount", "b", "a")),
        ("sa:a/b", Subject("ServiceAccount", "b", "a")),
        ("system:serviceaccount:a:b", Subject("ServiceAccount", "b", "a")),
        ("system:kube-proxy", Subject("User", "system:kube-proxy")),
    ],
)
def test_subjects(text, wanted):
    assert parse_subject(text) == wanted


@pytest.mark.parametrize("text", ["", "user:", "sa:a", "system:serviceaccount:a"])
def test_bad_subjects(text):
    with pytest.raises(ValueError, match=r"subject|written|nobody"):
        parse_subject(text)


def test_users_of_subjects():
    assert subject_user(Subject("Group", "dev")) == UserInfo("", groups=("dev",))
    assert subject_user(Subject("User", "system:anonymous")).groups == ("system:unauthenticated",)
    robot = subject_user(Subject("ServiceAccount", "robot", "shop"))
    assert (robot.name, robot.groups) == (ROBOT.name, ROBOT.groups)


@settings(max_examples=200, deadline=None)
@given(clusters.clusters(), clusters.requests())
def test_holders_are_those_that_the_scan_allows(objects, request):
    index = RbacIndex.of(objects)
    found = {h.subject for h in who_can(request, index) if h.grant is not None}
    for obj in objects:
        if not obj["kind"].endswith("Binding"):
            continue
        for subject in index.binding(obj["metadata"].get("namespace", ""), obj["metadata"]["name"]).subjects:
            if subject.kind == "ServiceAccount" and not subject.namespace:
                continue
            if subject.kind not in ("User", "Group", "ServiceAccount"):
                continue
            alone = replace(request, user=_only(subject))
            assert naive.evaluate(objects, alone)[0] == (subject in found or _named_otherwise(subject, found))


def _only(subject):
    if subject.kind == "Group":
        return UserInfo("\0", groups=(subject.name,))
    return UserInfo(subject.user_name)


def _named_otherwise(subject, found):
    """A service account may also be named as the user that it is."""
    return any(s.user_name is not None and s.user_name == subject.user_name for s in found)


@settings(max_examples=200, deadline=None)
@given(clusters.clusters(), clusters.requests())
def test_places_are_those_that_the_scan_allows(objects, request):
    places = {p.namespace for p in where_can(request, RbacIndex.of(objects))}
    if not request.resource_request:
        return
    for namespace in clusters.NAMESPACES:
        allowed = naive.evaluate(objects, replace(request, namespace=namespace))[0]
        assert allowed == ("" in places or namespace in places)
