"""Creating objects: names, system fields, namespaces, conflicts, dry runs."""

from __future__ import annotations

import re

import httpx
import pytest


def config_map(**metadata: object) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": "v"}}


@pytest.fixture
def maps(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps"


def test_system_fields_are_the_servers(api: httpx.Client, maps: str) -> None:
    sent = config_map(name="a", uid="mine", creationTimestamp="2001-01-01T00:00:00Z", selfLink="/x")
    created = api.post(maps, json=sent)
    assert created.status_code == 201
    metadata = created.json()["metadata"]
    assert metadata["uid"] != "mine"
    assert metadata["creationTimestamp"] > "2020"
    assert "selfLink" not in metadata
    assert list(created.json()) == ["kind", "apiVersion", "metadata", "data"]


def test_a_generated_name_has_upstreams_alphabet(api: httpx.Client, maps: str) -> None:
    created = api.post(maps, json=config_map(generateName="gen-")).json()["metadata"]
    assert re.fullmatch("gen-[bcdfghjklmnpqrstvwxz2456789]{5}", created["name"])
    assert created["generateName"] == "gen-"


def test_a_long_generated_name_is_cut(api: httpx.Client, maps: str) -> None:
    created = api.post(maps, json=config_map(generateName="x" * 100)).json()["metadata"]
    assert len(created["name"]) == 63


def test_a_taken_name_is_a_conflict_and_changes_nothing(api: httpx.Client, maps: str) -> None:
    first = api.post(maps, json=config_map(name="twice")).json()
    again = api.post(maps, json=config_map(name="twice"))
    assert (again.status_code, again.json()["reason"]) == (409, "AlreadyExists")
    assert api.get(f"{maps}/twice").json() == first


def test_a_resource_version_in_the_body_is_refused(api: httpx.Client, maps: str) -> None:
    refused = api.post(maps, json=config_map(name="versioned", resourceVersion="7"))
    assert refused.status_code == 500
    assert refused.json()["message"] == "resourceVersion should not be set on objects to be created"
    assert api.get(f"{maps}/versioned").status_code == 404


def test_another_namespace_in_the_body_is_refused(api: httpx.Client, maps: str) -> None:
    refused = api.post(maps, json=config_map(name="a", namespace="elsewhere"))
    assert refused.status_code == 400


def test_a_missing_namespace_is_not_found(api: httpx.Client) -> None:
    answer = api.post("/api/v1/namespaces/nowhere/configmaps", json=config_map(name="a"))
    assert (answer.status_code, answer.json()["message"]) == (404, 'namespaces "nowhere" not found')


def test_a_dry_run_leaves_nothing_behind(api: httpx.Client, maps: str) -> None:
    answer = api.post(f"{maps}?dryRun=All", json=config_map(name="dry"))
    assert answer.status_code == 201
    assert "resourceVersion" not in answer.json()["metadata"]
    assert api.get(f"{maps}/dry").status_code == 404


def test_repeated_owner_references_are_merged_with_a_warning(api: httpx.Client, maps: str) -> None:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u-1"}
    answer = api.post(f"{maps}?dryRun=All", json=config_map(name="owned", ownerReferences=[owner, owner]))
    assert answer.json()["metadata"]["ownerReferences"] == [owner]
    assert "duplicate UID(s) observed: u-1" in answer.headers["warning"]
