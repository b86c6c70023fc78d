"""Audit events of real requests: which there are, and what they tell."""

from __future__ import annotations

import json

import pytest
import yaml

from sekisho.config import ConfigError
from sekisho.server.audit.settings import AuditOptions, Delivery
from sekisho.testing import Cluster

RULES = [
    {"level": "None", "users": ["quiet"]},
    {"level": "RequestResponse", "resources": [{"resources": ["configmaps"]}], "omitManagedFields": True},
    {"level": "Request", "resources": [{"resources": ["pods", "serviceaccounts/token"]}]},
    {"level": "Metadata", "nonResourceURLs": ["/version"], "omitStages": ["RequestReceived"]},
    {"level": "Metadata", "resources": [{"group": ""}, {"group": "authentication.k8s.io"}]},
]
SECRET = "c2VjcmV0LXRleHQ="


def write_policy(folder, rules):
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}))
    return path


class Log:
    """The events of one request."""

    def __init__(self, path):
        self.path = path

    def of(self, response):
        wanted = response.headers["audit-id"]
        events = map(json.loads, self.path.read_text().splitlines())
        return [event for event in events if event["auditID"] == wanted]


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    path = folder / "audit.log"
    options = AuditOptions(policy_file=write_policy(folder, RULES), log_path=str(path))
    with Cluster(audit=options) as cluster:
        yield cluster, Log(path)


@pytest.fixture
def cluster(audited):
    return audited[0]


@pytest.fixture
def log(audited):
    return audited[1]


def test_metadata(cluster, log):
    answer = cluster.admin().client.get(
        "/api/v1/namespaces/default/secrets/none?pretty=false",
        headers={"User-Agent": "a" * 1030, "X-Forwarded-For": "10.1.1.1, bad", "X-Real-Ip": "10.2.2.2"},
    )
    received, complete = log.of(answer)
    assert list(complete) == [
        "kind",
        "apiVersion",
        "level",
        "auditID",
        "stage",
        "requestURI",
        "verb",
        "user",
        "sourceIPs",
        "userAgent",
        "objectRef",
        "responseStatus",
        "requestReceivedTimestamp",
        "stageTimestamp",
        "annotations",
    ]
    assert (received["stage"], complete["stage"]) == ("RequestReceived", "ResponseComplete")
    assert complete["requestURI"] == "/api/v1/namespaces/default/secrets/none?pretty=false"
    assert complete["user"]["username"] == "kubernetes-admin"
    assert complete["user"]["groups"] == ["system:masters", "system:authenticated"]
    assert complete["sourceIPs"][:2] == ["10.1.1.1", "10.2.2.2"]
    assert complete["userAgent"] == "a" * 1024 + "...TRUNCATED"
    assert complete["objectRef"] == {
        "resource": "secrets",
        "namespace": "default",
        "name": "none",
        "apiVersion": "v1",
    }
    assert complete["responseStatus"] == {
        "metadata": {},
        "status": "Failure",
        "message": 'secrets "none" not found',
        "reason": "NotFound",
        "details": {"name": "none", "kind": "secrets"},
        "code": 404,
    }
    assert complete["annotations"] == {
        "authorization.k8s.io/decision": "allow",
        "authorization.k8s.io/reason": "",
    }
    assert "responseStatus" not in received
    assert "annotations" not in received


def test_objects_are_not_told_at_metadata_level(cluster, log):
    secret = {"metadata": {"name": "s"}, "data": {"k": SECRET}}
    answer = cluster.admin().client.post("/api/v1/namespaces/default/secrets", json=secret)
    assert answer.status_code == 201
    event = log.of(answer)[-1]
    assert event["objectRef"]["name"] == "s"
    assert event["responseStatus"] == {"metadata": {}, "code": 201}
    assert "requestObject" not in event
    assert SECRET not in log.path.read_text()


