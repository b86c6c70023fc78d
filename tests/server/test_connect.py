"""log, exec, attach, portforward and proxy: what is checked before a node would be asked."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from sekisho.server.handlers.connect import is_proxyable
from sekisho.testing import Cluster

PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        api = cluster.admin().client
        containers = [{"name": "c", "image": "i"}]
        specs = {
            "waiting": {"containers": containers},
            "two": {"containers": [*containers, {"name": "d", "image": "i"}]},
            "placed": {"containers": containers, "nodeName": "somewhere"},
        }
        for name, spec in specs.items():
            api.post(PODS, json={"metadata": {"name": name}, "spec": spec}).raise_for_status()
        yield cluster


@pytest.fixture
def api(cluster: Cluster) -> httpx.Client:
    return cluster.admin().client


def test_logs(api: httpx.Client) -> None:
    assert api.get(f"{PODS}/waiting/log").status_code == 204
    placed = api.get(f"{PODS}/placed/log")
    assert (placed.status_code, placed.text) == (200, "")
    assert api.get(f"{PODS}/two/log").json()["message"] == (
        "a container name must be specified for pod two, choose one of: [c d]"
    )
    assert api.get(f"{PODS}/two/log?container=x").json()["message"] == "container x is not valid for pod two"
    assert api.get(f"{PODS}/gone/log").status_code == 404
    both = api.get(f"{PODS}/two/log?sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z&tailLines=-1").json()
    assert [c["field"] for c in both["details"]["causes"]] == ["tailLines", "[]"]


def test_what_needs_a_process_says_that_there_is_none(api: httpx.Client) -> None:
    assert api.post(f"{PODS}/waiting/exec?command=ls").json()["message"] == (
        "pod waiting does not have a host assigned"
    )
    for subresource in ("exec?command=ls", "attach", "portforward?ports=80"):
        answer = api.post(f"{PODS}/placed/{subresource}")
        assert answer.status_code == 400
        assert "simulated node somewhere" in answer.json()["message"]


def test_exec_by_get_needs_the_right_to_create(cluster: Cluster, api: httpx.Client) -> None:
    role = {
        "metadata": {"name": "looks"},
        "rules": [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get"]}],
    }
    rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
    api.post(f"{rbac}/roles", json=role).raise_for_status()
    binding = {
        "metadata": {"name": "looks"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "looks"},
        "subjects": [{"kind": "User", "name": "lena"}],
    }
    api.post(f"{rbac}/rolebindings", json=binding).raise_for_status()
    answer = cluster.user("lena").client.get(f"{PODS}/waiting/exec?command=ls")
    assert (answer.status_code, answer.json()["message"]) == (403, 'pods "waiting" is forbidden: ')


def test_the_proxy_leads_to_no_address_of_this_machine(api: httpx.Client) -> None:
    answer = api.get(f"{PODS}/waiting/proxy/")
    assert (answer.status_code, answer.json()["message"]) == (400, "address not allowed")
    assert not any(map(is_proxyable, ("", "127.0.0.1", "::1", "169.254.1.1", "0.0.0.0", "224.0.0.1")))
    assert is_proxyable("10.244.0.7")
