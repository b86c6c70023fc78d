"""The life of one pod on a simulated node, from its binding to its end, told as a kubelet tells it.

Nothing runs: a container is started by saying so. Everything else is real: what the pod needs from the API
is fetched with the node's credentials, and a pod that lacks it does not start; status goes through
`pods/status`, the end of a graceful deletion is a delete with the pod's uid.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from typing import Any

from sekisho.api.clock import Clock
from sekisho.api.goformat import quote
from sekisho.api.status import StatusError
from sekisho.api.time import format_time
from sekisho.api.types import Object
from sekisho.node.addresses import AddressPool
from sekisho.node.events import NORMAL, WARNING, EventRecorder, reference
from sekisho.node.podstatus import WAITING, ContainerRun, PodRun, pod_status
from sekisho.node.timer import wait
from sekisho.node.volumes import NotReady, PodFiles
from sekisho.registry.client import Client
from sekisho.schema.podwalk import CONTAINER_FIELDS, is_sidecar

logger = logging.getLogger("sekisho.node")

_FIRST_RETRY = 0.5
_LAST_RETRY = 120.0

_FIELD_OF_STATUS = {
    "initContainers": "initContainerStatuses",
    "containers": "containerStatuses",
    "ephemeralContainers": "ephemeralContainerStatuses",
}


@dataclass(frozen=True, slots=True)
class Pace:
    """How many seconds a simulated container takes to start, and to stop once it is told to."""

    start: float = 0.05
    stop: float = 0.05


@dataclass(slots=True)
class NodeContext:
    """What the pods of a node share."""

    client: Client
    clock: Clock
    events: EventRecorder
    addresses: AddressPool
    host_ip: str
    pace: Pace
    images: set[str]
    """Images that have been pulled to this node."""


class PodWorker:
    """Give it news of its pod by `update`; `run` returns when the pod is no longer this node's affair."""

    def __init__(self, node: NodeContext, pod: Object) -> None:
        self._node = node
        self.pod = pod
        self._uid: str = pod["metadata"]["uid"]
        self._changed = asyncio.Event()
        self._ending = asyncio.Event()
        self._gone = False
        self._delay = _FIRST_RETRY
        self._run = _adopt(pod, node)
        self.update(pod)

    def update(self, pod: Object) -> None:
        if _revision(pod) < _revision(self.pod):
            return  # the answer to a write of this worker's own was quicker
        self.pod = pod
        self._run.meet(pod["spec"])
        self._changed.set()
        if "deletionTimestamp" in pod["metadata"]:
            self._ending.set()

    def gone(self) -> None:
        """The pod is no longer there."""
        self._gone = True
        self._changed.set()
        self._ending.set()

    async def run(self) -> None:
        try:
            while not self._gone:
                self._changed.clear()
                delay = await self._step()
                if not self._gone:
                    await wait(self._changed, self._node.clock, delay)
        finally:
            self._node.addresses.give_back(self._run.pod_ip)

    async def _step(self) -> float | None:
        """Bring the pod forward; returns the seconds after which to try again, None for when there is news."""
        try:
            if await self._advance():
                self._delay = _FIRST_RETRY
                return None
        except StatusError as error:
            if error.code == 404:
                self._gone = True
            logger.debug("pod %s: %s", self.pod["metadata"]["name"], error)
        except Exception:
            logger.exception("pod %s", self.pod["metadata"]["name"])
        delay, self._delay = self._delay, min(self._delay * 2, _LAST_RETRY)
        return delay

    async def _advance(self) -> bool:
        """False when something the pod needs is missing."""
        if self._ending.is_set():
            await self._end()
            return True
        if (self.pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            return True
        complete = True
        try:
            await self._start()
        except NotReady:
            complete = False
        await self._report()
        return complete

    async def _start(self) -> None:
        """Start what waits. Raises NotReady after all that could start has."""
        spec = self.pod["spec"]
        if not self._run.sandbox:
            await self._report()
            await self._mount()
            if await self._pause(self._node.pace.start):
                return
            self._run.sandbox = True
            self._run.pod_ip = self._node.host_ip if spec.get("hostNetwork") else self._node.addresses.take()
        missing: NotReady | None = None
        for field in CONTAINER_FIELDS:
            for container in spec.get(field) or ():
                try:
                    await self._start_container(field, container)
                except NotReady as error:
                    if field == "initContainers":
                        raise
                    missing = error
                if self._ending.is_set():
                    return
        if missing is not None:
            raise missing

    async def _start_container(self, field: str, container: Object) -> None:
        run = self._run.containers[container["name"]]
        if run.running and run.image != container["image"]:
            self._restart(field, container, run)
        if run.state != WAITING:
            return
        about = self._about(field, container)
        self._pull(about, container)
        try:
            await PodFiles(self._node.client, self.pod).environment(container)
        except NotReady as error:
            run.wait("CreateContainerConfigError", str(error))
            self._node.events.record(about, WARNING, "Failed", f"Error: {error}")
            raise
        self._node.events.record(about, NORMAL, "Created", "Container created")
        run.start(self._container_id(run), self._now())
        self._node.events.record(about, NORMAL, "Started", "Container started")
        if field == "initContainers" and not is_sidecar(container):
            await self._report()
            run.finish(self._now())
            await self._report()

    def _restart(self, field: str, container: Object, run: ContainerRun) -> None:
        about = self._about(field, container)
        text = f"Container {run.name} definition changed, will be restarted"
        self._node.events.record(about, NORMAL, "Killing", text)
        run.finish(self._now())
        run.last_state = run.state_object()
        run.restarts += 1
        run.image = container["image"]
        run.wait("")

    def _pull(self, about: Object, container: Object) -> None:
        """Tell of the image once for each start; what is `Never` pulled counts as there."""
        image, images = container["image"], self._node.images
        policy = container.get("imagePullPolicy", "IfNotPresent")
        if policy == "Never" or (policy == "IfNotPresent" and image in images):
            text = f"Container image {quote(image)} already present on machine and can be accessed by the pod"
            self._node.events.record(about, NORMAL, "Pulled", text)
            return
        images.add(image)
        self._node.events.record(about, NORMAL, "Pulling", f"Pulling image {quote(image)}")
        text = f"Successfully pulled image {quote(image)} in 0s (0s including waiting). Image size: 0 bytes."
        self._node.events.record(about, NORMAL, "Pulled", text)

    async def _mount(self) -> None:
        """Fetch what the volumes hold. Raises NotReady, told as an event, when something is missing."""
        files = PodFiles(self._node.client, self.pod)
        missing: NotReady | None = None
        for volume in self.pod["spec"].get("volumes") or ():
            try:
                await files.volume(volume)
            except NotReady as error:
                text = f"MountVolume.SetUp failed for volume {quote(volume['name'])} : {error}"
                self._node.events.record(reference(self._typed()), WARNING, "FailedMount", text)
                missing = error
        if missing is not None:
            raise missing

    async def _end(self) -> None:
        """Stop the containers, tell how they ended, and let go of the pod."""
        if not self._run.stopped:
            self._tell_killing()
            grace = self.pod["metadata"].get("deletionGracePeriodSeconds", 0)
            await self._node.clock.sleep(min(self._node.pace.stop, grace))
            now = self._now()
            for run in self._run.containers.values():
                if run.running:
                    run.finish(now)
            self._run.stopped = True
        if self._gone:
            return
        await self._report()
        metadata = self.pod["metadata"]
        if metadata.get("finalizers") and metadata.get("deletionGracePeriodSeconds") == 0:
            return  # let go of already; others still hold it
        answer = await self._node.client.delete(
            "pods", metadata["name"], metadata["namespace"], uid=self._uid, grace_period_seconds=0
        )
        if answer["metadata"].get("finalizers"):
            self.update(answer)
        else:
            self._gone = True

    def _tell_killing(self) -> None:
        for field in CONTAINER_FIELDS:
            for container in self.pod["spec"].get(field) or ():
                run = self._run.containers.get(container["name"])
                if run is not None and run.running:
                    about = self._about(field, container)
                    self._node.events.record(about, NORMAL, "Killing", f"Stopping container {run.name}")

    async def _report(self) -> None:
        """Write the status where it differs from what the pod says already."""
        if self._gone:
            return
        status = pod_status(self.pod, self._run, self._now())
        held = self.pod.get("status") or {}
        changes = {k: v for k, v in status.items() if not _told(held, k, v)}
        if not changes:
            return
        if "conditions" in changes:
            order = [{"type": c["type"]} for c in status["conditions"]]
            changes = {"$setElementOrder/conditions": order, **changes}
        metadata = self.pod["metadata"]
        patch = {"metadata": {"uid": self._uid}, "status": changes}
        answer = await self._node.client.patch(
            "pods", metadata["name"], patch, metadata["namespace"], "strategic", "status"
        )
        if _revision(answer) > _revision(self.pod):
            self.update(answer)

    async def _pause(self, seconds: float) -> bool:
        """Let time pass; True when the pod is to end meanwhile."""
        return await wait(self._ending, self._node.clock, seconds)

    def _now(self) -> str:
        return format_time(self._node.clock.now())

    def _typed(self) -> Object:
        return {"kind": "Pod", "apiVersion": "v1", **self.pod}

    def _about(self, field: str, container: Object) -> Object:
        return reference(self._typed(), f"spec.{field}{{{container['name']}}}")

    def _container_id(self, run: ContainerRun) -> str:
        """Follows from the pod, the container and how often it ran, so that it needs no memory."""
        text = f"{self._uid}/{run.name}/{run.restarts}"
        return "simulated://" + hashlib.sha256(text.encode()).hexdigest()


def _adopt(pod: Object, node: NodeContext) -> PodRun:
    """Go on where the status says that an earlier life of this node stopped."""
    status = pod.get("status") or {}
    run = PodRun(host_ip=node.host_ip, start_time=status.get("startTime") or "")
    run.start_time = run.start_time or format_time(node.clock.now())
    run.pod_ip = status.get("podIP", "")
    run.sandbox = bool(run.pod_ip)
    if run.pod_ip and not pod["spec"].get("hostNetwork"):
        node.addresses.claim(run.pod_ip)
    for field, field_of_status in _FIELD_OF_STATUS.items():
        statuses = {s["name"]: s for s in status.get(field_of_status) or ()}
        for container in pod["spec"].get(field) or ():
            if container["name"] in statuses:
                run.containers[container["name"]] = _adopted(container, statuses[container["name"]])
    return run


def _adopted(container: Object, status: Object) -> ContainerRun:
    run = ContainerRun(container["name"], container["image"], status.get("containerID", ""))
    run.restarts, run.last_state = status.get("restartCount", 0), status.get("lastState") or {}
    for state, told in (status.get("state") or {}).items():
        run.state = state
        run.reason, run.message = told.get("reason", ""), told.get("message", "")
        run.started_at, run.finished_at = told.get("startedAt", ""), told.get("finishedAt", "")
        run.exit_code = told.get("exitCode", 0)
    return run


def _told(held: Object, key: str, wanted: Any) -> bool:
    """Whether a status says so already. Conditions of others' making do not matter, nor does the order."""
    if key != "conditions":
        return _same(held.get(key), wanted)
    by_type = {c["type"]: c for c in held.get("conditions") or ()}
    return all(_same(by_type.get(c["type"]), c) for c in wanted)


def _same(held: Any, wanted: Any) -> bool:
    """Equal, where None, an empty value and one left out are the same."""
    if isinstance(wanted, dict):
        held = held if isinstance(held, dict) else {}
        return all(_same(held.get(k), v) for k, v in wanted.items())
    if isinstance(wanted, list):
        held = held or []
        return len(held) == len(wanted) and all(map(_same, held, wanted))
    if wanted in (None, "", 0, False):
        return not held
    return bool(held == wanted)


def _revision(pod: Object) -> int:
    return int(pod["metadata"].get("resourceVersion") or 0)
