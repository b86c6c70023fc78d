"""The scheduler: finds a node for each pod that has none, and says why when there is none.

It is a client like any other, the user `system:kube-scheduler`. It does what upstream's does for one pod
after the other, by priority and age: filter, pick, bind. It does not preempt, and knows nothing of volumes,
topology spreading and claims to devices. A pod that fits nowhere is tried again when something changed
that could help, at most after a back-off of 1 to 10 seconds, and every five minutes.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Mapping

from sekisho.api.clock import Clock
from sekisho.api.status import StatusError
from sekisho.api.time import format_time
from sekisho.api.types import AUTHENTICATED, Object, UserInfo
from sekisho.node.events import NORMAL, WARNING, reference
from sekisho.node.eventseries import SeriesRecorder
from sekisho.node.fit import message, reject, surroundings
from sekisho.node.podinfo import NodeInfo, PodInfo, allocatable
from sekisho.node.score import score
from sekisho.node.timer import wait
from sekisho.registry.client import Client
from sekisho.registry.informer import Informer

logger = logging.getLogger("sekisho.node")

USER = UserInfo("system:kube-scheduler", groups=(AUTHENTICATED,))
NAME = "default-scheduler"

INITIAL_BACKOFF = 1.0
MAX_BACKOFF = 10.0
FLUSH_SECONDS = 300.0


class _Waiting:
    """A pod without a node. `since` is its place among equals; `parked` while nothing can help it."""

    def __init__(self, pod: PodInfo, since: int) -> None:
        self.pod = pod
        self.since = since
        self.attempts = 0
        self.not_before = 0.0
        self.parked_until = 0.0

    @property
    def rank(self) -> tuple[int, int]:
        return -self.pod.priority, self.since

    def due(self) -> float:
        """Monotonic time of the next attempt."""
        return max(self.not_before, self.parked_until)


class Scheduler:
    """Run `run` as a task. `client` speaks as `USER`; `host` is told in events."""

    def __init__(self, client: Client, clock: Clock, host: str = "sekisho") -> None:
        self._client = client
        self._clock = clock
        self._events = SeriesRecorder(client, clock, NAME, f"{NAME}-{host}")
        # Finished pods take nothing of a node, so upstream's scheduler does not watch them either.
        self._pods = Informer(client, "pods", field_selector="status.phase!=Succeeded,status.phase!=Failed")
        self._node_objects = Informer(client, "nodes")
        self._namespaces = Informer(client, "namespaces")
        self._nodes: dict[str, NodeInfo] = {}
        self._homeless: dict[str, dict[str, PodInfo]] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._assumed: set[str] = set()
        self._arrivals = 0
        self._changed = asyncio.Event()
        self._pods.on_change(self._on_pod)
        self._node_objects.on_change(self._on_node)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for informer in (self._pods, self._node_objects, self._namespaces):
                group.create_task(informer.run())
            group.create_task(self._events.run())
            for informer in (self._node_objects, self._namespaces, self._pods):
                await informer.synced.wait()
            while True:
                self._changed.clear()
                await self._schedule_due()
                await self._wait()

    async def _wait(self) -> None:
        """Until something happens or the next attempt is due."""
        due = min((w.due() for w in self._waiting.values()), default=None)
        await wait(self._changed, self._clock, None if due is None else due - self._clock.monotonic())

    async def _schedule_due(self) -> None:
        now = self._clock.monotonic()
        queue = [(w.rank, w) for w in self._waiting.values() if w.due() <= now]
        heapq.heapify(queue)
        while queue:
            waiting = heapq.heappop(queue)[1]
            if self._waiting.get(waiting.pod.uid) is waiting:
                await self._schedule(waiting)

    async def _schedule(self, waiting: _Waiting) -> None:
        pod = waiting.pod
        around = surroundings(pod, self._nodes.values(), self._namespace_labels())
        rejections = {name: reject(pod, node, around) for name, node in self._nodes.items()}
        fitting = [node for name, node in self._nodes.items() if rejections[name] is None]
        waiting.attempts += 1
        now = self._clock.monotonic()
        waiting.not_before = now + min(INITIAL_BACKOFF * 2 ** (waiting.attempts - 1), MAX_BACKOFF)
        try:
            if fitting:
                await self._bind(pod, max(fitting, key=lambda node: score(pod, node)))
            else:
                waiting.parked_until = now + FLUSH_SECONDS
                may_preempt = pod.spec.get("preemptionPolicy") != "Never"
                refused = [r for r in rejections.values() if r is not None]
                await self._refuse(pod, message(refused, may_preempt=may_preempt))
        except StatusError as error:
            logger.debug("scheduling %s/%s: %s", pod.namespace, pod.name, error)
        except Exception:
            logger.exception("scheduling %s/%s", pod.namespace, pod.name)

    async def _bind(self, pod: PodInfo, node: NodeInfo) -> None:
        """Count the pod on the node at once: the next one must see it before the watch has told of it."""
        node.add(pod)
        binding = {
            "kind": "Binding",
            "apiVersion": "v1",
            "metadata": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
            "target": {"kind": "Node", "name": node.name},
        }
        try:
            await self._client.create("pods", binding, pod.namespace, pod.name, "binding")
        except BaseException:
            held = self._pods.get(pod.namespace, pod.name)
            if held is None or held["metadata"]["uid"] != pod.uid or "nodeName" not in held["spec"]:
                node.remove(pod.uid)
            raise
        self._waiting.pop(pod.uid, None)
        self._assumed.add(pod.uid)
        text = f"Successfully assigned {pod.namespace}/{pod.name} to {node.name}"
        self._events.record(_reference(pod), NORMAL, "Scheduled", "Binding", text)

    async def _refuse(self, pod: PodInfo, why: str) -> None:
        self._events.record(_reference(pod), WARNING, "FailedScheduling", "Scheduling", why)
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why}
        held = (pod.object.get("status") or {}).get("conditions") or ()
        old: Object = next((c for c in held if c["type"] == "PodScheduled"), {})
        if all(old.get(k) == v for k, v in condition.items()):
            return
        changed = old.get("status") != condition["status"]
        now = format_time(self._clock.now())
        condition["lastTransitionTime"] = now if changed else old.get("lastTransitionTime", now)
        patch = {"metadata": {"uid": pod.uid}, "status": {"conditions": [condition]}}
        await self._client.patch("pods", pod.name, patch, pod.namespace, "strategic", "status")

    def _namespace_labels(self) -> Mapping[str, Mapping[str, str]]:
        return {n["metadata"]["name"]: n["metadata"].get("labels") or {} for n in self._namespaces}

    def _on_pod(self, new: Object | None, old: Object | None) -> None:
        if old is not None and (new is None or new["metadata"]["uid"] != old["metadata"]["uid"]):
            self._forget(old)
        if new is None:
            return
        pod = PodInfo(new)
        if pod.node:
            self._waiting.pop(pod.uid, None)
            self._assumed.discard(pod.uid)
            self._place(pod)
        elif pod.uid in self._assumed:
            pass  # news from before it was bound
        elif _wants_node(new):
            self._enqueue(pod)
        else:
            self._waiting.pop(pod.uid, None)

    def _place(self, pod: PodInfo) -> None:
        node = self._nodes.get(pod.node)
        if node is not None:
            node.add(pod)
        else:
            self._homeless.setdefault(pod.node, {})[pod.uid] = pod
        for waiting in self._waiting.values():
            if waiting.pod.affinity:
                waiting.parked_until = 0.0
                self._changed.set()

    def _forget(self, old: Object) -> None:
        uid = old["metadata"]["uid"]
        self._waiting.pop(uid, None)
        name = old["spec"].get("nodeName", "")
        if not name:
            return
        if name in self._nodes:
            self._nodes[name].remove(uid)
        self._homeless.get(name, {}).pop(uid, None)
        self._reconsider()

    def _enqueue(self, pod: PodInfo) -> None:
        waiting = self._waiting.get(pod.uid)
        if waiting is None:
            self._arrivals += 1
            self._waiting[pod.uid] = _Waiting(pod, self._arrivals)
            self._changed.set()
            return
        if pod.spec != waiting.pod.spec or pod.labels != waiting.pod.labels:
            waiting.parked_until = 0.0
            self._changed.set()
        waiting.pod = pod

    def _on_node(self, new: Object | None, old: Object | None) -> None:
        if new is None:
            if old is not None:
                gone = self._nodes.pop(old["metadata"]["name"])
                self._homeless[gone.name] = dict(gone.pods)
            return
        name = new["metadata"]["name"]
        present = self._nodes.get(name)
        if present is None:
            node = self._nodes[name] = NodeInfo(new, allocatable(new))
            for pod in self._homeless.pop(name, {}).values():
                node.add(pod)
            self._reconsider()
            return
        useful = old is None or _placement(old) != _placement(new)
        present.object, present.allocatable = new, allocatable(new)
        if useful:
            self._reconsider()

    def _reconsider(self) -> None:
        """Something changed that may help a pod that fitted nowhere."""
        for waiting in self._waiting.values():
            waiting.parked_until = 0.0
        self._changed.set()


def _placement(node: Object) -> tuple[object, ...]:
    """What of a node decides about pods; its heartbeats do not."""
    status = node.get("status") or {}
    return node["metadata"].get("labels"), node.get("spec"), status.get("allocatable")


def _wants_node(pod: Object) -> bool:
    spec, metadata = pod["spec"], pod["metadata"]
    return (
        spec.get("schedulerName", NAME) == NAME
        and not spec.get("schedulingGates")
        and "deletionTimestamp" not in metadata
    )


def _reference(pod: PodInfo) -> Object:
    return reference({"kind": "Pod", "apiVersion": "v1", **pod.object})
