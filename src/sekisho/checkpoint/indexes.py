"""The indexes that authorizers read: filled from what is stored, and from then on with every change before its
write returns."""

from __future__ import annotations

from typing import Protocol

from sekisho.api.types import Object
from sekisho.authz.index import RbacIndex
from sekisho.authz.nodegraph import NodeGraph
from sekisho.registry.registry import Registry
from sekisho.store.entry import DELETED, CacheEvent

_RBAC_KINDS = {
    "roles": "Role",
    "rolebindings": "RoleBinding",
    "clusterroles": "ClusterRole",
    "clusterrolebindings": "ClusterRoleBinding",
}
_GRAPH_RESOURCES = (
    "pods",
    "persistentvolumes",
    "volumeattachments.storage.k8s.io",
    "resourceslices.resource.k8s.io",
)


class _Index(Protocol):
    """What both indexes can be told; `kind` is what each calls its objects' kind."""

    def upsert(self, kind: str, obj: Object, /) -> None: ...

    def remove(self, kind: str, namespace: str, name: str, /) -> None: ...


def follow(registry: Registry, index: RbacIndex, graph: NodeGraph) -> None:
    """Feed both indexes from now on."""
    for resource, kind in _RBAC_KINDS.items():
        _feed(registry, f"{resource}.rbac.authorization.k8s.io", kind, index)
    for resource in _GRAPH_RESOURCES:
        _feed(registry, resource, resource.partition(".")[0], graph)


def _feed(registry: Registry, resource: str, kind: str, index: _Index) -> None:
    cache = registry.named(resource).storage.cache

    def changed(event: CacheEvent) -> None:
        metadata = event.entry.obj["metadata"]
        if event.type == DELETED:
            index.remove(kind, metadata.get("namespace", ""), metadata["name"])
        else:
            index.upsert(kind, event.entry.obj)

    for entry in cache.list():
        index.upsert(kind, entry.obj)
    cache.follow(changed)
