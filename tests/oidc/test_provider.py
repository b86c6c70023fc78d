"""A cluster whose users log in at a certified OpenID provider."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa

from oidc.conftest import CLIENT, REDIRECT, Provider, eventually
from sekisho.testing import Cluster, VirtualClock

BINARIES = Path(__file__).resolve().parents[2] / ".cache" / "kubectl"
REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def flags(provider: Provider, **more: Any) -> dict[str, Any]:
    return {
        "oidc_issuer_url": provider.issuer,
        "oidc_client_id": CLIENT,
        "oidc_ca_file": provider.ca,
        "oidc_groups_claim": "groups",
        **more,
    }


def who(cluster: Cluster, token: str) -> dict[str, Any] | None:
    """What the cluster takes the holder of a token for; None when it refuses it."""
    answer = cluster.with_token(token).client.post(REVIEWS, json={})
    if answer.status_code == 401:
        return None
    assert answer.status_code == 201, answer.text
    info: dict[str, Any] = answer.json()["status"]["userInfo"]
    return info


def ready(cluster: Cluster, token: str, clock: VirtualClock | None = None) -> dict[str, Any]:
    """The same, as soon as the cluster has found the provider."""
    step = (lambda: clock.advance(1.0)) if clock is not None else (lambda: None)
    eventually(lambda: who(cluster, token) is not None, step)
    found = who(cluster, token)
    assert found is not None
    return found


def test_a_user_with_groups(provider: Provider) -> None:
    with Cluster(**flags(provider, oidc_groups_prefix="oidc:")) as cluster:
        info = ready(cluster, provider.token("ann"))
        assert info["username"] == f"{provider.issuer}#ann"
        assert info["groups"] == ["oidc:dev", "oidc:oncall", "system:authenticated"]
        assert "uid" not in info


def test_other_claims_and_prefixes(provider: Provider) -> None:
    options = flags(provider, oidc_username_claim="email", oidc_required_claim=("team=blue",))
    with Cluster(**options) as cluster:
        assert ready(cluster, provider.token("ann"))["username"] == "ann@example.com"
        assert who(cluster, provider.token("mallory")) is None, "its address was never verified"


def test_a_required_claim_that_differs(provider: Provider) -> None:
    with Cluster(**flags(provider, oidc_required_claim=("team=red",))) as cluster:
        token = provider.token("ann")
        review = {"spec": {"token": token}}
        admin = cluster.admin().client

        def refusal() -> str:
            answer = admin.post("/apis/authentication.k8s.io/v1/tokenreviews", json=review)
            return str(answer.json()["status"]["error"])

        eventually(lambda: "not initialized" not in refusal(), lambda: None)
        assert refusal() == (
            "[invalid bearer token, oidc: required claim team value does not match. Got = blue, want = red]"
        )


def exec_config(cluster: Cluster, provider: Provider, user: str, version: str, folder: Path) -> Path:
    """A kubeconfig whose user logs in at the provider when kubectl asks for a credential."""
    config = yaml.safe_load(cluster.anonymous().kubeconfig.read_text())
    login = Path(__file__).with_name("login.py")
    arguments = [str(login), provider.issuer, str(provider.ca), CLIENT, REDIRECT, user, version]
    plugin = {"apiVersion": version, "command": sys.executable, "args": arguments, "interactiveMode": "Never"}
    if version.endswith("v1beta1"):
        del plugin["interactiveMode"]
    config["users"][0]["user"] = {"exec": plugin}
    path = folder / "oidc-kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.mark.parametrize("version", ["1.20", "1.24", "1.28", "1.32", "1.37"])
def test_kubectl_logs_in_with_a_plugin(provider: Provider, version: str, tmp_path: Path) -> None:
    api = "client.authentication.k8s.io/v1beta1" if version == "1.20" else "client.authentication.k8s.io/v1"
    with Cluster(**flags(provider, oidc_username_prefix="-")) as cluster:
        ready(cluster, provider.token("warm-up"))
        config = exec_config(cluster, provider, "ann", api, tmp_path)

        def kubectl(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [BINARIES / version / "kubectl", *arguments],
                env={**os.environ, "KUBECONFIG": str(config), "HOME": str(tmp_path)},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )

        refused = kubectl("get", "pods")
        assert 'pods is forbidden: User "ann" cannot list resource "pods"' in refused.stderr
        binding = {
            "metadata": {"name": "dev"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "dev"}],
        }
        path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
        cluster.admin().client.post(path, json=binding).raise_for_status()
        assert kubectl("get", "pods").stderr == "No resources found in default namespace.\n"
        assert kubectl("auth", "can-i", "delete", "pods").stdout == "no\n"
        if version >= "1.28":
            assert json.loads(kubectl("auth", "whoami", "-o", "json").stdout)["status"]["userInfo"] == {
                "username": "ann",
                "groups": ["dev", "oncall", "system:authenticated"],
            }


def test_keys_are_rotated_at_the_issuer(provider: Provider) -> None:
    with Cluster(**flags(provider)) as cluster:
        old = provider.token("ann")
        ready(cluster, old)
        provider.rotate(keep=True)
        assert who(cluster, provider.token("bob")) is not None, "the new key is fetched for the first token"
        assert who(cluster, old) is not None
        provider.rotate()
        assert who(cluster, provider.token("carl")) is not None
        other = provider.token("dora")
        provider.rotate()
        assert who(cluster, provider.token("emil")) is not None
        assert who(cluster, other) is None, "its key is published no more"


def test_an_issuer_that_is_down(provider: Provider) -> None:
    clock = VirtualClock()
    token = provider.token("ann")
    later = provider.token("bob")
    provider.stop()
    with Cluster(clock=clock, **flags(provider)) as cluster:
        assert cluster.admin().client.get("/readyz").status_code == 200, "the start does not wait for it"
        assert who(cluster, token) is None
        provider.start()
        ready_token = provider.token("ann")
        clock.advance(10.5)
        assert ready(cluster, ready_token, clock)["username"].endswith("#ann")
        second = provider.token("carl")
        provider.stop()
        assert who(cluster, second) is not None, "its key is known"
        assert who(cluster, later) is None, "of a key that the provider had before it was started anew"


CONFIGURATION = """
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer:
    url: {issuer}
    audiences: [kubectl, other]
    audienceMatchPolicy: MatchAny
    certificateAuthority: |
{ca}
  claimValidationRules:
  - expression: claims.exp - claims.iat <= 3600
    message: lives too long
  claimMappings:
    username: {{expression: "'{prefix}' + claims.sub"}}
    groups: {{expression: "claims.groups.map(g, 'oidc:' + g)"}}
    uid: {{expression: "'uid-' + claims.sub"}}
    extra:
    - {{key: example.com/team, valueExpression: claims.team}}
  userValidationRules:
  - {{expression: "!user.username.startsWith('system:')", message: reserved}}
