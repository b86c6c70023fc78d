"""A pod's status as the kubelet makes it from what its containers are doing. Pure functions, no clock.

Follows upstream's pkg/kubelet/status: the order of conditions, the reasons and their texts, and times of
transition that stay while a condition does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from sekisho.api.types import Object
from sekisho.schema.podwalk import containers, is_sidecar

WAITING = "waiting"
RUNNING = "running"
TERMINATED = "terminated"

CREATING = "ContainerCreating"
INITIALIZING = "PodInitializing"

CONDITION_ORDER = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


@dataclass(slots=True)
class ContainerRun:
    """One container of a pod: what it does now, and what it did before its last restart.

    Times are RFC 3339 texts. `reason` and `message` are those of a waiting or terminated container.
    """

    name: str
    image: str
    container_id: str = ""
    state: str = WAITING
    reason: str = CREATING
    message: str = ""
    started_at: str = ""
    finished_at: str = ""
    exit_code: int = 0
    restarts: int = 0
    last_state: Object = field(default_factory=dict)

    @property
    def running(self) -> bool:
        return self.state == RUNNING

    @property
    def succeeded(self) -> bool:
        return self.state == TERMINATED and self.exit_code == 0

    def start(self, container_id: str, now: str) -> None:
        self.state, self.reason, self.message = RUNNING, "", ""
        self.container_id, self.started_at = container_id, now

    def finish(self, now: str, exit_code: int = 0) -> None:
        self.state, self.exit_code, self.finished_at = TERMINATED, exit_code, now
        self.reason, self.message = "Completed" if exit_code == 0 else "Error", ""

    def wait(self, reason: str, message: str = "") -> None:
        self.state, self.reason, self.message = WAITING, reason, message

    def state_object(self) -> Object:
        if self.state == RUNNING:
            return {RUNNING: {"startedAt": self.started_at}}
        told: Object = {"reason": self.reason} if self.reason else {}
        if self.message:
            told["message"] = self.message
        if self.state == WAITING:
            return {WAITING: told}
        terminated = {"exitCode": self.exit_code, **told, "startedAt": self.started_at}
        terminated |= {"finishedAt": self.finished_at, "containerID": self.container_id}
        return {TERMINATED: terminated}


@dataclass(slots=True)
class PodRun:
    """What a node knows of a pod beyond its object. `sandbox`: its network is there."""

    containers: dict[str, ContainerRun] = field(default_factory=dict)
    start_time: str = ""
    sandbox: bool = False
    host_ip: str = ""
    pod_ip: str = ""
    stopped: bool = False
    """All containers have been told to stop for good."""

    def meet(self, spec: Object) -> None:
        """Take in the containers of a pod's spec that are new: they wait."""
        initializing = bool(spec.get("initContainers"))
        for container in containers(spec):
            if container["name"] not in self.containers:
                run = ContainerRun(container["name"], container["image"])
                run.reason = INITIALIZING if initializing else CREATING
                self.containers[run.name] = run


def pod_status(pod: Object, run: PodRun, now: str) -> Object:
    """The status to report, in the kubelet's order of conditions. `run` has met the pod's containers."""
    spec = pod["spec"]
    phase = _phase(pod, run)
    status: Object = {
        "observedGeneration": pod["metadata"].get("generation", 0),
        "phase": phase,
        "conditions": _conditions(pod, run, phase, now),
        "hostIP": run.host_ip,
        "hostIPs": [{"ip": run.host_ip}],
        "startTime": run.start_time,
        "containerStatuses": _container_statuses(spec.get("containers") or (), run),
    }
    if run.pod_ip:
        status |= {"podIP": run.pod_ip, "podIPs": [{"ip": run.pod_ip}]}
    if spec.get("initContainers"):
        status["initContainerStatuses"] = _container_statuses(spec["initContainers"], run, init=True)
    if spec.get("ephemeralContainers"):
        status["ephemeralContainerStatuses"] = _container_statuses(spec["ephemeralContainers"], run)
    return status


def _phase(pod: Object, run: PodRun) -> str:
    runs = [run.containers[c["name"]] for c in pod["spec"].get("containers") or ()]
    if run.stopped:
        if any(r.state == WAITING for r in runs):
            return "Failed" if any(r.state == TERMINATED for r in runs) else "Pending"
        return "Succeeded" if all(r.succeeded for r in runs) else "Failed"
    if any(r.state == WAITING and not r.last_state for r in runs):
        return "Pending"
    return "Running"


def _conditions(pod: Object, run: PodRun, phase: str, now: str) -> list[Object]:
    ready = _containers_ready(pod, run, phase)
    parts = {
        "PodReadyToStartContainers": ("True" if run.sandbox and not run.stopped else "False", "", ""),
        "Initialized": _initialized(pod, run, phase),
        "Ready": _pod_ready(pod, ready),
        "ContainersReady": ready,
        "PodScheduled": ("True", "", ""),
    }
    held = {c["type"]: c for c in (pod.get("status") or {}).get("conditions") or ()}
    generation = pod["metadata"].get("generation", 0)
    return [_condition(type_, *parts[type_], held.get(type_), generation, now) for type_ in CONDITION_ORDER]


