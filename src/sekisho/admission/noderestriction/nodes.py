"""A node's own Node object: which labels it may set, and what it may never change."""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.admission.interface import AdmissionRequest, Operation
from sekisho.api.goformat import quote
from sekisho.api.types import Object

RESTRICTED = "node-restriction.kubernetes.io"
_KUBERNETES_DOMAINS = ("kubernetes.io", "k8s.io")
_KUBELET_DOMAINS = ("kubelet.kubernetes.io", "node.kubernetes.io")
_KUBELET_LABELS = frozenset(
    (
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "beta.kubernetes.io/instance-type",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
        "node.kubernetes.io/instance-type",
        "kubernetes.io/os",
        "kubernetes.io/arch",
    )
)


async def check(node: str, request: AdmissionRequest) -> None:
    """All subresources of nodes."""
    if request.name != node:
        raise request.forbidden(f"node {quote(node)} is not allowed to modify node {quote(request.name)}")
    if request.operation is Operation.CREATE and request.object is not None:
        _check_create(node, request, request.object)
    elif request.operation is Operation.UPDATE and request.object is not None:
        _check_update(node, request, request.object, request.old_object or {})


def _check_create(node: str, request: AdmissionRequest, new: Object) -> None:
    if (new.get("spec") or {}).get("configSource") is not None:
        raise request.forbidden(
            f"node {quote(node)} is not allowed to create pods with a non-nil configSource"
        )
    bad = _forbidden_labels(_labels(new))
    if bad:
        raise request.forbidden(f"node {quote(node)} is not allowed to set the following labels: {bad}")


def _check_update(node: str, request: AdmissionRequest, new: Object, old: Object) -> None:
    spec, old_spec = new.get("spec") or {}, old.get("spec") or {}
    may_not = f"node {quote(node)} is not allowed to"
    if spec.get("configSource") is not None and spec["configSource"] != old_spec.get("configSource"):
        raise request.forbidden(f"{may_not} update configSource to a new non-nil configSource")
    if (spec.get("taints") or []) != (old_spec.get("taints") or []):
        raise request.forbidden(f"{may_not} modify taints")
    owners, old_owners = (o["metadata"].get("ownerReferences") or [] for o in (new, old))
    if owners != old_owners:
        raise request.forbidden(f"{may_not} modify ownerReferences")
    before, after = _labels(old), _labels(new)
    changed = [k for k in before.keys() | after.keys() if before.get(k) != after.get(k)]
    bad = _forbidden_labels(changed)
    if bad:
        raise request.forbidden(f"is not allowed to modify labels: {bad}")


def _labels(node: Object) -> dict[str, str]:
    labels: dict[str, str] = node["metadata"].get("labels") or {}
    return labels


def _forbidden_labels(keys: Iterable[str]) -> str:
    return ", ".join(sorted(key for key in keys if not may_set(key)))


def may_set(key: str) -> bool:
    """Whether a node may set a label of this key on itself."""
    prefix, slash, _ = key.partition("/")
    if not slash:
        return True
    if _within(prefix, RESTRICTED):
        return False
    if not any(_within(prefix, domain) for domain in _KUBERNETES_DOMAINS):
        return True
    return key in _KUBELET_LABELS or any(_within(prefix, domain) for domain in _KUBELET_DOMAINS)


def _within(prefix: str, domain: str) -> bool:
    return prefix == domain or prefix.endswith(f".{domain}")
