"""Roles and bindings: validation texts, defaults, and the refusal to grant what the writer does not hold."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from sekisho.api.status import StatusError
from sekisho.api.types import Decision, UserInfo, Verdict
from sekisho.authz.index import RbacIndex
from sekisho.authz.rbac import RbacAuthorizer
from sekisho.registry.kinds.rbac import (
    ClusterRoleBindingStrategy,
    ClusterRoleStrategy,
    RoleBindingStrategy,
    RoleStrategy,
)

RBAC = "rbac.authorization.k8s.io"
PLURALS = {
    "Role": "roles",
    "ClusterRole": "clusterroles",
    "RoleBinding": "rolebindings",
    "ClusterRoleBinding": "clusterrolebindings",
}


class Stored:
    def __init__(self, objects):
        self.objects = objects
        self.holdings = RbacIndex.of(objects).holdings

    def lookup(self, resource, namespace, name):
        for o in self.objects:
            key = (f"{PLURALS[o['kind']]}.{RBAC}", o["metadata"].get("namespace", ""), o["metadata"]["name"])
            if key == (resource, namespace, name):
                return o
        return None


def obj(kind, name, namespace="", **fields):
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"kind": kind, "apiVersion": f"{RBAC}/v1", "metadata": metadata, **fields}


def rule(*verbs, resources=("pods",), groups=("",), **more):
    return {"verbs": list(verbs), "apiGroups": list(groups), "resources": list(resources), **more}


BOB = UserInfo("bob", groups=("dev", "system:authenticated"))
HOLDS = [
    obj("ClusterRole", "held", rules=[rule("get", "list", resources=("pods", "*/scale"))]),
    obj(
        "RoleBinding",
        "held",
        "n",
        subjects=[{"kind": "User", "name": "bob"}],
        roleRef={"apiGroup": RBAC, "kind": "ClusterRole", "name": "held"},
    ),
]


def strategy(cls):
    resource = PLURALS[cls.__name__.removesuffix("Strategy")]
    return cls(SimpleNamespace(group=RBAC, version="v1", resource=resource, subresources={}))


def context(objects=(), user=BOB, namespace="n", authorizer=None):
    objects = [*HOLDS, *objects]
    return SimpleNamespace(
        user=user,
        namespace=namespace,
        name="",
        registry=Stored(objects),
        authorizer=authorizer or RbacAuthorizer(RbacIndex.of(objects)),
    )


def create(cls, new, ctx):
    made = strategy(cls)
    made.default(new)
    asyncio.run(made.authorise_create(ctx, new))


def refusal(cls, new, ctx):
    with pytest.raises(StatusError) as caught:
        create(cls, new, ctx)
    return caught.value


def test_rules_that_are_held_may_be_given():
    create(
        RoleStrategy,
        obj("Role", "r", "n", rules=[rule("get"), rule("list", resources=("a/scale",))]),
        context(),
    )
    create(RoleStrategy, obj("Role", "r", "n", rules=[rule("get", resourceNames=["a"])]), context())


def test_rules_that_are_not_held_are_listed_merged_and_sorted():
    rules = [rule("get", "update", "get", resourceNames=["a"]), rule("delete", "list")]
    error = refusal(RoleStrategy, obj("Role", "r", "n", rules=rules), context())
    assert error.code == 403
    assert error.message == (
        f'roles.{RBAC} "r" is forbidden: user "bob" (groups=["dev" "system:authenticated"]) is attempting'
        " to grant RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["pods"], ResourceNames:["a"], Verbs:["update"]}\n'
        '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}'
    )


def test_rights_of_the_namespace_do_not_count_for_cluster_roles():
    new = obj("ClusterRole", "r", rules=[rule("get"), {"verbs": ["get"], "nonResourceURLs": ["/x"]}])
    error = refusal(ClusterRoleStrategy, new, context(namespace=""))
    assert error.message.endswith(
        'held:\n{APIGroups:[""], Resources:["pods"], Verbs:["get"]}\n{NonResourceURLs:["/x"], Verbs:["get"]}'
    )


def test_what_does_not_resolve_is_added():
    dangling = obj(
        "ClusterRoleBinding",
        "x",
        subjects=[{"kind": "Group", "name": "dev"}],
        roleRef={"apiGroup": RBAC, "kind": "ClusterRole", "name": "gone"},
    )
    error = refusal(RoleStrategy, obj("Role", "r", "n", rules=[rule("delete")]), context([dangling]))
    assert error.message.endswith(f'Verbs:["delete"]}}; resolution errors: [roles.{RBAC} "gone" not found]')


def test_an_update_of_bookkeeping_fields_is_not_checked():
    made, ctx = strategy(RoleStrategy), context()
    old = obj("Role", "r", "n", rules=[rule("delete")])
    new = {**old, "metadata": {**old["metadata"], "finalizers": ["a/b"]}}
    asyncio.run(made.authorise_update(ctx, new, old))
    labelled = {**old, "metadata": {**old["metadata"], "labels": {"a": "b"}}}
    with pytest.raises(StatusError):
        asyncio.run(made.authorise_update(ctx, labelled, old))


def test_aggregation_needs_everything():
    new = obj("ClusterRole", "r", rules=None, aggregationRule={"clusterRoleSelectors": [{}]})
    error = refusal(ClusterRoleStrategy, new, context(namespace=""))
    assert error.message == (
        f'clusterroles.{RBAC} "r" is forbidden: must have cluster-admin privileges to use the aggregationRule'
    )


def binding(kind="RoleBinding", role_kind="ClusterRole", role="held"):
    return obj(kind, "b", "n" if kind == "RoleBinding" else "", roleRef={"kind": role_kind, "name": role})


def test_a_role_that_is_held_may_be_bound():
    create(RoleBindingStrategy, binding(), context())


@pytest.mark.parametrize(
    ("kind", "role_kind", "code", "message"),
    [
        ("RoleBinding", "Role", 404, f'rolebindings.{RBAC} "gone" not found'),
        ("ClusterRoleBinding", "ClusterRole", 404, f'clusterrolebindings.{RBAC} "gone" not found'),
        ("ClusterRoleBinding", "Role", 400, "Namespace parameter required."),
        ("RoleBinding", "Pod", 500, 'unsupported role reference kind: "Pod"'),
    ],
)
def test_references_that_do_not_resolve(kind, role_kind, code, message):
    cls = RoleBindingStrategy if kind == "RoleBinding" else ClusterRoleBindingStrategy
    namespace = "n" if kind == "RoleBinding" else ""
    error = refusal(cls, binding(kind, role_kind, "gone"), context(namespace=namespace))
    assert (error.code, error.message) == (code, message)


class Asked:
    """Allows one verb and remembers what it was asked."""

    def __init__(self, verb):
        self.verb = verb
        self.seen = []

    async def authorize(self, attributes):
        self.seen.append(attributes)
        return Verdict(Decision.ALLOW if attributes.verb == self.verb else Decision.NO_OPINION)


def test_escalate_and_bind_lift_the_check():
    asked = Asked("escalate")
    create(RoleStrategy, obj("Role", "r", "n", rules=[rule("*")]), context(authorizer=asked))
    assert [(a.verb, a.resource, a.namespace, a.name) for a in asked.seen] == [("escalate", "roles", "n", "")]
    asked = Asked("bind")
    create(RoleBindingStrategy, binding(role="gone"), context(authorizer=asked))
    (a,) = asked.seen
    assert (a.verb, a.api_group, a.resource) == ("bind", RBAC, "clusterroles")
    assert (a.namespace, a.name) == ("n", "gone")


def test_masters_are_not_checked():
    masters = UserInfo("root", groups=("system:masters",))
    create(RoleStrategy, obj("Role", "r", "n", rules=[rule("*")]), context(user=masters))
    create(RoleBindingStrategy, binding(role="gone"), context(user=masters))


def test_defaults():
    made = strategy(RoleBindingStrategy)
    new = binding()
    new["subjects"] = [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s"}]
    made.default(new)
    assert new["roleRef"] == {"apiGroup": RBAC, "kind": "ClusterRole", "name": "held"}
    assert list(new["subjects"][0]) == ["kind", "apiGroup", "name"]
    assert "apiGroup" not in new["subjects"][1]
    role = obj("ClusterRole", "r", aggregationRule={})
    strategy(ClusterRoleStrategy).default(role)
    assert list(role)[-2:] == ["rules", "aggregationRule"]
    assert role["rules"] is None


def test_validation_of_rules():
    bad = [{"verbs": []}, {"verbs": ["get"], "nonResourceURLs": ["/x"], "apiGroups": [""]}]
    texts = [str(e) for e in strategy(RoleStrategy).validate(None, obj("Role", "r", "n", rules=bad))]
    assert texts == [
        "rules[0].verbs: Required value: verbs must contain at least one value",
        "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
        "rules[0].resources: Required value: resource rules must supply at least one resource",
        'rules[1].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
        'rules[1].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and '
        "non-resource URLs",
    ]


def test_validation_of_bindings():
    new = binding("ClusterRoleBinding", "Role", "a/b")
    new["subjects"] = [{"kind": "ServiceAccount", "name": "S", "apiGroup": "x"}, {"kind": "User"}]
    texts = [str(e) for e in strategy(ClusterRoleBindingStrategy).validate(None, new)]
    assert texts[:3] == [
        f'roleRef.apiGroup: Unsupported value: "": supported values: "{RBAC}"',
        'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
        "roleRef.name: Invalid value: \"a/b\": may not contain '/'",
    ]
    assert [t.split(":")[0] for t in texts[3:]] == [
        "subjects[0].name",
        "subjects[0].apiGroup",
        "subjects[0].namespace",
        "subjects[1].name",
        "subjects[1].apiGroup",
    ]


def test_role_references_do_not_change():
    made, old = strategy(RoleBindingStrategy), binding()
    made.default(old)
    new = {**old, "roleRef": {**old["roleRef"], "name": "other"}}
    assert [str(e) for e in made.validate_update(None, new, old)] == [
        f'roleRef: Invalid value: {{"APIGroup":"{RBAC}","Kind":"ClusterRole","Name":"other"}}: '
        "cannot change roleRef"
    ]
