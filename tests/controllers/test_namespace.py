"""A namespace that is deleted is emptied, and tells what holds it."""

from __future__ import annotations

import httpx

from .conftest import eventually


def test_it_goes_with_all_it_holds(api: httpx.Client, namespace: str) -> None:
    base = f"/api/v1/namespaces/{namespace}"
    api.post(f"{base}/configmaps", json={"metadata": {"name": "a"}}).raise_for_status()
    answer = api.delete(base).json()
    assert answer["status"]["phase"] == "Terminating"
    eventually(lambda: api.get(base).status_code == 404)
    assert api.get(f"{base}/configmaps").json()["items"] == []


def test_nothing_new_comes_into_it(api: httpx.Client, namespace: str) -> None:
    base = f"/api/v1/namespaces/{namespace}"
    hold = {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}
    api.post(f"{base}/configmaps", json=hold).raise_for_status()
    api.delete(base)
    refused = api.post(f"{base}/secrets", json={"metadata": {"name": "late"}})
    assert refused.status_code == 403
    assert refused.json()["details"]["causes"][0]["reason"] == "NamespaceTerminating"

    def told() -> dict[str, str] | None:
        conditions = api.get(base).json()["status"].get("conditions", [])
        return {c["type"]: c["message"] for c in conditions if c["status"] == "True"}

    messages = eventually(told)
    assert messages == {
        "NamespaceContentRemaining": "Some resources are remaining: configmaps. has 1 resource instances",
        "NamespaceFinalizersRemaining": (
            "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
        ),
    }
    patch = {"Content-Type": "application/merge-patch+json"}
    api.patch(f"{base}/configmaps/held", json={"metadata": {"finalizers": None}}, headers=patch)
    eventually(lambda: api.get(base).status_code == 404)


def test_pods_go_before_what_protects_them(api: httpx.Client, namespace: str) -> None:
    base = f"/api/v1/namespaces/{namespace}"
    eventually(lambda: api.get(f"{base}/serviceaccounts/default").status_code == 200)
    pod = {
        "metadata": {"name": "p", "finalizers": ["example.com/hold"]},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    api.post(f"{base}/pods", json=pod).raise_for_status()
    api.post(f"{base}/configmaps", json={"metadata": {"name": "a"}}).raise_for_status()
    api.delete(base)
    eventually(lambda: "deletionTimestamp" in api.get(f"{base}/pods/p").json()["metadata"])
    assert api.get(f"{base}/configmaps/a").status_code == 200
    patch = {"Content-Type": "application/merge-patch+json"}
    api.patch(f"{base}/pods/p", json={"metadata": {"finalizers": None}}, headers=patch)
    eventually(lambda: api.get(base).status_code == 404)
