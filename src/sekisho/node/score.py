"""Which of the nodes that will do is taken: preferences first, then the one with the most room."""

from __future__ import annotations

from sekisho.node.fit import matches_term, tolerated
from sekisho.node.podinfo import NodeInfo, PodInfo

Score = tuple[int, float, int]


def score(pod: PodInfo, node: NodeInfo) -> Score:
    """Greater is better: preferred node affinity less taints that prefer others, free share, fewer pods."""
    return _preference(pod, node), _free_share(pod, node), -len(node.pods)


def _preference(pod: PodInfo, node: NodeInfo) -> int:
    affinity = (pod.spec.get("affinity") or {}).get("nodeAffinity") or {}
    total = 0
    for preferred in affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
        if matches_term(preferred.get("preference") or {}, node):
            total += preferred.get("weight", 0)
    tolerations = pod.spec.get("tolerations")
    for taint in node.taints:
        if taint.get("effect") == "PreferNoSchedule" and not tolerated(taint, tolerations):
            total -= 100
    return total


def _free_share(pod: PodInfo, node: NodeInfo) -> float:
    """The mean share of cpu and memory that stays free, from 0 to 1."""
    shares = []
    for name in ("cpu", "memory"):
        capacity = node.allocatable.get(name, 0)
        taken = node.requested.get(name, 0) + pod.requests.get(name, 0)
        shares.append((capacity - taken) / capacity if capacity else 0.0)
    return sum(shares) / len(shares)
