"""`sekisho revoke` against a cluster that runs."""

from __future__ import annotations

import json

import pytest

from cli.running import run, running

REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def cluster(home):
    with running(home) as cluster:
        yield cluster


def whoami(identity):
    return identity.client.post(REVIEWS, json={}).status_code


def made(told):
    assert told.exit_code == 0, told.output
    return told.output.split("(revocation ")[1].rstrip(")\n")


def test_a_user_and_back(cluster, home):
    bob = cluster.user("bob")
    told = run(home, "revoke", "user", "bob", "--reason", "left")
    assert told.output.startswith("Revoked: user bob (revocation user-")
    assert whoami(bob) == 401
    listed = run(home, "revoke", "list").output.splitlines()
    assert listed[0].split() == ["NAME", "WHAT", "BY", "AT", "REASON"]
    assert "user bob   kubernetes-admin" in listed[1]
    assert listed[1].endswith("left")
    assert run(home, "revoke", "undo", made(told)).exit_code == 0
    assert whoami(bob) == 201
    assert run(home, "revoke", "list").output == "Nothing is revoked.\n"


def test_a_certificate(cluster, home):
    for given in (lambda i: str(i.certificate), lambda i: str(i.kubeconfig)):
        ann = cluster.user("ann")
        told = run(home, "revoke", "certificate", given(ann))
        assert whoami(ann) == 401
        run(home, "revoke", "undo", made(told))
    by_stdin = run(home, "revoke", "certificate", "-", "-o", "json", stdin=ann.certificate.read_text())
    obj = json.loads(by_stdin.output)
    assert whoami(ann) == 401
    run(home, "revoke", "undo", obj["metadata"]["name"])
    told = run(home, "revoke", "certificate", obj["spec"]["certificateSerial"])
    assert whoami(ann) == 401
    run(home, "revoke", "undo", made(told))


def test_a_token(cluster, home, tmp_path):
    account = cluster.service_account("default/default")
    file = tmp_path / "token"
    file.write_text(account.token)
    told = run(home, "revoke", "token", str(file))
    assert whoami(account) == 401
    assert account.token not in told.output
    run(home, "revoke", "undo", made(told))
    refused = run(home, "revoke", "token", account.token)
    assert refused.exit_code == 1
    assert account.token not in refused.output + refused.stderr
    file.write_text("abc.def")
    assert "this token has no id" in run(home, "revoke", "token", str(file)).stderr
    file.write_text("kind: Config")
    assert "this is no token" in run(home, "revoke", "token", str(file)).stderr
    assert "this is neither" in run(home, "revoke", "certificate", "-", stdin="two words").stderr


def test_an_account_and_a_credential(cluster, home):
    robot = cluster.service_account("default/robot")
    extra = robot.client.post(REVIEWS, json={}).json()["status"]["userInfo"]["extra"]
    told = run(home, "revoke", "credential", extra["authentication.kubernetes.io/credential-id"][0])
    assert whoami(robot) == 401
    run(home, "revoke", "undo", made(told))
    told = run(home, "revoke", "serviceaccount", "default/robot")
    assert whoami(robot) == 401
    run(home, "revoke", "undo", made(told))


def test_what_the_server_refuses(cluster, home):
    told = run(home, "revoke", "credential", "x")
    assert told.exit_code == 1
    assert "spec.credentialID" in told.stderr
    assert "not found" in run(home, "revoke", "undo", "none").stderr
