"""Questions about rights, asked of files and of a cluster that runs."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from sekisho.cli import main
from sekisho.testing import Cluster

SHOP = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot, namespace: shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: shop}
rules:
- {verbs: [get, list], apiGroups: [""], resources: [pods, secrets]}
- {verbs: [patch], apiGroups: [apps], resources: [deployments/scale], resourceNames: [web]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects:
- {kind: ServiceAccount, name: robot}
- {kind: User, name: bob}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: viewers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects:
- {kind: Group, name: dev}
"""
BOSS = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: boss}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: robot, namespace: shop}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "manifests"
    made.mkdir()
    (made / "shop.yaml").write_text(SHOP)
    return made


def ask(*arguments: object, code: int = 0, stdin: str = "", **environment: str) -> Result:
    done = CliRunner().invoke(
        main, [str(a) for a in arguments], input=stdin, env=environment, catch_exceptions=False
    )
    assert done.exit_code == code, f"{done.exit_code}\n{done.stdout}\n{done.stderr}"
    return done


def rows(done: Result) -> list[list[str]]:
    return [re.split(r"\s{3,}", line) for line in done.stdout.splitlines()]


def test_who_can(folder: Path) -> None:
    table = rows(ask("who-can", "get", "secrets", "-n", "shop", "-f", folder))
    assert table[0] == ["SUBJECT", "WHERE", "THROUGH", "ROLE", "RULE"]
    assert table[1][:2] == ["group system:masters", "everywhere"]
    assert [
        "service account shop/robot",
        "shop",
        "RoleBinding shop/readers",
        "Role reader",
        "1: get, list of pods, secrets",
    ] in table
    subjects = {row[0] for row in table}
    assert "user bob" in subjects
    assert "group dev" not in subjects, "view gives no secrets"
    assert "user bob" not in {row[0] for row in rows(ask("who-can", "get", "secrets", "-f", folder))}
    everywhere = ask("who-can", "get", "secrets", "-A", "-f", folder, "-o", "json")
    assert {"User": "bob", "at": "shop"} in [
        {h["subject"]["kind"]: h["subject"]["name"], "at": h.get("namespace")}
        for h in json.loads(everywhere.stdout)
    ]


@pytest.mark.parametrize("written", ["pods", "pod", "po", "Pod", "pods."])
def test_resources_have_many_names(folder: Path, written: str) -> None:
    found = ask("who-can", "list", written, "-n", "shop", "-f", folder)
    assert "user bob" in found.stdout
    assert "group dev" in found.stdout
    assert not found.stderr


def test_subresources_names_and_paths(folder: Path) -> None:
    for resource in ("deployments.apps/scale", "deploy/scale", "deployments.v1.apps/scale"):
        assert "user bob" in ask("who-can", "patch", resource, "web", "-n", "shop", "-f", folder).stdout
        assert "user bob" not in ask("who-can", "patch", resource, "db", "-n", "shop", "-f", folder).stdout
    assert "group system:authenticated" in ask("who-can", "get", "/healthz", "-f", folder).stdout
    strange = ask("who-can", "frob", "widgets.example.com", "-f", folder)
    assert strange.stderr.splitlines() == [
        'note: no resource "widgets.example.com" is known; it is taken as it is written',
        'note: "frob" is not a known verb',
    ]


def test_expectations_are_for_scripts(folder: Path) -> None:
    question = ("who-can", "list", "secrets", "-n", "shop", "-f", folder, "--no-defaults")
    met = ("group:system:masters", "user:bob", "serviceaccount:shop:robot")
    ask(*question, *(part for subject in met for part in ("--expect", subject)))
    failed = ask(*question, "--expect", "group:system:masters", "--expect", "bob", code=3)
    assert failed.stderr == "not expected: service account shop/robot\n"


