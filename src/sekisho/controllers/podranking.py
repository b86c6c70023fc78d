"""Which pods go first when there are too many: those whose loss costs least.

Follows upstream's ActivePodsWithRanks: unscheduled before scheduled, pending before running, unready before
ready, cheaper before dearer, crowded nodes before others, then what became ready or was made lately, where
times are compared by orders of magnitude only.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cmp_to_key

from sekisho.api.time import parse_time
from sekisho.api.types import Object
from sekisho.controllers import podstate

_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def surplus(pods: Sequence[Object], related: Iterable[Object], count: int, now: float) -> list[Object]:
    """The `count` pods to delete. `related` are all active pods of the same workload, theirs included."""
    if count >= len(pods):
        return list(pods)
    on_node = Counter(p["spec"].get("nodeName", "") for p in related if podstate.is_active(p))

    def compare(a: Object, b: Object) -> int:
        return _compare(a, b, on_node, now)

    return sorted(pods, key=cmp_to_key(compare))[:count]


def _compare(a: Object, b: Object, on_node: Counter[str], now: float) -> int:
    """Negative when `a` is to go before `b`."""
    first = _plain_order(a, on_node), _plain_order(b, on_node)
    if first[0] != first[1]:
        return -1 if first[0] < first[1] else 1
    if podstate.is_ready(a) and podstate.is_ready(b):
        since = _ready_since(a), _ready_since(b)
        if since[0] != since[1]:
            return _compare_times(*since, a, b, now)
    if podstate.restarts(a) != podstate.restarts(b):
        return podstate.restarts(b) - podstate.restarts(a)
    created = _created(a), _created(b)
    if created[0] != created[1]:
        return _compare_times(*created, a, b, now)
    return 0


def _plain_order(pod: Object, on_node: Counter[str]) -> tuple[bool, int, bool, int, int]:
    node = pod["spec"].get("nodeName", "")
    return (
        bool(node),
        _PHASES.get(podstate.phase(pod), 0),
        podstate.is_ready(pod),
        podstate.deletion_cost(pod),
        -on_node[node],
    )


def _compare_times(a: float | None, b: float | None, pod_a: Object, pod_b: Object, now: float) -> int:
    """The later goes first; among times of one order of magnitude the uid decides, which is as good as chance."""
    if a is None or b is None:
        return -1 if a is None else 1
    age_a, age_b = _magnitude(now - a), _magnitude(now - b)
    if age_a == age_b:
        return -1 if pod_a["metadata"]["uid"] < pod_b["metadata"]["uid"] else 1
    return -1 if age_a < age_b else 1


def _magnitude(age: float) -> int:
    """Of nanoseconds, as upstream counts; -1 for what lies ahead."""
    nanoseconds = age * 1e9
    return int(math.log2(nanoseconds)) if nanoseconds >= 1 else -1


def _ready_since(pod: Object) -> float | None:
    ready = podstate.condition(pod, "Ready")
    return parse_time(ready["lastTransitionTime"]) if ready and ready.get("lastTransitionTime") else None


def _created(pod: Object) -> float | None:
    text = pod["metadata"].get("creationTimestamp")
    return parse_time(text) if text else None
