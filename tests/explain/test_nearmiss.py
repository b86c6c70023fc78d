"""Near misses: each kind with its sentence, in order of closeness."""

from __future__ import annotations

import pytest

from explain.world import BOB, ROBOT, asking, bind, explain, paths, role, rule
from sekisho.api.types import Attributes

READ = role("reader", rule("get", "pods"))
PODS = asking(BOB, "get", "pods")


def misses(objects, attributes=PODS):
    made = explain(objects, attributes)
    assert not made.verdict.allowed
    return [(m.to_object()["difference"], m.sentence) for m in made.near_misses]


def test_nothing_comes_near():
    assert misses([]) == []
    assert misses([READ, bind("b", "reader", "user:eve", namespace="other")]) == []


def test_another_namespace():
    objects = [READ, bind("b", "reader", "user:bob", namespace="other")]
    assert misses(objects) == [
        (
            "namespace",
            "RoleBinding other/b allows it through ClusterRole reader in namespace other, not in namespace shop",
        )
    ]
    objects.append(bind("b", "reader", "user:bob", namespace="third"))
    assert "in 2 other namespaces" in misses(objects)[0][1]


def test_a_role_binding_at_the_cluster_scope():
    objects = [role("r", rule("list", "nodes")), bind("b", "r", "user:bob", namespace="shop")]
    ((difference, sentence),) = misses(objects, asking(BOB, "list", "nodes", namespace=""))
    assert difference == "scope"
    assert sentence == (
        "RoleBinding shop/b gives ClusterRole r in namespace shop only; a RoleBinding never covers requests at the "
        "cluster scope, which needs a ClusterRoleBinding"
    )


HELD = "rule 1 of ClusterRole r (RoleBinding shop/b)"


@pytest.mark.parametrize(
    ("held", "attributes", "difference", "sentence"),
    [
        (rule("get watch", "pods"), asking(BOB, "list", "pods"), "verb", "allows get, watch, not list"),
        (
            rule("get", "pods"),
            asking(BOB, "get", "pods", "x", subresource="log"),
            "subresource",
            "allows pods, which does not cover the subresource pods/log",
        ),
        (
            rule("get", "pods/log"),
            asking(BOB, "get", "pods"),
            "subresource",
            "allows pods/log, not pods",
        ),
        (
            rule("get list", "secrets", names="a b"),
            asking(BOB, "list", "secrets"),
            "resource-name",
            "is only for the names a, b, and a request to list has no name",
        ),
        (
            rule("get", "secrets", names="a"),
            asking(BOB, "get", "secrets", "c"),
            "resource-name",
            "is only for the names a, not c",
        ),
        (
            rule("get", "deployments"),
            asking(BOB, "get", "deployments", group="apps"),
            "api-group",
            'is for API group "" (core), not apps',
        ),
        (rule("get", "pod"), PODS, "resource", "says pod where the resource is called pods"),
        (rule("get", "Pods"), PODS, "resource", "says Pods where the resource is called pods"),
    ],
)
def test_one_attribute_of_a_rule(held, attributes, difference, sentence):
    objects = [role("r", held), bind("b", "r", "user:bob", namespace="shop")]
    assert misses(objects, attributes) == [(difference, f"{HELD} {sentence}")]


def test_two_differences_are_no_near_miss():
    objects = [role("r", rule("get", "pods")), bind("b", "r", "user:bob", namespace="shop")]
    assert misses(objects, asking(BOB, "list", "secrets")) == []


def test_paths():
    objects = [role("r", paths("get", "/healthz/* /metrics")), bind("b", "r", "user:bob")]

    def ask(verb, path):
        return misses(objects, Attributes(BOB, verb, resource_request=False, path=path))

    assert ask("get", "/healthz") == [
        ("path", "rule 1 of ClusterRole r (ClusterRoleBinding b) covers /healthz/*, not /healthz")
    ]
    assert ask("post", "/metrics") == [
        ("verb", "rule 1 of ClusterRole r (ClusterRoleBinding b) allows get, not post")
    ]
    assert ask("get", "/other") == []


def test_a_role_that_does_not_exist():
    objects = [
        bind("b", "gone", "user:bob"),
        bind("c", "gone", "user:bob", namespace="shop", kind="Role"),
    ]
    assert misses(objects) == [
        ("missing-role", "ClusterRoleBinding b refers to ClusterRole gone, which does not exist"),
        (
            "missing-role",
            "RoleBinding shop/c refers to Role gone, which does not exist in namespace shop",
        ),
    ]


@pytest.mark.parametrize(
    ("user", "named", "sentence"),
    [
        (
            ROBOT,
            "user:robot",
            "names user robot, and the request is from service account shop/robot: another kind of subject",
        ),
        (
            ROBOT,
            "sa:store/robot",
            "names service account store/robot, not service account shop/robot: another namespace",
        ),
        (ROBOT, "sa:/robot", "names robot without a namespace, so no service account is meant"),
        (
            BOB,
            "group:bob",
            "names group bob, and the request is from user bob: another kind of subject",
        ),
        (BOB, "user:Bob", "names user Bob, not user bob: names are compared letter by letter"),
    ],
)
def test_subjects_that_were_probably_meant(user, named, sentence):
    objects = [READ, bind("b", "reader", named)]
    assert misses(objects, asking(user, "get", "pods")) == [("subject", f"ClusterRoleBinding b {sentence}")]


def test_a_group_that_the_user_is_not_in():
    objects = [READ, bind("b", "reader", "group:dev", "user:eve"), bind("c", "reader", "group:dev")]
    assert misses(objects) == [
        ("membership", "ClusterRoleBinding b allows it to group dev, which bob is not in")
    ]


def test_a_label_that_is_missing():
    objects = [
        role("sum", selectors=[{"matchLabels": {"to": "sum"}}]),
        role("part", rule("get", "pods")),
        bind("b", "sum", "user:bob"),
    ]
    assert misses(objects) == [
        (
            "aggregation",
            "ClusterRole sum (ClusterRoleBinding b) gathers rules by the label to=sum; ClusterRole part would allow "
            "it and does not have that label",
        )
    ]


def test_the_closest_come_first():
    objects = [
        READ,
        role("lister", rule("list", "pods")),
        bind("z", "reader", "group:dev"),
        bind("y", "gone", "user:bob"),
        bind("x", "lister", "user:bob"),
        bind("w", "reader", "user:bob", namespace="other"),
    ]
    assert [difference for difference, _ in misses(objects)] == [
        "namespace",
        "verb",
        "missing-role",
        "membership",
    ]
