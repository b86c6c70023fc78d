"""The lease by which a server says that it is there."""

from __future__ import annotations

import socket

from sekisho.controllers.identitylease import server_name
from sekisho.testing import Cluster, VirtualClock

from .conftest import eventually

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
NOW = 1_780_000_000.0


def test_the_name_of_a_server() -> None:
    name = server_name("host")
    assert name == server_name("host") != server_name("other")
    assert len(name) == len("apiserver-") + 26


def passes(clock: VirtualClock, seconds: float) -> bool:
    """Time goes on with each look, so that no sleeper is missed."""
    clock.advance(seconds)
    return True


def test_it_is_held_and_those_of_others_go() -> None:
    clock = VirtualClock(NOW)
    with Cluster(clock=clock) as cluster:
        api = cluster.user("admin", ["system:masters"], lifetime=86400).client
        path = f"{LEASES}/{server_name(socket.gethostname())}"
        lease = eventually(lambda: (a := api.get(path)).status_code == 200 and a.json())
        assert lease["metadata"]["labels"] == {
            "apiserver.kubernetes.io/identity": "kube-apiserver",
            "kubernetes.io/hostname": socket.gethostname(),
        }
        spec = lease["spec"]
        assert spec["holderIdentity"].startswith(f"{lease['metadata']['name']}_")
        assert spec["leaseDurationSeconds"] == 3600
        stale = {
            "metadata": {
                "name": "apiserver-gone",
                "labels": {"apiserver.kubernetes.io/identity": "kube-apiserver"},
            },
            "spec": {**spec, "holderIdentity": "gone"},
        }
        api.post(LEASES, json=stale).raise_for_status()
        eventually(
            lambda: passes(clock, 60) and api.get(path).json()["spec"]["renewTime"] > spec["renewTime"]
        )
        eventually(lambda: passes(clock, 60) and api.get(f"{LEASES}/apiserver-gone").status_code == 404)
        assert api.get(path).status_code == 200
