"""The scheduler's filters and its words."""

from __future__ import annotations

from typing import Any

import pytest

from node.fakes import pod
from sekisho.api.types import Object
from sekisho.node import fit
from sekisho.node.fit import Rejection, message, reject, surroundings
from sekisho.node.podinfo import NodeInfo, PodInfo, allocatable
from sekisho.node.score import score


def node(name: str = "n", labels: dict[str, str] | None = None, **more: Any) -> NodeInfo:
    capacity = {"cpu": "4", "memory": "8Gi", "pods": "10", **more.pop("capacity", {})}
    obj = {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": more,
        "status": {"allocatable": capacity},
    }
    return NodeInfo(obj, allocatable(obj))


def info(
    name: str = "p", labels: dict[str, str] | None = None, namespace: str = "default", **spec: Any
) -> PodInfo:
    obj = pod(name, **spec)
    obj["metadata"] |= {"uid": f"uid-{name}", "labels": labels or {}, "namespace": namespace}
    return PodInfo(obj)


def wants(**requests: str) -> list[Object]:
    return [{"name": "c", "image": "i", "resources": {"requests": requests}}]


def why(pod_: PodInfo, node_: NodeInfo, *others: NodeInfo) -> Rejection | None:
    return reject(pod_, node_, surroundings(pod_, [node_, *others], {"default": {"team": "a"}}))


def test_anything_fits_an_empty_node() -> None:
    assert why(info(), node()) is None


def test_cordoned_nodes_take_only_those_who_tolerate_it() -> None:
    cordoned = node(unschedulable=True)
    assert why(info(), cordoned) == Rejection(["node(s) were unschedulable"], True)
    assert why(info(tolerations=[{"operator": "Exists"}]), cordoned) is None


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"key": "a", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "a", "value": "b"}, True),
        ({"key": "a", "operator": "Equal", "value": "c"}, False),
        ({"key": "x", "operator": "Exists"}, False),
        ({"key": "a", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "a", "operator": "Exists", "effect": "NoSchedule"}, True),
    ],
)
def test_taints_and_tolerations(toleration: Object, tolerated: bool) -> None:
    tainted = node(taints=[{"key": "a", "value": "b", "effect": "NoSchedule"}])
    rejection = why(info(tolerations=[toleration]), tainted)
    assert rejection == (None if tolerated else Rejection(["node(s) had untolerated taint(s)"], True))


def test_a_preference_against_scheduling_does_not_refuse() -> None:
    soft = node("soft", taints=[{"key": "a", "effect": "PreferNoSchedule"}])
    assert why(info(), soft) is None
    assert score(info(), soft) < score(info(), node())


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ({"key": "disk", "operator": "In", "values": ["ssd", "nvme"]}, True),
        ({"key": "disk", "operator": "NotIn", "values": ["hdd"]}, True),
        ({"key": "absent", "operator": "NotIn", "values": ["x"]}, True),
        ({"key": "absent", "operator": "In", "values": ["x"]}, False),
        ({"key": "disk", "operator": "Exists"}, True),
        ({"key": "disk", "operator": "DoesNotExist"}, False),
        ({"key": "cores", "operator": "Gt", "values": ["7"]}, True),
        ({"key": "cores", "operator": "Lt", "values": ["8"]}, False),
        ({"key": "disk", "operator": "Gt", "values": ["7"]}, False),
        ({"key": "absent", "operator": "Lt", "values": ["7"]}, False),
        ({"key": "disk", "operator": "Near", "values": ["7"]}, False),
    ],
)
def test_required_node_affinity(expression: Object, matches: bool) -> None:
    labelled = node(labels={"disk": "ssd", "cores": "8"})
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    rejection = why(info(affinity=affinity), labelled)
    assert rejection == (None if matches else Rejection([fit.NODE_AFFINITY], True))


def test_terms_are_alternatives_and_an_empty_one_selects_nothing() -> None:
    by_name = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}
    for terms, fits in (([{}], False), ([{}, by_name], True), ([], False)):
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        assert (why(info(affinity={"nodeAffinity": required}), node()) is None) is fits


def test_node_selector() -> None:
    assert why(info(nodeSelector={"a": "b"}), node(labels={"a": "b"})) is None
    assert why(info(nodeSelector={"a": "c"}), node(labels={"a": "b"})) == Rejection([fit.NODE_AFFINITY], True)


def test_resources_that_lack_are_all_told() -> None:
    small = node(capacity={"pods": "1"})
    small.add(info("there", containers=wants(cpu="3", memory="1Gi")))
    rejection = why(info(containers=wants(cpu="1500m", memory="9Gi")), small)
    assert rejection == Rejection(["Too many pods", "Insufficient cpu", "Insufficient memory"], True)
    assert why(info(containers=wants(cpu="1500m")), small) == Rejection(
        ["Too many pods", "Insufficient cpu"], False
    )
    small.remove("uid-there")
    assert why(info(containers=wants(cpu="1500m")), small) is None
    assert why(info(containers=wants(**{"example.com/gpu": "1"})), small) == Rejection(
        ["Insufficient example.com/gpu"], True
    )


