"""Authorizers as flags and files choose them, in a cluster that runs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from authn.httpsserver import HttpsServer, https_server
from sekisho.config import ConfigError
from sekisho.testing import Cluster, VirtualClock

PODS = "/api/v1/namespaces/default/pods"
SECRETS = "/api/v1/namespaces/default/secrets"


def eventually(check: Any, clock: VirtualClock) -> None:
    deadline = time.monotonic() + 10
    while not check():
        assert time.monotonic() < deadline, "it did not happen"
        clock.advance(0.6)
        time.sleep(0.01)


def message(answer: httpx.Response) -> str:
    return str(answer.json()["message"])


def test_abac(tmp_path: Path) -> None:
    file = tmp_path / "policy.jsonl"
    spec = {"user": "bob", "namespace": "default", "resource": "pods", "apiGroup": "", "readonly": True}
    policy = {"apiVersion": "abac.authorization.kubernetes.io/v1beta1", "kind": "Policy", "spec": spec}
    file.write_text(json.dumps(policy))
    options = {"authorization_mode": ("ABAC", "RBAC"), "authorization_policy_file": file}
    with Cluster(**options) as cluster:
        bob = cluster.user("bob").client
        assert bob.get(PODS).status_code == 200
        assert bob.get(f"{PODS}/x/log").status_code == 404, "subresources are no notion of ABAC"
        assert bob.post(PODS, json={}).status_code == 403
        assert message(bob.get(SECRETS)).endswith('in the namespace "default": No policy matched.')
        assert cluster.user("eve").client.get(PODS).status_code == 403
        assert cluster.admin().client.get(SECRETS).status_code == 200


def test_without_rbac_nothing_is_bootstrapped() -> None:
    with Cluster(authorization_mode=("AlwaysDeny",)) as cluster:
        admin = cluster.admin().client
        assert admin.get("/apis/rbac.authorization.k8s.io/v1/clusterroles").json()["items"] == []
        assert message(cluster.user("bob").client.get(PODS)).endswith(": Everything is forbidden.")


def judged(body: dict[str, Any]) -> dict[str, Any]:
    spec = body["spec"]
    attributes = spec.get("resourceAttributes") or {}
    status: dict[str, Any] = {"allowed": False}
    if spec.get("user") not in ("bob", "eve"):
        pass  # controllers, which RBAC knows
    elif attributes.get("resource") == "pods":
        status = {"allowed": True, "reason": "pods are for all"}
    elif attributes.get("resource") == "secrets":
        status = {"allowed": False, "denied": True, "reason": "secrets are for nobody"}
    return {"kind": "SubjectAccessReview", "apiVersion": body["apiVersion"], "status": status}


def test_a_webhook_by_flags(tmp_path: Path) -> None:
    with https_server(tmp_path, judged) as server:
        clock = VirtualClock()
        options = {
            "authorization_mode": ("Webhook", "RBAC"),
            "authorization_webhook_config_file": server.kubeconfig("/authorize"),
            "authorization_webhook_version": "v1",
            "authorization_webhook_cache_authorized_ttl": 60.0,
            "authorization_webhook_cache_unauthorized_ttl": 0.0,
        }
        with Cluster(clock=clock, **options) as cluster:
            server.seen.clear()
            bob = cluster.user("bob", ["dev"]).client
            assert bob.get(f"{PODS}?labelSelector=a=b").status_code == 200
            asked = [body for body in server.seen if body["spec"].get("user") == "bob"]
            assert asked[0]["apiVersion"] == "authorization.k8s.io/v1"
            assert asked[0]["spec"]["groups"] == ["dev", "system:authenticated"]
            assert asked[0]["spec"]["resourceAttributes"] == {
                "namespace": "default",
                "verb": "list",
                "version": "v1",
                "resource": "pods",
                "labelSelector": {"requirements": [{"key": "a", "operator": "In", "values": ["b"]}]},
            }
            refused = bob.get(SECRETS)
            assert refused.status_code == 403
            assert message(refused).endswith(": secrets are for nobody")
            assert bob.get("/api/v1/nodes").status_code == 403
            assert cluster.admin().client.get(SECRETS).status_code == 200, "masters come before it"

            def asks(url: str) -> int:
                before = len(server.seen)
                bob.get(url)
                return sum(b["spec"].get("user") == "bob" for b in server.seen[before:])

            assert asks(f"{PODS}?labelSelector=a=b") == 0, "remembered"
            assert asks(SECRETS) == 1, "refusals are not"
            clock.advance(61)
            assert asks(f"{PODS}?labelSelector=a=b") == 1
            review = {
                "spec": {"user": "eve", "resourceAttributes": {"verb": "get", "resource": "secrets"}},
            }
            path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
            status = cluster.admin().client.post(path, json=review).json()["status"]
            assert status == {"allowed": False, "denied": True, "reason": "secrets are for nobody"}


def configuration(server: HttpsServer, **changes: Any) -> str:
    hook = {
        "timeout": "3s",
        "subjectAccessReviewVersion": "v1",
        "matchConditionSubjectAccessReviewVersion": "v1",
        "failurePolicy": "Deny",
        "connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": str(server.kubeconfig())},
        "matchConditions": [{"expression": "'dev' in request.groups"}],
        **changes,
    }
    authorizers = [
        {"type": "RBAC", "name": "rbac"},
        {"type": "Webhook", "name": "hook.example.com", "webhook": hook},
    ]
    head = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthorizationConfiguration"}
    return yaml.safe_dump({**head, "authorizers": authorizers})


def test_a_configuration_file_is_followed(tmp_path: Path) -> None:
    pytest.importorskip("cel_expr_python")
    clock = VirtualClock()
    with https_server(tmp_path, judged) as server:
        file = tmp_path / "authorization.yaml"
        file.write_text(configuration(server))
        with Cluster(clock=clock, authorization_config=file) as cluster:
            assert cluster.inner.checkpoint.modes == ("RBAC", "Webhook")
            bob, eve = cluster.user("bob", ["dev"]).client, cluster.user("eve").client
            assert bob.get(PODS).status_code == 200
            assert eve.get(PODS).status_code == 403
            assert {b["spec"]["user"] for b in server.seen} == {"bob"}, "only those the condition names"
            for bad in (
                "kind: Nonsense",
                configuration(server).replace("RBAC", "Node").replace("rbac", "node"),
                configuration(server, failurePolicy="Sometimes"),
            ):
                file.write_text(bad)
                clock.advance(1.1)
                assert bob.get(PODS).status_code == 200
                assert eve.get(PODS).status_code == 403
            file.write_text(configuration(server, matchConditions=[]))
            eventually(lambda: eve.get(PODS).status_code == 200, clock)
            source = cluster.inner.checkpoint.authorization.file
            assert source is not None
            assert (source.failures, source.successes) == (3, 1)


@pytest.mark.parametrize(("policy", "code"), [("Deny", 500), ("NoOpinion", 500)])
def test_a_webhook_that_fails(tmp_path: Path, policy: str, code: int) -> None:
    with https_server(tmp_path, lambda body: (403, {"message": "out of order"})) as server:
        file = tmp_path / "authorization.yaml"
        file.write_text(configuration(server, failurePolicy=policy, matchConditions=[]))
        with Cluster(authorization_config=file) as cluster:
            answer = cluster.user("bob").client.get(PODS)
            assert answer.status_code == code
            assert "out of order" in answer.text
            assert cluster.user("bob").client.get("/version").status_code == 200, "RBAC comes first"


# Soft mode


def test_soft_mode_lets_through_and_says_so() -> None:
    scopes = ("team", "user:bob", "serviceaccount:default:robot")
    with Cluster(authorization_dry_run=scopes) as cluster:
        admin = cluster.admin().client
        admin.post("/api/v1/namespaces", json={"metadata": {"name": "team"}}).raise_for_status()
        bob = cluster.user("bob").client.get(SECRETS)
        assert bob.status_code == 200
        assert bob.headers["warning"] == '299 - "authorization dry run: user \\"bob\\" may not list secrets"'
        eve = cluster.user("eve").client
        assert eve.get("/api/v1/namespaces/team/secrets").headers["warning"].startswith("299")
        refused = eve.get(SECRETS)
        assert refused.status_code == 403
        assert "warning" not in refused.headers
        assert cluster.anonymous().client.get("/api/v1/namespaces/team/secrets").status_code == 403
        assert cluster.service_account("default/robot").client.get("/api/v1/nodes").status_code == 200
        allowed = admin.get(SECRETS)
        assert "warning" not in allowed.headers
        seen = admin.get(
            "/apis/explain.sekisho.dev/v1/passages?fieldSelector=user=bob&explain=true&limit=1"
        ).json()["items"][0]
        assert "Soft mode for user bob let it through" in json.dumps(seen)


def test_soft_mode_never_overrides_a_denial(tmp_path: Path) -> None:
    with https_server(tmp_path, judged) as server:
        options = {
            "authorization_mode": ("Webhook", "RBAC"),
            "authorization_webhook_config_file": server.kubeconfig(),
            "authorization_dry_run": ("user:bob",),
        }
        with Cluster(**options) as cluster:
            bob = cluster.user("bob").client
            assert bob.get(SECRETS).status_code == 403
            assert bob.get("/api/v1/nodes").status_code == 200


def test_pod_security_is_set_up_by_a_file(tmp_path: Path) -> None:
    file = tmp_path / "admission.yaml"
    settings = {
        "apiVersion": "pod-security.admission.config.k8s.io/v1",
        "kind": "PodSecurityConfiguration",
        "defaults": {"enforce": "baseline"},
        "exemptions": {"usernames": ["root"], "namespaces": ["kube-system"]},
    }
    plugins = [{"name": "PodSecurity", "configuration": settings}]
    head = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration"}
    file.write_text(yaml.safe_dump({**head, "plugins": plugins}))
    pod = {
        "metadata": {"generateName": "p-"},
        "spec": {"containers": [{"name": "c", "image": "i", "securityContext": {"privileged": True}}]},
    }
    with Cluster(admission_control_config_file=file) as cluster:
        answer = cluster.admin().client.post(PODS, json=pod)
        assert answer.status_code == 403
        assert 'violates PodSecurity "baseline:latest": privileged' in message(answer)
        assert cluster.user("root", ["system:masters"]).client.post(PODS, json=pod).status_code == 201


def test_starts_that_fail(tmp_path: Path) -> None:
    policy = tmp_path / "policy.jsonl"
    policy.write_text('{"user": 5}')
    hook = tmp_path / "kubeconfig"
    hook.write_text("{}")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"authorization_mode": ("Foo",)}, 'authorization-mode "Foo" is not a valid mode'),
        ({"authorization_mode": ("ABAC",)}, "authorization-mode ABAC's authorization policy file not passed"),
        (
            {"authorization_mode": ("Webhook",)},
            "authorization-mode Webhook's authorization config file not passed",
        ),
        (
            {"authorization_policy_file": policy},
            "cannot specify --authorization-policy-file without mode ABAC",
        ),
        (
            {"authorization_webhook_config_file": hook},
            "cannot specify --authorization-webhook-config-file without mode Webhook",
        ),
        (
            {"authorization_mode": ("RBAC", "RBAC")},
            'authorization-mode ["RBAC" "RBAC"] has mode specified more than once',
        ),
        (
            {"authorization_config": hook, "authorization_mode": ("RBAC",)},
            "--authorization-config can not be specified when --authorization-mode or "
            "--authorization-webhook-* flags are defined",
        ),
        ({"authorization_config": hook}, "failed to load AuthorizationConfiguration from file: "),
        (
            {"authorization_mode": ("ABAC",), "authorization_policy_file": policy},
            f'error reading policy file {policy}, line 1: {{"user": 5}}: ',
        ),
        (
            {"authorization_mode": ("Webhook",), "authorization_webhook_config_file": hook},
            "invalid configuration: no configuration has been provided",
        ),
        (
            {
                "authorization_mode": ("Webhook",),
                "authorization_webhook_config_file": hook,
                "authorization_webhook_version": "v2",
            },
            'unsupported webhook authorizer version "v2", supported versions are "v1", "v1beta1"',
        ),
        ({"authorization_dry_run": ("role:x",)}, '--authorization-dry-run: "role:x" names neither'),
        ({"admission_control_config_file": policy}, "unable to read admission control configuration from"),
    ]
    for options, text in cases:
        with pytest.raises(ConfigError) as caught:
            Cluster(**options).start()
        assert text in str(caught.value), options
