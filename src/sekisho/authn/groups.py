"""The group that every authenticated user is in (pkg/authentication/group)."""

from __future__ import annotations

from dataclasses import replace

from sekisho.api.types import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, UserInfo
from sekisho.authn.interface import (
    Authenticator,
    AuthnContext,
    AuthnRequest,
    Identity,
    Outcome,
    TokenAuthenticator,
)


def with_authenticated(user: UserInfo) -> UserInfo:
    """The user with `system:authenticated` as its last group, unless it is anonymous or already placed."""
    groups = user.groups
    if user.name == ANONYMOUS or AUTHENTICATED in groups or UNAUTHENTICATED in groups:
        return user
    return replace(user, groups=(*groups, AUTHENTICATED))


def added(outcome: Outcome) -> Outcome:
    """An outcome with the group added; the same object where there is nothing to add."""
    if not isinstance(outcome, Identity):
        return outcome
    user = with_authenticated(outcome.user)
    return outcome if user is outcome.user else replace(outcome, user=user)


class GroupAdder:
    """Adds the group to whatever identity the inner authenticator proves."""

    def __init__(self, inner: Authenticator) -> None:
        self.name = inner.name
        self._inner = inner

    async def authenticate(self, request: AuthnRequest) -> Outcome:
        return added(await self._inner.authenticate(request))


class TokenGroupAdder:
    """As GroupAdder, for tokens: below a cache the work is done once."""

    def __init__(self, inner: TokenAuthenticator) -> None:
        self.name = inner.name
        self._inner = inner

    async def authenticate_token(self, token: str, ctx: AuthnContext) -> Outcome:
        return added(await self._inner.authenticate_token(token, ctx))
