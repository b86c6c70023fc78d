"""A node's own objects: its Node, kept up to date, and its Lease, which says that it lives.

Follows the kubelet: the Node is made once, or brought up to date when it is there already; its status is
written again every five minutes, the Lease every ten seconds. Requests are those that the Node authorizer
and NodeRestriction allow a node.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import platform
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from sekisho.api.clock import Clock
from sekisho.api.status import StatusError
from sekisho.api.time import format_micro_time, format_time
from sekisho.api.types import AUTHENTICATED, NODE_USER_PREFIX, NODES, Object, UserInfo
from sekisho.registry.client import Client

logger = logging.getLogger("sekisho.node")

LEASE_NAMESPACE = "kube-node-lease"
LEASE_SECONDS = 40
_LEASES = "leases.coordination.k8s.io"
RENEW_SECONDS = 10.0
STATUS_SECONDS = 300.0
_FIRST_RETRY = 0.2
_LAST_RETRY = 7.0

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "AMD64": "amd64"}

_HEALTHY = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


@dataclass(frozen=True, slots=True)
class NodeDescription:
    """What a node tells of itself. `runtime` is `<type>://<version>`."""

    name: str
    ip: str
    runtime: str
    kubelet_version: str
    os_image: str
    capacity: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    pod_cidr: str = ""


def node_user(name: str) -> UserInfo:
    return UserInfo(NODE_USER_PREFIX + name, groups=(NODES, AUTHENTICATED))


def architecture() -> str:
    machine = platform.machine()
    return _MACHINES.get(machine, machine.lower())


class NodeRegistration:
    """`client` speaks as `node_user(description.name)`."""

    def __init__(self, client: Client, clock: Clock, description: NodeDescription) -> None:
        self._client = client
        self._clock = clock
        self._description = description
        self._transition = format_time(clock.now())
        self.node: Object = {}
        """The Node as the server answered it last; empty before `register` is done."""
        self._held: Object | None = None

    async def register(self) -> None:
        """Make the Node known; tries until it succeeds."""
        delay = _FIRST_RETRY
        while True:
            try:
                self.node = await self._create_or_update()
                return
            except StatusError as error:
                logger.debug("cannot register node %s: %s", self._description.name, error)
            await self._clock.sleep(delay)
            delay = min(delay * 2, _LAST_RETRY)

    async def run(self) -> None:
        """Keep Lease and status fresh, after `register`, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep(self._renew, RENEW_SECONDS, at_once=True))
            group.create_task(self._keep(self._report, STATUS_SECONDS, at_once=False))

    async def _keep(self, work: Callable[[], Awaitable[object]], seconds: float, *, at_once: bool) -> None:
        delay = _FIRST_RETRY
        if not at_once:
            await self._clock.sleep(seconds)
        while True:
            try:
                await work()
                delay = _FIRST_RETRY
                await self._clock.sleep(seconds)
            except StatusError as error:
                logger.debug("node %s: %s", self._description.name, error)
                await self._clock.sleep(delay)
                delay = min(delay * 2, _LAST_RETRY)

    async def _create_or_update(self) -> Object:
        wanted = node_object(self._description, self._clock.now(), self._transition)
        try:
            created = await self._client.create("nodes", wanted)
            return created if (created.get("status") or {}).get("conditions") else await self._report()
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
        present = await self._client.get("nodes", self._description.name)
        self._transition = _ready_since(present) or self._transition
        metadata: Object = {}
        for key in ("labels", "annotations"):
            missing = {
                k: v
                for k, v in wanted["metadata"][key].items()
                if (present["metadata"].get(key) or {}).get(k) != v
            }
            if missing:
                metadata[key] = missing
        if metadata:
            await self._client.patch(
                "nodes", self._description.name, {"metadata": metadata}, type="strategic"
            )
        return await self._report()

    async def _report(self) -> Object:
        status = node_status(self._description, self._clock.now(), self._transition)
        name = self._description.name
        return await self._client.patch(
            "nodes", name, {"status": status}, type="strategic", subresource="status"
        )

    async def _renew(self) -> None:
        """Upstream's way: write over the lease as it was answered last, and read it only when that fails."""
        if self._held is None:
            self._held = await self._client.find(_LEASES, self._description.name, LEASE_NAMESPACE)
        now = format_micro_time(self._clock.now())
        if self._held is None:
            self._held = await self._client.create(_LEASES, self._lease(now), LEASE_NAMESPACE)
            return
        spec = {**(self._held.get("spec") or {}), **self._lease(now)["spec"]}
        held, self._held = self._held, None
        self._held = await self._client.update(_LEASES, {**held, "spec": spec}, LEASE_NAMESPACE)

    def _lease(self, now: str) -> Object:
        name = self._description.name
        owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": self.node["metadata"]["uid"]}
        return {
            "kind": "Lease",
            "apiVersion": "coordination.k8s.io/v1",
            "metadata": {"name": name, "namespace": LEASE_NAMESPACE, "ownerReferences": [owner]},
            "spec": {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": now},
        }


def _ready_since(node: Object) -> str:
    for condition in (node.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Ready" and condition.get("status") == "True":
            return str(condition.get("lastTransitionTime") or "")
    return ""


def node_object(description: NodeDescription, now: float, transition: str) -> Object:
    """The Node as a kubelet creates it: its labels are among those that NodeRestriction lets a node set."""
    arch = architecture()
    labels = {
        "beta.kubernetes.io/arch": arch,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": arch,
        "kubernetes.io/hostname": description.name,
        "kubernetes.io/os": "linux",
        **description.labels,
    }
    annotations = {
        "volumes.kubernetes.io/controller-managed-attach-detach": "true",
        **description.annotations,
    }
    spec: Object = {}
    if description.pod_cidr:
        spec = {"podCIDR": description.pod_cidr, "podCIDRs": [description.pod_cidr]}
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {"name": description.name, "labels": labels, "annotations": annotations},
        "spec": spec,
        "status": node_status(description, now, transition),
    }


def node_status(description: NodeDescription, now: float, transition: str) -> Object:
    """A healthy node. `transition`: since when it has been."""
    heartbeat = format_time(now)
    return {
        "capacity": dict(description.capacity),
        "allocatable": dict(description.capacity),
        "conditions": [
            {
                "type": type_,
                "status": status,
                "lastHeartbeatTime": heartbeat,
                "lastTransitionTime": transition,
                "reason": reason,
                "message": message,
            }
            for type_, status, reason, message in _HEALTHY
        ],
        "addresses": [
            {"type": "InternalIP", "address": description.ip},
            {"type": "Hostname", "address": description.name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
        "nodeInfo": _node_info(description),
    }


def _node_info(description: NodeDescription) -> Object:
    """Identifiers follow from the name, so that a node that starts again is the same machine."""
    digest = hashlib.sha256(description.name.encode()).hexdigest()
    return {
        "machineID": digest[:32],
        "systemUUID": str(uuid.uuid5(uuid.NAMESPACE_DNS, description.name)),
        "bootID": str(uuid.uuid5(uuid.NAMESPACE_DNS, "boot." + description.name)),
        "kernelVersion": platform.release(),
        "osImage": description.os_image,
        "containerRuntimeVersion": description.runtime,
        "kubeletVersion": description.kubelet_version,
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": architecture(),
    }
