"""Bearer tokens in the Authorization header (pkg/authentication/request/bearertoken)."""

from __future__ import annotations

import hmac

from sekisho.authn.interface import (
    AuthnContext,
    AuthnRequest,
    Identity,
    Outcome,
    TokenAuthenticator,
    refuse,
)

INVALID = "invalid bearer token"
EXTRA_SPACE = "the provided Authorization header contains extra space before the bearer token, and is ignored"


def token_of(request: AuthnRequest) -> str | None:
    """The bearer token of a request; None without one. Only the first header and its second word count.

    Bytes that are no UTF-8 survive as surrogates: tokens are compared, never shown.
    """
    header = request.first(b"authorization")
    if header is None:
        return None
    parts = header.decode("utf-8", "surrogateescape").strip().split(" ", 2)
    if len(parts) < 2 or parts[0].lower() != "bearer":
        return None
    if not parts[1]:
        if len(parts) == 3:
            request.warn(EXTRA_SPACE)
        return None
    return parts[1]


class BearerAuthenticator:
    """Asks the token authenticators; a token that none of them knows is refused."""

    name = "bearer"

    def __init__(self, tokens: TokenAuthenticator) -> None:
        self._tokens = tokens

    async def authenticate(self, request: AuthnRequest) -> Outcome:
        token = token_of(request)
        if token is None:
            return None
        outcome = await self._tokens.authenticate_token(token, request)
        if outcome is None:
            request.found(self.name, "no authenticator knows this token")
            return refuse(INVALID)
        return outcome


class LoopbackToken:
    """The server's own token, made anew at each start."""

    name = "loopback"

    def __init__(self, token: str, identity: Identity) -> None:
        self._token = token.encode()
        self._identity = identity

    async def authenticate_token(self, token: str, ctx: AuthnContext) -> Outcome:
        if not hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._token):
            return None
        ctx.found(self.name, "accepted: the server's own token")
        return self._identity


class LoopbackAuthenticator:
    """Refuses every other token without a word in the trail: its text is part of upstream's aggregate."""

    name = "loopback"

    def __init__(self, tokens: LoopbackToken) -> None:
        self._tokens = tokens

    async def authenticate(self, request: AuthnRequest) -> Outcome:
        token = token_of(request)
        if token is None:
            return None
        return await self._tokens.authenticate_token(token, request) or refuse(INVALID)
