"""A Deployment's status: its counts, and how its rollout goes. Pure functions; `now` is in seconds."""

from __future__ import annotations

from collections.abc import Sequence

from sekisho.api.time import format_time, parse_time
from sekisho.api.types import Object
from sekisho.controllers import podstate
from sekisho.controllers.deployment import sizes
from sekisho.controllers.deployment.revisions import Sets

AVAILABLE, PROGRESSING, FAILURE = "Available", "Progressing", "ReplicaFailure"

CREATED = "NewReplicaSetCreated"
FOUND = "FoundNewReplicaSet"
UPDATED = "ReplicaSetUpdated"
COMPLETE = "NewReplicaSetAvailable"
CREATE_ERROR = "ReplicaSetCreateError"
TIMED_OUT = "ProgressDeadlineExceeded"
PAUSED = "DeploymentPaused"
RESUMED = "DeploymentResumed"

_NO_DEADLINE = 2**31 - 1
_COUNTS = (
    "observedGeneration",
    "replicas",
    "updatedReplicas",
    "readyReplicas",
    "availableReplicas",
    "unavailableReplicas",
)


def new_condition(type_: str, status: str, reason: str, message: str, now: float) -> Object:
    at = format_time(now)
    return {
        "type": type_,
        "status": status,
        "lastUpdateTime": at,
        "lastTransitionTime": at,
        "reason": reason,
        "message": message,
    }


def find(conditions: Sequence[Object], type_: str) -> Object | None:
    return next((c for c in conditions if c.get("type") == type_), None)


def without(conditions: Sequence[Object], type_: str) -> list[Object]:
    return [c for c in conditions if c.get("type") != type_]


def with_condition(conditions: Sequence[Object], new: Object) -> list[Object]:
    """One that says the same already stays; another goes to the end. Transition times stay while a status does."""
    held = find(conditions, new["type"])
    if held is not None and held.get("status") == new["status"]:
        if held.get("reason") == new["reason"]:
            return list(conditions)
        new = {**new, "lastTransitionTime": held.get("lastTransitionTime", new["lastTransitionTime"])}
    return [*without(conditions, new["type"]), new]


def deadline(deployment: Object) -> int | None:
    """Seconds that a rollout may be without progress; None for ever."""
    seconds = deployment["spec"].get("progressDeadlineSeconds")
    return None if seconds is None or seconds == _NO_DEADLINE else int(seconds)


def conditions_of(deployment: Object) -> list[Object]:
    return list((deployment.get("status") or {}).get("conditions") or ())


def counts(deployment: Object, sets: Sets, now: float) -> Object:
    """The status by the ReplicaSets, with the condition Available; other conditions are taken over."""
    everything = sets.all
    available = sizes.total_counted(everything, "availableReplicas")
    enough = available >= sizes.replicas(deployment) - sizes.max_unavailable(deployment)
    condition = (
        new_condition(
            AVAILABLE, "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", now
        )
        if enough
        else new_condition(
            AVAILABLE,
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
            now,
        )
    )
    status = {
        "observedGeneration": deployment["metadata"].get("generation", 0),
        "replicas": sizes.total_counted(everything, "replicas"),
        "updatedReplicas": sizes.counted(sets.new, "replicas") if sets.new is not None else 0,
        "readyReplicas": sizes.total_counted(everything, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(sizes.total(everything) - available, 0),
    }
    out = {key: value for key, value in status.items() if value}
    if all("terminatingReplicas" in (s.get("status") or {}) for s in everything):
        out["terminatingReplicas"] = sizes.total_counted(everything, "terminatingReplicas")
    out["conditions"] = with_condition(conditions_of(deployment), condition)
    collisions = (deployment.get("status") or {}).get("collisionCount")
    if collisions is not None:
        out["collisionCount"] = collisions
    return out


def same(status: Object, other: Object) -> bool:
    return (
        all(status.get(key, 0) == other.get(key, 0) for key in _COUNTS)
        and status.get("terminatingReplicas") == other.get("terminatingReplicas")
        and status.get("collisionCount") == other.get("collisionCount")
        and (status.get("conditions") or []) == (other.get("conditions") or [])
    )


def is_complete(deployment: Object, status: Object) -> bool:
    wanted = sizes.replicas(deployment)
    return all(
        status.get(k, 0) == wanted for k in ("updatedReplicas", "replicas", "availableReplicas")
    ) and status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)


