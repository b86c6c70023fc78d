"""Scheduler and node together over the real registry, with NodeRestriction watching the node's writes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import orjson

from sekisho.admission.chain import Chain
from sekisho.admission.noderestriction import NodeRestriction
from sekisho.api.clock import SystemClock
from sekisho.api.encoding import encode
from sekisho.api.random import RandomSource
from sekisho.api.types import MASTERS, Object, UserInfo
from sekisho.authz.always import AlwaysAllowAuthorizer
from sekisho.node.agent import NodeAgent
from sekisho.node.podworker import Pace
from sekisho.node.simulated import SimulatedNodeSettings
from sekisho.registry.client import Client
from sekisho.registry.kinds.registration import Settings
from sekisho.registry.registry import Registry
from sekisho.store.cache import WatchCache
from sekisho.store.memory import MemoryStore

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"containers": [{"name": "c", "image": "nginx"}]},
}


@contextlib.asynccontextmanager
async def cluster() -> AsyncIterator[tuple[Client, NodeAgent]]:
    clock = SystemClock()
    store = MemoryStore(clock)
    await store.start()
    cache = WatchCache(store, orjson.loads, encode, clock)
    registry = Registry(store, cache, clock, RandomSource(1), Settings())
    registry.admission = Chain(registry, [NodeRestriction()])
    await cache.start()
    client = Client(registry, AlwaysAllowAuthorizer(), UserInfo("admin", groups=(MASTERS,)))
    for name in ("default", "kube-node-lease"):
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await client.create("namespaces", namespace)
    agent = NodeAgent(client, clock, SimulatedNodeSettings(pace=Pace(0, 0)))
    await agent.start()
    try:
        yield client, agent
    finally:
        await agent.stop()
        await cache.close()
        await store.close()


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 30))


async def until(client: Client, condition: Callable[[Object | None], bool]) -> Object | None:
    """Wait for the pod to be as wanted; None is a pod that is not there."""
    async for event in client.watch("pods", "default"):
        if event.type == "BOOKMARK":
            continue
        held = None if event.type == "DELETED" else event.object
        if condition(held):
            return held
    return None


def phase(held: Object | None) -> str:
    return "gone" if held is None else str(held["status"]["phase"])


def test_a_pod_lives_and_ends() -> None:
    async def main() -> None:
        async with cluster() as (client, _):
            await client.create("pods", POD, "default")
            held = await until(client, lambda p: phase(p) == "Running")
            assert held is not None
            assert held["spec"]["nodeName"] == "sekisho-node"
            assert [c["type"] for c in held["status"]["conditions"]] == [
                "PodReadyToStartContainers",
                "Initialized",
                "Ready",
                "ContainersReady",
                "PodScheduled",
            ]
            assert held["status"]["qosClass"] == "BestEffort"
            deleted = await client.delete("pods", "web", "default")
            assert deleted["metadata"]["deletionGracePeriodSeconds"] == 30
            await until(client, lambda p: phase(p) == "gone")
            told = [
                (e["reason"], e.get("source", {}).get("component"))
                for e in await client.list("events", "default")
            ]
            for reason in ("Pulling", "Pulled", "Created", "Started", "Killing"):
                assert (reason, "kubelet") in told
            assert "Scheduled" in [reason for reason, _ in told]
            lease = await client.get("leases.coordination.k8s.io", "sekisho-node", "kube-node-lease")
            assert lease["spec"]["holderIdentity"] == "sekisho-node"

    run(main())


def test_a_pod_that_fits_nowhere_says_why() -> None:
    async def main() -> None:
        async with cluster() as (client, _):
            picky = {**POD, "spec": {**POD["spec"], "nodeSelector": {"disk": "ssd"}}}
            await client.create("pods", picky, "default")

            def unschedulable(held: Object | None) -> bool:
                conditions = ((held or {}).get("status") or {}).get("conditions") or ()
                return any("node affinity/selector" in c.get("message", "") for c in conditions)

            held = await until(client, unschedulable)
            assert held is not None
            assert held["status"]["conditions"][0]["message"] == (
                "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. "
                "no new claims to deallocate, preemption: 0/1 nodes are available: "
                "1 Preemption is not helpful for scheduling."
            )
            node = {"metadata": {"labels": {"disk": "ssd"}}}
            await client.patch("nodes", "sekisho-node", node)
            await until(client, lambda p: phase(p) == "Running")

    run(main())


def test_the_agent_stops_and_starts_again() -> None:
    async def main() -> None:
        async with cluster() as (client, agent):
            await client.create("pods", POD, "default")
            before = await until(client, lambda p: phase(p) == "Running")
            await agent.stop()
            await agent.start()
            other = {**POD, "metadata": {"name": "other", "namespace": "default"}}
            await client.create("pods", other, "default")
            await until(
                client, lambda p: p is not None and p["metadata"]["name"] == "other" and phase(p) == "Running"
            )
            after = await client.get("pods", "web", "default")
            assert before is not None
            assert after["status"] == before["status"]

    run(main())
