"""What a new namespace is given, and that it is given again."""

from __future__ import annotations

import base64

import httpx
import jwt

from sekisho.testing import Cluster

from .conftest import eventually


def found(api: httpx.Client, path: str) -> dict[str, object] | None:
    answer = api.get(path)
    return answer.json() if answer.status_code == 200 else None


def token_secret(api: httpx.Client, namespace: str) -> dict[str, object] | None:
    items = api.get(f"/api/v1/namespaces/{namespace}/secrets").json()["items"]
    return items[0] if items else None


def test_the_default_account_comes_again(api: httpx.Client, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
    first = eventually(lambda: found(api, path))
    api.delete(path).raise_for_status()

    def other() -> dict[str, object] | None:
        again = found(api, path)
        return again if again and again["metadata"]["uid"] != first["metadata"]["uid"] else None  # type: ignore[index]

    eventually(other)


def test_the_account_has_a_token_that_works(api: httpx.Client, namespace: str, cluster: Cluster) -> None:
    secret = eventually(lambda: token_secret(api, namespace))
    assert secret["type"] == "kubernetes.io/service-account-token"
    data = {k: base64.b64decode(v) for k, v in secret["data"].items()}  # type: ignore[attr-defined]
    assert set(data) == {"ca.crt", "namespace", "token"}
    assert data["namespace"].decode() == namespace
    claims = jwt.decode(data["token"], options={"verify_signature": False})
    assert claims["sub"] == f"system:serviceaccount:{namespace}:default"
    identity = cluster.with_token(data["token"].decode())
    review = identity.client.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json={})
    assert review.json()["status"]["userInfo"]["username"] == claims["sub"]


def test_a_deleted_token_secret_stops_working(api: httpx.Client, namespace: str, cluster: Cluster) -> None:
    secret = eventually(lambda: token_secret(api, namespace))
    token = base64.b64decode(secret["data"]["token"]).decode()  # type: ignore[index]
    name = secret["metadata"]["name"]  # type: ignore[index]
    api.delete(f"/api/v1/namespaces/{namespace}/secrets/{name}").raise_for_status()
    assert cluster.with_token(token).client.get("/api").status_code == 401
    eventually(lambda: (s := token_secret(api, namespace)) and s["metadata"]["name"] != name)  # type: ignore[index]


def test_an_accounts_secrets_go_with_it(api: httpx.Client, namespace: str) -> None:
    base = f"/api/v1/namespaces/{namespace}"
    api.post(f"{base}/serviceaccounts", json={"metadata": {"name": "robot"}}).raise_for_status()

    def robots() -> list[str]:
        items = api.get(f"{base}/secrets").json()["items"]
        return [i["metadata"]["name"] for i in items if i["metadata"]["name"].startswith("robot-token-")]

    eventually(robots)
    api.delete(f"{base}/serviceaccounts/robot").raise_for_status()
    eventually(lambda: not robots())


def test_a_hand_made_token_secret_is_filled(api: httpx.Client, namespace: str) -> None:
    base = f"/api/v1/namespaces/{namespace}"
    eventually(lambda: found(api, f"{base}/serviceaccounts/default"))
    secret = {
        "metadata": {"name": "mine", "annotations": {"kubernetes.io/service-account.name": "default"}},
        "type": "kubernetes.io/service-account-token",
    }
    api.post(f"{base}/secrets", json=secret).raise_for_status()

    def filled() -> bool:
        return set(api.get(f"{base}/secrets/mine").json().get("data", {})) == {"ca.crt", "namespace", "token"}

    eventually(filled)


def test_the_root_certificate_is_published_and_kept(
    api: httpx.Client, namespace: str, cluster: Cluster
) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps/kube-root-ca.crt"
    published = eventually(lambda: found(api, path))
    ca = cluster.inner.pki.ca.certificate.decode()
    assert published["data"] == {"ca.crt": ca}
    api.put(path, json={**published, "data": {"ca.crt": "forged"}}).raise_for_status()
    eventually(lambda: (m := found(api, path)) and m["data"] == {"ca.crt": ca})
