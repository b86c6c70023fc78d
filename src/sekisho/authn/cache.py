"""A short memory for tokens that were accepted (pkg/authentication/token/cache).

Successes are kept for ten seconds and never beyond the credential's own end; refusals are not kept. Keys are
keyed hashes of token and audiences, so that the cache holds no token. What a look-up left in the context
(warnings, annotations, findings) is replayed on each hit. Look-ups of one token that arrive while the first
is under way wait for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from sekisho.api.clock import Clock
from sekisho.authn.interface import (
    AuthnContext,
    Identity,
    Outcome,
    Refusal,
    TokenAuthenticator,
    refuse,
)

logger = logging.getLogger(__name__)

SUCCESS_TTL = 10.0
CAPACITY = 16384
CRASHED = "Internal error occurred: authentication failed unexpectedly"


@dataclass(slots=True)
class _Entry:
    outcome: Outcome
    context: AuthnContext
    until: float
    valid_until: float


@dataclass(slots=True)
class _Flight:
    """A look-up under way; its waiters are told the result, or None when it was cancelled."""

    waiting: list[asyncio.Future[tuple[Outcome, AuthnContext] | None]] = field(default_factory=list)


class CachedTokens:
    """Wraps a token authenticator. TTLs in seconds; a `failure_ttl` above 0 keeps abstentions and refusals."""

    def __init__(
        self,
        inner: TokenAuthenticator,
        clock: Clock,
        *,
        success_ttl: float = SUCCESS_TTL,
        failure_ttl: float = 0.0,
        capacity: int = CAPACITY,
    ) -> None:
        self.name = inner.name
        self._inner = inner
        self._clock = clock
        self._success_ttl = success_ttl
        self._failure_ttl = failure_ttl
        self._capacity = capacity
        self._key = secrets.token_bytes(32)
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._flights: dict[bytes, _Flight] = {}
        self._audiences: tuple[str, ...] | None = None
        self._prefix = _encoded(())

    def _digest(self, token: str, audiences: tuple[str, ...] | None) -> bytes:
        """Audiences come first, counted and each preceded by its length, so that no two questions read the
        same. The encoded audiences of the last question are kept: nearly all ask for the server's own."""
        if audiences is not self._audiences:
            self._audiences = audiences
            self._prefix = _encoded(audiences or ())
        data = self._prefix + token.encode("utf-8", "surrogateescape")
        return hmac.digest(self._key, data, hashlib.sha256)

    def forget(self) -> None:
        """Drop everything, when credentials were revoked or the configuration changed."""
        self._entries.clear()

    async def authenticate_token(self, token: str, ctx: AuthnContext) -> Outcome:
        key = self._digest(token, ctx.audiences)
        while True:
            entry = self._entries.get(key)
            if entry is not None and self._fresh(entry):
                _replay(entry.context, ctx)
                return entry.outcome
            flight = self._flights.get(key)
            if flight is None:
                return await self._look_up(key, token, ctx)
            waiter: asyncio.Future[tuple[Outcome, AuthnContext] | None]
            waiter = asyncio.get_running_loop().create_future()
            flight.waiting.append(waiter)
            told = await waiter
            if told is not None:
                _replay(told[1], ctx)
                return told[0]

    def _fresh(self, entry: _Entry) -> bool:
        return self._clock.monotonic() < entry.until and self._clock.now() <= entry.valid_until

    async def _look_up(self, key: bytes, token: str, ctx: AuthnContext) -> Outcome:
        """The first request does the work in its own task; should it be cancelled, a waiting one takes over."""
        flight = self._flights[key] = _Flight()
        context = AuthnContext(ctx.audiences)
        told: tuple[Outcome, AuthnContext] | None = None
        try:
            outcome = await self._inner.authenticate_token(token, context)
            self._store(key, outcome, context)
            told = outcome, context
        except Exception:
            logger.exception("authentication failed unexpectedly")
            outcome = refuse(CRASHED)
            told = outcome, context
        finally:
            del self._flights[key]
            for waiter in flight.waiting:
                if not waiter.done():
                    waiter.set_result(told)
        _replay(context, ctx)
        return outcome

    def _store(self, key: bytes, outcome: Outcome, context: AuthnContext) -> None:
        if isinstance(outcome, Refusal) and outcome.passing:
            return
        good = isinstance(outcome, Identity)
        ttl = self._success_ttl if good else self._failure_ttl
        if ttl <= 0:
            return
        end = outcome.valid_until if isinstance(outcome, Identity) else None
        until = self._clock.monotonic() + ttl
        self._entries[key] = _Entry(outcome, context, until, float("inf") if end is None else end)
        self._entries.move_to_end(key)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)


def _encoded(audiences: tuple[str, ...]) -> bytes:
    parts = [len(audiences).to_bytes(8, "little")]
    for audience in audiences:
        data = audience.encode("utf-8", "surrogateescape")
        parts += (len(data).to_bytes(8, "little"), data)
    return b"".join(parts)


def _replay(source: AuthnContext, target: AuthnContext) -> None:
    if source.trail:
        target.trail.extend(source.trail)
    for text in source.warnings:
        target.warn(text)
    for name, value in source.annotations.items():
        target.annotate(name, value)
