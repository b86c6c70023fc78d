"""`sekisho why` against a cluster that runs."""

from __future__ import annotations

import json

import pytest
import yaml

from cli.running import run, running


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def cluster(home):
    with running(home) as cluster:
        yield cluster


def test_the_last_request(cluster, home):
    cluster.user("lara").client.get("/api/v1/namespaces/default/secrets/s")
    cluster.anonymous().client.get("/readyz")
    told = run(home, "why")
    assert told.exit_code == 0, told.output
    lines = told.output.splitlines()
    assert lines[0].startswith("user lara may not get secrets")
    assert "GET /api/v1/namespaces/default/secrets/s" in lines[1]
    assert "authorization:" in told.output
    assert "This would allow exactly this request:" in told.output
    manifests = yaml.safe_load_all(told.output.split("exactly this request:\n")[1])
    assert {m["kind"] for m in manifests} == {"Role", "RoleBinding"}


def test_by_user_and_by_id(cluster, home):
    answer = cluster.user("udo").client.get("/api/v1/nodes")
    cluster.admin().client.get("/api/v1/nodes")
    by_user = run(home, "why", "--user", "udo", "--denied", "-o", "json")
    assert json.loads(by_user.output)["auditID"] == answer.headers["audit-id"]
    by_id = run(home, "why", answer.headers["audit-id"], "-o", "yaml")
    assert yaml.safe_load(by_id.output)["authentication"]["user"]["username"] == "udo"
    strange = cluster.admin().client.get("/api/v1/nodes", headers={"Audit-ID": "a/b=c,d"})
    assert strange.headers["audit-id"] == "a/b=c,d"
    assert run(home, "why", "a/b=c,d").exit_code == 0


def test_lists(cluster, home):
    cluster.user("lotte").client.get("/api/v1/namespaces/default/pods/p")
    told = run(home, "why", "--list", "--user", "lotte")
    head, row = told.output.splitlines()
    assert head.split() == ["TIME", "USER", "VERB", "WHAT", "CODE", "AUDIT-ID"]
    assert "lotte   get    pods p -n default   403" in row
    assert len(json.loads(run(home, "why", "--list", "-n", "2", "-o", "json").output)) == 2


def test_an_unknown_credential(cluster, home):
    cluster.with_token("secret-text").client.get("/api/v1/nodes")
    told = run(home, "why", "--code", "401")
    assert "nobody could be told from the credential" in told.output
    assert "secret-text" not in told.output


def test_what_is_not_remembered(cluster, home):
    told = run(home, "why", "none")
    assert told.exit_code == 1
    assert told.stderr.startswith("error: no request with Audit-Id none is remembered")
    assert run(home, "why", "--user", "nobody-at-all").exit_code == 1
    assert run(home, "why", "x", "--list").exit_code == 1


def test_without_a_cluster(tmp_path):
    told = run(tmp_path, "why")
    assert told.exit_code == 1
    assert told.stderr.startswith("error: there is no cluster")
