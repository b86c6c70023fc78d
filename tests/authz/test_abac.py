"""ABAC: lines of a file, old and new form, and what they match."""

from __future__ import annotations

import asyncio
import json

import pytest

from sekisho.api.types import Attributes, Decision, UserInfo
from sekisho.authz.abac import AbacAuthorizer, PolicyFileError, load, parse

BOB = UserInfo("bob", groups=("dev", "system:authenticated"))


def line(**spec):
    return json.dumps(
        {"apiVersion": "abac.authorization.kubernetes.io/v1beta1", "kind": "Policy", "spec": spec}
    )


def decide(text, verb="get", user=BOB, **attributes):
    attributes = {"namespace": "n", "resource": "pods"} | attributes
    made = AbacAuthorizer(parse(text.encode(), "p"), "p")
    return made.decide(Attributes(user, verb, **attributes))


def test_subjects():
    everything = {"namespace": "*", "resource": "*", "apiGroup": "*"}
    assert decide(line(user="bob", **everything)).allowed
    assert decide(line(group="dev", **everything)).allowed
    assert not decide(line(user="bob", group="ops", **everything)).allowed
    assert not decide(line(**everything)).allowed
    assert decide(line(user="*", **everything)).allowed
    assert not decide(line(user="*", **everything), user=UserInfo("nobody")).allowed


def test_attributes():
    policy = line(user="bob", namespace="n", resource="pods", readonly=True)
    assert decide(policy).allowed
    assert decide(policy, subresource="log").allowed
    assert not decide(policy, "delete").allowed
    assert not decide(policy, namespace="m").allowed
    assert not decide(policy, api_group="apps").allowed
    assert not decide(line(user="bob", resource="pods")).allowed
    refusal = decide(policy, "delete")
    assert (refusal.decision, refusal.reason) == (Decision.NO_OPINION, "No policy matched.")


def test_paths():
    policy = line(user="bob", nonResourcePath="/healthz/*")
    assert decide(policy, resource_request=False, path="/healthz/x").allowed
    assert not decide(policy, resource_request=False, path="/healthz").allowed
    assert not decide(policy).allowed


def test_the_old_form():
    assert decide('{"user":"bob"}', api_group="apps").allowed
    assert decide('{"user":"bob"}', resource_request=False, path="/x").allowed
    assert not decide('{"user":"bob","resource":"pods"}', resource_request=False, path="/x").allowed
    assert decide('{"readonly":true}', user=BOB).allowed
    assert not decide('{"readonly":true}', user=UserInfo("nobody")).allowed


def test_evidence_is_the_line():
    verdict = decide("# everybody reads\n\n" + line(group="dev", namespace="*", resource="*", apiGroup="*"))
    assert verdict.reason == ""
    assert verdict.evidence.to_object() == {
        "authorizer": "ABAC",
        "file": "p",
        "line": 3,
        "policy": {"group": "dev", "apiGroup": "*", "resource": "*", "namespace": "*"},
    }


def test_rules():
    made = AbacAuthorizer(
        parse(line(user="bob", namespace="n", resource="pods", readonly=True).encode(), "p")
    )
    rules = asyncio.run(made.rules_for(BOB, "n"))
    assert rules.resource_rules == [
        {"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["pods"]}
    ]
    assert asyncio.run(made.rules_for(BOB, "m")).resource_rules == []


def test_errors(tmp_path):
    with pytest.raises(PolicyFileError, match=r"error reading policy file p, line 2: \{: .*unexpected end"):
        parse(b"\n{", "p")
    with pytest.raises(PolicyFileError, match="unrecognized object"):
        parse(b'{"apiVersion":"v1","kind":"Pod"}', "p")
    with pytest.raises(PolicyFileError, match="no such file"):
        load(tmp_path / "none")
    (tmp_path / "file").write_text(line(user="bob"))
    assert load(tmp_path / "file")[0].user == "bob"
