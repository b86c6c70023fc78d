"""A cluster, and two ways to be somebody in it: a user with a certificate, a ServiceAccount with a token."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sekisho.testing import Cluster, Identity

NAMESPACE = "clients"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        api = cluster.admin().client
        api.post("/api/v1/namespaces", json={"metadata": {"name": NAMESPACE}}).raise_for_status()
        binding = {
            "metadata": {"name": "edits"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
            "subjects": [
                {"kind": "User", "name": "casey"},
                {"kind": "ServiceAccount", "name": "robot", "namespace": NAMESPACE},
            ],
        }
        api.post(f"{RBAC}/namespaces/{NAMESPACE}/rolebindings", json=binding).raise_for_status()
        yield cluster


@pytest.fixture(params=["certificate", "service account"])
def identity(request: pytest.FixtureRequest, cluster: Cluster) -> Identity:
    if request.param == "certificate":
        return cluster.user("casey")
    return cluster.service_account(f"{NAMESPACE}/robot")
