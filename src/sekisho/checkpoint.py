"""Who is calling and may they: the mechanisms that a Config chooses, in upstream's order."""

from __future__ import annotations

from sekisho.admission.chain import CacheLookup
from sekisho.api.clock import Clock
from sekisho.authn import factory
from sekisho.authn.anonymous import AnonymousAuthenticator
from sekisho.authn.factory import AuthnOptions
from sekisho.authn.frontproxy import FrontProxyHeaders
from sekisho.authn.tokenfile import TokenFile
from sekisho.authn.verified import Roots
from sekisho.authz import bootstrap
from sekisho.authz.always import AlwaysAllowAuthorizer, AlwaysDenyAuthorizer
from sekisho.authz.index import RbacIndex
from sekisho.authz.masters import MastersAuthorizer
from sekisho.authz.node import NodeAuthorizer
from sekisho.authz.nodegraph import NodeGraph
from sekisho.authz.rbac import RbacAuthorizer
from sekisho.authz.union import NamedAuthorizer, UnionAuthorizer
from sekisho.config import Config, ConfigError
from sekisho.credentials import pki
from sekisho.credentials.keys import KeyRing, VerificationKey, public_keys
from sekisho.registry.registry import Registry
from sekisho.store.entry import DELETED, CacheEvent

_RBAC_KINDS = {
    "roles": "Role",
    "rolebindings": "RoleBinding",
    "clusterroles": "ClusterRole",
    "clusterrolebindings": "ClusterRoleBinding",
}
FRONT_PROXY = FrontProxyHeaders(allowed_names=("front-proxy-client",))
"""The headers and the proxy's name that kubeadm configures."""

_GRAPH_RESOURCES = (
    "pods",
    "persistentvolumes",
    "volumeattachments.storage.k8s.io",
    "resourceslices.resource.k8s.io",
)


class Checkpoint:
    """Who is calling and may they: the authenticator, the authorizer, and the indexes that follow the cache."""

    def __init__(self, config: Config, registry: Registry, keys: pki.PKI, clock: Clock) -> None:
        self.index = RbacIndex()
        self.graph = NodeGraph()
        self._follow(registry)
        registry.holdings = self.index.holdings
        self.authorizer = UnionAuthorizer([MastersAuthorizer(), *map(self._mode, config.authorization_mode)])
        self.keys = KeyRing([*public_keys(keys.sa_pub), *verification_keys(config)])
        self.authentication = factory.build(
            self._authn_options(config, keys), CacheLookup(registry), clock
        )

    def _authn_options(self, config: Config, keys: pki.PKI) -> AuthnOptions:
        return AuthnOptions(
            issuers=config.service_account_issuer,
            audiences=config.api_audiences,
            keys=self.keys,
            client_roots=Roots(keys.ca.certificate),
            front_proxy_roots=Roots(keys.front_proxy_ca.certificate),
            front_proxy=FRONT_PROXY,
            token_file=TokenFile.load(config.token_auth_file) if config.token_auth_file else None,
            bootstrap_tokens=config.enable_bootstrap_token_auth,
            anonymous=AnonymousAuthenticator() if config.anonymous_auth else None,
        )

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


def verification_keys(config: Config) -> list[VerificationKey]:
    """The keys of --service-account-key-file. Raises ConfigError."""
    found: list[VerificationKey] = []
    for path in config.service_account_key_file:
        try:
            found += public_keys(path.read_bytes())
        except OSError as error:
            raise ConfigError(f"--service-account-key-file {path}: {(error.strerror or str(error)).lower()}")
        except ValueError as error:
            raise ConfigError(f"--service-account-key-file {path}: {error}")
    return found
