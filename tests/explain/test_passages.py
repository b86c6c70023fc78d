"""The passage log: a ring of requests without credentials."""

from __future__ import annotations

from types import SimpleNamespace

from sekisho.api.types import Attributes, Decision, Requirement, UserInfo, Verdict
from sekisho.explain.evidence import FixedEvidence
from sekisho.explain.passages import PassageLog

BOB = UserInfo("bob", groups=("dev",))


def begin(log, audit_id="a", query=b""):
    return log.begin(
        audit_id=audit_id, time=1.5, method="GET", path="/api/v1/pods", query=query, user_agent="kubectl"
    )


def test_a_whole_passage():
    passage = begin(PassageLog(10), query=b"limit=5")
    passage.authenticated([("x509", "valid")], SimpleNamespace(user=BOB))
    passage.impersonated(UserInfo("zed"), "user-info")
    attributes = Attributes(
        UserInfo("zed"),
        "list",
        namespace="n",
        api_version="v1",
        resource="pods",
        field_selector=(Requirement("spec.nodeName", "=", ("x",)),),
    )
    passage.authorized(attributes, Verdict(Decision.ALLOW, "why not", evidence=FixedEvidence("AlwaysAllow")))
    passage.admitted("ServiceAccount", [{"op": "add", "path": "/spec/x", "value": 1}])
    passage.finish(200, 0.25)
    assert passage.allowed
    assert not passage.denied
    assert passage.to_object() == {
        "auditID": "a",
        "time": "1970-01-01T00:00:01.500000Z",
        "request": {"method": "GET", "path": "/api/v1/pods", "query": "limit=5", "userAgent": "kubectl"},
        "authentication": {
            "findings": [{"authenticator": "x509", "text": "valid"}],
            "user": {"username": "bob", "groups": ["dev"]},
        },
        "impersonation": {"user": {"username": "zed"}, "constraint": "user-info"},
        "attributes": {
            "verb": "list",
            "namespace": "n",
            "apiVersion": "v1",
            "resource": "pods",
            "fieldSelector": [{"key": "spec.nodeName", "operator": "=", "values": ["x"]}],
        },
        "authorization": {
            "decision": "allow",
            "reason": "why not",
            "evidence": {"authorizer": "AlwaysAllow"},
        },
        "admission": [
            {"plugin": "ServiceAccount", "changes": [{"op": "add", "path": "/spec/x", "value": 1}]}
        ],
        "response": {"code": 200, "durationSeconds": 0.25},
    }


def test_a_refused_credential():
    passage = begin(PassageLog(10))
    passage.authenticated([("bearer", "expired")], SimpleNamespace(reasons=("expired",)))
    passage.finish(401, 0.1)
    assert passage.to_object()["authentication"]["refusals"] == ["expired"]
    assert not passage.denied


def test_credentials_are_not_kept():
    passage = begin(PassageLog(10), query=b"access_token=SECRET&watch=1")
    assert "SECRET" not in str(passage.to_object())
    assert "watch=1" in passage.query


def test_the_ring_forgets_the_oldest():
    log = PassageLog(2)
    for name in "abc":
        begin(log, name)
    assert [p.audit_id for p in log] == ["b", "c"]
    assert [p.audit_id for p in log.newest_first()] == ["c", "b"]
    assert log.find("a") is None
    assert log.find("b").audit_id == "b"
    assert len(log) == 2


def test_listeners_hear_of_the_end():
    log, heard = PassageLog(2), []
    leave = log.subscribe(heard.append)
    passage = begin(log)
    passage.finish(200, 0.1)
    leave()
    begin(log).finish(200, 0.1)
    assert heard == [passage]