anonymous: {{enabled: true, conditions: [{{path: /livez}}]}}
"""


def configuration(provider: Provider, prefix: str = "a:") -> str:
    ca = "\n".join(f"      {line}" for line in provider.ca.read_text().splitlines())
    return CONFIGURATION.format(issuer=provider.issuer, ca=ca, prefix=prefix)


def test_the_configuration_file(provider: Provider, tmp_path: Path) -> None:
    pytest.importorskip("cel_expr_python")
    file = tmp_path / "authentication.yaml"
    file.write_text(configuration(provider))
    clock = VirtualClock()
    with Cluster(clock=clock, authentication_config=file) as cluster:
        ann = provider.token("ann")
        assert ready(cluster, ann) == {
            "username": "a:ann",
            "uid": "uid-ann",
            "groups": ["oidc:dev", "oidc:oncall", "system:authenticated"],
            "extra": {"example.com/team": ["blue"]},
        }
        assert who(cluster, provider.token("bob", "other")) is not None, "the second audience"
        nobody = cluster.anonymous().client
        assert nobody.get("/livez").status_code == 200
        assert nobody.get("/readyz").status_code == 401

        for bad in ("jwt: 5", configuration(provider).replace("conditions: [{path: /livez}]", "")):
            file.write_text(bad)
            clock.advance(1.1)
            assert (who(cluster, ann) or {})["username"] == "a:ann", "the old configuration stays"
        file.write_text(configuration(provider, "system:"))

        eventually(lambda: who(cluster, ann) is None, lambda: clock.advance(0.6))
        file.write_text(configuration(provider, "b:"))
        eventually(lambda: (who(cluster, ann) or {}).get("username") == "b:ann", lambda: clock.advance(0.6))


def forged(token: str, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token with other claims; its signature stays, or is nothing where the header says so."""
    head, payload, signature = token.split(".")
    changed = json.loads(base64.urlsafe_b64decode(payload + "==")) | claims
    if header is not None:
        head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
        signature = ""
    body = base64.urlsafe_b64encode(json.dumps(changed).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


def test_tokens_that_are_none(provider: Provider) -> None:
    with Cluster(**flags(provider, oidc_username_prefix="-")) as cluster:
        token = provider.token("ann")
        assert ready(cluster, token)["username"] == "ann"
        claims = jwt.decode(token, options={"verify_signature": False})
        kid = jwt.get_unverified_header(token)["kid"]
        own = rsa.generate_private_key(65537, 2048)
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(own.public_key()))
        wrong = {
            "another client": provider.token("ann", "other"),
            "other claims": forged(token, sub="root"),
            "no signature": forged(token, {"alg": "none", "kid": kid}, sub="root"),
            "an own key of that id": jwt.encode(claims, own, "RS256", {"kid": kid}),
            "an own key without id": jwt.encode(claims, own, "RS256"),
            "an own key brought along": jwt.encode(claims, own, "RS256", {"kid": kid, "jwk": jwk}),
            "an own key at an own address": jwt.encode(
                claims, own, "RS256", {"jku": "https://127.0.0.1:1/k"}
            ),
            "the issuer's id as a secret": jwt.encode(claims, kid * 2, "HS256", {"kid": kid}),
            "another issuer": jwt.encode({**claims, "iss": f"{provider.issuer}/"}, own, "RS256"),
        }
        for what, text in wrong.items():
            assert who(cluster, text) is None, what
        assert who(cluster, token) is not None
