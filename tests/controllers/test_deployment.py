"""Rollouts: how they go with pods that run, and the arithmetic behind them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sekisho.api.types import Object
from sekisho.controllers.deployment import conditions as deployment_conditions
from sekisho.controllers.deployment import revisions, sizes
from sekisho.controllers.hashing import fnv32, fnv32a, safe_text
from sekisho.controllers.percent import round_half_away, scaled
from sekisho.testing import Cluster, VirtualClock

from .conftest import eventually
from .workloads import Workloads, conditions, template

SELECTOR = {"matchLabels": {"app": "x"}}


def create(workloads: Workloads, replicas: int = 3, **spec: Any) -> None:
    body = {"replicas": replicas, "selector": SELECTOR, "template": template(), **spec}
    workloads.create("Deployment", "web", body)


def complete(workloads: Workloads) -> Object | None:
    found = workloads.get("Deployment", "web")
    if found is None or not deployment_conditions.is_complete(found, found.get("status") or {}):
        return None
    progressing = conditions(found["status"]).get("Progressing")
    return found if progressing == ("True", "NewReplicaSetAvailable") else None


def set_image(workloads: Workloads, image: str) -> None:
    workloads.patch("Deployment", "web", {"spec": {"template": template(image)}})


def test_a_rollout_and_its_way_back(running: Workloads) -> None:
    create(running)
    first = eventually(lambda: complete(running))
    assert conditions(first["status"]) == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }
    old = running.list("ReplicaSet")[0]
    hashed = old["metadata"]["labels"]["pod-template-hash"]
    assert old["metadata"]["name"] == f"web-{hashed}"
    assert old["spec"]["selector"]["matchLabels"] == {"app": "x", "pod-template-hash": hashed}
    assert old["metadata"]["annotations"] == {
        "deployment.kubernetes.io/desired-replicas": "3",
        "deployment.kubernetes.io/max-replicas": "4",
        "deployment.kubernetes.io/revision": "1",
    }
    set_image(running, "a:2")
    second = eventually(lambda: complete(running))
    assert second["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "2"}
    assert sorted(sizes.replicas(s) for s in running.list("ReplicaSet")) == [0, 3]
    set_image(running, "a:1")
    third = eventually(lambda: complete(running))
    assert third["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "3"}
    annotations = running.get("ReplicaSet", f"web-{hashed}")["metadata"]["annotations"]  # type: ignore[index]
    assert annotations["deployment.kubernetes.io/revision"] == "3"
    assert annotations["deployment.kubernetes.io/revision-history"] == "1"
    assert len(running.list("ReplicaSet")) == 2
    told = [message for reason, message in running.events("web") if reason == "ScalingReplicaSet"]
    assert f"Scaled up replica set web-{hashed} from 0 to 3" in told


def test_history_is_kept_to_its_limit(running: Workloads) -> None:
    create(running, replicas=1, revisionHistoryLimit=1)
    for number in range(2, 5):
        eventually(lambda: complete(running))
        set_image(running, f"a:{number}")
    eventually(lambda: complete(running))
    eventually(lambda: len(running.list("ReplicaSet")) == 2)
    numbers = sorted(revisions.revision(s) for s in running.list("ReplicaSet"))
    assert numbers == [3, 4]


def test_recreate_has_no_two_kinds_of_pods_at_once(running: Workloads) -> None:
    create(running, replicas=2, strategy={"type": "Recreate"})
    eventually(lambda: complete(running))
    set_image(running, "a:2")
    seen = set()

    def done() -> bool:
        images = {p["spec"]["containers"][0]["image"] for p in running.list("Pod")}
        seen.add(frozenset(images))
        return images == {"a:2"} and complete(running) is not None

    eventually(done)
    assert frozenset(("a:1", "a:2")) not in seen


def test_a_paused_deployment_scales_and_does_not_roll(running: Workloads) -> None:
    create(running, replicas=1)
    eventually(lambda: complete(running))
    running.patch("Deployment", "web", {"spec": {"paused": True, "template": template("a:2")}})
    eventually(
        lambda: (
            conditions(running.status("Deployment", "web")).get("Progressing")
            == ("Unknown", "DeploymentPaused")
        )
    )
    running.patch("Deployment", "web", {"spec": {"replicas": 2}})
    eventually(lambda: running.status("Deployment", "web").get("availableReplicas") == 2)
    assert {p["spec"]["containers"][0]["image"] for p in running.list("Pod")} == {"a:1"}
    running.patch("Deployment", "web", {"spec": {"paused": False}})
    eventually(lambda: complete(running))
    eventually(lambda: {p["spec"]["containers"][0]["image"] for p in running.list("Pod")} == {"a:2"})


def test_a_rollout_that_gets_nowhere_times_out() -> None:
    clock = VirtualClock()
    with Cluster(clock=clock) as cluster:
        workloads = Workloads(cluster.admin().client, "default")
        eventually(
            lambda: workloads.client.get("/api/v1/namespaces/default/serviceaccounts/default").is_success
        )
        create(workloads, replicas=1, progressDeadlineSeconds=60)
        eventually(
            lambda: (
                conditions(workloads.status("Deployment", "web")).get("Progressing")
                == ("True", "ReplicaSetUpdated")
            )
        )

        def timed_out() -> bool:
            clock.advance(10)
            found = conditions(workloads.status("Deployment", "web"))
            return found.get("Progressing") == ("False", "ProgressDeadlineExceeded")

        eventually(timed_out)


def sized(name: str, replicas: int, maximum: int | None = None, available: int = 0) -> Object:
    annotations = {} if maximum is None else {sizes.MAX: str(maximum)}
    return {
        "metadata": {"name": name, "creationTimestamp": name, "annotations": annotations},
        "spec": {"replicas": replicas},
        "status": {"replicas": replicas, "availableReplicas": available},
    }


def deployment(replicas: int, surge: int | str = "25%", unavailable: int | str = "25%") -> Object:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    return {
        "metadata": {"name": "d"},
        "spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}},
    }


def test_fenceposts_round_up_and_down() -> None:
    assert sizes.fenceposts("25%", "25%", 10) == (3, 2)
    assert sizes.fenceposts("25%", "25%", 1) == (1, 0)
    assert sizes.fenceposts(0, "10%", 5) == (0, 1)
    assert sizes.fenceposts(2, 1, 5) == (2, 1)


def test_proportional_scaling_follows_upstreams_example() -> None:
    """The example of upstream's documentation: 8 and 5 pods, scaled from 10 to 15 with a surge of 3."""
    sets = [sized("a", 8, 13), sized("b", 5, 13)]
    assert sizes.proportional(deployment(15, 3, 2), sets) == {"a": 11, "b": 7}


