"""Audit policies: which rule decides about a request, and which files are refused."""

from __future__ import annotations

import logging

import pytest
import yaml

from sekisho.api.types import Attributes, UserInfo
from sekisho.server.audit.policy import Level
from sekisho.server.audit.policyfile import PolicyError, load, parse


def policy(*rules, **more):
    value = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": list(rules), **more}
    return parse(yaml.safe_dump(value).encode())


def asked(verb="get", resource="pods", user="bob", groups=("dev",), **more):
    more.setdefault("api_version", "v1")
    return Attributes(UserInfo(user, groups=groups), verb, resource=resource, **more)


def path(url, verb="get"):
    return Attributes(UserInfo("bob"), verb, resource_request=False, path=url)


@pytest.mark.parametrize(
    ("rule", "attributes", "matches"),
    [
        ({}, asked(), True),
        ({}, path("/healthz"), True),
        ({"users": ["bob"]}, asked(), True),
        ({"users": ["alice"]}, asked(), False),
        ({"userGroups": ["ops", "dev"]}, asked(), True),
        ({"userGroups": ["ops"]}, asked(), False),
        ({"verbs": ["list", "get"]}, asked(), True),
        ({"verbs": ["*"]}, asked(), False),
        ({"namespaces": ["n"]}, asked(namespace="n"), True),
        ({"namespaces": ["n"]}, asked(namespace="m"), False),
        ({"namespaces": [""]}, asked(resource="nodes"), True),
        ({"namespaces": ["n"]}, path("/healthz"), False),
        ({"resources": [{"group": ""}]}, asked(), True),
        ({"resources": [{"group": "apps"}]}, asked(), False),
        ({"resources": [{"group": "*", "resources": ["pods"]}]}, asked(api_group="x.io"), True),
        ({"resources": [{"resources": ["pods"]}]}, asked(), True),
        ({"resources": [{"resources": ["pods"]}]}, asked(subresource="log"), False),
        ({"resources": [{"resources": ["pods/log"]}]}, asked(subresource="log"), True),
        ({"resources": [{"resources": ["pods/*"]}]}, asked(subresource="log"), True),
        ({"resources": [{"resources": ["pods/*"]}]}, asked(), True),
        ({"resources": [{"resources": ["*/scale"]}]}, asked(subresource="scale"), True),
        ({"resources": [{"resources": ["*/scale"]}]}, asked(), False),
        ({"resources": [{"resources": ["*"]}]}, asked(subresource="log"), True),
        ({"resources": [{"resources": ["pods"], "resourceNames": ["a"]}]}, asked(name="a"), True),
        ({"resources": [{"resources": ["pods"], "resourceNames": ["a"]}]}, asked(name="b"), False),
        ({"nonResourceURLs": ["*"]}, path("/x"), True),
        ({"nonResourceURLs": ["/healthz*"]}, path("/healthz/etcd"), True),
        ({"nonResourceURLs": ["/healthz"]}, path("/healthz/etcd"), False),
        ({"nonResourceURLs": ["*"]}, asked(), False),
    ],
)
def test_what_a_rule_matches(rule, attributes, matches):
    level = policy({"level": "Metadata", **rule}).ruling(attributes).level
    assert level == (Level.METADATA if matches else Level.NONE)


def test_the_first_match_decides():
    found = policy({"level": "None", "verbs": ["get"]}, {"level": "RequestResponse"})
    assert found.ruling(asked("get")).level is Level.NONE
    assert found.ruling(asked("list")).level is Level.REQUEST_RESPONSE


def test_omissions_add_up():
    found = policy(
        {"level": "Request", "omitStages": ["Panic"], "omitManagedFields": False, "verbs": ["get"]},
        {"level": "Request"},
        omitStages=["RequestReceived"],
        omitManagedFields=True,
    )
    own = found.ruling(asked("get"))
    assert own.omit_stages == {"Panic", "RequestReceived"}
    assert not own.omit_managed_fields
    assert found.ruling(asked("list")).omit_managed_fields


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({}, "rules[0].level: Required value"),
        (
            {"level": "All"},
            'rules[0].level: Unsupported value: "All": supported values: "None", "Metadata", "Request", '
            '"RequestResponse"',
        ),
        (
            {"level": "None", "omitStages": ["Never"]},
            'rules[0].omitStages[0]: Unsupported value: "Never": supported values: "RequestReceived", '
            '"ResponseStarted", "ResponseComplete", "Panic"',
        ),
        (
            {"level": "None", "nonResourceURLs": ["x"]},
            "rules[0].nonResourceURLs[0]: Invalid value: \"x\": non-resource URL rules must begin with a '/' "
            "character",
        ),
        (
            {"level": "None", "nonResourceURLs": ["/a*b"]},
            "rules[0].nonResourceURLs[0]: Invalid value: \"/a*b\": non-resource URL wildcards '*' must be the "
            "final character of the rule",
        ),
        (
            {"level": "None", "nonResourceURLs": ["/a"], "namespaces": ["n"]},
            'rules[0].nonResourceURLs: Invalid value: ["/a"]: rules cannot apply to both regular resources and '
            "non-resource URLs",
        ),
        (
            {"level": "None", "resources": [{"resourceNames": ["a"]}]},
            'rules[0].resources[0].resourceNames: Invalid value: ["a"]: using resourceNames requires at least one '
            "resource",
        ),
        ({"level": "None", "users": "bob"}, "failed decoding: rules[0].users must be a list"),
        ({"level": "None", "users": [1]}, "failed decoding: rules[0].users[0] must be a string"),
        (
            {"level": "None", "resources": ["pods"]},
            "failed decoding: rules[0].resources[0] must be an object",
        ),
    ],
)
def test_refuses(rule, message):
    with pytest.raises(PolicyError) as caught:
        policy(rule)
    assert str(caught.value) == message


def test_refuses_files(tmp_path):
    with pytest.raises(PolicyError, match="loaded illegal policy with 0 rules"):
        policy()
    with pytest.raises(PolicyError, match="unknown group version field v1, Kind=Pod in policy"):
        parse(b"apiVersion: v1\nkind: Pod")
    with pytest.raises(PolicyError, match="failed decoding"):
        parse(b"a: [")
    with pytest.raises(PolicyError, match="holds no object"):
        parse(b"- a")
    with pytest.raises(PolicyError, match=r"failed to read file path .*: no such file"):
        load(tmp_path / "none")
    file = tmp_path / "policy"
    file.write_text("kind: Policy\napiVersion: audit.k8s.io/v1")
    with pytest.raises(PolicyError, match=r"0 rules: from file "):
        load(file)


def test_unknown_fields_are_told(caplog):
    with caplog.at_level(logging.WARNING):
        policy({"level": "None", "user": ["x"], "resources": [{"name": "x"}]}, omitStage=[])
    assert '"omitStage", "rules[0].user", "rules[0].resources[0].name"' in caplog.text
