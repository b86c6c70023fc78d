"""Where a pod can run: the scheduler's filters in upstream's order, with upstream's reasons.

Each filter answers with the reasons why a node will not do, none if it will. The first that objects to a
node is the one that is told. A rejection that no removal of other pods could lift is `final`, which is
what the words about preemption in the message go by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sekisho.api.labels import Selector
from sekisho.api.types import Object
from sekisho.node.podinfo import AffinityTerm, NodeInfo, PodInfo, Resources

UNSCHEDULABLE = "node(s) were unschedulable"
NODE_NAME = "node(s) didn't match the requested node name"
TAINT = "node(s) had untolerated taint(s)"
NODE_AFFINITY = "node(s) didn't match Pod's node affinity/selector"
PORTS = "node(s) didn't have free ports for the requested pod ports"
TOO_MANY_PODS = "Too many pods"
AFFINITY = "node(s) didn't match pod affinity rules"
ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
EXISTING_ANTI_AFFINITY = "node(s) didn't satisfy existing pods anti-affinity rules"

NO_NODES = "no nodes available to schedule pods"
_NOT_HELPFUL = "Preemption is not helpful for scheduling"
_NO_VICTIMS = "No preemption victims found for incoming pod"

_UNSCHEDULABLE_TAINT = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
_ALWAYS_COUNTED = ("cpu", "memory", "ephemeral-storage")


class Rejection(NamedTuple):
    reasons: list[str]
    final: bool


class Place(NamedTuple):
    """One topology domain: `kubernetes.io/hostname`, `node-1`."""

    key: str
    value: str


@dataclass
class Surroundings:
    """Where the pods are that an inter-pod rule of one pod is about."""

    wanted: list[tuple[AffinityTerm, set[Place]]] = field(default_factory=list)
    avoided: set[Place] = field(default_factory=set)
    closed: set[Place] = field(default_factory=set)
    """Places that pods already there keep this pod out of."""


Filter = Callable[[PodInfo, NodeInfo, Surroundings], Rejection | None]


def reject(pod: PodInfo, node: NodeInfo, around: Surroundings) -> Rejection | None:
    """Why the pod cannot run on the node, None if it can."""
    for check in _FILTERS:
        rejection = check(pod, node, around)
        if rejection is not None:
            return rejection
    return None


def _unschedulable(pod: PodInfo, node: NodeInfo, _: Surroundings) -> Rejection | None:
    if node.unschedulable and not tolerated(_UNSCHEDULABLE_TAINT, pod.spec.get("tolerations")):
        return Rejection([UNSCHEDULABLE], True)
    return None


def _node_name(pod: PodInfo, node: NodeInfo, _: Surroundings) -> Rejection | None:
    return Rejection([NODE_NAME], True) if pod.node and pod.node != node.name else None


def _taints(pod: PodInfo, node: NodeInfo, _: Surroundings) -> Rejection | None:
    tolerations = pod.spec.get("tolerations")
    for taint in node.taints:
        if taint.get("effect") in ("NoSchedule", "NoExecute") and not tolerated(taint, tolerations):
            return Rejection([TAINT], True)
    return None


def tolerated(taint: Object, tolerations: Iterable[Object] | None) -> bool:
    return any(_tolerates(t, taint) for t in tolerations or ())


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Exists":
        return True
    return bool(operator == "Equal" and toleration.get("value", "") == taint.get("value", ""))


def _node_affinity(pod: PodInfo, node: NodeInfo, _: Surroundings) -> Rejection | None:
    wanted: Mapping[str, str] = pod.spec.get("nodeSelector") or {}
    labels = node.labels
    if any(labels.get(k) != v for k, v in wanted.items()):
        return Rejection([NODE_AFFINITY], True)
    affinity = (pod.spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is not None and not matches_node(required.get("nodeSelectorTerms"), node):
        return Rejection([NODE_AFFINITY], True)
    return None


def matches_node(terms: Iterable[Object] | None, node: NodeInfo) -> bool:
    """Whether any of the node selector terms selects the node; an empty term selects nothing."""
    return any(matches_term(term, node) for term in terms or ())


def matches_term(term: Object, node: NodeInfo) -> bool:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    return all(_holds(e, node.labels) for e in expressions) and all(
        _holds(f, {"metadata.name": node.name}) for f in fields
    )


def _holds(expression: Object, labels: Mapping[str, str]) -> bool:
    value = labels.get(expression.get("key", ""))
    values = expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return value is not None and value in values
        case "NotIn":
            return value is None or value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt":
            return _compare(value, values) > 0
        case "Lt":
            return _compare(value, values) < 0
    return False


def _compare(value: str | None, values: Iterable[str]) -> int:
    """-1, 0 or 1; 0 too where one of them is no number, which neither Gt nor Lt accepts."""
    try:
        left, right = int(value or ""), int(next(iter(values), ""))
    except ValueError:
        return 0
    return (left > right) - (left < right)


def _ports(pod: PodInfo, node: NodeInfo, _: Surroundings) -> Rejection | None:
    if not pod.host_ports:
        return None
    taken = [port for other in node.pods.values() for port in other.host_ports]
    for ip, protocol, number in pod.host_ports:
        for other_ip, other_protocol, other_number in taken:
            same = protocol == other_protocol and number == other_number
            if same and (ip == other_ip or "0.0.0.0" in (ip, other_ip)):  # noqa: S104
                return Rejection([PORTS], False)
    return None


def _resources(pod: PodInfo, node: NodeInfo, _: Surroundings) -> Rejection | None:
    reasons = []
    final = False
    capacity: Resources = node.allocatable
    if "pods" in capacity and len(node.pods) + 1 > capacity["pods"]:
        reasons.append(TOO_MANY_PODS)
    for name, wanted in _in_order(pod.requests):
        free = capacity.get(name, 0) - node.requested.get(name, 0)
        if wanted > free:
            reasons.append(f"Insufficient {name}")
            final = final or wanted > capacity.get(name, 0)
    return Rejection(reasons, final) if reasons else None


def _in_order(requests: Resources) -> list[tuple[str, int]]:
    """cpu, memory and ephemeral storage first, then the rest; what is asked for in zero amount never lacks."""
    named = [(n, requests[n]) for n in _ALWAYS_COUNTED if requests.get(n)]
    return named + [(n, v) for n, v in requests.items() if v and n not in _ALWAYS_COUNTED]


def _interpod(pod: PodInfo, node: NodeInfo, around: Surroundings) -> Rejection | None:
    labels = node.labels
    places = {Place(k, v) for k, v in labels.items()}
    for term, wanted in around.wanted:
        value = labels.get(term.topology_key)
        if value is None:
            return Rejection([AFFINITY], True)
        # A group's first pod finds nobody it could join; it may go anywhere if it would match itself.
        alone = not any(found for _, found in around.wanted) and all(
            _self_match(t, pod) for t, _ in around.wanted
        )
        if Place(term.topology_key, value) not in wanted and not alone:
            return Rejection([AFFINITY], True)
    if places & around.avoided:
        return Rejection([ANTI_AFFINITY], False)
    if places & around.closed:
        return Rejection([EXISTING_ANTI_AFFINITY], False)
    return None


def _self_match(term: AffinityTerm, pod: PodInfo) -> bool:
    return applies(term, pod, pod, {})


_FILTERS: tuple[Filter, ...] = (
    _unschedulable,
    _node_name,
    _taints,
    _node_affinity,
    _ports,
    _resources,
    _interpod,
)


def surroundings(
    pod: PodInfo, nodes: Iterable[NodeInfo], namespaces: Mapping[str, Mapping[str, str]]
) -> Surroundings:
    """Look for the pods that the inter-pod rules of `pod`, and the rules of others against it, speak of.

    `namespaces`: the labels of each namespace.
    """
    around = Surroundings(wanted=[(term, set()) for term in pod.affinity])
    for node in nodes:
        labels = node.labels
        if pod.affinity or pod.anti_affinity:
            for other in node.pods.values():
                if all(applies(term, pod, other, namespaces) for term in pod.affinity):
                    for term, places in around.wanted:
                        _note(places, term, labels)
                for term in pod.anti_affinity:
                    if applies(term, pod, other, namespaces):
                        _note(around.avoided, term, labels)
        for other in node.avoiding.values():
            for term in other.anti_affinity:
                if applies(term, other, pod, namespaces):
                    _note(around.closed, term, labels)
    return around


def _note(places: set[Place], term: AffinityTerm, labels: Mapping[str, str]) -> None:
    value = labels.get(term.topology_key)
    if value is not None:
        places.add(Place(term.topology_key, value))


def applies(
    term: AffinityTerm, owner: PodInfo, target: PodInfo, namespaces: Mapping[str, Mapping[str, str]]
) -> bool:
    """Whether a term of `owner` is about `target`."""
    selector: Selector | None = term.namespace_selector
    if not term.namespaces and selector is None:
        inside = target.namespace == owner.namespace
    else:
        inside = target.namespace in term.namespaces or (
            selector is not None and selector.matches(namespaces.get(target.namespace) or {})
        )
    return inside and term.selector.matches(target.labels)


def message(rejections: Iterable[Rejection], *, may_preempt: bool = True) -> str:
    """Upstream's words for a pod that fits nowhere: how many nodes failed for which reason."""
    listed = list(rejections)
    if not listed:
        return NO_NODES
    reasons = Counter(reason for rejection in listed for reason in rejection.reasons)
    if may_preempt:
        verdicts = Counter(_NOT_HELPFUL if rejection.final else _NO_VICTIMS for rejection in listed)
        preemption = _sentence(len(listed), verdicts)
    else:
        preemption = "not eligible due to preemptionPolicy=Never."
    return f"{_sentence(len(listed), reasons)} no new claims to deallocate, preemption: {preemption}"


def _sentence(nodes: int, counted: Counter[str]) -> str:
    return (
        f"0/{nodes} nodes are available: {', '.join(sorted(f'{n} {text}' for text, n in counted.items()))}."
    )
