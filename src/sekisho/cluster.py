"""Puts the parts together: one Cluster object, started and stopped on one asyncio loop.

Order of a start: checks, store, keys, cache, registry, checkpoint, the objects every cluster has, listening, the
controllers, the node. A stop goes the other way, and finishes the writes that were begun.
"""

from __future__ import annotations

import asyncio
import logging
import socket

import orjson

from sekisho import wiring
from sekisho.admission.chain import Chain
from sekisho.api.clock import Clock, SystemClock
from sekisho.api.encoding import encode
from sekisho.api.random import RandomSource
from sekisho.authz import bootstrap
from sekisho.authz.ownroles import own_roles
from sekisho.checkpoint import Checkpoint
from sekisho.config import Config
from sekisho.controllers import authenticationtrust, identitylease, systemobjects
from sekisho.controllers.apiservices import API_SERVER, ensure_api_services
from sekisho.controllers.flowcontrol import ensure_flow_control
from sekisho.controllers.manager import ControllerManager, Credentials, factories
from sekisho.credentials.pki import PKI
from sekisho.explain.passages import PassageLog
from sekisho.node.agent import NodeAgent
from sekisho.registry.client import Client
from sekisho.registry.kinds.registration import Settings
from sekisho.registry.registry import Registry
from sekisho.server.audit.auditor import Auditor
from sekisho.server.serving import Listener
from sekisho.store.cache import WatchCache
from sekisho.store.compaction import compact_periodically

logger = logging.getLogger("sekisho")


class Cluster:
    """One API server with its control plane. `start` returns when it is ready."""

    def __init__(
        self, config: Config, clock: Clock | None = None, random: RandomSource | None = None
    ) -> None:
        self.config = config
        self.clock = clock or SystemClock()
        self.random = random or RandomSource()
        self.passages = PassageLog(config.passages)
        self.ready = False
        self._tasks: list[asyncio.Task[None]] = []
        self.auditor: Auditor | None = None
        self._listener: Listener | None = None
        self._manager: ControllerManager | None = None
        self._node: NodeAgent | None = None
        self._sock: socket.socket | None = None

    pki: PKI
    checkpoint: Checkpoint
    registry: Registry
    client: Client
    """Speaks as the server itself (system:masters)."""

    @property
    def port(self) -> int:
        if self._listener is None:
            raise RuntimeError("the cluster is not started")
        return self._listener.port

    @property
    def url(self) -> str:
        host = self.config.bind_address
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
        return f"https://[{host}]:{self.port}" if ":" in host else f"https://{host}:{self.port}"

    async def start(self) -> None:
        """Raises ConfigError, PKIError, Unusable or OSError with a text for the operator; nothing is left running."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        config = self.config
        wiring.check(config)
        self._sock = sock = wiring.bind(config)
        self.auditor = wiring.make_auditor(config, self.clock, self.random)
        self._store = wiring.make_store(config, self.clock)
        await self._store.start()
        self.pki = wiring.load_pki(config, self.clock)
        self._cache = WatchCache(self._store, orjson.loads, encode, self.clock)
        settings = Settings(
            token_secrets_auto=config.token_secrets == "auto",
            service_cidrs=config.service_networks,
            event_ttl=config.event_ttl,
        )
        self.registry = Registry(self._store, self._cache, self.clock, self.random, settings)
        await self._cache.start()
        self.checkpoint = checkpoint = Checkpoint(config, self.registry, self.pki, self.clock)
        self.registry.admission = Chain(self.registry, wiring.admission_plugins(config, self.registry))
        recorder = self.passages.recorder(self.clock) if config.record_in_process else None
        self.client = Client(
            self.registry, checkpoint.authorizer, API_SERVER, "kube-apiserver", recorder=recorder
        )
        checkpoint.client = self.client
        await systemobjects.ensure_namespaces(self.client)
        if "RBAC" in checkpoint.modes:
            policy = [*bootstrap.default_policy(), *own_roles()]
            await bootstrap.ensure(self.client, policy, self.clock)
        self._cache.restart_history()
        await self._listen(sock, checkpoint)
        ranges = tuple(map(str, config.service_networks))
        endpoint = systemobjects.Endpoint(config.kubernetes_service_ip, _address(config), self.port, ranges)
        await systemobjects.ensure_objects(self.client, endpoint)
        await ensure_api_services(self.client)
        await ensure_flow_control(self.client)
        self._tasks.append(asyncio.create_task(compact_periodically(self._store, self.clock)))
        self._tasks.append(asyncio.create_task(systemobjects.keep(self.client, endpoint, self.clock)))
        trusted = checkpoint.mechanisms.config_map_data
        self._tasks.append(asyncio.create_task(authenticationtrust.keep(self.client, trusted, self.clock)))
        lease = identitylease.keep(self.client, socket.gethostname(), self.random.uuid(), self.clock)
        self._tasks.append(asyncio.create_task(lease))
        checkpoint.start()
        self._start_controllers()
        await self._start_node()
        self.ready = True

    async def _listen(self, sock: socket.socket, checkpoint: Checkpoint) -> None:
        app = wiring.application(self, checkpoint, f"{_address(self.config)}:{sock.getsockname()[1]}")
        self._listener = wiring.listener(self.config, checkpoint, app, sock, self.pki)
        await self._listener.start()

    def _start_controllers(self) -> None:
        credentials = Credentials(
            authority=self.pki.authority(),
            account_key=self.checkpoint.token_keys.signing,
            root_ca=self.pki.ca.certificate.decode(),
            automatic_tokens=self.config.token_secrets == "auto",
            bootstrap_tokens=self.config.enable_bootstrap_token_auth,
            legacy_token_period=self.config.legacy_service_account_token_clean_up_period,
        )
        made = factories(credentials, self.clock, self.random)
        self._manager = ControllerManager(self.client, self.clock, made)
        self._manager.start()

    async def _start_node(self) -> None:
        self._node = wiring.make_node(self.config, self.client, self.clock)
        if self._node is not None:
            await self._node.start()

    async def stop(self) -> None:
        """Readiness fails first, then streams end, requests finish, controllers stop, the store closes."""
        self.ready = False
        if self._listener is not None:
            await self._listener.stop()
        if self.auditor is not None:
            await self.auditor.close()
        if self._node is not None:
            await self._node.stop()
        if self._manager is not None:
            await self._manager.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if hasattr(self, "checkpoint"):
            await self.checkpoint.close()
        if hasattr(self, "_cache"):
            await self._cache.close()
        if hasattr(self, "_store"):
            await self._store.close()
        if self._sock is not None:
            self._sock.close()


def _address(config: Config) -> str:
    """The address that endpoints name: where the server listens."""
    return config.bind_address
