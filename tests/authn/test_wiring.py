"""Authenticators as flags choose them, in a cluster that runs: what they let in, what they never do, and what
follows its file."""

from __future__ import annotations

import base64
import json
import logging
import time
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from authn.httpsserver import https_server
from sekisho.config import ConfigError
from sekisho.credentials import pki
from sekisho.credentials.certificates import KeyPair, issue_client
from sekisho.testing import Cluster, VirtualClock

REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def who(client: httpx.Client, **headers: str) -> dict[str, Any] | None:
    answer = client.post(REVIEWS, json={}, headers={k.replace("_", "-"): v for k, v in headers.items()})
    if answer.status_code == 401:
        assert answer.json()["message"] == "Unauthorized"
        return None
    info: dict[str, Any] = answer.json()["status"]["userInfo"] if answer.status_code == 201 else {}
    return info


def eventually(check: Any, clock: VirtualClock) -> None:
    deadline = time.monotonic() + 10
    while not check():
        assert time.monotonic() < deadline, "it did not happen"
        clock.advance(0.6)
        time.sleep(0.01)


def certified(cluster: Cluster, folder: Path, pair: KeyPair) -> httpx.Client:
    """A client that shows this certificate, whoever signed it."""
    import ssl

    context = ssl.create_default_context(cadata=cluster.inner.pki.ca.certificate.decode())
    file = folder / "shown.pem"
    file.write_bytes(pair.certificate + (pair.key or b""))
    context.load_cert_chain(file)
    return httpx.Client(base_url=cluster.url, verify=context, trust_env=False)


# Webhook


def reviewed(body: dict[str, Any]) -> dict[str, Any]:
    token = body["spec"]["token"]
    if token == "ann":
        status = {"authenticated": True, "user": {"username": "ann", "groups": ["g"], "extra": {"k": ["v"]}}}
    elif token == "grown":
        status = {"authenticated": True, "user": {"username": "system:admin", "groups": ["system:masters"]}}
    elif token == "odd":
        status = {"authenticated": True, "user": {"username": "odd", "groups": "system:masters"}}
    elif token == "elsewhere":
        status = {"authenticated": True, "user": {"username": "eve"}, "audiences": ["elsewhere"]}
    else:
        status = {"authenticated": False}
    return {"kind": "TokenReview", "apiVersion": body["apiVersion"], "status": status}


def test_tokens_are_reviewed_by_a_webhook(tmp_path: Path) -> None:
    with https_server(tmp_path, reviewed) as server:
        config = server.kubeconfig("/authenticate?x=1", token="secret")
        clock = VirtualClock()
        options = {
            "authentication_token_webhook_config_file": config,
            "authentication_token_webhook_version": "v1",
        }
        with Cluster(clock=clock, **options) as cluster:
            assert who(cluster.with_token("ann").client) == {
                "username": "ann",
                "groups": ["g", "system:authenticated"],
                "extra": {"k": ["v"]},
            }
            assert server.paths == ["/authenticate?x=1"]
            assert server.headers[0]["authorization"] == "Bearer secret"
            assert server.seen[0]["spec"] == {
                "token": "ann",
                "audiences": ["https://kubernetes.default.svc.cluster.local"],
            }
            for refused in ("nobody", "odd", "elsewhere"):
                assert who(cluster.with_token(refused).client) is None
            assert (who(cluster.with_token("grown").client) or {})["groups"][0] == "system:masters"
            asked = len(server.seen)
            clock.advance(60)
            for token in ("ann", "nobody"):
                who(cluster.with_token(token).client)
            assert len(server.seen) == asked, "answers are remembered for two minutes"
            clock.advance(61)
            assert who(cluster.with_token("ann").client)
            assert len(server.seen) == asked + 1


def test_own_tokens_never_reach_the_webhook_when_they_are_good(tmp_path: Path) -> None:
    with https_server(tmp_path, reviewed) as server:
        options = {"authentication_token_webhook_config_file": server.kubeconfig()}
        with Cluster(**options) as cluster:
            assert who(cluster.service_account("default/robot").client)
            assert who(cluster.admin().client)
            assert server.seen == []


def test_a_webhook_that_fails_lets_nobody_in(tmp_path: Path) -> None:
    with https_server(tmp_path, lambda body: (403, {"message": "no"})) as server:
        options = {"authentication_token_webhook_config_file": server.kubeconfig()}
        with Cluster(**options) as cluster:
            assert who(cluster.with_token("ann").client) is None
            assert who(cluster.with_token("ann").client) is None
            assert len(server.seen) == 2, "failures are not remembered"
            assert who(cluster.admin().client)


# Front proxy and client certificates


@pytest.fixture
def other_pki() -> pki.PKI:
    return pki.create(pki.ServingNames(), time.time())


