"""What controllers ask of pods: ready, available, active, and since when. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.api.time import parse_time
from sekisho.api.types import Object

FINISHED = ("Succeeded", "Failed")


def phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase") or "")


def is_finished(pod: Object) -> bool:
    return phase(pod) in FINISHED


def is_terminating(pod: Object) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def is_active(pod: Object) -> bool:
    """Counts for a controller that wants so many: neither finished nor going."""
    return not is_finished(pod) and not is_terminating(pod)


def condition(obj: Object, type_: str) -> Object | None:
    """A condition of any object's status."""
    for found in (obj.get("status") or {}).get("conditions") or ():
        if found.get("type") == type_:
            held: Object = found
            return held
    return None


def is_true(obj: Object, type_: str) -> bool:
    found = condition(obj, type_)
    return found is not None and found.get("status") == "True"


def is_ready(pod: Object) -> bool:
    return is_true(pod, "Ready")


def seconds_until_available(pod: Object, min_ready: int, now: float) -> float | None:
    """0 for a pod that has been ready for `min_ready` seconds, None for one that is not ready."""
    ready = condition(pod, "Ready")
    if ready is None or ready.get("status") != "True":
        return None
    if min_ready == 0:
        return 0.0
    since = ready.get("lastTransitionTime")
    if not since:
        return None
    return max(parse_time(since) + min_ready - now, 0.0)


def is_available(pod: Object, min_ready: int, now: float) -> bool:
    return seconds_until_available(pod, min_ready, now) == 0


def next_availability(pods: Iterable[Object], min_ready: int, now: float) -> float | None:
    """Seconds after which the next of the ready pods becomes available; None when none is on its way."""
    waits = (seconds_until_available(pod, min_ready, now) for pod in pods)
    return min((wait for wait in waits if wait), default=None)


def deletion_cost(pod: Object) -> int:
    """`controller.kubernetes.io/pod-deletion-cost`; 0 for one that is not a number."""
    text = (pod["metadata"].get("annotations") or {}).get("controller.kubernetes.io/pod-deletion-cost", "")
    try:
        return int(text) if text == str(int(text)) else 0
    except ValueError:
        return 0


def restarts(pod: Object) -> int:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return max((status.get("restartCount", 0) for status in statuses), default=0)
