"""A cluster with all its controllers, and a way to wait for what they do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import httpx
import pytest

from sekisho.testing import Cluster

from .workloads import Workloads

T = TypeVar("T")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def api(cluster: Cluster) -> httpx.Client:
    return cluster.admin().client


@pytest.fixture
def namespace(cluster: Cluster, api: httpx.Client) -> str:
    name = "t" + cluster.inner.random.suffix(8)
    api.post("/api/v1/namespaces", json={"metadata": {"name": name}}).raise_for_status()
    eventually(lambda: api.get(f"/api/v1/namespaces/{name}/serviceaccounts/default").status_code == 200)
    return name


@pytest.fixture
def workloads(api: httpx.Client, namespace: str) -> Workloads:
    """Without a node: pods stay pending unless a test says otherwise."""
    return Workloads(api, namespace)


@pytest.fixture(scope="module")
def running_cluster() -> Iterator[Cluster]:
    with Cluster(node="simulated") as cluster:
        yield cluster


@pytest.fixture
def running(running_cluster: Cluster) -> Workloads:
    """With a simulated node, on which pods run."""
    name = "t" + running_cluster.inner.random.suffix(8)
    client = running_cluster.admin().client
    client.post("/api/v1/namespaces", json={"metadata": {"name": name}}).raise_for_status()
    accounts = f"/api/v1/namespaces/{name}/serviceaccounts/default"
    eventually(lambda: client.get(accounts).status_code == 200)
    return Workloads(client, name)


def eventually(look: Callable[[], T | None], seconds: float = 10.0) -> T:
    """What `look` gives once it gives something true."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)
