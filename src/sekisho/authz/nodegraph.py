"""Which objects a node may see: the graph from objects through pods to nodes.

An object is related to a node when a pod of that node uses it, directly or through a claim and its
volume. The graph keeps, for each object, the nodes it is used from and by which pods, so that a check is
a few dictionary reads even for a config map that every pod of a namespace mounts. Follows upstream's
plugin/pkg/auth/authorizer/node/graph.go; a Node object itself makes no vertex.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sekisho.api.types import Object
from sekisho.schema.podrefs import (
    pod_claims,
    pod_config_maps,
    pod_resource_claims,
    pod_secrets,
    volume_node_secrets,
)

MIRROR_ANNOTATION = "kubernetes.io/config.mirror"
DIRECT = ("volumeattachments", "resourceslices", "podcertificaterequests")
"""Kinds whose spec.nodeName alone relates them to a node."""
RESOURCES = ("pods", "persistentvolumes", *DIRECT)
"""The resources whose events the graph is fed with."""


class Vertex(NamedTuple):
    """An object by resource, namespace (empty at cluster scope) and name."""

    resource: str
    namespace: str
    name: str

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.resource} {place}{self.name}"


class _Pod(NamedTuple):
    node: str
    signature: tuple[object, ...]
    uses: tuple[Vertex, ...]


class NodeGraph:
    """Feed it with `upsert` and `remove` for `RESOURCES`."""

    def __init__(self) -> None:
        self._pods: dict[Vertex, _Pod] = {}
        self._users: dict[Vertex, dict[str, dict[Vertex, None]]] = {}
        self._claims: dict[Vertex, Vertex] = {}
        self._volume_secrets: dict[Vertex, tuple[Vertex, ...]] = {}
        self._volumes_of: dict[Vertex, dict[Vertex, None]] = {}
        self._direct: dict[Vertex, str] = {}

    def upsert(self, resource: str, obj: Object) -> None:
        """Take in a created or changed object; other resources are ignored."""
        meta = obj["metadata"]
        vertex = Vertex(resource, meta.get("namespace", ""), meta["name"])
        if resource == "pods":
            self._put_pod(vertex, obj)
        elif resource == "persistentvolumes":
            self._drop_volume(vertex)
            self._add_volume(vertex, obj)
        elif resource in DIRECT:
            node = (obj.get("spec") or {}).get("nodeName")
            if node:
                self._direct[vertex] = node
            else:
                self._direct.pop(vertex, None)

    def remove(self, resource: str, namespace: str, name: str) -> None:
        vertex = Vertex(resource, namespace, name)
        if resource == "pods":
            self._drop_pod(vertex)
        elif resource == "persistentvolumes":
            self._drop_volume(vertex)
        elif resource in DIRECT:
            self._direct.pop(vertex, None)

    def path(self, resource: str, namespace: str, name: str, node: str) -> tuple[Vertex, ...] | None:
        """The vertices from an object to the pod (or object) that is on the node; None without a relation."""
        start = Vertex(resource, namespace, name)
        if resource in DIRECT:
            return (start,) if self._direct.get(start) == node else None
        if resource == "pods":
            pod = self._pods.get(start)
            return (start,) if pod is not None and pod.node == node else None
        if resource == "persistentvolumes":
            return self._through_claim(start, node)
        user = self._user(start, node)
        if user is not None:
            return (start, user)
        for volume in self._volumes_of.get(start, ()):
            onward = self._through_claim(volume, node)
            if onward is not None:
                return (start, *onward)
        return None

    def _through_claim(self, volume: Vertex, node: str) -> tuple[Vertex, ...] | None:
        claim = self._claims.get(volume)
        user = self._user(claim, node) if claim is not None else None
        return (volume, claim, user) if claim is not None and user is not None else None

    def _user(self, used: Vertex, node: str) -> Vertex | None:
        return next(iter(self._users.get(used, {}).get(node, ())), None)

    def _put_pod(self, vertex: Vertex, pod: Object) -> None:
        spec = pod.get("spec") or {}
        status = pod.get("status") or {}
        node = spec.get("nodeName", "")
        signature = (
            pod["metadata"].get("uid"),
            len(spec.get("ephemeralContainers") or ()),
            status.get("resourceClaimStatuses"),
            status.get("extendedResourceClaimStatus"),
        )
        known = self._pods.get(vertex)
        if known is not None:
            if known.node == node and known.signature == signature:
                return
            self._drop_pod(vertex)
        if node:
            uses = tuple(dict.fromkeys(_uses(vertex.namespace, pod)))
            self._pods[vertex] = _Pod(node, signature, uses)
            for used in uses:
                self._users.setdefault(used, {}).setdefault(node, {})[vertex] = None

    def _drop_pod(self, vertex: Vertex) -> None:
        pod = self._pods.pop(vertex, None)
        if pod is None:
            return
        for used in pod.uses:
            nodes = self._users[used]
            del nodes[pod.node][vertex]
            if not nodes[pod.node]:
                del nodes[pod.node]
            if not nodes:
                del self._users[used]

    def _add_volume(self, vertex: Vertex, volume: Object) -> None:
        claim = (volume.get("spec") or {}).get("claimRef")
        if claim is None:
            return
        self._claims[vertex] = Vertex(
            "persistentvolumeclaims", claim.get("namespace", ""), claim.get("name", "")
        )
        secrets = tuple(Vertex("secrets", ns, name) for ns, name in volume_node_secrets(volume))
        self._volume_secrets[vertex] = secrets
        for secret in secrets:
            self._volumes_of.setdefault(secret, {})[vertex] = None

    def _drop_volume(self, vertex: Vertex) -> None:
        self._claims.pop(vertex, None)
        for secret in dict.fromkeys(self._volume_secrets.pop(vertex, ())):
            del self._volumes_of[secret][vertex]
            if not self._volumes_of[secret]:
                del self._volumes_of[secret]


def _uses(namespace: str, pod: Object) -> Iterator[Vertex]:
    """What a pod lets its node see; a mirror pod, which the node itself wrote, lets it see nothing."""
    if MIRROR_ANNOTATION in (pod["metadata"].get("annotations") or {}):
        return
    spec = pod.get("spec") or {}
    if spec.get("serviceAccountName"):
        yield Vertex("serviceaccounts", namespace, spec["serviceAccountName"])
    for resource, names in (
        ("secrets", pod_secrets(spec)),
        ("configmaps", pod_config_maps(spec)),
        ("persistentvolumeclaims", pod_claims(pod)),
        ("resourceclaims", pod_resource_claims(pod)),
    ):
        for name in names:
            yield Vertex(resource, namespace, name)
