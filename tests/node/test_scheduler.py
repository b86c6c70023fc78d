"""The scheduler at work, as system:kube-scheduler, judged by the default policy."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from node.fakes import Server, VirtualClock, pod, settle
from sekisho.api.status import conflict, not_found
from sekisho.api.types import GroupResource, Object
from sekisho.node.scheduler import USER, Scheduler

PODS = GroupResource("", "pods")


@contextlib.asynccontextmanager
async def running(server: Server | None = None) -> AsyncIterator[tuple[Server, VirtualClock]]:
    server = server or Server(VirtualClock())
    scheduler = Scheduler(server.client(USER), server.clock, "host")  # type: ignore[arg-type]
    task = asyncio.create_task(scheduler.run())
    await settle()
    try:
        yield server, server.clock
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 2, "this test and the wait_for around it"


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 30))


def node(name: str, cpu: str = "4", labels: dict[str, str] | None = None, **spec: Any) -> Object:
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": spec,
        "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"}},
    }


def asking(name: str, cpu: str, **spec: Any) -> Object:
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}
    return pod(name, containers=[container], **spec)


def where(server: Server, name: str) -> str:
    return str(server.pod(name)["spec"].get("nodeName", ""))


def test_pods_are_bound_and_told_so() -> None:
    async def main() -> None:
        async with running() as (server, _):
            server.put("nodes", node("n1"))
            server.put("pods", pod("web"))
            await settle()
            assert where(server, "web") == "n1"
            assert server.events("web") == [("Scheduled", "Successfully assigned default/web to n1")]
            event = next(iter(server.objects["events.events.k8s.io"].values()))
            assert event["reportingController"] == "default-scheduler"
            assert event["reportingInstance"] == "default-scheduler-host"
            assert event["action"] == "Binding"
            assert event["eventTime"] == "2026-01-01T00:00:00.000000Z"

    run(main())


def test_pods_spread_over_the_room_there_is() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            server.put("nodes", node("n1", "2"))
            server.put("nodes", node("n2", "2"))
            for i in range(5):
                server.put("pods", asking(f"p{i}", "1"))
            await settle()
            assert sorted(where(server, f"p{i}") for i in range(5)) == ["", "n1", "n1", "n2", "n2"]
            left = next(f"p{i}" for i in range(5) if not where(server, f"p{i}"))
            condition = server.pod(left)["status"]["conditions"][0]
            text = (
                "0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, "
                "preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod."
            )
            assert condition == {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": text,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
            assert server.events(left) == [("FailedScheduling", text)]
            gone = next(f"p{i}" for i in range(5) if where(server, f"p{i}") == "n1")
            server.remove("pods", gone, "default")
            await settle()
            assert where(server, left) == "", "not before its back-off is over"
            await clock.advance(1)
            assert where(server, left) == "n1"

    run(main())


def test_without_nodes_and_when_one_comes() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            server.put("pods", pod("web"))
            await settle()
            assert server.events("web") == [("FailedScheduling", "no nodes available to schedule pods")]
            await clock.advance(299)
            assert len(server.events("web")) == 1
            await clock.advance(2)
            event = next(iter(server.objects["events.events.k8s.io"].values()))
            assert event["series"]["count"] == 2, "tried again after five minutes"
            server.put("nodes", node("n1"))
            await clock.advance(10)
            assert where(server, "web") == "n1"

    run(main())


def test_heartbeats_do_not_wake_it_but_a_lifted_taint_does() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            tainted = node("n1", taints=[{"key": "k", "effect": "NoSchedule"}])
            server.put("nodes", tainted)
            server.put("pods", pod("web"))
            await settle()
            status = {**tainted["status"], "conditions": [{"type": "Ready", "lastHeartbeatTime": "now"}]}
            server.put("nodes", {**tainted, "status": status})
            await clock.advance(60)
            failed = next(iter(server.objects["events.events.k8s.io"].values()))
            assert "series" not in failed
            server.put("nodes", node("n1"))
            await clock.advance(1)
            assert where(server, "web") == "n1"

    run(main())


def test_priority_goes_first() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            server.put("pods", asking("low", "1"))
            server.put("pods", asking("high", "1", priority=10))
            await settle()
            server.put("nodes", node("n1", "1"))
            await clock.advance(2)
            assert (where(server, "high"), where(server, "low")) == ("n1", "")

    run(main())


def test_others_pods_are_none_of_its_business() -> None:
    async def main() -> None:
        async with running() as (server, _):
            server.put("nodes", node("n1"))
            server.put("pods", pod("mine", schedulerName="my-scheduler"))
            server.put("pods", pod("gated", schedulingGates=[{"name": "g"}]))
            leaving = pod("leaving")
            leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            server.put("pods", leaving)
            await settle()
            assert {where(server, n) for n in ("mine", "gated", "leaving")} == {""}
            held = server.pod("gated")
            spec = {k: v for k, v in held["spec"].items() if k != "schedulingGates"}
            server.put("pods", {**held, "spec": spec})
            await settle()
            assert where(server, "gated") == "n1"

    run(main())


def test_a_binding_that_fails_gives_the_room_back() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            server.fail["create", "pods"] = [conflict(PODS, "web", "no"), not_found(PODS, "web")]
            server.put("nodes", node("n1", "1"))
            server.put("pods", asking("web", "1"))
            await settle()
            assert where(server, "web") == ""
            await clock.advance(10)
            assert where(server, "web") == "n1"
            assert server.events("web") == [("Scheduled", "Successfully assigned default/web to n1")]

    run(main())


def test_pods_that_were_there_before_count() -> None:
    async def main() -> None:
        server = Server(VirtualClock())
        server.put("nodes", node("n1", "2"))
        server.put("pods", asking("old", "2", nodeName="n1"))
        server.put("pods", asking("homeless", "1", nodeName="n2"))
        server.put("pods", asking("new", "1"))
        async with running(server) as (_, clock):
            assert where(server, "new") == ""
            server.put("nodes", node("n2", "2"))
            await clock.advance(1)
            assert where(server, "new") == "n2"
            server.put("pods", asking("newer", "1"))
            await clock.advance(1)
            assert where(server, "newer") == ""
            server.remove("nodes", "n2")
            server.put("nodes", node("n2", "2"))
            await clock.advance(10)
            assert where(server, "newer") == "", "its pods came back with the node"

    run(main())


def test_finished_pods_take_no_room() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            server.put("nodes", node("n1", "1"))
            server.put("pods", asking("job", "1"))
            await settle()
            server.put("pods", asking("next", "1"))
            await settle()
            held = server.pod("job")
            server.put("pods", {**held, "status": {**held["status"], "phase": "Succeeded"}})
            await clock.advance(1)
            assert where(server, "next") == "n1"

    run(main())


def test_a_pod_made_anew_under_the_same_name() -> None:
    async def main() -> None:
        async with running() as (server, clock):
            server.put("nodes", node("n1", "1"))
            server.put("pods", asking("web", "1"))
            await settle()
            server.remove("pods", "web", "default")
            server.put("pods", asking("web", "1"))
            await clock.advance(1)
            assert where(server, "web") == "n1"

    run(main())
