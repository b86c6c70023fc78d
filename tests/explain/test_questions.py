"""Differences, reach, lint, minimal roles, reading of manifests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from explain.world import BOB, ROBOT, asking, bind, paths, role, rule
from sekisho.api.rbac import Subject
from sekisho.api.types import Attributes, Decision, UserInfo, Verdict
from sekisho.authz.bootstrap import default_policy
from sekisho.authz.index import RbacIndex
from sekisho.explain import reading, sarif
from sekisho.explain.diff import diff
from sekisho.explain.lint import RULES, lint
from sekisho.explain.passages import PassageLog
from sekisho.explain.reach import admin_path, reach
from sekisho.explain.reading import Place
from sekisho.explain.rolefor import minimal_rules, of_audit_log, of_passages, role_for

READER = role("reader", rule("get list", "pods services"))


def compare(before, after):
    return diff(RbacIndex.of(before), RbacIndex.of(after))


def test_nothing_changed():
    same = compare([READER, bind("b", "reader", "user:bob")], [READER, bind("c", "reader", "user:bob")])
    assert same.exit_code == 0
    wider = role("wide", rule("*", "pods services"))
    split = role("split", rule("*", "pods"), rule("*", "services"))
    assert (
        compare([wider, bind("b", "wide", "user:bob")], [split, bind("b", "split", "user:bob")]).changes == []
    )


def test_gains_and_losses():
    before = [READER, bind("b", "reader", "user:bob"), bind("c", "reader", "user:eve", namespace="shop")]
    after = [
        role("reader", rule("get", "pods services"), rule("delete", "pods")),
        bind("b", "reader", "user:bob"),
        bind("c", "reader", "user:eve"),
    ]
    found = compare(before, after)
    assert found.exit_code == 3
    texts = [text for change in found.changes for text in change.sentences()]
    assert texts == [
        "user bob gains cluster-wide: delete of pods",
        "user bob loses cluster-wide: list of pods",
        "user bob loses cluster-wide: list of services",
        "user eve gains cluster-wide: get, delete of pods",
        "user eve gains cluster-wide: get of services",
        "user eve loses in namespace shop: list of pods",
        "user eve loses in namespace shop: list of services",
    ]
    assert found.to_object()["changes"][0]["gained"] == [
        {"verbs": ["delete"], "apiGroups": [""], "resources": ["pods"]}
    ]


def test_new_ways_to_become_administrator():
    admin = role("cluster-admin", rule("*", "*", "*"), paths("*", "*"))
    before = [admin, bind("a", "cluster-admin", "sa:kube-system/boss")]
    after = [
        *before,
        role("maker", rule("create", "pods")),
        bind("m", "maker", "user:bob", namespace="kube-system"),
    ]
    found = compare(before, after)
    assert found.exit_code == 4
    (path,) = found.admin_paths
    assert [(s.by, s.to) for s in path.steps] == [
        ("user bob", "service account kube-system/boss"),
        ("service account kube-system/boss", "cluster-admin"),
    ]
    log = sarif.of_diff(found, "1")
    assert [r["ruleId"] for r in log["runs"][0]["results"]] == ["rights-gained", "path-to-cluster-admin"]


def becomes(*objects, user=BOB, accounts=()):
    index = RbacIndex.of([bind("known", "none", "sa:shop/robot", "sa:store/clerk"), *objects])
    return {path.end: path.steps[-1].how for path in reach(user, index, accounts)}


@pytest.mark.parametrize(
    ("held", "how"),
    [
        (rule("create", "pods"), "creates Pods that run as it"),
        (rule("patch", "deployments", "apps"), "makes deployments whose Pods run as it"),
        (rule("create", "pods/exec"), "runs commands in its Pods"),
        (rule("create", "serviceaccounts/token", names="robot"), "requests its tokens"),
        (rule("list", "secrets"), "reads its token Secrets"),
        (rule("impersonate", "serviceaccounts"), "impersonates it"),
        (rule("patch", "pods/ephemeralcontainers"), "adds containers to its Pods"),
    ],
)
def test_accounts_of_a_namespace(held, how):
    assert becomes(role("r", held), bind("b", "r", "user:bob", namespace="shop")) == {
        "service account shop/robot": how
    }


def test_accounts_everywhere():
    found = becomes(role("r", rule("create", "nodes/proxy")), bind("b", "r", "user:bob"))
    assert set(found) == {"service account shop/robot", "service account store/clerk"}
    more = becomes(
        role("r", rule("get", "secrets")),
        bind("b", "r", "user:bob"),
        accounts=[Subject("ServiceAccount", "x", "y")],
    )
    assert "service account y/x" in more


@pytest.mark.parametrize(
    ("rules", "end"),
    [
        ([rule("*", "*", "*")], "cluster-admin"),
        ([rule("impersonate", "users groups")], "cluster-admin"),
        ([rule("impersonate", "users")], "anybody"),
        ([rule("escalate update", "clusterroles", "rbac.authorization.k8s.io")], "cluster-admin"),
        (
            [
                rule("bind", "clusterroles", "rbac.authorization.k8s.io"),
                rule("create", "clusterrolebindings", "rbac.authorization.k8s.io"),
            ],
            "cluster-admin",
        ),
        (
            [
                rule("approve", "signers", "certificates.k8s.io"),
                rule("update", "certificatesigningrequests/approval", "certificates.k8s.io"),
            ],
            "anybody",
        ),
    ],
)
def test_ways_to_everything(rules, end):
    assert end in becomes(role("r", *rules), bind("b", "r", "user:bob"))


def test_half_a_way_is_none():
    assert (
        becomes(
            role("r", rule("bind", "clusterroles", "rbac.authorization.k8s.io")), bind("b", "r", "user:bob")
        )
        == {}
    )
    assert becomes(role("r", rule("create", "secrets")), bind("b", "r", "user:bob")) == {}


def test_rights_to_give_oneself_a_namespace():
    held = [
        rule("bind", "clusterroles", "rbac.authorization.k8s.io"),
        rule("create", "rolebindings", "rbac.authorization.k8s.io"),
    ]
    found = becomes(role("r", *held), bind("b", "r", "user:bob", namespace="shop"))
    assert found == {
        "admin of namespace shop": "binds roles it does not hold",
        "service account shop/robot": "binds roles it does not hold",
    }


def test_default_controllers_lead_where_they_lead():
    index = RbacIndex.of(default_policy())
    assert admin_path(UserInfo("x", groups=("system:masters",)), index).end == "cluster-admin"
    assert admin_path(UserInfo("x", groups=("system:authenticated",)), index) is None


def findings(*objects, accounts=None):
    return {(f.rule, f.level, f.name) for f in lint(RbacIndex.of(objects), accounts)}


def test_lint_of_bindings():
    objects = [
        READER,
        role("urls", paths("get", "/x")),
        bind("dangling", "gone", "user:bob"),
        bind("nobody", "reader"),
        bind("broad", "reader", "group:system:authenticated"),
        bind("open", "reader", "user:system:anonymous"),
        bind("lost", "reader", "sa:shop/none", "sa:shop/robot"),
        bind("homeless", "reader", "sa:/robot"),
        bind("paths", "urls", "user:bob", namespace="shop"),
    ]
    assert findings(*objects, accounts={("shop", "robot")}) == {
        ("dangling-role-ref", "error", "dangling"),
        ("empty-binding", "note", "nobody"),
        ("broad-subject", "warning", "broad"),
        ("broad-subject", "error", "open"),
        ("missing-subject", "warning", "lost"),
        ("impossible-subject", "error", "homeless"),
        ("impossible-path", "warning", "paths"),
    }
    assert ("missing-subject", "warning", "lost") not in findings(*objects)


def test_lint_of_roles():
    objects = [
        role("unused", rule("get", "pods")),
        role("part", rule("get", "pods"), labels={"to": "sum"}),
        role("sum", selectors=[{"matchLabels": {"to": "sum"}}]),
        bind("b", "sum", "user:bob"),
        role("wild", rule("*", "pods/* Nodes"), rule("create get", "pods", names="x")),
        bind("c", "wild", "user:bob"),
    ]
    assert findings(*objects) == {
        ("unused-role", "warning", "unused"),
        ("wildcard", "warning", "wild"),
        ("impossible-resource", "error", "wild"),
        ("impossible-name", "warning", "wild"),
    }


def test_the_default_policy_is_taken_as_it_is():
    assert lint(RbacIndex.of(default_policy())) == []


def test_lint_as_sarif():
    found = lint(RbacIndex.of([bind("b", "gone", "user:bob", namespace="shop")]))
    log = sarif.of_lint(found, "1.2", {("RoleBinding", "shop", "b"): Place("./a b/rbac.yaml", 7)})
    (run,) = log["runs"]
    assert {r["id"] for r in run["tool"]["driver"]["rules"]} == set(RULES)
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("dangling-role-ref", "error")
    assert result["message"]["text"] == "RoleBinding shop/b: refers to ClusterRole gone, which does not exist"
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "a%20b/rbac.yaml"},
        "region": {"startLine": 7},
    }
    assert json.dumps(log)


USED = [
    asking(BOB, "get", "pods", "a"),
    asking(BOB, "list", "pods"),
    asking(BOB, "list", "services"),
    asking(BOB, "get", "services", "x"),
    asking(BOB, "create", "pods", "a", subresource="exec"),
    asking(BOB, "list", "nodes", namespace=""),
    Attributes(BOB, "get", resource_request=False, path="/metrics"),
]


def test_minimal_rules():
    assert minimal_rules(USED) == [
        {"verbs": ["list"], "apiGroups": [""], "resources": ["nodes"]},
        {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "services"]},
        {"verbs": ["create"], "apiGroups": [""], "resources": ["pods/exec"]},
        {"verbs": ["get"], "nonResourceURLs": ["/metrics"]},
    ]


def test_roles_for_what_was_used():
    made = role_for(Subject("User", "bob"), USED)
    assert [(m["kind"], m["metadata"].get("namespace")) for m in made.manifests] == [
        ("ClusterRole", None),
        ("ClusterRoleBinding", None),
        ("Role", "shop"),
        ("RoleBinding", "shop"),
    ]
    index = RbacIndex.of(made.manifests)
    assert all(index.grant_for(a) for a in USED)
    assert not index.grant_for(asking(BOB, "delete", "pods"))
    assert made.seen == len(USED)


def test_the_same_need_in_several_namespaces_shares_a_role():
    used = [asking(BOB, "get", "pods", namespace=n) for n in ("a", "b")]
    made = role_for(Subject("User", "bob"), used)
    assert [m["kind"] for m in made.manifests] == ["ClusterRole", "RoleBinding", "RoleBinding"]
    index = RbacIndex.of(made.manifests)
    assert all(index.grant_for(a) for a in used)
    assert not index.grant_for(asking(BOB, "get", "pods", namespace=""))


def test_rights_that_were_never_used():
    index = RbacIndex.of(
        [
            role(
                "r",
                rule("get watch", "pods"),
                rule("delete", "pods"),
                paths("get", "/metrics /x"),
                rule("*", "pods"),
            ),
            bind("b", "r", "user:bob"),
            bind("c", "r", "user:bob", namespace="store"),
            bind("d", "r", "group:system:authenticated"),
        ]
    )
    made = role_for(Subject("User", "bob"), USED, index, BOB)
    assert [(r.namespace, r.grant.binding.name, r.grant.rule_index) for r in made.unused] == [
        ("", "b", 0),
        ("", "b", 1),
        ("", "b", 2),
        ("store", "c", 0),
        ("store", "c", 1),
        ("store", "c", 2),
        ("store", "c", 3),
    ]
    assert [r.grant.rule for r in made.unused[:3]] == [
        {"verbs": ["watch"], "apiGroups": [""], "resources": ["pods"]},
        {"verbs": ["delete"], "apiGroups": [""], "resources": ["pods"]},
        {"verbs": ["get"], "nonResourceURLs": ["/x"]},
    ]
    assert made.to_object()["requests"] == len(USED)


def test_uses_from_the_passage_log():
    log = PassageLog(10)
    for user, decision in ((BOB, Decision.ALLOW), (BOB, Decision.NO_OPINION), (ROBOT, Decision.ALLOW)):
        passage = log.begin(audit_id="x", time=0, method="GET", path="/")
        passage.authorized(asking(user, "get", "pods"), Verdict(decision))
    log.begin(audit_id="y", time=0, method="GET", path="/")
    assert len(list(of_passages(log, "bob"))) == 1


def event(audit_id, **more):
    base = {"kind": "Event", "auditID": audit_id, "verb": "get", "user": {"username": "bob", "groups": ["g"]}}
    return json.dumps({**base, **more})


def test_uses_from_an_audit_log():
    pods = {"resource": "pods", "namespace": "shop", "name": "a", "apiVersion": "v1"}
    lines = [
        event("1", objectRef=pods, stage="RequestReceived"),
        event("1", objectRef=pods, stage="ResponseComplete"),
        event("2", requestURI="/metrics?x=1"),
        event("3", objectRef=pods, user={"username": "eve"}),
        event("4", objectRef=pods, user={"username": "eve"}, impersonatedUser={"username": "bob"}),
        event("5", objectRef=pods, annotations={"authorization.k8s.io/decision": "forbid"}),
        "not JSON",
        '{"kind":"Other"}',
    ]
    used = list(of_audit_log(lines, "bob"))
    assert [(a.resource, a.name, a.path) for a in used] == [
        ("pods", "a", ""),
        ("", "", "/metrics"),
        ("pods", "a", ""),
    ]


def test_manifests(tmp_path):
    text = """
