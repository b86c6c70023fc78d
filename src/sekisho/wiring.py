"""The choices of a Config made into parts: which store, which authenticators, which filters in which order."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sekisho import authentication
from sekisho.admission.interface import Plugin
from sekisho.admission.plugins import enabled_plugins
from sekisho.api.clock import Clock
from sekisho.api.random import RandomSource
from sekisho.authz import bootstrap
from sekisho.authz.always import AlwaysAllowAuthorizer, AlwaysDenyAuthorizer
from sekisho.authz.index import RbacIndex
from sekisho.authz.masters import MastersAuthorizer
from sekisho.authz.node import NodeAuthorizer
from sekisho.authz.nodegraph import NodeGraph
from sekisho.authz.rbac import RbacAuthorizer
from sekisho.authz.union import NamedAuthorizer, UnionAuthorizer
from sekisho.config import Config, ConfigError
from sekisho.credentials import pki, pkifolder
from sekisho.node.agent import NodeAgent
from sekisho.registry.client import Client
from sekisho.registry.registry import Registry
from sekisho.server import routing
from sekisho.server.app import Application, chain
from sekisho.server.filters.authentication import authentication as authentication_filter
from sekisho.server.filters.authorization import authorization
from sekisho.server.filters.errors import errors
from sekisho.server.filters.impersonation import impersonation
from sekisho.server.filters.passages import passages
from sekisho.server.filters.request_info import deadline, request_info
from sekisho.store.entry import DELETED, CacheEvent
from sekisho.store.interface import Store
from sekisho.store.memory import MemoryStore
from sekisho.store.sqlite import SQLiteStore

if TYPE_CHECKING:
    from sekisho.cluster import Cluster

DATABASE = "sekisho.db"

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


def bind(config: Config) -> socket.socket:
    """A listening socket, so that a port that is taken is found out before anything is written."""
    family = socket.AF_INET6 if ":" in config.bind_address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((config.bind_address, config.secure_port))
    except OSError as error:
        sock.close()
        where = f"{config.bind_address}:{config.secure_port}"
        raise ConfigError(f"cannot listen on {where}: {(error.strerror or str(error)).lower()}") from None
    sock.setblocking(False)
    return sock


def load_pki(config: Config, clock: Clock) -> pki.PKI:
    names = pki.ServingNames(
        service_ip=config.kubernetes_service_ip, bind_address=config.bind_address, extra=config.extra_names
    )
    if config.pki_dir is None:
        return pki.create(names, clock.now())
    return pkifolder.load_or_create(config.pki_dir, names, clock.now())


def make_store(config: Config, clock: Clock) -> Store:
    if config.store == "memory" or config.data_dir is None:
        return MemoryStore(clock)
    return SQLiteStore(config.data_dir / DATABASE, clock)


class Checkpoint:
    """Who is calling and may they: the authenticator, the authorizer, and the indexes that follow the cache."""

    def __init__(self, config: Config, registry: Registry, keys: pki.PKI, clock: Clock) -> None:
        self.index = RbacIndex()
        self.graph = NodeGraph()
        self._follow(registry)
        self.authorizer = UnionAuthorizer([MastersAuthorizer(), *map(self._mode, config.authorization_mode)])
        self.authenticator = authentication.build(config, registry, keys, clock)

    def _mode(self, mode: str) -> NamedAuthorizer:
        match mode:
            case "RBAC":
                return RbacAuthorizer(self.index)
            case "Node":
                return NodeAuthorizer(self.graph, bootstrap.node_rules(bootstrap.default_policy()))
            case "AlwaysAllow":
                return AlwaysAllowAuthorizer()
            case "AlwaysDeny":
                return AlwaysDenyAuthorizer()
        raise ConfigError(f"authorization mode {mode} needs a configuration that was not given")

    def _follow(self, registry: Registry) -> None:
        """Feed the indexes with what is stored, and from then on with every change before its write returns."""
        for resource, kind in _RBAC_KINDS.items():
            rest = registry.named(f"{resource}.rbac.authorization.k8s.io")

            def changed(event: CacheEvent, kind: str = kind) -> None:
                metadata = event.entry.obj["metadata"]
                if event.type == DELETED:
                    self.index.remove(kind, metadata.get("namespace", ""), metadata["name"])
                else:
                    self.index.upsert(kind, event.entry.obj)

            for entry in rest.storage.cache.list():
                self.index.upsert(kind, entry.obj)
            rest.storage.cache.follow(changed)
        for resource in _GRAPH_RESOURCES:
            rest = registry.named(resource)
            plural = rest.info.resource

            def moved(event: CacheEvent, plural: str = plural) -> None:
                metadata = event.entry.obj["metadata"]
                if event.type == DELETED:
                    self.graph.remove(plural, metadata.get("namespace", ""), metadata["name"])
                else:
                    self.graph.upsert(plural, event.entry.obj)

            for entry in rest.storage.cache.list():
                self.graph.upsert(plural, entry.obj)
            rest.storage.cache.follow(moved)


def admission_plugins(config: Config, checkpoint: Checkpoint) -> Sequence[Plugin]:
    return enabled_plugins(config.enable_admission_plugins, config.disable_admission_plugins)


def application(cluster: Cluster, checkpoint: Checkpoint) -> Application:
    """The chain, outermost first, in upstream's order."""
    routes = routing.routes(cluster.registry, checkpoint.authorizer, cluster)
    filters = [
        errors(cluster.clock, cluster.random),
        passages(cluster.passages, cluster.clock),
        request_info(),
        deadline(),
        authentication_filter(checkpoint.authenticator),
        impersonation(checkpoint.authorizer),
        authorization(checkpoint.authorizer),
    ]
    return Application(chain(filters, routes.handle))


def make_node(config: Config, client: Client, clock: Clock, random: RandomSource) -> NodeAgent | None:
    if config.node != "simulated":
        return None
    return NodeAgent(client, clock, random)
