"""A real registry over a store in memory, with RBAC in front of it and everything behind it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from sekisho.testing import Cluster


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    with Cluster(token_secrets="manual") as cluster:
        yield cluster


@pytest.fixture
def api(cluster: Cluster) -> httpx.Client:
    """The administrator's client."""
    return cluster.admin().client


@pytest.fixture
def namespace(cluster: Cluster, api: httpx.Client) -> Iterator[str]:
    name = "t" + cluster.inner.random.suffix(8)
    api.post("/api/v1/namespaces", json={"metadata": {"name": name}}).raise_for_status()
    yield name
    api.delete(f"/api/v1/namespaces/{name}")