def _condition(
    type_: str, status: str, reason: str, message: str, old: Object | None, generation: int, now: str
) -> Object:
    changed = old is None or old.get("status") != status
    condition = {
        "type": type_,
        "observedGeneration": generation,
        "status": status,
        "lastTransitionTime": now if changed or old is None else old.get("lastTransitionTime", now),
    }
    for key, text in (("reason", reason), ("message", message)):
        if text:
            condition[key] = text
        elif old is not None and old.get(key):
            condition[key] = None  # takes away what an earlier report said
    return condition


def _initialized(pod: Object, run: PodRun, phase: str) -> tuple[str, str, str]:
    if phase == "Succeeded":
        return "True", "PodCompleted", ""
    waiting = []
    for container in pod["spec"].get("initContainers") or ():
        state = run.containers[container["name"]]
        if not (state.running if is_sidecar(container) else state.succeeded):
            waiting.append(container["name"])
    if waiting and not run.stopped:
        return (
            "False",
            "ContainersNotInitialized",
            f"containers with incomplete status: [{' '.join(waiting)}]",
        )
    return "True", "", ""


def _containers_ready(pod: Object, run: PodRun, phase: str) -> tuple[str, str, str]:
    if phase == "Succeeded":
        return "False", "PodCompleted", ""
    sidecars = [c for c in pod["spec"].get("initContainers") or () if is_sidecar(c)]
    unready = [
        c["name"]
        for c in [*sidecars, *(pod["spec"].get("containers") or ())]
        if not run.containers[c["name"]].running
    ]
    if unready:
        return "False", "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    return "True", "", ""


def _pod_ready(pod: Object, all_ready: tuple[str, str, str]) -> tuple[str, str, str]:
    if all_ready[0] != "True":
        return all_ready
    held = {c["type"]: c.get("status") for c in (pod.get("status") or {}).get("conditions") or ()}
    problems = []
    for gate in pod["spec"].get("readinessGates") or ():
        type_ = gate.get("conditionType", "")
        if type_ not in held:
            problems.append(f'corresponding condition of pod readiness gate "{type_}" does not exist.')
        elif held[type_] != "True":
            problems.append(f'the status of pod readiness gate "{type_}" is not "True", but {held[type_]}')
    if problems:
        return "False", "ReadinessGatesNotReady", ", ".join(problems)
    return all_ready


def _container_statuses(specs: Iterable[Object], run: PodRun, *, init: bool = False) -> list[Object]:
    return [_container_status(spec, run, init) for spec in specs]


def _container_status(spec: Object, pod: PodRun, init: bool) -> Object:
    run = pod.containers[spec["name"]]
    completed_init = init and not is_sidecar(spec)
    status: Object = {
        "name": run.name,
        "state": run.state_object(),
        "lastState": run.last_state,
        "ready": run.succeeded if completed_init else run.running,
        "restartCount": run.restarts,
        "image": image_name(run.image) if run.container_id else run.image,
        "imageID": image_id(run.image) if run.container_id else "",
    }
    if run.container_id:
        status["containerID"] = run.container_id
    status["started"] = run.running
    resources = spec.get("resources") or {}
    if run.running:
        if resources.get("requests"):
            status["allocatedResources"] = resources["requests"]
        status["resources"] = resources
    if spec.get("volumeMounts"):
        status["volumeMounts"] = [_mount(m) for m in spec["volumeMounts"]]
    if run.running:
        status["user"] = {"linux": _user(spec)}
    return status


def _mount(mount: Object) -> Object:
    status = {"name": mount["name"], "mountPath": mount["mountPath"]}
    if mount.get("readOnly"):
        status |= {"readOnly": True, "recursiveReadOnly": "Disabled"}
    return status


def _user(spec: Object) -> Object:
    context = spec.get("securityContext") or {}
    uid, gid = context.get("runAsUser", 0), context.get("runAsGroup", 0)
    return {"uid": uid, "gid": gid, "supplementalGroups": [gid]}


def image_name(image: str) -> str:
    """The full name under which a runtime knows an image: `docker.io/library/nginx:latest`."""
    name, at, digest = image.partition("@")
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"docker.io/library/{name}"
    elif not ("." in first or ":" in first or first == "localhost"):
        name = f"docker.io/{name}"
    if not at and ":" not in name.rpartition("/")[2]:
        name += ":latest"
    return name + at + digest


def image_id(image: str) -> str:
    """A digest that follows from the name, since nothing was pulled that could have one."""
    full = image_name(image)
    if "@" in full:
        return full
    repository = full.rpartition(":")[0]
    return f"{repository}@sha256:{hashlib.sha256(full.encode()).hexdigest()}"
