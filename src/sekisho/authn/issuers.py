"""All configured OpenID issuers together, and the configuration file that may change while they work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from sekisho.api.clock import Clock
from sekisho.authn import authentication_config, authentication_validation
from sekisho.authn.authentication_config import AnonymousConfig, AuthenticationConfig, ConfigError, JWTConfig
from sekisho.authn.interface import AuthnContext, Outcome
from sekisho.authn.oidc import OIDCAuthenticator
from sekisho.authn.oidcprovider import Provider
from sekisho.authn.union import TokenUnion
from sekisho.credentials.filewatch import FileWatch
from sekisho.credentials.outgoing import Caller, HttpCaller, tls_context

logger = logging.getLogger(__name__)

HEALTHY_SECONDS = 60.0
"""How long new issuers may take to be reached before the old configuration stays."""
_LOOK_SECONDS = 0.25

MakeCaller = Callable[[str], Caller]
"""A caller that trusts the given CA (PEM; empty for the host's roots)."""


def http_caller(ca: str) -> Caller:
    return HttpCaller(tls_context(ca))


class Issuers:
    """The authenticators of one configuration; a refusal of one ends the search, as upstream's union does."""

    name = "jwt"

    def __init__(
        self, configs: Sequence[JWTConfig], clock: Clock, make_caller: MakeCaller = http_caller
    ) -> None:
        self._callers: list[Caller] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.providers: list[Provider] = []
        self._union = TokenUnion(
            [self._authenticator(c, clock, make_caller) for c in configs], fail_on_refusal=True
        )

    def _authenticator(self, config: JWTConfig, clock: Clock, make_caller: MakeCaller) -> OIDCAuthenticator:
        caller = make_caller(config.issuer.certificate_authority)
        self._callers.append(caller)
        provider = Provider(config.issuer.url, caller, clock, config.issuer.discovery_url)
        self.providers.append(provider)
        return OIDCAuthenticator(
            config, provider, caller, clock, lambda issuer: Provider(issuer, caller, clock)
        )

    async def authenticate_token(self, token: str, ctx: AuthnContext) -> Outcome:
        return await self._union.authenticate_token(token, ctx)

    def start(self) -> None:
        """Begin to look for the providers; nobody waits for them."""
        self._tasks = [asyncio.create_task(p.keep_discovering()) for p in self.providers]

    @property
    def healthy(self) -> bool:
        return all(p.ready for p in self.providers)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for caller in self._callers:
            if isinstance(caller, HttpCaller):
                await caller.close()


class IssuersFile:
    """The issuers of --authentication-config, replaced when the file changes to something valid and reachable."""

    name = "jwt"

    def __init__(
        self,
        path: Path,
        own_issuers: Sequence[str],
        clock: Clock,
        *,
        make_caller: MakeCaller = http_caller,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Reads the file: ConfigError when the server cannot start with it. `changed` is told of each swap."""
        self._path = path
        self._own_issuers = tuple(own_issuers)
        self._clock = clock
        self._make_caller = make_caller
        self.changed = changed
        config = self._read()
        self.anonymous: AnonymousConfig | None = config.anonymous
        self._config = config
        self._issuers = Issuers(config.jwt, clock, make_caller)
        self._watch = FileWatch([path], self.reload, clock)
        self._task: asyncio.Task[None] | None = None

    def _read(self) -> AuthenticationConfig:
        config = authentication_config.load(self._path)
        authentication_validation.check(config, self._own_issuers)
        return config

    async def authenticate_token(self, token: str, ctx: AuthnContext) -> Outcome:
        return await self._issuers.authenticate_token(token, ctx)

    def start(self) -> None:
        self._issuers.start()
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        await self._watch.run()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._issuers.close()

    async def reload(self) -> None:
        """Take the file as it is now. ConfigError, with the old configuration in use, when it is no good.

        A valid file whose issuers cannot be reached within a minute is tried again from the start until they
        can, or until the file changes.
        """
        data = self._path.read_bytes()
        config = self._read()
        if config.anonymous != self.anonymous:
            raise ConfigError("anonymous: Forbidden: changed from initial configuration file")
        if config == self._config:
            return
        while self._path.read_bytes() == data:
            fresh = Issuers(config.jwt, self._clock, self._make_caller)
            fresh.start()
            if await self._become_healthy(fresh):
                old, self._issuers, self._config = self._issuers, fresh, config
                self.changed()
                await old.close()
                logger.info("reloaded the authentication configuration from %s", self._path)
                return
            await fresh.close()
            logger.error("issuers of %s cannot be reached, the old configuration stays in use", self._path)
        await self.reload()

    async def _become_healthy(self, issuers: Issuers) -> bool:
        end = self._clock.monotonic() + HEALTHY_SECONDS
        while not issuers.healthy:
            if self._clock.monotonic() >= end:
                return False
            await self._clock.sleep(_LOOK_SECONDS)
        return True
