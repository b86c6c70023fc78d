"""A node on which pods run in every respect that the API can show, and no process is started.

It is a client with a node's identity, `system:node:<name>`, and stays within what a node may do. Its Node
carries a label and an annotation that say what it is.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from sekisho import __version__
from sekisho.api.clock import Clock
from sekisho.api.types import Object
from sekisho.node.addresses import AddressPool
from sekisho.node.events import NORMAL, EventRecorder, reference
from sekisho.node.podworker import NodeContext, Pace, PodWorker
from sekisho.node.registration import NodeDescription, NodeRegistration
from sekisho.registry.client import Client
from sekisho.registry.informer import Informer

LABEL = "sekisho/node"
SIMULATED = "simulated"
ANNOTATION = "sekisho/simulated"
NOTICE = "No process runs on this node: its pods live in the API only."


@dataclass(frozen=True, slots=True)
class SimulatedNodeSettings:
    name: str = "sekisho-node"
    ip: str = "127.0.0.1"
    pod_cidr: str = "10.244.0.0/16"
    cpu: str = "8"
    memory: str = "32Gi"
    storage: str = "100Gi"
    pods: str = "1000"
    kubelet_version: str = "v1.36.2"
    pace: Pace = field(default_factory=Pace)

    def describe(self) -> NodeDescription:
        return NodeDescription(
            name=self.name,
            ip=self.ip,
            runtime=f"simulated://{__version__}",
            kubelet_version=self.kubelet_version,
            os_image="Sekisho simulated node",
            capacity={
                "cpu": self.cpu,
                "ephemeral-storage": self.storage,
                "memory": self.memory,
                "pods": self.pods,
            },
            labels={LABEL: SIMULATED},
            annotations={ANNOTATION: NOTICE},
            pod_cidr=self.pod_cidr,
        )


class SimulatedNode:
    """`client` speaks as `registration.node_user(settings.name)`. Run `run` as a task; `ready` is set when the
    Node is known and its pods are followed."""

    def __init__(self, client: Client, clock: Clock, settings: SimulatedNodeSettings | None = None) -> None:
        self.settings = settings or SimulatedNodeSettings()
        self.ready = asyncio.Event()
        name = self.settings.name
        self._registration = NodeRegistration(client, clock, self.settings.describe())
        self._events = EventRecorder(client, clock, "kubelet", name)
        self._pods = Informer(client, "pods", field_selector=f"spec.nodeName={name}")
        self._workers: dict[str, PodWorker] = {}
        self._context = NodeContext(
            client,
            clock,
            self._events,
            AddressPool(self.settings.pod_cidr),
            self.settings.ip,
            self.settings.pace,
            set(),
        )

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._events.run())
            await self._registration.register()
            self._tell_of_start()
            group.create_task(self._registration.run())
            self._pods.on_change(lambda new, old: self._on_pod(group, new, old))
            group.create_task(self._pods.run())
            await self._pods.synced.wait()
            self.ready.set()

    def _tell_of_start(self) -> None:
        name = self.settings.name
        about = reference({"kind": "Node", "apiVersion": "v1", **self._registration.node})
        about.pop("resourceVersion", None)
        self._events.record(about, NORMAL, "Starting", "Starting kubelet.")
        for reason in (
            "NodeHasSufficientMemory",
            "NodeHasNoDiskPressure",
            "NodeHasSufficientPID",
            "NodeReady",
        ):
            self._events.record(about, NORMAL, reason, f"Node {name} status is now: {reason}")

    def _on_pod(self, group: asyncio.TaskGroup, new: Object | None, old: Object | None) -> None:
        if old is not None and (new is None or new["metadata"]["uid"] != old["metadata"]["uid"]):
            worker = self._workers.get(old["metadata"]["uid"])
            if worker is not None:
                worker.gone()
        if new is None:
            return
        uid = new["metadata"]["uid"]
        present = self._workers.get(uid)
        if present is not None:
            present.update(new)
            return
        worker = self._workers[uid] = PodWorker(self._context, new)
        task = group.create_task(worker.run())
        task.add_done_callback(lambda _: self._workers.pop(uid, None))
