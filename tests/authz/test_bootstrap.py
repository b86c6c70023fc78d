"""The default policy and what a start makes of a cluster that has been changed by hand."""

from __future__ import annotations

import asyncio
import copy

import pytest

from sekisho.api.rbac import AUTOUPDATE
from sekisho.api.status import StatusError, service_unavailable
from sekisho.authz.bootstrap import (
    Action,
    default_policy,
    ensure,
    node_rules,
    plan,
    reconcile,
)


def find(objects, kind, name):
    return next(o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name)


def test_counts_of_the_default_policy():
    kinds = [obj["kind"] for obj in default_policy()]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "ClusterRole": 69,
        "ClusterRoleBinding": 50,
        "Role": 7,
        "RoleBinding": 7,
    }
    assert len(node_rules(default_policy())) > 10


def test_an_empty_cluster_gets_everything_and_a_full_one_nothing():
    policy = default_policy()
    assert [step.action for step in plan(policy, [])] == [Action.CREATE] * 133
    assert plan(policy, default_policy()) == []


def test_removed_permissions_and_subjects_come_back_and_additions_stay():
    policy, existing = default_policy(), default_policy()
    role = find(existing, "ClusterRole", "system:basic-user")
    extra = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
    role["rules"] = [extra]
    role["metadata"]["labels"]["mine"] = "x"
    binding = find(existing, "ClusterRoleBinding", "system:discovery")
    bob = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "bob"}
    binding["subjects"] = [bob]
    steps = {step.name: step for step in plan(policy, existing)}
    assert set(steps) == {"system:basic-user", "system:discovery"}
    rules = steps["system:basic-user"].obj["rules"]
    assert rules[0] == extra
    assert len(rules) == 4
    assert rules[1]["resources"] == ["selfsubjectaccessreviews"]
    assert steps["system:basic-user"].obj["metadata"]["labels"]["mine"] == "x"
    assert [s["name"] for s in steps["system:discovery"].obj["subjects"]] == ["bob", "system:authenticated"]


def test_another_role_means_a_new_binding():
    existing = default_policy()
    binding = find(existing, "ClusterRoleBinding", "system:discovery")
    binding["roleRef"]["name"] = "view"
    binding["metadata"]["uid"] = "u1"
    (step,) = plan(default_policy(), existing)
    assert (step.action, step.uid, step.obj["roleRef"]["name"]) == (Action.RECREATE, "u1", "system:discovery")


def test_objects_that_opted_out_are_left_alone():
    existing = default_policy()
    role = find(existing, "ClusterRole", "system:basic-user")
    role["rules"] = []
    role["metadata"]["annotations"][AUTOUPDATE] = "false"
    assert plan(default_policy(), existing) == []


def test_roles_from_before_aggregation_are_copied():
    gone = ("edit", "system:aggregate-to-edit")
    existing = [o for o in default_policy() if o["metadata"]["name"] not in gone]
    own = {"verbs": ["get"], "apiGroups": ["example.com"], "resources": ["things"]}
    existing.append({"kind": "ClusterRole", "metadata": {"name": "edit", "uid": "u"}, "rules": [own]})
    steps = plan(default_policy(), existing)
    assert [(s.action, s.name) for s in steps] == [
        (Action.CREATE, "system:aggregate-to-edit"),
        (Action.UPDATE, "edit"),
        (Action.UPDATE, "system:aggregate-to-edit"),
    ]
    assert steps[0].obj["rules"] == [own]
    assert "uid" not in steps[0].obj["metadata"]
    assert steps[2].obj["rules"][0] == own
    assert steps[1].obj["aggregationRule"]["clusterRoleSelectors"]


def test_public_info_viewer_starts_with_the_subjects_of_discovery():
    existing = [o for o in default_policy() if o["metadata"]["name"] != "system:public-info-viewer"]
    bob = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "bob"}
    find(existing, "ClusterRoleBinding", "system:discovery")["subjects"].append(bob)
    steps = [s for s in plan(default_policy(), existing) if s.kind == "ClusterRoleBinding"]
    assert steps[0].action is Action.CREATE
    assert bob in steps[0].obj["subjects"]
    assert [s["name"] for s in steps[1].obj["subjects"]][-1] == "system:unauthenticated"


class FakeClient:
    """Objects in a dict; the first `failures` writes fail."""

    def __init__(self, failures=0):
        self.objects = {}
        self.failures = failures
        self.log = []

    async def list(self, resource, namespace=""):
        return [copy.deepcopy(o) for (r, _, _), o in self.objects.items() if r == resource]

    async def create(self, resource, obj, namespace=""):
        self._fail()
        key = (resource, namespace, obj["metadata"]["name"])
        if key in self.objects:
            raise StatusError(409, "AlreadyExists", "exists")
        self.objects[key] = obj
        self.log.append(("create", key))
        return obj

    async def update(self, resource, obj, namespace=""):
        self._fail()
        self.objects[resource, namespace, obj["metadata"]["name"]] = obj
        return obj

    async def delete(self, resource, name, namespace="", *, uid=""):
        del self.objects[resource, namespace, name]

    def _fail(self):
        if self.failures:
            self.failures -= 1
            raise service_unavailable("not yet")


class StepClock:
    def __init__(self):
        self.time = 0.0

    def now(self):
        return self.time

    monotonic = now

    async def sleep(self, seconds):
        self.time += seconds


def test_a_pass_writes_all_and_makes_namespaces_first():
    client = FakeClient()
    assert asyncio.run(reconcile(client, default_policy())) == []
    assert len(client.objects) == 133 + 2
    order = [key[2] for _, key in client.log]
    assert order.index("kube-system") < order.index("extension-apiserver-authentication-reader")


def test_passes_are_repeated_until_one_succeeds():
    client, clock = FakeClient(failures=3), StepClock()
    asyncio.run(ensure(client, default_policy(), clock))
    assert clock.time == 1
    with pytest.raises(RuntimeError, match="unable to initialize roles"):
        asyncio.run(ensure(FakeClient(failures=10**6), default_policy(), StepClock()))