def is_progressing(deployment: Object, status: Object) -> bool:
    """More new pods or fewer old ones than the status that the Deployment has."""
    old = deployment.get("status") or {}

    def of_old_sets(s: Object) -> int:
        return int(s.get("replicas", 0) - s.get("updatedReplicas", 0))

    grown = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return any(status.get(k, 0) > old.get(k, 0) for k in grown) or of_old_sets(status) < of_old_sets(old)


def has_timed_out(deployment: Object, status: Object, now: float) -> bool:
    held = find(status.get("conditions") or (), PROGRESSING)
    limit = deadline(deployment)
    if held is None or limit is None or held.get("reason") == COMPLETE:
        return False
    if held.get("reason") == TIMED_OUT:
        return True
    return now > parse_time(held["lastUpdateTime"]) + limit


def progress(deployment: Object, sets: Sets, now: float) -> Object:
    """The status during a rollout: the counts, and what they say of its progress and failure."""
    status = counts(deployment, sets, now)
    conditions: list[Object] = status["conditions"]
    held = find(conditions_of(deployment), PROGRESSING)
    if deadline(deployment) is None:
        conditions = without(conditions, PROGRESSING)
    elif not _was_complete(status, held):
        conditions = _progress_conditions(deployment, sets, status, held, now)
    failures = _failures(sets)
    conditions = with_condition(conditions, failures[0]) if failures else without(conditions, FAILURE)
    return {**status, "conditions": conditions}


def _was_complete(status: Object, held: Object | None) -> bool:
    """A Deployment that once was complete does not progress by having pods fail and come again."""
    updated = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    return updated and held is not None and held.get("reason") == COMPLETE


def _progress_conditions(
    deployment: Object, sets: Sets, status: Object, held: Object | None, now: float
) -> list[Object]:
    conditions: list[Object] = status["conditions"]
    what = (
        f'ReplicaSet "{sets.new["metadata"]["name"]}"'
        if sets.new is not None
        else f'Deployment "{deployment["metadata"]["name"]}"'
    )
    if is_complete(deployment, status):
        text = f"{what} has successfully progressed."
        return with_condition(conditions, new_condition(PROGRESSING, "True", COMPLETE, text, now))
    if is_progressing(deployment, status):
        new = new_condition(PROGRESSING, "True", UPDATED, f"{what} is progressing.", now)
        if held is not None and held.get("status") == "True":
            new["lastTransitionTime"] = held["lastTransitionTime"]
        # Replaced even when it says the same: the time of its update is what the deadline counts from.
        return [*without(conditions, PROGRESSING), new]
    if has_timed_out(deployment, status, now):
        text = f"{what} has timed out progressing."
        return with_condition(conditions, new_condition(PROGRESSING, "False", TIMED_OUT, text, now))
    return conditions


def _failures(sets: Sets) -> list[Object]:
    """Why pods could not be made or deleted: of the new set, else of any."""
    for group in ([sets.new] if sets.new is not None else [], sets.old):
        found = [c for s in group if (c := podstate.condition(s, FAILURE)) is not None]
        if found:
            return [
                {
                    "type": FAILURE,
                    "status": c.get("status"),
                    "lastUpdateTime": c.get("lastTransitionTime"),
                    "lastTransitionTime": c.get("lastTransitionTime"),
                    "reason": c.get("reason", ""),
                    "message": c.get("message", ""),
                }
                for c in found
            ]
    return []


def recheck_after(deployment: Object, status: Object, now: float) -> float | None:
    """Seconds after which a rollout without progress is to be looked at again, to find that it timed out."""
    held = find(conditions_of(deployment), PROGRESSING)
    limit = deadline(deployment)
    if held is None or limit is None:
        return None
    if is_complete(deployment, status) or held.get("reason") == TIMED_OUT:
        return None
    return max(parse_time(held["lastUpdateTime"]) + limit - now, 0) + 1


def pause_condition(deployment: Object, now: float) -> Object | None:
    """The condition that tells of a pause or its end, when it is new. A rollout that timed out stays so."""
    held = find(conditions_of(deployment), PROGRESSING)
    if deadline(deployment) is None or (held is not None and held.get("reason") == TIMED_OUT):
        return None
    paused = bool(deployment["spec"].get("paused"))
    said = held is not None and held.get("reason") == PAUSED
    if paused and not said:
        return new_condition(PROGRESSING, "Unknown", PAUSED, "Deployment is paused", now)
    if said and not paused:
        return new_condition(PROGRESSING, "Unknown", RESUMED, "Deployment is resumed", now)
    return None