def test_request_and_response(cluster, log):
    admin = cluster.admin().client
    created = admin.post(
        "/api/v1/namespaces/default/configmaps", json={"metadata": {"name": "c"}, "data": {"a": "1"}}
    )
    event = log.of(created)[-1]
    assert event["requestObject"] == {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": "c"},
        "data": {"a": "1"},
    } | {"metadata": event["requestObject"]["metadata"]}
    assert event["responseObject"]["metadata"]["uid"] == created.json()["metadata"]["uid"]
    assert "managedFields" not in event["responseObject"]["metadata"]
    listed = admin.get("/api/v1/namespaces/default/configmaps")
    event = log.of(listed)[-1]
    assert event["responseObject"]["kind"] == "ConfigMapList"
    assert all("managedFields" not in item["metadata"] for item in event["responseObject"]["items"])
    patched = admin.patch(
        "/api/v1/namespaces/default/configmaps/c",
        json={"data": {"b": "2"}},
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert log.of(patched)[-1]["requestObject"] == {"data": {"b": "2"}}
    body = {**patched.json(), "data": {}}
    updated = admin.put("/api/v1/namespaces/default/configmaps/c", json=body)
    reference = log.of(updated)[-1]["objectRef"]
    assert reference["uid"] == body["metadata"]["uid"]
    assert reference["resourceVersion"] == body["metadata"]["resourceVersion"]
    deleted = admin.request(
        "DELETE", "/api/v1/namespaces/default/configmaps/c", json={"propagationPolicy": "Background"}
    )
    event = log.of(deleted)[-1]
    assert event["requestObject"] == {
        "kind": "DeleteOptions",
        "apiVersion": "meta.k8s.io/v1",
        "propagationPolicy": "Background",
    }
    assert event["responseStatus"]["status"] == "Success"
    assert event["responseStatus"]["details"]["name"] == "c"


def test_the_request_object_is_the_one_before_admission(cluster, log):
    pod = {"metadata": {"generateName": "p-"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    answer = cluster.admin().client.post("/api/v1/namespaces/default/pods", json=pod)
    assert answer.status_code == 201
    event = log.of(answer)[-1]
    assert "serviceAccountName" not in event["requestObject"]["spec"]
    assert event["requestObject"]["spec"]["restartPolicy"] == "Always"
    assert "responseObject" not in event
    assert "name" not in event["objectRef"]


def test_denied(cluster, log):
    answer = cluster.user("dora").client.get("/api/v1/nodes")
    event = log.of(answer)[-1]
    assert event["responseStatus"]["code"] == 403
    assert event["responseStatus"]["reason"] == "Forbidden"
    assert event["annotations"] == {
        "authorization.k8s.io/decision": "forbid",
        "authorization.k8s.io/reason": "",
    }


def test_the_rule_that_allowed(cluster, log):
    answer = cluster.user("dora").client.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json={})
    assert answer.status_code == 201
    assert log.of(answer)[-1]["annotations"]["authorization.k8s.io/reason"] == (
        'RBAC: allowed by ClusterRoleBinding "system:basic-user" of ClusterRole "system:basic-user" to Group '
        '"system:authenticated"'
    )


def test_impersonation(cluster, log):
    answer = cluster.admin().client.get("/api/v1/nodes", headers={"Impersonate-User": "ida"})
    received, complete = log.of(answer)
    assert "impersonatedUser" not in received
    assert complete["user"]["username"] == "kubernetes-admin"
    assert complete["impersonatedUser"] == {"username": "ida", "groups": ["system:authenticated"]}
    assert complete["authenticationMetadata"] == {"impersonationConstraint": "impersonate:user-info"}


def test_an_unknown_credential(cluster, log):
    answer = cluster.with_token("wrong").client.get("/api/v1/pods?access_token=hidden")
    (event,) = log.of(answer)
    assert event["stage"] == "ResponseStarted"
    assert event["user"] == {}
    assert "annotations" not in event
    assert event["responseStatus"] == {
        "metadata": {},
        "status": "Failure",
        "message": "Unauthorized",
        "reason": "Unauthorized",
        "code": 401,
    }
    assert "hidden" not in event["requestURI"]


@pytest.mark.parametrize("accept", ["text/html", "application/json;as=Table;v=v1;g=meta.k8s.io"])
def test_an_unknown_credential_whose_answer_cannot_be_had(cluster, log, accept):
    answer = cluster.with_token("wrong").client.get("/api/v1/pods", headers={"Accept": accept})
    (event,) = log.of(answer)
    assert event["responseStatus"] == {
        "metadata": {},
        "message": "Authentication failed, attempted: bearer",
        "code": 401,
    }


def test_a_deadline_that_cannot_be_read(cluster, log):
    answer = cluster.admin().client.get("/api/v1/pods?timeout=abc")
    (event,) = log.of(answer)
    assert event["stage"] == "ResponseStarted"
    assert event["responseStatus"]["code"] == 400


def test_watches_have_three_stages(cluster, log):
    admin = cluster.admin().client
    answer = admin.get("/api/v1/namespaces/default/secrets?watch=1&timeoutSeconds=1")
    for _ in range(100):
        events = log.of(answer)
        if len(events) == 3:
            break
    assert [e["stage"] for e in events] == ["RequestReceived", "ResponseStarted", "ResponseComplete"]
    assert events[2]["verb"] == "watch"
    assert events[2]["responseStatus"] == {"metadata": {}, "code": 200}


def test_stages_and_requests_that_are_left_out(cluster, log):
    assert log.of(cluster.user("quiet").client.get("/api/v1/pods")) == []
    assert log.of(cluster.admin().client.get("/readyz")) == []
    (event,) = log.of(cluster.admin().client.get("/version"))
    assert event["stage"] == "ResponseComplete"
    assert "objectRef" not in event


def test_tokens_are_in_no_event(cluster, log):
    account = cluster.service_account("default/default")
    answer = account.client.get("/api/v1/namespaces/default/secrets")
    assert log.of(answer)[-1]["user"]["extra"]["authentication.kubernetes.io/credential-id"]
    issued = cluster.admin().client.post(
        "/api/v1/namespaces/default/serviceaccounts/default/token", json={"spec": {}}
    )
    event = log.of(issued)[-1]
    assert event["objectRef"]["subresource"] == "token"
    assert event["annotations"]["authentication.kubernetes.io/issued-credential-id"].startswith("JTI=")
    text = log.path.read_text()
    assert issued.json()["status"]["token"] not in text
    assert account.token not in text


def test_an_event_that_cannot_be_kept_fails_its_request(tmp_path):
    options = AuditOptions(
        policy_file=write_policy(tmp_path, [{"level": "Metadata"}]),
        log_path=str(tmp_path / "log"),
        log_delivery=Delivery("blocking-strict"),
    )
    with Cluster(audit=options) as cluster:
        admin = cluster.admin().client
        assert admin.get("/version").status_code == 200
        cluster.run(cluster.inner.auditor._backend.close())
        answer = admin.get("/version")
        assert answer.status_code == 500
        assert "failed to store audit event" in answer.text


def test_what_cannot_start(tmp_path):
    for options, message in (
        (
            AuditOptions(policy_file=tmp_path / "none", log_path="-"),
            "loading audit policy file: failed to read",
        ),
        (
            AuditOptions(
                policy_file=write_policy(tmp_path, [{"level": "None"}]),
                webhook_config_file=tmp_path / "none",
            ),
            "initializing audit webhook",
        ),
        (
            AuditOptions(policy_file=write_policy(tmp_path, [{"level": "None"}]), log_path=str(tmp_path)),
            "--audit-log-path",
        ),
    ):
        with pytest.raises(ConfigError, match=message):
            Cluster(audit=options).start()


def test_choices_that_record_nothing(tmp_path, caplog):
    with Cluster(audit=AuditOptions(log_path="-")) as cluster:
        assert cluster.inner.auditor is None
    assert "no audit policy file was given" in caplog.text
    options = AuditOptions(policy_file=write_policy(tmp_path, [{"level": "None"}]))
    with Cluster(audit=options) as cluster:
        assert cluster.inner.auditor is None
