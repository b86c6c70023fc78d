"""Lists in pages and at old versions, and watches that miss nothing and repeat nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import httpx
import pytest


@pytest.fixture
def secrets(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/secrets"


def make(api: httpx.Client, secrets: str, *names: str, **labels: str) -> list[int]:
    """Create secrets; their versions."""
    versions = []
    for name in names:
        made = api.post(secrets, json={"metadata": {"name": name, "labels": labels}}).raise_for_status()
        versions.append(int(made.json()["metadata"]["resourceVersion"]))
    return versions


def names(answer: httpx.Response) -> list[str]:
    return [item["metadata"]["name"] for item in answer.json()["items"]]


def events(api: httpx.Client, path: str, count: int) -> list[dict[str, object]]:
    out: list[dict[str, object]] = []
    with api.stream("GET", path, timeout=10) as response:
        lines: Iterator[str] = response.iter_lines()
        while len(out) < count:
            out.append(json.loads(next(lines)))
    return out


def test_pages_hold_on_to_their_version(api: httpx.Client, secrets: str) -> None:
    make(api, secrets, "a", "b", "c", "d")
    first = api.get(f"{secrets}?limit=2")
    assert names(first) == ["a", "b"]
    metadata = first.json()["metadata"]
    assert metadata["remainingItemCount"] == 2
    make(api, secrets, "bb")
    api.delete(f"{secrets}/d")
    second = api.get(f"{secrets}?continue={metadata['continue']}")
    assert names(second) == ["c", "d"]
    assert second.json()["metadata"]["resourceVersion"] == metadata["resourceVersion"]
    assert names(api.get(secrets)) == ["a", "b", "bb", "c"]


def test_an_exact_list_shows_the_past(api: httpx.Client, secrets: str) -> None:
    versions = make(api, secrets, "a", "b")
    api.delete(f"{secrets}/a")
    path = f"{secrets}?resourceVersion={versions[1]}&resourceVersionMatch=Exact"
    assert names(api.get(path)) == ["a", "b"]


def test_selectors_narrow(api: httpx.Client, secrets: str) -> None:
    make(api, secrets, "x", tier="front")
    make(api, secrets, "y", tier="back")
    assert names(api.get(f"{secrets}?labelSelector=tier%3Dfront")) == ["x"]
    assert names(api.get(f"{secrets}?fieldSelector=metadata.name%21%3Dx")) == ["y"]
    assert names(api.get(f"{secrets}?fieldSelector=type%3DOpaque&labelSelector=tier+in+(back)")) == ["y"]
    assert api.get(f"{secrets}?fieldSelector=spec.x%3D1").status_code == 400


def test_a_watch_tells_every_change_once_and_in_order(api: httpx.Client, secrets: str) -> None:
    start = api.get(secrets).json()["metadata"]["resourceVersion"]
    make(api, secrets, "a", "b")
    api.delete(f"{secrets}/a")
    seen = events(api, f"{secrets}?watch=1&resourceVersion={start}", 3)
    assert [(e["type"], e["object"]["metadata"]["name"]) for e in seen] == [  # type: ignore[index]
        ("ADDED", "a"),
        ("ADDED", "b"),
        ("DELETED", "a"),
    ]
    versions = [int(e["object"]["metadata"]["resourceVersion"]) for e in seen]  # type: ignore[index]
    assert versions == sorted(set(versions))


def test_a_watch_goes_on_while_others_write(api: httpx.Client, secrets: str) -> None:
    start = api.get(secrets).json()["metadata"]["resourceVersion"]
    writer = threading.Timer(0.05, make, (api, secrets, "late"))
    writer.start()
    seen = events(api, f"{secrets}?watch=1&resourceVersion={start}", 1)
    writer.join()
    assert seen[0]["object"]["metadata"]["name"] == "late"  # type: ignore[index]


def test_selector_transitions(api: httpx.Client, secrets: str) -> None:
    start = api.get(secrets).json()["metadata"]["resourceVersion"]
    make(api, secrets, "a", on="no")
    for value in ("yes", "yes-still", "no"):
        body = {"metadata": {"labels": {"on": value.split("-")[0], "v": value}}}
        patch = {"Content-Type": "application/merge-patch+json"}
        api.patch(f"{secrets}/a", json=body, headers=patch).raise_for_status()
    path = f"{secrets}?watch=1&resourceVersion={start}&labelSelector=on%3Dyes"
    seen = events(api, path, 3)
    assert [e["type"] for e in seen] == ["ADDED", "MODIFIED", "DELETED"]
    last = seen[2]["object"]["metadata"]  # type: ignore[index]
    assert last["labels"]["v"] == "yes-still", "a selector's DELETED carries the content that still matched"


def test_initial_events_end_with_a_bookmark(api: httpx.Client, secrets: str) -> None:
    make(api, secrets, "b", "a")
    path = (
        f"{secrets}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    )
    seen = events(api, path, 3)
    assert [e["object"]["metadata"].get("name") for e in seen] == ["a", "b", None]  # type: ignore[index]
    bookmark = seen[2]["object"]["metadata"]  # type: ignore[index]
    assert bookmark["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_version_before_the_server_was_ready_is_too_old(api: httpx.Client, secrets: str) -> None:
    (event,) = events(api, f"{secrets}?watch=1&resourceVersion=1", 1)
    assert event["type"] == "ERROR"
    assert event["object"]["code"] == 410  # type: ignore[index]


def test_a_version_in_the_future_is_a_timeout(api: httpx.Client, secrets: str) -> None:
    answer = api.get(f"{secrets}?resourceVersion=9000000000")
    assert answer.status_code == 504
    assert answer.headers["retry-after"] == "1"
