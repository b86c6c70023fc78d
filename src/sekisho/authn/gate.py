"""The whole of authentication as the server sees it: one object that answers who is calling.

Puts the API server's audiences into the request, asks the authenticators, compares audiences, asks whether the
credential has been revoked, and takes the credential out of the request.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from sekisho.authn.frontproxy import FrontProxyHeaders, without_identity_headers
from sekisho.authn.interface import Authenticator, AuthnRequest, Identity, Outcome, Refusal, refuse
from sekisho.credentials.tokens import intersect

logger = logging.getLogger(__name__)

Guard = Callable[[Identity], str | None]
"""Why an identity may not be used although its credential is good (revocation); None when it may."""


class Gate:
    """`authenticators` is the union in upstream's order; `guard` is asked last, on every request."""

    name = "gate"

    def __init__(
        self,
        authenticators: Authenticator,
        audiences: tuple[str, ...] = (),
        *,
        front_proxy: FrontProxyHeaders | None = None,
        guard: Guard | None = None,
    ) -> None:
        self.authenticators = authenticators
        self.audiences = audiences
        self.guard = guard
        self._front_proxy = front_proxy

    def allowed(self, outcome: Outcome) -> Outcome:
        """The outcome, or the guard's refusal of its identity."""
        if self.guard is None or not isinstance(outcome, Identity):
            return outcome
        revoked = self.guard(outcome)
        return outcome if revoked is None else refuse(revoked)

    async def authenticate(self, request: AuthnRequest) -> Outcome:
        """An identity, a refusal, or None for a request without a usable credential: both of these are a 401."""
        request.audiences = self.audiences or None
        outcome = await self.authenticators.authenticate(request)
        if not isinstance(outcome, Identity):
            if outcome is not None:
                logger.debug("unable to authenticate the request: %s", outcome.reason)
            return outcome
        if outcome.audiences and self.audiences and not intersect(self.audiences, outcome.audiences):
            accepted = " ".join(outcome.audiences)
            text = f"unable to match the audience: [{' '.join(self.audiences)}] , accepted: [{accepted}]"
            request.found(self.name, f"audience {accepted} is not {' '.join(self.audiences)}")
            return refuse(text)
        outcome = self.allowed(outcome)
        if isinstance(outcome, Refusal):
            request.found("revocation", outcome.reason)
            return outcome
        request.headers = without_identity_headers(request.headers, self._front_proxy)
        return outcome