def test_what_can(folder: Path) -> None:
    table = rows(ask("what-can", "bob", "-f", folder, "--no-defaults"))
    assert table == [
        ["WHERE", "CAN", "THROUGH", "ROLE", "AS"],
        ["shop", "get, list of pods, secrets", "RoleBinding shop/readers", "Role reader", "user bob"],
        [
            "shop",
            "patch of deployments/scale in API groups apps named web",
            "RoleBinding shop/readers",
            "Role reader",
            "user bob",
        ],
    ]
    grouped = json.loads(ask("what-can", "bob", "--group", "dev", "-f", folder, "-o", "json").stdout)
    assert {r["grant"]["binding"]["name"] for r in grouped["rights"]} >= {"readers", "viewers"}
    assert ask("what-can", "eve", "-f", folder, "--no-defaults").stdout.startswith("No binding names eve")
    assert "whose rights?" in ask("what-can", "-f", folder, code=1).stderr


def test_where_can(folder: Path) -> None:
    assert rows(ask("where-can", "bob", "get", "pods", "-f", folder))[1][0] == "shop"
    assert rows(ask("where-can", "group:dev", "get", "pods", "-f", folder))[1][0] == "everywhere"
    assert ask("where-can", "bob", "delete", "pods", "-f", folder, code=3).stdout == "Nowhere.\n"
    assert ask("where-can", "bob", "delete", "pods", "-f", folder, "-o", "json", code=3).stdout == "[]\n"
    assert "paths are in no namespace" in ask("where-can", "bob", "get", "/x", "-f", folder, code=1).stderr


def test_diff(folder: Path, tmp_path: Path) -> None:
    same = ask("diff", folder, "-", stdin=SHOP)
    assert same.stdout == "Nobody gains or loses anything.\n"
    less = ask("diff", folder, "-", stdin=SHOP.replace("[get, list]", "[get]"), code=3)
    assert "- user bob loses in namespace shop: list of pods" in less.stdout
    (tmp_path / "boss.yaml").write_text(BOSS)
    applied = ask("diff", "--apply", folder, tmp_path / "boss.yaml", code=4)
    assert applied.stdout.splitlines()[0] == (
        "NEW PATH TO CLUSTER-ADMIN: service account shop/robot can become cluster-admin"
    )
    assert " loses " not in applied.stdout
    log = json.loads(ask("diff", "--apply", folder, tmp_path / "boss.yaml", "-o", "sarif", code=4).stdout)
    (location,) = log["runs"][0]["results"][-1]["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"].endswith("boss.yaml")
    data = yaml.safe_load(ask("diff", folder, tmp_path / "boss.yaml", "-o", "yaml", code=4).stdout)
    assert set(data) == {"changes", "newPathsToClusterAdmin"}
    assert "the same" in ask("diff", folder, folder, code=1).stderr
    assert "--apply needs files" in ask("diff", "--apply", folder, "cluster", code=1).stderr


def test_reach(folder: Path, tmp_path: Path) -> None:
    assert "cannot become anybody else" in ask("reach", "user:eve", "-f", folder).stdout
    found = ask("reach", "bob", "-f", folder, code=3).stdout
    assert "user bob can become service account shop/robot" in found
    assert "reads its token Secrets in namespace shop" in found
    assert "by rule 1 of Role reader (RoleBinding shop/readers)" in found
    (folder / "boss.yaml").write_text(BOSS)
    severe = ask("reach", "bob", "--admin", "-f", folder, "-o", "json", code=4)
    assert [path["to"] for path in json.loads(severe.stdout)] == ["cluster-admin", "anybody"]


