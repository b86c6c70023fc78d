"""Pods. The status column is the most telling of what the phase, the conditions and the containers say."""

from __future__ import annotations

from typing import NamedTuple

from sekisho.api import time
from sekisho.api.tables import cells
from sekisho.api.tables.printer import AGE, NAME, Cells, TablePrinter, Tables, column
from sekisho.api.types import Object

_ENDED = {
    "Succeeded": "The pod has completed successfully.",
    "Failed": "The pod failed.",
}


class _Restarts(NamedTuple):
    times: int = 0
    last: str = ""
    """When the newest earlier run of a container ended; RFC 3339 in UTC sorts as text."""

    def and_of(self, status: Object) -> _Restarts:
        ended = cells.part(status, "lastState", "terminated").get("finishedAt") or ""
        return _Restarts(self.times + status.get("restartCount", 0), max(self.last, ended))

    def text(self, now: float) -> str:
        if self.times and self.last and time.parse_time(self.last) != time.ZERO:
            return f"{self.times} ({cells.since(self.last, now)} ago)"
        return str(self.times)


class _Progress(NamedTuple):
    """What the containers say: a reason for the status column ("" for none), how many are ready, restarts."""

    reason: str
    ready: int
    restarts: _Restarts


def _cells(obj: Object, now: float) -> Cells:
    spec, status = cells.part(obj, "spec"), cells.part(obj, "status")
    sidecars = {c["name"] for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"}
    total = len(spec.get("containers") or ()) + len(sidecars)
    reason, ready, restarts = _summary(obj, sidecars)
    addresses = status.get("podIPs") or [{}]
    return [
        cells.name(obj),
        f"{ready}/{total}",
        reason,
        restarts.text(now),
        cells.age(obj, now),
        cells.or_none(addresses[0].get("ip")),
        cells.or_none(spec.get("nodeName")),
        cells.or_none(status.get("nominatedNodeName")),
        _readiness_gates(obj),
    ]


def _summary(obj: Object, sidecars: set[str]) -> _Progress:
    status = cells.part(obj, "status")
    phase = status.get("phase", "")
    reason = status.get("reason") or phase
    scheduled = cells.condition(obj, "PodScheduled") or {}
    if scheduled.get("reason") == "SchedulingGated":
        reason = "SchedulingGated"
    first, of_sidecars = _initialisation(obj, sidecars)
    progress = first._replace(reason=first.reason or reason)
    if not first.reason or cells.condition_status(obj, "Initialized") == "True":
        progress = _running(obj, progress._replace(restarts=of_sidecars))
    if obj["metadata"].get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            return progress._replace(reason="Unknown")
        if phase not in _ENDED:
            return progress._replace(reason="Terminating")
    return progress


def _initialisation(obj: Object, sidecars: set[str]) -> tuple[_Progress, _Restarts]:
    """The first init container that is not done decides; sidecars that have started count as done.
    The second value is the restarts of the sidecars alone."""
    ready, restarts, of_sidecars = 0, _Restarts(), _Restarts()
    total = len(cells.part(obj, "spec").get("initContainers") or ())
    for i, container in enumerate(cells.part(obj, "status").get("initContainerStatuses") or ()):
        is_sidecar = container.get("name") in sidecars
        restarts = restarts.and_of(container)
        of_sidecars = of_sidecars.and_of(container) if is_sidecar else of_sidecars
        state = cells.part(container, "state")
        ended, waiting = state.get("terminated"), cells.part(state, "waiting").get("reason", "")
        if ended is not None and not ended.get("exitCode"):
            continue
        if is_sidecar and container.get("started"):
            ready += bool(container.get("ready"))
            continue
        if ended is not None:
            reason = _termination(ended)
        elif waiting not in ("", "PodInitializing"):
            reason = waiting
        else:
            reason = f"{i}/{total}"
        return _Progress(f"Init:{reason}", ready, restarts), of_sidecars
    return _Progress("", ready, restarts), of_sidecars


def _termination(ended: Object) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    if ended.get("signal"):
        return f"Signal:{ended['signal']}"
    return f"ExitCode:{ended.get('exitCode', 0)}"


def _running(obj: Object, before: _Progress) -> _Progress:
    """The containers from last to first: each that waits or has ended replaces the reason."""
    reason, restarts = before.reason, before.restarts
    ready, failure = 0, ""
    for container in reversed(cells.part(obj, "status").get("containerStatuses") or []):
        restarts = restarts.and_of(container)
        state = cells.part(container, "state")
        ended = state.get("terminated")
        if cells.part(state, "waiting").get("reason"):
            reason = state["waiting"]["reason"]
        elif ended is not None:
            reason = _termination(ended)
            if ended.get("exitCode"):
                failure = reason
        elif container.get("ready") and state.get("running") is not None:
            ready += 1
    if reason == "Completed":
        reason = _completed(obj, ready > 0, failure)
    return _Progress(reason, before.ready + ready, restarts)


def _completed(obj: Object, running: bool, failure: str) -> str:
    """Some containers are done; what the others do decides."""
    if running and _is_ready(obj):
        return "Running"
    return failure or ("NotReady" if running else "Completed")


def _is_ready(obj: Object) -> bool:
    found = cells.part(obj, "status").get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in found)


def _readiness_gates(obj: Object) -> str:
    gates = cells.part(obj, "spec").get("readinessGates") or ()
    if not gates:
        return cells.NONE
    passed = sum(cells.condition_status(obj, g.get("conditionType", "")) == "True" for g in gates)
    return f"{passed}/{len(gates)}"


def _conditions(obj: Object) -> list[Object]:
    phase = cells.part(obj, "status").get("phase", "")
    if phase not in _ENDED:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": _ENDED[phase]}]


TABLES: Tables = {
    ("", "Pod"): TablePrinter(
        [
            NAME,
            column("Ready", "How many of the pod's containers are ready."),
            column("Status", "What the pod's containers are doing, in a word."),
            column("Restarts", "How often containers were restarted, and when last."),
            AGE,
            column("IP", "First address of the pod.", wide=True),
            column("Node", "Node the pod runs on.", wide=True),
            column("Nominated Node", "Node that is being cleared for the pod.", wide=True),
            column("Readiness Gates", "How many of the pod's readiness gates have passed.", wide=True),
        ],
        _cells,
        _conditions,
    )
}
