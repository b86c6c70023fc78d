"""From a configuration to the chain that decides, and its replacement while the server runs.

Everything configured stands behind the group `system:masters`. Node and RBAC share the graph and the
index of the cluster, so a reload loses nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sekisho.api.clock import Clock
from sekisho.api.random import RandomSource
from sekisho.api.rbac import Rule
from sekisho.api.types import Attributes, Decision, Rules, UserInfo, Verdict
from sekisho.authz import abac, conditions, config
from sekisho.authz.abac import AbacAuthorizer
from sekisho.authz.always import AlwaysAllowAuthorizer, AlwaysDenyAuthorizer
from sekisho.authz.config import AuthorizerConfiguration, ConfigurationError
from sekisho.authz.index import RbacIndex
from sekisho.authz.masters import MastersAuthorizer
from sekisho.authz.node import NodeAuthorizer
from sekisho.authz.nodegraph import NodeGraph
from sekisho.authz.rbac import RbacAuthorizer
from sekisho.authz.union import NamedAuthorizer, Observer, UnionAuthorizer
from sekisho.authz.webhook import Condition, Settings, Transport, WebhookAuthorizer
from sekisho.authz.webhook import Observer as WebhookObserver
from sekisho.credentials.filewatch import FileWatch

logger = logging.getLogger("sekisho.authz")

TransportFactory = Callable[[Path, float], Transport]
"""From a kubeconfig and a timeout in seconds. Raises ValueError."""


def http_transport(path: Path, timeout: float) -> Transport:
    """The transport over HTTPS; its client library is loaded only when a webhook is configured."""
    from sekisho.authz.webhooktransport import HttpTransport

    return HttpTransport.of_kubeconfig(path, timeout)


@dataclass(slots=True)
class Parts:
    """What authorizers are made of. `compile_condition` compiles CEL match conditions; ValueError when it cannot."""

    index: RbacIndex
    graph: NodeGraph
    node_rules: Sequence[Rule]
    clock: Clock
    random: RandomSource
    policy_file: Path | None = None
    transport: TransportFactory = http_transport
    compile_condition: Callable[[str], Condition] = field(default_factory=conditions.compiler)
    observe: Observer | None = None
    observe_webhook: WebhookObserver | None = None

    def check_condition(self, expression: str) -> None:
        """Raises ValueError when an expression does not compile."""
        self.compile_condition(expression)


def build(configuration: Sequence[AuthorizerConfiguration], parts: Parts) -> UnionAuthorizer:
    """The chain. Raises ConfigurationError when a file that it needs cannot be used."""
    made: list[NamedAuthorizer] = [MastersAuthorizer()]
    made += [_authorizer(entry, parts) for entry in configuration]
    return UnionAuthorizer(made, _configured_only(parts.observe))


def _configured_only(observe: Observer | None) -> Observer | None:
    """Metrics count the configured authorizers, not the group in front of them."""
    if observe is None:
        return None

    def told(kind: str, name: str, decision: Decision) -> None:
        if kind != MastersAuthorizer.name:
            observe(kind, name, decision)

    return told


def _authorizer(entry: AuthorizerConfiguration, parts: Parts) -> NamedAuthorizer:
    match entry.type:
        case "AlwaysAllow":
            return AlwaysAllowAuthorizer()
        case "AlwaysDeny":
            return AlwaysDenyAuthorizer()
        case "RBAC":
            return RbacAuthorizer(parts.index)
        case "Node":
            return NodeAuthorizer(parts.graph, parts.node_rules)
        case "ABAC":
            return _abac(parts.policy_file)
        case "Webhook" if entry.webhook is not None:
            return _webhook(entry.name, config.without_caching(entry.webhook), parts)
    raise ConfigurationError(f"unknown authorization mode {entry.type} specified")


def _abac(path: Path | None) -> AbacAuthorizer:
    if path is None:
        raise ConfigurationError("authorization-mode ABAC's authorization policy file not passed")
    try:
        return AbacAuthorizer(abac.load(path), str(path))
    except abac.PolicyFileError as error:
        raise ConfigurationError(str(error))


def _webhook(name: str, webhook: config.Webhook, parts: Parts) -> WebhookAuthorizer:
    if webhook.connection_type == "InClusterConfig":
        # It would ask this very server: upstream allows it to extension servers only.
        raise ConfigurationError(
            f'authorizer {name}: connectionInfo.type "InClusterConfig" is not supported here'
        )
    settings = Settings(
        name=name,
        version=webhook.version,
        authorized_ttl=webhook.authorized_ttl,
        unauthorized_ttl=webhook.unauthorized_ttl,
        deny_on_failure=webhook.failure_policy == "Deny",
        conditions=tuple(map(parts.compile_condition, webhook.conditions)),
    )
    try:
        transport = parts.transport(Path(webhook.kubeconfig or ""), webhook.timeout or config.MAX_TIMEOUT)
    except ValueError as error:
        raise ConfigurationError(str(error))
    return WebhookAuthorizer(settings, transport, parts.clock, parts.random, parts.observe_webhook)


@dataclass(slots=True)
class ReloadingAuthorizer:
    """The chain of a configuration file, replaced when the file changes. A file that is no good keeps the old one.

    `successes`, `failures` and `last` (Unix seconds of the last reload by outcome) are for the metrics.
    """

    path: Path
    parts: Parts
    start: tuple[AuthorizerConfiguration, ...] = ()
    successes: int = 0
    failures: int = 0
    last: dict[str, float] = field(default_factory=dict)
    _current: UnionAuthorizer | None = None
    _data: bytes = b""

    def load(self) -> None:
        """The first read. Raises ConfigurationError."""
        self._data = self.path.read_bytes() if self.path.exists() else b""
        self.start = config.load(self.path, self.parts.check_condition)
        self._current = build(self.start, self.parts)

    @property
    def current(self) -> UnionAuthorizer:
        if self._current is None:
            raise RuntimeError("the configuration is not loaded")
        return self._current

    async def authorize(self, attributes: Attributes) -> Verdict:
        return await self.current.authorize(attributes)

    async def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        return await self.current.rules_for(user, namespace)

    async def run(self) -> None:
        """Follow the file, for ever."""
        await FileWatch([self.path], self._look, self.parts.clock).run()

    async def _look(self) -> None:
        await self.reload()

    async def reload(self) -> str:
        """Take over a changed file; returns why not, empty when it was taken over or has not changed."""
        try:
            data = self.path.read_bytes()
        except OSError as error:
            return self._failed(f"open {self.path}: {(error.strerror or str(error)).lower()}")
        if data == self._data:
            return ""
        self._data = data
        try:
            new = config.load(self.path, self.parts.check_condition)
            error_text = config.reload_error(new, self.start)
            if error_text:
                return self._failed(error_text)
            built = build(new, self.parts)
        except ConfigurationError as error:
            return self._failed(str(error))
        old, self._current = self._current, built
        self.successes += 1
        self.last["success"] = self.parts.clock.now()
        if old is not None:
            await close(old)
        return ""

    def _failed(self, why: str) -> str:
        self.failures += 1
        self.last["failure"] = self.parts.clock.now()
        logger.warning("authorization configuration %s is not taken over: %s", self.path, why)
        return why


async def close(chain: UnionAuthorizer) -> None:
    """Close the connections of a chain's webhooks."""
    for authorizer in chain.authorizers:
        if isinstance(authorizer, WebhookAuthorizer):
            await authorizer.close()
