"""AuthorizationConfiguration: every complaint, flags, and taking over a changed file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sekisho.api.random import RandomSource
from sekisho.api.types import Attributes, Decision, UserInfo
from sekisho.authz import config
from sekisho.authz.building import Parts, ReloadingAuthorizer, build
from sekisho.authz.config import AuthorizerConfiguration, ConfigurationError, Flags, Webhook
from sekisho.authz.index import RbacIndex
from sekisho.authz.nodegraph import NodeGraph

HEAD = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\n"


def errors(*authorizers):
    return [str(e) for e in config.validate(authorizers)]


def entry(kind, name=None, webhook=None):
    return AuthorizerConfiguration(kind, kind.lower() if name is None else name, webhook)


def hook(tmp_path, **changes):
    file = tmp_path / "kubeconfig"
    file.write_text("")
    settings = {
        "timeout": 3.0,
        "version": "v1",
        "failure_policy": "Deny",
        "connection_type": "KubeConfigFile",
        "kubeconfig": str(file),
        **changes,
    }
    return entry("Webhook", "hook", Webhook(**settings))


def test_types_and_names():
    assert errors() == ["authorizers: Required value: at least one authorization mode must be defined"]
    assert errors(entry(""), entry("X"), entry("RBAC"), entry("RBAC", "other")) == [
        "authorizers[0].type: Required value",
        'authorizers[1].type: Unsupported value: "X": supported values: "ABAC", "AlwaysAllow", "AlwaysDeny", '
        '"Node", "RBAC", "Webhook"',
        'authorizers[3].type: Duplicate value: "RBAC"',
    ]
    found = errors(entry("RBAC", ""), entry("Node", "n"), entry("AlwaysDeny", "n"), entry("ABAC", "A_"))
    assert found[:2] == ["authorizers[0].name: Required value", 'authorizers[2].name: Duplicate value: "n"']
    assert found[2].startswith(
        'authorizers[3].name: Invalid value: "A_": authorizer name is invalid: a lowercase RFC 1123 subdomain'
    )


def test_webhooks_stand_where_they_belong():
    assert errors(entry("Webhook", "w"), entry("RBAC", "rbac", Webhook())) == [
        "authorizers[0].webhook: Required value: required when type=Webhook",
        'authorizers[1].webhook: Invalid value: "non-null": may only be specified when type=Webhook',
    ]


def test_empty_webhook():
    assert errors(entry("Webhook", "w", Webhook())) == [
        "authorizers[0].timeout: Required value",
        "authorizers[0].subjectAccessReviewVersion: Required value",
        "authorizers[0].failurePolicy: Required value",
        "authorizers[0].connectionInfo.type: Required value",
    ]


def test_webhook_fields(tmp_path):
    assert errors(hook(tmp_path)) == []
    bad = hook(
        tmp_path,
        timeout=31.0,
        authorized_ttl=-1.0,
        version="v2",
        condition_version="v1beta1",
        failure_policy="Maybe",
        kubeconfig="relative",
        conditions=("true", " ", "true"),
    )
    assert errors(bad) == [
        'authorizers[0].timeout: Invalid value: "31s": must be > 0s and <= 30s',
        'authorizers[0].authorizedTTL: Invalid value: "-1s": must be > 0s',
        'authorizers[0].subjectAccessReviewVersion: Unsupported value: "v2": supported values: "v1", "v1beta1"',
        'authorizers[0].matchConditionSubjectAccessReviewVersion: Unsupported value: "v1beta1": supported values: "v1"',
        'authorizers[0].failurePolicy: Unsupported value: "Maybe": supported values: "NoOpinion", "Deny"',
        'authorizers[0].connectionInfo.kubeConfigFile: Invalid value: "relative": must be an absolute path',
        "authorizers[0].matchConditions[1].expression: Required value",
        'authorizers[0].matchConditions[2].expression: Duplicate value: "true"',
    ]
    assert errors(hook(tmp_path, conditions=("true",))) == [
        "authorizers[0].matchConditionSubjectAccessReviewVersion: Required value: required if match conditions "
        "are specified"
    ]
    many = tuple(str(i) for i in range(65))
    assert errors(hook(tmp_path, conditions=many, condition_version="v1")) == [
        "authorizers[0].matchConditions: Too many: 65: must have at most 64 items"
    ]
    in_cluster = hook(tmp_path, connection_type="InClusterConfig", kubeconfig="/x")
    assert errors(in_cluster) == [
        'authorizers[0].connectionInfo.kubeConfigFile: Invalid value: "/x": can only be set when type=KubeConfigFile'
    ]
    assert "must be a regular file" in errors(hook(tmp_path, kubeconfig=str(tmp_path)))[0]
    assert "error loading file" in errors(hook(tmp_path, kubeconfig=str(tmp_path / "none")))[0]


def test_conditions_are_compiled(tmp_path):
    def compile_condition(expression):
        raise ValueError("compilation failed: ...")

    bad = hook(tmp_path, conditions=("x",), condition_version="v1")
    assert [str(e) for e in config.validate([bad], compile_condition)] == [
        'authorizers[0].matchConditions[0].expression: Invalid value: "x": compilation failed: ...'
    ]


def write(tmp_path, text, name="authz.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_reading_a_file(tmp_path):
    (tmp_path / "kubeconfig").write_text("")
    path = write(
        tmp_path,
        HEAD + "authorizers:\n- {type: Node, name: node}\n- type: Webhook\n  name: hook\n  webhook:\n"
        "    timeout: 3s\n    cacheUnauthorizedRequests: false\n    authorizedTTL: 1m30s\n"
        "    subjectAccessReviewVersion: v1\n    failurePolicy: Deny\n"
        f"    connectionInfo: {{type: KubeConfigFile, kubeConfigFile: {tmp_path}/kubeconfig}}\n",
    )
    node, webhook = config.load(path)
    assert (node.type, node.name) == ("Node", "node")
    settings = config.without_caching(webhook.webhook)
    assert (settings.timeout, settings.authorized_ttl, settings.unauthorized_ttl) == (3, 90, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "authorizers: [{type: RBAC, name: rbac, x: 1}]", 'unknown field "authorizers[0].x"'),
        (
            "kind: AuthorizationConfiguration\napiVersion: v9",
            'no kind "AuthorizationConfiguration" is registered',
        ),
        ("a: 1", "Object 'Kind' is missing"),
        (
            HEAD + "authorizers: [{type: RBAC, name: foo}]",
            "expected name rbac for authorizer RBAC instead of foo",
        ),
        (HEAD, "authorizers: Required value: at least one authorization mode must be defined"),
    ],
)
def test_files_that_are_no_good(tmp_path, text, message):
    with pytest.raises(ConfigurationError) as caught:
        config.load(write(tmp_path, text))
    assert message in str(caught.value)


def test_a_repeated_field_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="strict decoding error"):
        config.load(write(tmp_path, HEAD + "authorizers:\n- type: RBAC\n  type: Node\n  name: node\n"))


def test_flags():
    assert config.flag_errors(Flags(modes=("Node", "RBAC"))) == []
    assert config.flag_errors(Flags(modes=("X", "ABAC", "Webhook"))) == [
        'authorization-mode "X" is not a valid mode',
        "authorization-mode ABAC's authorization policy file not passed",
        "authorization-mode Webhook's authorization config file not passed",
    ]
    path = Path("x")
    assert config.flag_errors(Flags(modes=("RBAC", "RBAC"), policy_file=path, webhook_config_file=path)) == [
        "cannot specify --authorization-policy-file without mode ABAC",
        "cannot specify --authorization-webhook-config-file without mode Webhook",
        'authorization-mode ["RBAC" "RBAC"] has mode specified more than once',
    ]
    assert config.flag_errors(Flags(modes=("RBAC",), config_file=path)) == [
        "--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags "
        "are defined"
    ]
    assert [a.type for a in config.from_flags(Flags())] == ["AlwaysAllow"]
    (webhook,) = config.from_flags(Flags(modes=("Webhook",), webhook_config_file=path))
    assert (webhook.name, webhook.webhook.version, webhook.webhook.failure_policy) == (
        "default",
        "v1beta1",
        "NoOpinion",
    )


class Clock:
    def now(self):
        return 5.0

    monotonic = now


def parts(**more):
    return Parts(RbacIndex(), NodeGraph(), (), Clock(), RandomSource(1), **more)


def ask(authorizer, user="bob"):
    return asyncio.run(authorizer.authorize(Attributes(UserInfo(user), "get", resource="pods")))


def test_building(tmp_path):
    told = []
    policy = write(tmp_path, '{"user":"abe"}\n', "abac")
    made = build(
        [entry("Node"), entry("RBAC"), entry("ABAC"), entry("AlwaysDeny")],
        parts(policy_file=policy, observe=lambda *what: told.append(what)),
    )
    assert ask(made, "abe").allowed
    assert ask(made).reason == "No policy matched.\nEverything is forbidden."
    assert told == [("ABAC", "ABAC", Decision.ALLOW)]
    root = Attributes(UserInfo("root", groups=("system:masters",)), "get", resource="pods")
    assert asyncio.run(made.authorize(root)).allowed
    assert len(told) == 1
    with pytest.raises(ConfigurationError, match="policy file not passed"):
        build([entry("ABAC")], parts())


def test_a_webhook_that_cannot_be_configured(tmp_path):
    with pytest.raises(ConfigurationError, match="InClusterConfig"):
        build([hook(tmp_path, connection_type="InClusterConfig", kubeconfig=None)], parts())
    with pytest.raises(ConfigurationError, match="no configuration has been provided"):
        build([hook(tmp_path)], parts())


def test_reloading(tmp_path):
    path = write(tmp_path, HEAD + "authorizers: [{type: AlwaysDeny, name: alwaysdeny}]")
    made = ReloadingAuthorizer(path, parts())
    made.load()
    assert not ask(made).allowed
    assert asyncio.run(made.reload()) == ""
    assert (made.successes, made.failures) == (0, 0)
    write(tmp_path, HEAD + "authorizers: [{type: RBAC, name: rbac}]")
    assert asyncio.run(made.reload()) == "missing required types: [AlwaysDeny]"
    write(tmp_path, HEAD + "authorizers: [{type: AlwaysDeny, name: alwaysdeny}, {type: RBAC, name: rbac}]")
    assert asyncio.run(made.reload()) == (
        "authorizer type RBAC is not allowed if it was not enabled at initial server startup"
    )
    write(tmp_path, "broken: [")
    assert asyncio.run(made.reload())
    assert not ask(made).allowed
    assert ask(made).reason == "Everything is forbidden."
    write(tmp_path, HEAD + "# again\nauthorizers: [{type: AlwaysDeny, name: alwaysdeny}]")
    assert asyncio.run(made.reload()) == ""
    assert (made.successes, made.failures, made.last) == (1, 3, {"failure": 5.0, "success": 5.0})
    path.unlink()
    assert "no such file" in asyncio.run(made.reload())
