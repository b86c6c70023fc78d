"""Audiences for authenticators that know nothing of them (pkg/authentication/authenticator/audagnostic).

A static token, a bootstrap token or an OIDC token is good for the API server's own audiences only: asked about
others, its authenticator does not answer.
"""

from __future__ import annotations

from dataclasses import replace

from sekisho.authn.interface import (
    Authenticator,
    AuthnContext,
    AuthnRequest,
    Identity,
    Outcome,
    TokenAuthenticator,
)
from sekisho.credentials.tokens import intersect


def _narrowed(ctx: AuthnContext, implicit: tuple[str, ...]) -> tuple[str, ...] | None:
    """The audiences an answer may carry; None where none were asked for."""
    return None if ctx.audiences is None else intersect(ctx.audiences, implicit)


def _with_audiences(outcome: Outcome, audiences: tuple[str, ...]) -> Outcome:
    return replace(outcome, audiences=audiences) if isinstance(outcome, Identity) else outcome


class AgnosticRequest:
    """Gives a request authenticator the API server's audiences."""

    def __init__(self, inner: Authenticator, implicit: tuple[str, ...]) -> None:
        self.name = inner.name
        self._inner = inner
        self._implicit = implicit

    async def authenticate(self, request: AuthnRequest) -> Outcome:
        narrowed = _narrowed(request, self._implicit)
        if narrowed is None:
            return await self._inner.authenticate(request)
        if not narrowed:
            return None
        return _with_audiences(await self._inner.authenticate(request), narrowed)


class AgnosticToken:
    """Gives a token authenticator the API server's audiences."""

    def __init__(self, inner: TokenAuthenticator, implicit: tuple[str, ...]) -> None:
        self.name = inner.name
        self._inner = inner
        self._implicit = implicit

    async def authenticate_token(self, token: str, ctx: AuthnContext) -> Outcome:
        narrowed = _narrowed(ctx, self._implicit)
        if narrowed is None:
            return await self._inner.authenticate_token(token, ctx)
        if not narrowed:
            return None
        return _with_audiences(await self._inner.authenticate_token(token, ctx), narrowed)