@given(
    st.integers(0, 50),
    st.lists(st.integers(1, 30), min_size=2, max_size=5),
    st.integers(0, 10),
)
def test_proportional_scaling_meets_the_size(wanted: int, parts: list[int], surge: int) -> None:
    whole = sum(parts)
    sets = [sized(chr(97 + i), size, whole) for i, size in enumerate(parts)]
    got = sizes.proportional(deployment(wanted, surge, 1), sets)
    assert all(size >= 0 for size in got.values())
    assert sum(got.values()) == (wanted + surge if wanted else 0)


@given(st.integers(1, 20), st.integers(0, 20), st.integers(0, 5), st.integers(0, 5))
def test_a_rollout_stays_within_its_bounds_and_ends(
    wanted: int, old: int, surge: int, unavailable: int
) -> None:
    """Play a rollout in which every pod becomes available at once."""
    d = deployment(wanted, surge, unavailable)
    new_count, old_count = 0, old
    for _ in range(200):
        new, previous = (
            sized("new", new_count, available=new_count),
            sized("old", old_count, available=old_count),
        )
        grown = sizes.new_size(d, [previous, new], new_count)
        assert grown + old_count <= max(wanted + sizes.max_surge(d), new_count + old_count)
        new_count = grown
        new = sized("new", new_count, available=new_count)
        if sizes.surplus_of_old(d, new, [previous]) > 0:
            old_count = sizes.scale_down(d, new, [previous]).get("old", old_count)
        assert new_count + old_count >= min(wanted - sizes.max_unavailable(d), old)
    assert (new_count, old_count) == (wanted, 0)


@given(st.integers(0, 1000), st.integers(0, 100))
def test_percentages(total: int, percent: int) -> None:
    down, up = (scaled(f"{percent}%", total, round_up=r) for r in (False, True))
    assert down <= total * percent / 100 <= up
    assert up - down <= 1


def test_halves_are_rounded_away_from_zero() -> None:
    assert [round_half_away(n, 2) for n in (-3, -1, 1, 3, 4)] == [-2, -1, 1, 2, 2]


def test_hashes() -> None:
    assert fnv32(b"foobar") == 0x31F0B262
    assert fnv32a(b"foobar") == 0xBF9CF968
    assert safe_text(1234567890) == "".join("bcdfghjklmnpqrstvwxz2456789"[ord(c) % 27] for c in "1234567890")


def test_a_hash_follows_from_the_template_alone() -> None:
    one = {"spec": {"a": 1, "b": 2}}
    other = {"spec": {"b": 2, "a": 1}}
    assert revisions.template_hash(one, None) == revisions.template_hash(other, None)
    assert revisions.template_hash(one, 1) != revisions.template_hash(one, None)


def test_long_histories_lose_their_oldest_entries() -> None:
    many = ",".join(str(1000 + i) for i in range(400))
    replica_set = {"metadata": {"annotations": {revisions.REVISION: "5000", revisions.HISTORY: many}}}
    annotations = revisions.annotations_of_new({"metadata": {}}, replica_set, 5001)
    assert len(annotations[revisions.HISTORY]) <= revisions.HISTORY_LENGTH
    assert annotations[revisions.HISTORY].endswith(",1399,5000")
