"""Who is calling and may they: the mechanisms that a Config chooses, in upstream's order.

`flags` says what is wrong with the choice before anything starts; `authentication` and `authorization` make the
parts; `tokenkeys` holds the keys of tokens; `indexes` feeds what authorizers read from the cache. What upstream
reloads while it runs is reloaded here: `start` begins to look at the files, once a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from sekisho.admission.chain import CacheLookup
from sekisho.api.clock import Clock, SystemClock
from sekisho.api.random import RandomSource
from sekisho.api.types import Object
from sekisho.authn.serviceaccount import LAST_USED
from sekisho.authz import bootstrap
from sekisho.authz.building import Parts
from sekisho.authz.index import RbacIndex
from sekisho.authz.nodegraph import NodeGraph
from sekisho.checkpoint import authentication, authorization, flags, indexes, tokenkeys
from sekisho.checkpoint.revocations import RevocationCheck
from sekisho.checkpoint.tokenkeys import TokenKeys
from sekisho.config import Config
from sekisho.credentials import pki
from sekisho.credentials.filewatch import FileWatch
from sekisho.registry.client import Client
from sekisho.registry.registry import Registry


def check(config: Config) -> None:
    """Read whatever the flags point at, before anything is written. Raises ConfigError."""
    flags.check(config)
    tokenkeys.check(config)
    clock, random = SystemClock(), RandomSource()
    found = authorization.build(config, Parts(RbacIndex(), NodeGraph(), (), clock, random))
    authentication.check(config, found.modes)


class Checkpoint:
    """The authenticator, the authorizer, and the indexes that follow the cache.

    `client` is set once the server can speak for itself: labels of legacy token Secrets are written with it.
    """

    client: Client | None = None

    def __init__(self, config: Config, registry: Registry, keys: pki.PKI, clock: Clock) -> None:
        """Raises ConfigError."""
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []
        self._watches: list[FileWatch] = []
        self.index = RbacIndex()
        self.graph = NodeGraph()
        indexes.follow(registry, self.index, self.graph)
        registry.holdings = self.index.holdings
        node_rules = bootstrap.node_rules(bootstrap.default_policy())
        parts = Parts(self.index, self.graph, node_rules, clock, registry.random)
        self.authorization = authorization.build(config, parts)
        self.authorizer = self.authorization.authorizer
        self.token_keys = TokenKeys(config, keys)
        self.mechanisms = authentication.build(
            config,
            keys,
            self.token_keys.ring,
            CacheLookup(registry),
            clock,
            registry.random,
            modes=self.modes,
            touch=self._touch,
        )
        self.authentication = self.mechanisms.built
        self.revocations = RevocationCheck(registry, self.authentication)

    @property
    def modes(self) -> tuple[str, ...]:
        """The authorizers that were configured at the start, in order."""
        return self.authorization.modes

    def watch(self, files: Sequence[Path], changed: Callable[[], Awaitable[None] | None]) -> None:
        """Call back when one of the files changes; an error that it raises is logged. To be said before `start`."""
        if files:
            self._watches.append(FileWatch(files, changed, self._clock))

    def start(self) -> None:
        """Begin to follow the files, and to look for identity providers."""
        self.watch(self.token_keys.files, self._reload_token_keys)
        for trusted in (self.mechanisms.client_ca, self.mechanisms.front_proxy_ca):
            if trusted.file is not None:
                self.watch([trusted.file], trusted.reload)
        file = self.authorization.file
        if file is not None:
            self._tasks.append(asyncio.create_task(file.run()))
        self._tasks += [asyncio.create_task(watch.run()) for watch in self._watches]
        self.mechanisms.start()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.mechanisms.close()
        await self.authorization.close()

    def _reload_token_keys(self) -> None:
        self.token_keys.reload()
        if self.authentication.token_cache is not None:
            self.authentication.token_cache.forget()

    async def _touch(self, secret: Object, date: str) -> None:
        """Note on a legacy token's Secret that it was used on a day."""
        if self.client is None:
            return
        metadata = secret["metadata"]
        patch = {"metadata": {"uid": metadata.get("uid", ""), "labels": {LAST_USED: date}}}
        await self.client.patch("secrets", metadata["name"], patch, metadata["namespace"], type="merge")