def test_a_front_proxy_of_ones_own(tmp_path: Path, other_pki: pki.PKI) -> None:
    ca = tmp_path / "proxy-ca.crt"
    ca.write_bytes(other_pki.ca.certificate)
    options: dict[str, Any] = {
        "requestheader_client_ca_file": ca,
        "requestheader_allowed_names": ("gate",),
        "requestheader_username_headers": ("X-User",),
        "requestheader_group_headers": ("X-Groups",),
        "requestheader_uid_headers": ("X-Remote-Uid",),
    }
    now = time.time()
    with Cluster(**options) as cluster:
        gate = certified(cluster, tmp_path, issue_client(other_pki.authority(), "gate", [], now))
        impostor = certified(cluster, tmp_path, issue_client(other_pki.authority(), "other", [], now))
        with gate, impostor:
            found = who(gate, X_User="ann", X_Groups="dev", X_Remote_Uid="7", X_Remote_Extra_k="v")
            assert found == {
                "username": "ann",
                "uid": "7",
                "groups": ["dev", "system:authenticated"],
                "extra": {"k": ["v"]},
            }
            assert who(gate, X_Remote_User="ann") is None, "the default header has no meaning here"
            assert who(impostor, X_User="ann") is None
        admin = cluster.admin().client
        assert (who(admin, X_User="ann") or {})["username"] == "kubernetes-admin"
        assert who(cluster.anonymous().client, X_User="ann") == {}, "still anonymous: 403"
        told = admin.get("/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication")
        data = told.json()["data"]
        assert data["requestheader-client-ca-file"] == other_pki.ca.certificate.decode()
        assert json.loads(data["requestheader-allowed-names"]) == ["gate"]


def test_clients_of_another_authority_as_soon_as_its_file_says_so(tmp_path: Path, other_pki: pki.PKI) -> None:
    third = pki.create(pki.ServingNames(), time.time())
    file, clock = tmp_path / "ca.crt", VirtualClock()
    file.write_bytes(other_pki.ca.certificate)
    with Cluster(clock=clock, client_ca_file=file) as cluster:
        ann = certified(cluster, tmp_path, issue_client(other_pki.authority(), "ann", ["g"], clock.now()))
        bob = certified(cluster, tmp_path, issue_client(third.authority(), "bob", [], clock.now()))
        with ann, bob:
            assert (who(ann) or {})["username"] == "ann"
            assert who(bob) is None
            assert who(cluster.admin().client) is None, "only the file counts"
            file.write_bytes(b"nothing")
            clock.advance(1.1)
            assert who(ann), "a file that is no good changes nothing"
            file.write_bytes(third.ca.certificate)
            eventually(lambda: who(bob) is not None, clock)
            assert who(ann) is None, "on the same connection"


def test_the_serving_certificate_follows_its_files(tmp_path: Path, other_pki: pki.PKI) -> None:
    import ssl

    clock = VirtualClock()
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"

    def serve(keys: pki.PKI) -> None:
        certificate.write_bytes(keys.apiserver.certificate)
        key.write_bytes(keys.apiserver.key or b"")

    def shown() -> str:
        host, port = cluster.url.removeprefix("https://").split(":")
        return ssl.get_server_certificate((host, int(port)))

    serve(other_pki)
    with Cluster(clock=clock, tls_cert_file=certificate, tls_private_key_file=key) as cluster:
        assert shown() == other_pki.apiserver.certificate.decode()
        new = pki.create(pki.ServingNames(), time.time())
        certificate.write_bytes(new.apiserver.certificate)
        clock.advance(1.1)
        assert shown() == other_pki.apiserver.certificate.decode(), "the key does not fit yet"
        serve(new)
        eventually(lambda: shown() == new.apiserver.certificate.decode(), clock)


# ServiceAccount tokens


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def test_signing_keys_are_rotated_without_a_restart(tmp_path: Path) -> None:
    """In upstream's order: publish the new key, sign with it, withdraw the old one. No valid token fails."""
    first, second = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    signing, verifying = tmp_path / "sign.key", tmp_path / "verify.pub"
    signing.write_bytes(private_pem(first))
    verifying.write_bytes(public_pem(first))
    clock = VirtualClock()
    options = {"service_account_signing_key_file": signing, "service_account_key_file": (verifying,)}
    with Cluster(clock=clock, **options) as cluster:
        admin = cluster.admin().client

        def keys() -> set[str]:
            return {k["kid"] for k in admin.get("/openid/v1/jwks").json()["keys"]}

        def new_token() -> str:
            return cluster.service_account("default/robot").token

        old = new_token()
        verifying.write_bytes(public_pem(second) + public_pem(first))
        eventually(lambda: len(keys()) == 3, clock)  # these two, and that of sa.pub
        assert kid(new_token()) == kid(old)
        signing.write_bytes(private_pem(second))
        eventually(lambda: kid(new_token()) != kid(old), clock)
        new = new_token()
        assert who(cluster.with_token(old).client)
        assert who(cluster.with_token(new).client)
        verifying.write_bytes(b"broken")
        clock.advance(1.1)
        assert who(cluster.with_token(old).client)
        verifying.write_bytes(public_pem(second))
        eventually(lambda: who(cluster.with_token(old).client) is None, clock)
        assert who(cluster.with_token(new).client)


