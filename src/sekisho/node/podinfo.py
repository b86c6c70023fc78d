"""What the scheduler has to know of a pod and of a node, read out of the objects once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sekisho.api.labels import Selector, selector_from_label_selector
from sekisho.api.quantity import Quantity
from sekisho.api.types import Object
from sekisho.schema.podresources import aggregate_container_requests
from sekisho.schema.podwalk import is_sidecar

Resources = dict[str, int]
"""Amounts by resource name: thousandths for cpu, whole units for all others."""

HostPort = tuple[str, str, int]
"""(host IP, protocol, port); the IP of a port on all addresses is `0.0.0.0`."""

_POD_LEVEL = ("cpu", "memory")
_EVERYWHERE = "0.0.0.0"  # noqa: S104


def amount(name: str, text: str) -> int:
    quantity = Quantity.parse(text)
    return quantity.milli_value() if name == "cpu" else quantity.value()


def amounts(listed: Mapping[str, str] | None) -> Resources:
    return {name: amount(name, text) for name, text in (listed or {}).items()}


@dataclass(slots=True)
class AffinityTerm:
    """One required term of pod affinity or anti-affinity.

    `namespaces` is empty where only the pod's own counts; `namespace_selector` is None where there is none.
    """

    selector: Selector
    topology_key: str
    namespaces: frozenset[str]
    namespace_selector: Selector | None


class PodInfo:
    """A pod as the scheduler sees it."""

    def __init__(self, pod: Object) -> None:
        self.object = pod
        metadata, self.spec = pod["metadata"], pod["spec"]
        self.uid: str = metadata["uid"]
        self.namespace: str = metadata.get("namespace", "")
        self.name: str = metadata["name"]
        self.labels: Mapping[str, str] = metadata.get("labels") or {}
        self.node: str = self.spec.get("nodeName", "")
        self.priority: int = self.spec.get("priority", 0)

    @cached_property
    def requests(self) -> Resources:
        """What the pod takes of a node: its containers' sum or the pod level's word, and its overhead."""
        total = {n: _int(n, q) for n, q in aggregate_container_requests(self.spec).items()}
        pod_level = amounts((self.spec.get("resources") or {}).get("requests"))
        total |= {n: v for n, v in pod_level.items() if n in _POD_LEVEL or n.startswith("hugepages-")}
        for name, value in amounts(self.spec.get("overhead")).items():
            total[name] = total.get(name, 0) + value
        return total

    @cached_property
    def host_ports(self) -> frozenset[HostPort]:
        containers = [
            *self.spec.get("containers", ()),
            *filter(is_sidecar, self.spec.get("initContainers") or ()),
        ]
        return frozenset(
            (port.get("hostIP") or _EVERYWHERE, port.get("protocol") or "TCP", port["hostPort"])
            for container in containers
            for port in container.get("ports") or ()
            if port.get("hostPort")
        )

    @cached_property
    def affinity(self) -> list[AffinityTerm]:
        return self._terms("podAffinity")

    @cached_property
    def anti_affinity(self) -> list[AffinityTerm]:
        return self._terms("podAntiAffinity")

    def _terms(self, kind: str) -> list[AffinityTerm]:
        affinity = (self.spec.get("affinity") or {}).get(kind) or {}
        return [
            AffinityTerm(
                selector_from_label_selector(term.get("labelSelector")),
                term.get("topologyKey", ""),
                frozenset(term.get("namespaces") or ()),
                selector_from_label_selector(term["namespaceSelector"])
                if "namespaceSelector" in term
                else None,
            )
            for term in affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        ]


@dataclass(slots=True)
class NodeInfo:
    """A node and what the pods that are assigned to it take."""

    object: Object
    allocatable: Resources
    pods: dict[str, PodInfo] = field(default_factory=dict)
    avoiding: dict[str, PodInfo] = field(default_factory=dict)
    """Those of the pods that keep others away by anti-affinity."""
    requested: Resources = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])

    @property
    def labels(self) -> Mapping[str, str]:
        return self.object["metadata"].get("labels") or {}

    @property
    def taints(self) -> list[Object]:
        return (self.object.get("spec") or {}).get("taints") or []

    @property
    def unschedulable(self) -> bool:
        return bool((self.object.get("spec") or {}).get("unschedulable"))

    def add(self, pod: PodInfo) -> None:
        self.remove(pod.uid)
        self.pods[pod.uid] = pod
        if pod.anti_affinity:
            self.avoiding[pod.uid] = pod
        for name, value in pod.requests.items():
            self.requested[name] = self.requested.get(name, 0) + value

    def remove(self, uid: str) -> None:
        pod = self.pods.pop(uid, None)
        self.avoiding.pop(uid, None)
        if pod is not None:
            for name, value in pod.requests.items():
                self.requested[name] -= value


def allocatable(node: Object) -> Resources:
    return amounts((node.get("status") or {}).get("allocatable"))


def _int(name: str, quantity: Quantity) -> int:
    return quantity.milli_value() if name == "cpu" else quantity.value()
