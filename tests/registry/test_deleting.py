"""Deletes: what is answered, preconditions, finalizers by policy, graceful pods, collections."""

from __future__ import annotations

import httpx
import pytest

POD = {"spec": {"containers": [{"name": "c", "image": "i"}]}}


@pytest.fixture
def base(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}"


def delete(api: httpx.Client, path: str, body: object | None = None) -> httpx.Response:
    return api.request("DELETE", path, json=body)


def test_most_kinds_answer_with_a_status(api: httpx.Client, base: str) -> None:
    made = api.post(f"{base}/configmaps", json={"metadata": {"name": "a"}}).json()
    answer = delete(api, f"{base}/configmaps/a").json()
    assert answer["status"] == "Success"
    assert answer["details"] == {"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    assert delete(api, f"{base}/configmaps/a").status_code == 404


def test_some_kinds_answer_with_the_object(api: httpx.Client, base: str) -> None:
    api.post(f"{base}/serviceaccounts", json={"metadata": {"name": "a"}})
    assert delete(api, f"{base}/serviceaccounts/a").json()["kind"] == "ServiceAccount"


def test_preconditions(api: httpx.Client, base: str) -> None:
    api.post(f"{base}/configmaps", json={"metadata": {"name": "a"}})
    answer = delete(api, f"{base}/configmaps/a", {"preconditions": {"uid": "other"}})
    assert answer.status_code == 409
    assert api.get(f"{base}/configmaps/a").status_code == 200


def test_orphan_leaves_a_finalizer(api: httpx.Client, base: str) -> None:
    api.post(f"{base}/configmaps", json={"metadata": {"name": "a", "finalizers": ["example.com/x"]}})
    answer = delete(api, f"{base}/configmaps/a", {"propagationPolicy": "Orphan"}).json()
    assert answer["metadata"]["finalizers"] == ["example.com/x", "orphan"]


def test_a_scheduled_pod_goes_gracefully(api: httpx.Client, base: str, cluster: object) -> None:
    api.post(f"{base}/serviceaccounts", json={"metadata": {"name": "default"}})
    spec = {**POD["spec"], "nodeName": "elsewhere"}
    api.post(f"{base}/pods", json={"metadata": {"name": "p"}, "spec": spec}).raise_for_status()
    first = delete(api, f"{base}/pods/p").json()["metadata"]
    assert first["deletionGracePeriodSeconds"] == 30
    assert first["generation"] == 2
    again = delete(api, f"{base}/pods/p").json()["metadata"]
    assert again["deletionTimestamp"] == first["deletionTimestamp"]
    shorter = delete(api, f"{base}/pods/p", {"gracePeriodSeconds": 5}).json()["metadata"]
    assert shorter["deletionGracePeriodSeconds"] == 5
    assert shorter["deletionTimestamp"] < first["deletionTimestamp"]
    assert delete(api, f"{base}/pods/p", {"gracePeriodSeconds": 0}).status_code == 200
    assert api.get(f"{base}/pods/p").status_code == 404


def test_a_pod_without_a_node_goes_at_once(api: httpx.Client, base: str) -> None:
    api.post(f"{base}/serviceaccounts", json={"metadata": {"name": "default"}})
    api.post(f"{base}/pods", json={"metadata": {"name": "q"}, **POD}).raise_for_status()
    assert delete(api, f"{base}/pods/q").status_code == 200
    assert api.get(f"{base}/pods/q").status_code == 404


def test_a_collection_goes_by_selector(api: httpx.Client, base: str) -> None:
    for name, label in (("a", "x"), ("b", "y"), ("c", "x")):
        api.post(f"{base}/secrets", json={"metadata": {"name": name, "labels": {"l": label}}})
    answer = delete(api, f"{base}/secrets?labelSelector=l%3Dx").json()
    assert answer["kind"] == "SecretList"
    assert [i["metadata"]["name"] for i in answer["items"]] == ["a", "c"]
    assert [i["metadata"]["name"] for i in api.get(f"{base}/secrets").json()["items"]] == ["b"]


def test_default_namespaces_stay(api: httpx.Client) -> None:
    answer = delete(api, "/api/v1/namespaces/kube-system")
    assert (answer.status_code, answer.json()["reason"]) == (403, "Forbidden")
