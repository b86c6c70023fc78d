"""How many pods each ReplicaSet of a Deployment is to have. Pure arithmetic over objects.

A rollout may have `maxSurge` pods more than wanted, and at most `maxUnavailable` less than wanted available.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sekisho.api.types import Object
from sekisho.controllers.percent import round_half_away, scaled

ROLLING = "RollingUpdate"

DESIRED = "deployment.kubernetes.io/desired-replicas"
"""Annotation of a ReplicaSet: how many pods its Deployment wanted when it was last scaled."""
MAX = "deployment.kubernetes.io/max-replicas"
"""The same with the surge that was allowed."""


def replicas(obj: Object) -> int:
    """What a Deployment or ReplicaSet asks for."""
    return int(obj["spec"].get("replicas", 1))


def counted(obj: Object, field: str) -> int:
    """A number in the status."""
    return int((obj.get("status") or {}).get(field) or 0)


def total(sets: Iterable[Object]) -> int:
    return sum(map(replicas, sets))


def total_counted(sets: Iterable[Object], field: str) -> int:
    return sum(counted(obj, field) for obj in sets)


def is_rolling(deployment: Object) -> bool:
    return bool((deployment["spec"].get("strategy") or {}).get("type", ROLLING) == ROLLING)


def fenceposts(surge: int | str | None, unavailable: int | str | None, wanted: int) -> tuple[int, int]:
    """Pods above and below the wanted number; never both zero, since nothing could move then."""
    above = scaled(surge, wanted, round_up=True)
    below = scaled(unavailable, wanted, round_up=False)
    return (above, below) if above or below else (0, 1)


def _fenceposts(deployment: Object) -> tuple[int, int]:
    rolling = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    wanted = replicas(deployment)
    return fenceposts(rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%"), wanted)


def max_surge(deployment: Object) -> int:
    return _fenceposts(deployment)[0] if is_rolling(deployment) else 0


def max_unavailable(deployment: Object) -> int:
    wanted = replicas(deployment)
    if not is_rolling(deployment) or wanted == 0:
        return 0
    return min(_fenceposts(deployment)[1], wanted)


def new_size(deployment: Object, sets: Iterable[Object], current: int) -> int:
    """What the newest set, which has `current`, may grow to while the others are as they are."""
    wanted = replicas(deployment)
    if not is_rolling(deployment):
        return wanted
    room = wanted + max_surge(deployment) - total(sets)
    return current + min(room, wanted - current) if room > 0 else current


def annotated(obj: Object, key: str) -> int | None:
    text = (obj["metadata"].get("annotations") or {}).get(key, "")
    try:
        return int(text)
    except ValueError:
        return None


def size_annotations(deployment: Object) -> dict[str, str]:
    """What the ReplicaSets of a Deployment say of its size."""
    wanted = replicas(deployment)
    return {DESIRED: str(wanted), MAX: str(wanted + max_surge(deployment))}


def proportional(deployment: Object, sets: Sequence[Object]) -> dict[str, int]:
    """The sizes, by name, of active sets of which none has all pods, for a Deployment whose size changed.

    Each takes its share of the difference; what rounding leaves goes to the largest, and among equals to the
    newest when the Deployment grows, to the oldest when it shrinks.
    """
    wanted = replicas(deployment)
    allowed = wanted + max_surge(deployment) if wanted > 0 else 0
    change = allowed - total(sets)
    ordered = sorted(sets, key=_age, reverse=change > 0)
    ordered.sort(key=lambda s: -replicas(s))
    sizes: dict[str, int] = {}
    done = 0
    for obj in ordered:
        share = _share(obj, deployment, change, done)
        sizes[obj["metadata"]["name"]] = replicas(obj) + share
        done += share
    if ordered and change:
        first = ordered[0]["metadata"]["name"]
        sizes[first] = max(sizes[first] + change - done, 0)
    return sizes


def _age(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("creationTimestamp") or "", obj["metadata"]["name"]


def _share(obj: Object, deployment: Object, change: int, done: int) -> int:
    if replicas(obj) == 0 or change == done:
        return 0
    wish = _wish(obj, deployment)
    left = change - done
    return min(wish, left) if change > 0 else max(wish, left)


def _wish(obj: Object, deployment: Object) -> int:
    """By how much a set would change to keep its part of the whole."""
    if replicas(deployment) == 0:
        return -replicas(obj)
    before = annotated(obj, MAX)
    if before is None:
        before = counted(deployment, "replicas")
    if before == 0:
        return 0
    now = replicas(deployment) + max_surge(deployment)
    return round_half_away(replicas(obj) * now, before) - replicas(obj)


def surplus_of_old(deployment: Object, new: Object, old: Sequence[Object]) -> int:
    """How many pods of old sets may go at most, given that the new set's are perhaps not all available."""
    least = replicas(deployment) - max_unavailable(deployment)
    unavailable = replicas(new) - counted(new, "availableReplicas")
    return total([*old, new]) - least - unavailable


def unhealthy_first(old: Sequence[Object], most: int) -> dict[str, int]:
    """New sizes of old sets, oldest first, from which only pods go that are not available."""
    sizes: dict[str, int] = {}
    for obj in sorted(old, key=_age):
        size = replicas(obj)
        down = min(most, size - counted(obj, "availableReplicas"))
        if size > 0 and down > 0:
            sizes[obj["metadata"]["name"]] = size - down
            most -= down
    return sizes


def scale_down(deployment: Object, new: Object, old: Sequence[Object]) -> dict[str, int]:
    """New sizes of old sets, oldest first, such that enough pods stay available."""
    least = replicas(deployment) - max_unavailable(deployment)
    most = total_counted([*old, new], "availableReplicas") - least
    sizes: dict[str, int] = {}
    for obj in sorted(old, key=_age):
        down = min(most, replicas(obj))
        if down > 0:
            sizes[obj["metadata"]["name"]] = replicas(obj) - down
            most -= down
    return sizes