def test_lint(folder: Path) -> None:
    assert ask("lint", "-f", folder).stdout == "Nothing to say.\n"
    (folder / "bad.yaml").write_text(
        BOSS.replace("cluster-admin", "nope").replace("name: robot", "name: gone").replace("boss", "bad")
    )
    table = rows(ask("lint", "-f", folder, code=3))
    assert table[1] == [
        "error",
        "ClusterRoleBinding bad",
        "refers to ClusterRole nope, which does not exist",
        "dangling-role-ref",
        f"{folder}/bad.yaml:2",
    ]
    assert table[2][0] == "warning"
    ask("lint", "-f", folder, "--fail-on", "never")
    ask("lint", "-f", folder, "--ignore", "dangling-role-ref", "--fail-on", "error")
    log = json.loads(ask("lint", "-f", folder, "-o", "sarif", code=3).stdout)
    assert log["version"] == "2.1.0"
    assert log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"] == {"startLine": 2}
    data = json.loads(ask("lint", "-f", folder, "-o", "json", code=3).stdout)
    assert data[0]["line"] == 2


def event(verb: str, resource: str, number: int, **more: Any) -> str:
    reference = {"resource": resource, "namespace": "shop", **more}
    user = {"username": "system:serviceaccount:shop:robot"}
    return json.dumps(
        {"kind": "Event", "auditID": str(number), "user": user, "verb": verb, "objectRef": reference}
    )


def test_role_for_an_audit_log(folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text("\n".join([event("get", "pods", 1, name="a"), "junk", event("list", "pods", 2)]))
    made = ask("role-for", "serviceaccount:shop:robot", "--audit-log", log, "-f", folder).stdout
    assert made.startswith("# 2 requests of ServiceAccount robot were seen.\n")
    assert "#   get, list of secrets in shop (RoleBinding shop/readers, Role reader)" in made
    role, binding = yaml.safe_load_all(made)
    assert role["rules"] == [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "robot", "namespace": "shop"}]
    piped = ask("role-for", "sa:shop/robot", "--audit-log", "-", "-o", "json", stdin=log.read_text())
    assert json.loads(piped.stdout)["requests"] == 2
    assert "do not say what somebody did" in ask("role-for", "bob", "-f", folder, code=1).stderr
    assert "a group makes none" in ask("role-for", "group:dev", "-f", folder, code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("who-can", "get", "pods", "-f", "absent"), "absent: no such file or directory"),
        (("who-can", "get", "pods", "-f", "-", "--name", "x"), "-f asks files and not a cluster"),
        (("who-can", "get", "pods", "--no-defaults"), "are for -f"),
        (("who-can", "get", "pods", "-n", "a", "-A", "-f", "-"), "give one of them"),
        (("what-can", "role:x", "-f", "-"), None),
        (("what-can", "serviceaccount:x", "-f", "-"), "is written serviceaccount:NAMESPACE:NAME"),
        (("lint",), "no current context"),
        (("lint", "--context", "c"), 'context "c" does not exist'),
        (("lint", "--name", "nope"), 'no cluster "nope"'),
    ],
)
def test_calls_that_are_wrong(tmp_path: Path, arguments: tuple[str, ...], text: str | None) -> None:
    home = {"KUBECONFIG": str(tmp_path / "none"), "SEKISHO_HOME": str(tmp_path)}
    done = ask(*arguments, code=1 if text else 0, **home)
    if text:
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ")
        assert text in line


@pytest.mark.parametrize(
    ("manifest", "text"),
    [
        ("kind: Role\nmetadata: {name: r}\nrules: 5", "line 1: .*cannot unmarshal"),
        ("kind: RoleBinding\nmetadata: {name: r}\nsubjects: [x]", "cannot unmarshal"),
        ("kind: Role\nmetadata: {name: [r]}", "Role without a name"),
        ("a: {{ .Values.x }}", "-, line 1"),
    ],
)
def test_manifests_that_are_wrong(manifest: str, text: str) -> None:
    done = ask("lint", "-f", "-", stdin=manifest, code=1)
    assert re.search(text, done.stderr)
    assert "Traceback" not in done.stderr