def test_requests_count_init_containers_sidecars_overhead_and_the_pods_level() -> None:
    spec = {
        "initContainers": [
            {"name": "s", "image": "i", "restartPolicy": "Always", "resources": {"requests": {"cpu": "1"}}},
            {"name": "a", "image": "i", "resources": {"requests": {"cpu": "3"}}},
        ],
        "containers": wants(cpu="1", memory="1Gi"),
        "overhead": {"cpu": "10m", "memory": "1Mi"},
    }
    assert info(**spec).requests == {"cpu": 4010, "memory": 2**30 + 2**20}
    spec["resources"] = {"requests": {"cpu": "2"}}
    assert info(**spec).requests["cpu"] == 2010


def test_host_ports() -> None:
    def with_port(name: str, **port: Any) -> PodInfo:
        ports = [{"containerPort": 80, "hostPort": 80, **port}]
        return info(name, containers=[{"name": "c", "image": "i", "ports": ports}])

    taken = node()
    taken.add(with_port("first", hostIP="10.0.0.1"))
    assert why(with_port("second"), taken) == Rejection([fit.PORTS], False)
    assert why(with_port("third", hostIP="10.0.0.2"), taken) is None
    assert why(with_port("fourth", protocol="UDP"), taken) is None


def affinity(kind: str, **term: Any) -> Object:
    term = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "db"}}, **term}
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def test_pod_affinity_and_anti_affinity() -> None:
    here, there = node("here", {"zone": "a"}), node("there", {"zone": "b"})
    here.add(info("db-0", {"app": "db"}))
    joins = info(affinity=affinity("podAffinity"))
    assert why(joins, here, there) is None
    assert why(joins, there, here) == Rejection([fit.AFFINITY], True)
    assert why(joins, node("nowhere"), here) == Rejection([fit.AFFINITY], True)
    avoids = info(affinity=affinity("podAntiAffinity"))
    assert why(avoids, here, there) == Rejection([fit.ANTI_AFFINITY], False)
    assert why(avoids, there, here) is None
    elsewhere = info(namespace="other", affinity=affinity("podAntiAffinity"))
    assert why(elsewhere, here, there) is None
    named = info(namespace="other", affinity=affinity("podAntiAffinity", namespaces=["default"]))
    assert why(named, here, there) == Rejection([fit.ANTI_AFFINITY], False)
    team = {"matchLabels": {"team": "a"}}
    selected = info(namespace="other", affinity=affinity("podAntiAffinity", namespaceSelector=team))
    assert why(selected, here, there) == Rejection([fit.ANTI_AFFINITY], False)


def test_those_who_are_there_keep_others_away() -> None:
    here = node("here", {"zone": "a"})
    here.add(info("lonely", affinity=affinity("podAntiAffinity")))
    assert why(info(labels={"app": "db"}), here) == Rejection([fit.EXISTING_ANTI_AFFINITY], False)
    assert why(info(labels={"app": "web"}), here) is None
    here.remove("uid-lonely")
    assert why(info(labels={"app": "db"}), here) is None


def test_the_first_of_a_group_goes_anywhere() -> None:
    first = info("db-0", {"app": "db"}, affinity=affinity("podAffinity"))
    assert why(first, node("here", {"zone": "a"})) is None
    assert why(info(affinity=affinity("podAffinity")), node("here", {"zone": "a"})) is not None


def test_messages() -> None:
    assert message([]) == "no nodes available to schedule pods"
    assert message(
        [
            Rejection([fit.TAINT], True),
            Rejection(["Insufficient cpu", "Insufficient memory"], False),
            Rejection(["Insufficient cpu"], False),
        ]
    ) == (
        "0/3 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint(s), 2 Insufficient cpu. "
        "no new claims to deallocate, preemption: 0/3 nodes are available: "
        "1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod."
    )
    assert message([Rejection([fit.PORTS], False)], may_preempt=False) == (
        "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. "
        "no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never."
    )


def test_the_emptier_node_and_the_preferred_one() -> None:
    empty, busy, liked = node("empty"), node("busy"), node("liked", {"a": "b"})
    busy.add(info("there", containers=wants(cpu="2")))
    assert score(info(), empty) > score(info(), busy)
    preferred = [{"weight": 5, "preference": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}]
    picky = info(affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}})
    assert max([empty, busy, liked], key=lambda n: score(picky, n)) is liked
