"""Legacy token Secrets: since when their use is tracked, their last use, and the clean-up of the unused."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import httpx
import pytest

from sekisho.testing import Cluster, VirtualClock

from .conftest import eventually

TRACKING = "/api/v1/namespaces/kube-system/configmaps/kube-apiserver-legacy-service-account-token-tracking"
LAST_USED = "kubernetes.io/legacy-token-last-used"
INVALID_SINCE = "kubernetes.io/legacy-token-invalid-since"
NOW = 1_780_000_000.0  # 2026-05-28T20:26:40Z
DAY = 86400.0
MERGE = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW)


def wait_for(clock: VirtualClock, look: Callable[[], bool], step: float = DAY) -> None:
    """Time goes by until something has happened."""

    def later() -> bool:
        clock.advance(step)
        return look()

    eventually(later)


def since(api: httpx.Client) -> str:
    answer = api.get(TRACKING)
    return str(answer.json()["data"].get("since", "")) if answer.status_code == 200 else ""


def test_tracking_is_dated(clock: VirtualClock) -> None:
    with Cluster(clock=clock) as cluster:
        api = cluster.user("admin", ["system:masters"], lifetime=400 * DAY).client
        eventually(lambda: since(api) == "2026-05-28")
        api.patch(TRACKING, json={"data": {"since": "soon"}}, headers=MERGE).raise_for_status()
        eventually(lambda: since(api) == "2026-05-28")
        api.patch(TRACKING, json={"data": {"since": "2025-01-01"}}, headers=MERGE).raise_for_status()
        api.delete(TRACKING).raise_for_status()
        assert since(api) == ""
        clock.advance(20 * 60)
        assert since(api) == ""
        wait_for(clock, lambda: since(api) == "2026-05-28", step=60)


def test_use_is_noted(clock: VirtualClock) -> None:
    with Cluster(clock=clock) as cluster:
        api = cluster.user("admin", ["system:masters"], lifetime=400 * DAY).client
        path = "/api/v1/namespaces/default/secrets"
        body = {
            "metadata": {
                "name": "mine",
                "annotations": {"kubernetes.io/service-account.name": "default"},
            },
            "type": "kubernetes.io/service-account-token",
        }
        eventually(lambda: api.get("/api/v1/namespaces/default/serviceaccounts/default").status_code == 200)
        api.post(path, json=body).raise_for_status()
        data = eventually(lambda: api.get(f"{path}/mine").json().get("data", {}).get("token"))
        user = cluster.with_token(base64.b64decode(data).decode())
        assert user.client.get("/api").status_code == 200
        labels = api.get(f"{path}/mine").json()["metadata"]["labels"]
        assert labels[LAST_USED] == "2026-05-28"


def prepared(api: httpx.Client) -> str:
    """A token Secret that looks as if it had been made automatically; its path."""
    accounts = "/api/v1/namespaces/default/serviceaccounts/default"
    eventually(lambda: api.get(accounts).status_code == 200)
    path = "/api/v1/namespaces/default/secrets"
    for name in ("auto", "manual", "mounted", "odd"):
        body = {
            "metadata": {"name": name, "annotations": {"kubernetes.io/service-account.name": "default"}},
            "type": "kubernetes.io/service-account-token",
        }
        api.post(path, json=body).raise_for_status()
        eventually(lambda name=name: api.get(f"{path}/{name}").json().get("data", {}).get("token"))
    api.patch(
        accounts, json={"secrets": [{"name": "auto"}, {"name": "mounted"}, {"name": "odd"}]}, headers=MERGE
    ).raise_for_status()
    pod = {
        "metadata": {"name": "p"},
        "spec": {
            "containers": [{"name": "c", "image": "i"}],
            "volumes": [{"name": "v", "secret": {"secretName": "mounted"}}],
        },
    }
    api.post("/api/v1/namespaces/default/pods", json=pod).raise_for_status()
    return f"{path}/auto"


def labels_of(api: httpx.Client, path: str) -> dict[str, str]:
    return dict(api.get(path).json()["metadata"].get("labels", {}))


@pytest.fixture
def cleaned(clock: VirtualClock) -> Iterator[Cluster]:
    period = 10 * DAY
    with Cluster(
        clock=clock, token_secrets="manual", legacy_service_account_token_clean_up_period=period
    ) as cluster:
        yield cluster


@pytest.fixture
def api(cleaned: Cluster) -> httpx.Client:
    return cleaned.user("admin", ["system:masters"], lifetime=40_000 * DAY).client


def test_the_unused_are_marked_and_go(cleaned: Cluster, api: httpx.Client, clock: VirtualClock) -> None:
    path = prepared(api)
    eventually(lambda: since(api) == "2026-05-28")
    clock.advance(10 * DAY)
    assert INVALID_SINCE not in labels_of(api, path)
    wait_for(clock, lambda: INVALID_SINCE in labels_of(api, path))
    assert labels_of(api, path)[INVALID_SINCE] >= "2026-06-08"
    token = base64.b64decode(api.get(path).json()["data"]["token"]).decode()
    assert cleaned.with_token(token).client.get("/api").status_code == 401
    clock.advance(9 * DAY)
    assert api.get(path).status_code == 200
    wait_for(clock, lambda: api.get(path).status_code == 404)
    for other in ("manual", "mounted"):
        assert INVALID_SINCE not in labels_of(api, path.replace("auto", other))


def test_the_used_stay(api: httpx.Client, clock: VirtualClock) -> None:
    path = prepared(api)
    odd, unused = path.replace("auto", "odd"), path.replace("auto", "mounted")
    for secret, used in ((path, "9999-01-01"), (odd, "who-knows")):
        mark = {"metadata": {"labels": {LAST_USED: used}}}
        api.patch(secret, json=mark, headers=MERGE).raise_for_status()
    pod = "/api/v1/namespaces/default/pods/p"
    api.request("DELETE", pod, json={"gracePeriodSeconds": 0}).raise_for_status()
    wait_for(clock, lambda: INVALID_SINCE in labels_of(api, unused))
    assert INVALID_SINCE not in labels_of(api, path) | labels_of(api, odd)
