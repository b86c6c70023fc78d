"""ReplicaSets and ReplicationControllers: numbers of pods, adoption and release, status, failures."""

from __future__ import annotations

import pytest

from sekisho.api.time import format_time
from sekisho.controllers import podranking

from .conftest import eventually
from .workloads import Workloads, conditions, template

SELECTOR = {"matchLabels": {"app": "x"}}


def replica_set(workloads: Workloads, replicas: int, **spec: object) -> None:
    body = {"replicas": replicas, "selector": SELECTOR, "template": template(), **spec}
    workloads.create("ReplicaSet", "rs", body)


def test_pods_are_made_and_taken_away(running: Workloads) -> None:
    replica_set(running, 3)
    eventually(lambda: running.status("ReplicaSet", "rs").get("availableReplicas") == 3)
    pods = running.list("Pod")
    assert {p["metadata"]["generateName"] for p in pods} == {"rs-"}
    owner = pods[0]["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("ReplicaSet", "rs", True)
    running.patch("ReplicaSet", "rs", {"spec": {"replicas": 1}})
    eventually(lambda: len(running.list("Pod")) == 1)
    expected = {"replicas": 1, "fullyLabeledReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
    expected |= {"terminatingReplicas": 0, "observedGeneration": 2}
    eventually(lambda: running.status("ReplicaSet", "rs") == expected)
    reasons = [reason for reason, _ in running.events("rs")]
    assert reasons.count("SuccessfulCreate") == 3
    eventually(lambda: [r for r, _ in running.events("rs")].count("SuccessfulDelete") == 2)


def test_orphans_are_adopted_and_strangers_released(workloads: Workloads) -> None:
    pod = template()
    made = workloads.create("Pod", "stray", pod["spec"], metadata={"labels": {"app": "x"}})
    replica_set(workloads, 1)
    adopted = eventually(
        lambda: p if (p := workloads.get("Pod", "stray")) and p["metadata"].get("ownerReferences") else None
    )
    assert adopted["metadata"]["uid"] == made["metadata"]["uid"]
    workloads.patch("Pod", "stray", {"metadata": {"labels": {"app": "y"}}})
    eventually(lambda: len(workloads.list("Pod")) == 2)
    released = workloads.get("Pod", "stray")
    assert released is not None
    assert "ownerReferences" not in released["metadata"]


def test_the_least_useful_pods_go_first(workloads: Workloads) -> None:
    replica_set(workloads, 3)
    names = [p["metadata"]["name"] for p in eventually(lambda: _so_many(workloads, 3))]
    workloads.make_ready(names[0])
    workloads.patch(
        "Pod",
        names[1],
        {"metadata": {"annotations": {"controller.kubernetes.io/pod-deletion-cost": "10"}}},
    )
    eventually(lambda: workloads.status("ReplicaSet", "rs").get("readyReplicas") == 1)
    workloads.patch("ReplicaSet", "rs", {"spec": {"replicas": 2}})
    eventually(lambda: names[2] not in workloads.names("Pod"))
    workloads.patch("ReplicaSet", "rs", {"spec": {"replicas": 1}})
    eventually(lambda: names[1] not in workloads.names("Pod"))
    assert workloads.names("Pod") == [names[0]]


def _so_many(workloads: Workloads, count: int) -> list[dict[str, dict[str, str]]] | None:
    pods = workloads.list("Pod")
    return pods if len(pods) == count else None


def test_a_failure_is_told(workloads: Workloads) -> None:
    body = {"replicas": 1, "selector": SELECTOR, "template": template(serviceAccountName="nobody")}
    workloads.create("ReplicaSet", "rs", body)
    status = eventually(lambda: s if (s := workloads.status("ReplicaSet", "rs")).get("conditions") else None)
    assert conditions(status) == {"ReplicaFailure": ("True", "FailedCreate")}
    assert status["conditions"][0]["message"].endswith('serviceaccount "nobody" not found')
    event = eventually(lambda: workloads.events("rs"))[0]
    assert event[0] == "FailedCreate"
    assert event[1].startswith("Error creating: pods ")


def test_replication_controllers_do_the_same(running: Workloads) -> None:
    running.create("ReplicationController", "rc", {"replicas": 2, "template": template()})
    expected = {"replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
    expected |= {"observedGeneration": 1}
    eventually(lambda: running.status("ReplicationController", "rc") == expected)
    running.delete("ReplicationController", "rc", propagationPolicy="Foreground")
    eventually(lambda: running.list("Pod") == [])
    eventually(lambda: running.get("ReplicationController", "rc") is None)


def pod(
    name: str, node: str = "n", phase: str = "Running", ready: float | None = None, cost: str = ""
) -> dict[str, object]:
    annotations = {"controller.kubernetes.io/pod-deletion-cost": cost} if cost else {}
    conditions = []
    if ready is not None:
        conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": format_time(ready)}]
    return {
        "metadata": {
            "name": name,
            "uid": name,
            "creationTimestamp": format_time(1000),
            "annotations": annotations,
        },
        "spec": {"nodeName": node} if node else {},
        "status": {"phase": phase, "conditions": conditions},
    }


@pytest.mark.parametrize(
    ("pods", "first"),
    [
        ([pod("a"), pod("b", node="")], "b"),
        ([pod("a"), pod("b", phase="Pending")], "b"),
        ([pod("a", ready=5), pod("b")], "b"),
        ([pod("a", ready=5), pod("b", ready=5, cost="-1")], "b"),
        ([pod("a", ready=5, node="m"), pod("b", ready=5), pod("c", ready=5)], "b"),
        ([pod("a", ready=5), pod("b", ready=990_000)], "b"),
        ([pod("b", ready=5), pod("a", ready=6)], "a"),
    ],
)
def test_order_of_deletion(pods: list[dict[str, object]], first: str) -> None:
    chosen = podranking.surplus(pods, pods, 1, 1_000_000)
    assert [p["metadata"]["name"] for p in chosen] == [first]  # type: ignore[index]
