"""The signer of cluster-info and the cleaner of bootstrap tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sekisho.api.time import format_time
from sekisho.credentials.bootstrap_tokens import BootstrapToken, detached_signature, new_secret
from sekisho.testing import Cluster, VirtualClock

from .conftest import eventually

NOW = 1_780_000_000.0
SECRETS = "/api/v1/namespaces/kube-system/secrets"
INFO = "/api/v1/namespaces/kube-public/configmaps"
TOKEN = BootstrapToken("abcdef", "0123456789abcdef")
OTHER = BootstrapToken("ghijkl", "0123456789abcdef")


@pytest.fixture(scope="module")
def clock() -> VirtualClock:
    return VirtualClock(NOW)


@pytest.fixture(scope="module")
def api(clock: VirtualClock) -> Iterator[httpx.Client]:
    with Cluster(clock=clock, enable_bootstrap_token_auth=True) as cluster:
        yield cluster.user("admin", ["system:masters"], lifetime=86400).client


def info(api: httpx.Client) -> dict[str, Any]:
    return dict(api.get(f"{INFO}/cluster-info").json()["data"])


def test_cluster_info_is_signed(api: httpx.Client) -> None:
    api.post(SECRETS, json=new_secret(TOKEN)).raise_for_status()
    text = "apiVersion: v1\nkind: Config\n"
    body = {"metadata": {"name": "cluster-info"}, "data": {"kubeconfig": text, "jws-kubeconfig-zzzzzz": "x"}}
    api.post(INFO, json=body).raise_for_status()
    wanted = {"kubeconfig": text, "jws-kubeconfig-abcdef": detached_signature(text, TOKEN)}
    eventually(lambda: info(api) == wanted)
    api.post(SECRETS, json=new_secret(OTHER, usages=["authentication"])).raise_for_status()
    api.delete(f"{SECRETS}/bootstrap-token-abcdef").raise_for_status()
    eventually(lambda: info(api) == {"kubeconfig": text})


def test_tokens_go_when_their_time_is_over(api: httpx.Client, clock: VirtualClock) -> None:
    for number, expiration in enumerate(
        (format_time(clock.now() + 60), format_time(clock.now() + 6000), "junk")
    ):
        token = BootstrapToken(f"token{number}", "0123456789abcdef")
        api.post(SECRETS, json=new_secret(token, expiration=expiration)).raise_for_status()
    first, second, third = (f"{SECRETS}/bootstrap-token-token{number}" for number in range(3))
    eventually(lambda: api.get(third).status_code == 404)
    assert api.get(first).status_code == 200

    def gone() -> bool:
        clock.advance(1)
        return bool(api.get(first).status_code == 404)

    eventually(gone)
    assert api.get(second).status_code == 200


def test_without_bootstrap_tokens_nobody_signs() -> None:
    with Cluster() as cluster:
        api = cluster.admin().client
        accounts = api.get("/api/v1/namespaces/kube-system/serviceaccounts").json()["items"]
        assert not {"bootstrap-signer", "token-cleaner"} & {a["metadata"]["name"] for a in accounts}
