"""Trying authenticators in order (pkg/authentication/request/union and token/union).

The first identity wins. Refusals are collected and count only when nobody proves an identity; a union that
fails on the first refusal keeps what follows it, such as the anonymous user, from being asked.
"""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.authn.interface import (
    Authenticator,
    AuthnContext,
    AuthnRequest,
    Identity,
    Outcome,
    Refusal,
    TokenAuthenticator,
)


class RequestUnion:
    """Request-level authenticators, one after the other."""

    name = "union"

    def __init__(self, members: Iterable[Authenticator], *, fail_on_refusal: bool = False) -> None:
        self._members = tuple(members)
        self._fail = fail_on_refusal

    async def authenticate(self, request: AuthnRequest) -> Outcome:
        reasons: tuple[str, ...] = ()
        for member in self._members:
            outcome = await member.authenticate(request)
            if outcome is None:
                continue
            if isinstance(outcome, Identity) or self._fail:
                return outcome
            reasons += outcome.reasons
        return Refusal(reasons) if reasons else None


class TokenUnion:
    """Token-level authenticators, one after the other."""

    name = "token union"

    def __init__(self, members: Iterable[TokenAuthenticator], *, fail_on_refusal: bool = False) -> None:
        self._members = tuple(members)
        self._fail = fail_on_refusal

    async def authenticate_token(self, token: str, ctx: AuthnContext) -> Outcome:
        reasons: tuple[str, ...] = ()
        for member in self._members:
            outcome = await member.authenticate_token(token, ctx)
            if outcome is None:
                continue
            if isinstance(outcome, Identity) or self._fail:
                return outcome
            reasons += outcome.reasons
        return Refusal(reasons) if reasons else None