apiVersion: v1
kind: List
items:
- kind: ClusterRole
  metadata: {name: part, labels: {to: sum}}
  rules: [{verbs: [get], apiGroups: [''], resources: [pods]}]
---
{"kind": "RoleList", "items": [{"metadata": {"name": "r"}, "rules": []}]}
---
kind: ClusterRole
metadata: {name: sum}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {to: sum}}]}
---
"""
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "values.yaml").write_text("image: x")
    found = reading.read([tmp_path])
    objects = reading.placed(obj for obj, _ in found)
    assert [(o["kind"], o["metadata"]["name"]) for o in objects] == [
        ("ClusterRole", "part"),
        ("Role", "r"),
        ("ClusterRole", "sum"),
    ]
    assert objects[1]["metadata"]["namespace"] == "default"
    assert objects[2]["rules"] == objects[0]["rules"]
    assert [(Path(place.file).name, place.line) for _, place in found] == [
        ("a.yaml", 5),
        ("a.yaml", 9),
        ("a.yaml", 11),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "-, line"),
        ("just text", "without a kind"),
        ("kind: Role\nmetadata: {}", "Role without a name"),
    ],
)
def test_text_that_is_no_manifest(text, message):
    with pytest.raises(reading.ManifestError, match=message):
        reading.objects_of(text)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(reading.ManifestError, match="no such file"):
        reading.read([tmp_path / "none.yaml"])
