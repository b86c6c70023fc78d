"""Updates: optimistic concurrency, no-ops, immutable metadata, finalizers, creation on update."""

from __future__ import annotations

import concurrent.futures

import httpx
import pytest


@pytest.fixture
def path(api: httpx.Client, namespace: str) -> str:
    """A config map to change."""
    maps = f"/api/v1/namespaces/{namespace}/configmaps"
    api.post(maps, json={"metadata": {"name": "a"}, "data": {"n": "0"}}).raise_for_status()
    return f"{maps}/a"


def merge(api: httpx.Client, path: str, patch: object) -> httpx.Response:
    return api.patch(path, json=patch, headers={"Content-Type": "application/merge-patch+json"})


def test_a_stale_version_is_a_conflict(api: httpx.Client, path: str) -> None:
    stale = api.get(path).json()
    assert merge(api, path, {"data": {"n": "1"}}).status_code == 200
    answer = api.put(path, json={**stale, "data": {"n": "2"}})
    assert (answer.status_code, answer.json()["reason"]) == (409, "Conflict")
    assert api.get(path).json()["data"] == {"n": "1"}


def test_a_put_without_a_version_takes_the_latest(api: httpx.Client, path: str) -> None:
    answer = api.put(path, json={"metadata": {"name": "a"}, "data": {"n": "9"}})
    assert answer.json()["data"] == {"n": "9"}


def test_a_write_that_changes_nothing_is_no_new_version(api: httpx.Client, path: str) -> None:
    before = api.get(path).json()
    assert merge(api, path, {"data": {"n": "0"}}).json() == before
    assert api.put(path, json=before).json() == before


def test_another_uid_is_a_conflict(api: httpx.Client, path: str) -> None:
    answer = api.put(path, json={"metadata": {"name": "a", "uid": "other"}})
    assert answer.status_code == 409
    assert "Precondition failed: UID in precondition: other" in answer.json()["message"]


def test_the_last_finalizer_lets_the_object_go(api: httpx.Client, path: str) -> None:
    merge(api, path, {"metadata": {"finalizers": ["example.com/hold"]}})
    pending = api.delete(path)
    assert pending.json()["kind"] == "ConfigMap"
    assert pending.json()["metadata"]["deletionTimestamp"]
    refused = merge(api, path, {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}})
    assert refused.status_code == 422
    assert merge(api, path, {"metadata": {"finalizers": []}}).status_code == 200
    assert api.get(path).status_code == 404


def test_races_lose_no_write(api: httpx.Client, path: str) -> None:
    def add(key: int) -> int:
        return merge(api, path, {"data": {f"k{key}": "x"}}).status_code

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(add, range(40))) == {200}
    assert len(api.get(path).json()["data"]) == 41


def test_some_kinds_are_created_by_an_update(api: httpx.Client, namespace: str) -> None:
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles/new"
    answer = api.put(path, json={"metadata": {"name": "new"}, "rules": []})
    assert answer.status_code == 201
    other = f"/api/v1/namespaces/{namespace}/configmaps/new"
    assert api.put(other, json={"metadata": {"name": "new"}}).status_code == 404