def test_a_whole_cluster_in_a_file_needs_no_defaults(folder: Path) -> None:
    dump = {
        "kind": "List",
        "items": [
            {
                "kind": "ClusterRole",
                "metadata": {"name": "view", "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}},
                "rules": [],
            }
        ],
    }
    (folder / "dump.json").write_text(json.dumps(dump))
    assert rows(ask("who-can", "get", "nodes", "-f", folder))[1:] == [
        ["group system:masters", "everywhere", "-", "-", "may do everything, no authorizer is asked"]
    ]
    assert len(rows(ask("who-can", "get", "nodes", "-f", folder, "--defaults"))) > 2


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as made:
        admin = made.admin().client
        admin.post("/api/v1/namespaces", json={"metadata": {"name": "shop"}}).raise_for_status()
        for obj in yaml.safe_load_all(SHOP):
            namespace = obj["metadata"].get("namespace")
            prefix = "/api/v1" if obj["apiVersion"] == "v1" else "/apis/rbac.authorization.k8s.io/v1"
            plural = f"{obj['kind'].lower()}s"
            path = f"{prefix}/namespaces/{namespace}/{plural}" if namespace else f"{prefix}/{plural}"
            admin.post(path, json=obj).raise_for_status()
        yield made


def test_a_cluster_that_runs(cluster: Cluster, folder: Path) -> None:
    config = cluster.kubeconfig()
    source = ("--kubeconfig", config)
    assert "user bob" in ask("who-can", "get", "secrets", "-n", "shop", *source).stdout
    assert "group system:masters" in ask("what-can", *source).stdout
    assert rows(ask("where-can", "bob", "get", "pods", *source))[1][0] == "shop"
    assert ask("diff", "--apply", "cluster", folder, *source).stdout.startswith("Nobody")
    ask("reach", "serviceaccount:shop:robot", *source, code=3)
    assert "nope" not in ask("lint", *source).stdout
    assert "user bob" in ask("who-can", "list", "pods", "-n", "shop", KUBECONFIG=str(config)).stdout


def test_what_somebody_did_on_it(cluster: Cluster) -> None:
    robot = cluster.service_account("shop/robot").client
    robot.get("/api/v1/namespaces/shop/pods")
    robot.get("/api/v1/nodes")
    made = ask("role-for", "sa:shop/robot", "--kubeconfig", cluster.kubeconfig()).stdout
    roles = [obj for obj in yaml.safe_load_all(made) if obj and obj["kind"] == "Role"]
    assert [role["rules"] for role in roles] == [
        [{"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}]
    ]
    assert "#   get of pods in shop" in made


def test_those_who_may_not_read_roles(cluster: Cluster) -> None:
    config = cluster.user("eve").kubeconfig
    done = ask("lint", "--kubeconfig", config, code=1)
    assert 'User "eve" cannot list resource "clusterroles"' in done.stderr


def test_an_exec_plugin_gives_the_credential(cluster: Cluster, tmp_path: Path) -> None:
    admin = yaml.safe_load(cluster.kubeconfig().read_text())
    user = admin["users"][0]["user"]
    status = {}

    for key, field in (
        ("client-certificate-data", "clientCertificateData"),
        ("client-key-data", "clientKeyData"),
    ):
        status[field] = base64.b64decode(user[key]).decode()
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    plugin = tmp_path / "plugin"
    plugin.write_text(
        f"#!/bin/sh\ntest -n \"$KUBERNETES_EXEC_INFO\" && cat <<'EOT'\n{json.dumps(answer)}\nEOT\n"
    )
    plugin.chmod(0o755)
    version = "client.authentication.k8s.io/v1"
    exec_ = {
        "apiVersion": version,
        "command": str(plugin),
        "interactiveMode": "Never",
        "provideClusterInfo": True,
    }
    admin["users"][0]["user"] = {"exec": exec_}
    config = tmp_path / "config"
    config.write_text(yaml.safe_dump(admin))
    assert "group system:masters" in ask("what-can", "--kubeconfig", config).stdout
    plugin.write_text("#!/bin/sh\necho '{}'\n")
    assert "didn't return a status field" in ask("what-can", "--kubeconfig", config, code=1).stderr
    plugin.unlink()
    assert "no such file" in ask("what-can", "--kubeconfig", config, code=1).stderr