def test_bounds_of_requested_tokens() -> None:
    options: dict[str, Any] = {
        "service_account_max_token_expiration": 7200.0,
        "service_account_extend_token_expiration": False,
    }
    with Cluster(**options) as cluster:
        admin = cluster.admin().client
        path = "/api/v1/namespaces/default/serviceaccounts/default/token"
        while admin.get(path.removesuffix("/token")).status_code == 404:
            time.sleep(0.01)
        answer = admin.post(path, json={"spec": {"expirationSeconds": 86400}})
        assert answer.headers["warning"] == (
            '299 - "requested expiration of 86400 seconds shortened to 7200 seconds"'
        )
        assert answer.json()["spec"]["expirationSeconds"] == 7200


def test_the_key_set_may_be_elsewhere() -> None:
    with Cluster(service_account_jwks_uri="https://keys.example/jwks") as cluster:
        document = cluster.admin().client.get("/.well-known/openid-configuration").json()
        assert document["jwks_uri"] == "https://keys.example/jwks"


@pytest.mark.parametrize("lookup", [True, False])
def test_tokens_of_secrets_that_are_gone(lookup: bool) -> None:
    with Cluster(service_account_lookup=lookup) as cluster:
        admin = cluster.admin().client
        secrets: list[dict[str, Any]] = []
        while not secrets:
            secrets = [
                s
                for s in admin.get("/api/v1/namespaces/default/secrets").json()["items"]
                if s["type"] == "kubernetes.io/service-account-token" and s.get("data")
            ]
        name, token = secrets[0]["metadata"]["name"], base64.b64decode(secrets[0]["data"]["token"]).decode()
        holder = cluster.with_token(token).client
        assert who(holder)
        if lookup:
            labels = admin.get(f"/api/v1/namespaces/default/secrets/{name}").json()["metadata"]["labels"]
            assert labels["kubernetes.io/legacy-token-last-used"] == time.strftime("%Y-%m-%d", time.gmtime())
        admin.delete(f"/api/v1/namespaces/default/secrets/{name}").raise_for_status()
        cluster.inner.checkpoint.authentication.token_cache.forget()  # type: ignore[union-attr]
        assert (who(holder) is None) is lookup


# Anonymous requests, and starts that fail


def test_who_is_anonymous(caplog: pytest.LogCaptureFixture) -> None:
    with Cluster(anonymous_auth=False) as cluster:
        assert cluster.anonymous().client.get("/healthz").status_code == 401
    with Cluster(authorization_mode=("AlwaysAllow",)) as cluster:
        assert cluster.anonymous().client.get("/healthz").status_code == 401
        assert cluster.user("eve").client.get("/api/v1/secrets").status_code == 200
    assert "AnonymousAuth is not allowed with the AlwaysAllow authorizer" in caplog.text
    assert caplog.records[0].levelno == logging.WARNING


def anonymous_file(folder: Path) -> Path:
    file = folder / "authentication.yaml"
    file.write_text(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\nanonymous: {enabled: true}"
    )
    return file


def test_starts_that_fail(tmp_path: Path) -> None:
    made = pki.create(pki.ServingNames(), time.time())
    ca, tokens = tmp_path / "ca.crt", tmp_path / "tokens.csv"
    ca.write_bytes(made.ca.certificate)
    tokens.write_text("a,b\n")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"oidc_client_id": "x"}, "oidc-issuer-url and oidc-client-id must be specified together"),
        (
            {"oidc_issuer_url": "https://x", "oidc_client_id": "y", "authentication_config": ca},
            "authentication-config file and oidc-* flags are mutually exclusive",
        ),
        ({"oidc_issuer_url": "http://x", "oidc_client_id": "y"}, "URL scheme must be https"),
        ({"authentication_config": ca}, "failed to load authentication configuration from file"),
        (
            {"authentication_config": anonymous_file(tmp_path), "anonymous_auth": True},
            "anonymous: Forbidden: --anonymous-auth flag cannot be set when anonymous field is configured",
        ),
        (
            {"client_ca_file": ca, "requestheader_client_ca_file": ca},
            "contain overlapping certificates; --requestheader-allowed-names must be specified",
        ),
        ({"client_ca_file": tokens}, "unable to load client CA provider: "),
        ({"token_auth_file": tokens}, "must have at least 3 columns"),
        ({"service_account_issuer": ("a", "a")}, 'service-account-issuer "a" is already specified'),
        ({"service_account_issuer": ()}, "service-account-issuer is a required flag"),
        ({"service_account_jwks_uri": "http://x"}, "service-account-jwks-uri requires https scheme"),
        ({"service_account_signing_key_file": ca}, "failed to parse service-account-issuer-key-file"),
        ({"service_account_key_file": (tokens,)}, "error reading public key file"),
        ({"service_account_max_token_expiration": 60.0}, "must be between 1 hour and 2^32 seconds"),
        ({"authentication_token_webhook_config_file": tmp_path / "none"}, "no such file or directory"),
        ({"requestheader_username_headers": (" ",)}, 'empty value in "requestheader-username-headers"'),
        ({"tls_cert_file": ca}, "must be specified together"),
        ({"tls_cert_file": ca, "tls_private_key_file": tokens}, "cannot be used"),
    ]
    for options, text in cases:
        with pytest.raises(ConfigError) as caught:
            Cluster(**options).start()
        assert text in str(caught.value), options
