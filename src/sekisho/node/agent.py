"""Runs what brings Pods to life in a cluster without machines: the scheduler and one simulated node."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from sekisho.api.clock import Clock
from sekisho.node.registration import node_user
from sekisho.node.scheduler import USER, Scheduler
from sekisho.node.simulated import SimulatedNode, SimulatedNodeSettings
from sekisho.registry.client import Client

logger = logging.getLogger("sekisho.node")

RESTART_DELAY = 1.0


class NodeAgent:
    """`client` reaches the cluster; the scheduler and the node speak through it, each as itself.

    Either one is started anew when it fails; a restarted node finds its pods as their status left them.
    """

    def __init__(self, client: Client, clock: Clock, settings: SimulatedNodeSettings | None = None) -> None:
        self._client = client
        self._clock = clock
        self._settings = settings or SimulatedNodeSettings()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin; the Node appears shortly after."""
        self._tasks = [
            asyncio.create_task(self._keep(self._scheduler)),
            asyncio.create_task(self._keep(self._node)),
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def _scheduler(self) -> Coroutine[Any, Any, None]:
        return Scheduler(self._client.as_user(USER, "kube-scheduler"), self._clock).run()

    def _node(self) -> Coroutine[Any, Any, None]:
        client = self._client.as_user(node_user(self._settings.name), "kubelet")
        return SimulatedNode(client, self._clock, self._settings).run()

    async def _keep(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                await work()
            except Exception:
                logger.exception("the scheduler or the node stopped; starting it again")
            await self._clock.sleep(RESTART_DELAY)
