"""What every authenticator is given and what it may answer.

An authenticator answers with an identity, a refusal, or None, which is "not mine". Refusals do not end the
search: the union collects them, as upstream's does. Each authenticator that looked at a credential leaves a
finding in the trail; findings name what was found and never hold the credential, so that the passage log can
show them. The same context is given to request-level and token-level authenticators.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sekisho.api.goformat import aggregate
from sekisho.api.types import UserInfo

RawHeaders = Sequence[tuple[bytes, bytes]]
"""ASGI headers: lower-case names, one pair for each value, in the order of arrival."""

CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"
"""Extra key under which an identity carries what it was proved with (`JTI=...`, `X509SHA256=...`)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A proved identity.

    `audiences` is None where the credential is not bound to any. `valid_until` (Unix seconds) is when the
    credential ends, so that no cache outlives it; None where nothing is known of an end. `certificate_serial` is
    that of the certificate which proved it, in hexadecimal digits; empty where none did.
    """

    user: UserInfo
    audiences: tuple[str, ...] | None = None
    valid_until: float | None = None
    certificate_serial: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A credential that was recognised and is no good. Reasons are kept apart to be merged. A `passing` one
    says that nobody could tell (a webhook that is down), so that no cache keeps it."""

    reasons: tuple[str, ...]
    passing: bool = False

    @property
    def reason(self) -> str:
        """Upstream's aggregate: one text is itself, several are `[a, b]`, repeats are shown once."""
        return aggregate(self.reasons)


def refuse(reason: str) -> Refusal:
    return Refusal((reason,))


Outcome = Identity | Refusal | None


class Finding(NamedTuple):
    """What one authenticator found: `x509`, `expired 3 minutes ago`."""

    authenticator: str
    text: str


class AuthnContext:
    """What travels with a credential through the authenticators.

    `audiences`: the audiences asked for; None when the server checks none.
    `trail`, `warnings`, `annotations`: what the authenticators leave behind, for the passage log, the
    response's Warning headers and the audit event. The first annotation of a key wins.
    """

    __slots__ = ("annotations", "audiences", "trail", "warnings")

    def __init__(self, audiences: tuple[str, ...] | None = None) -> None:
        self.audiences = audiences
        self.trail: list[Finding] = []
        self.warnings: list[str] = []
        self.annotations: dict[str, str] = {}

    def found(self, authenticator: str, text: str) -> None:
        self.trail.append(Finding(authenticator, text))

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def annotate(self, key: str, value: str) -> None:
        self.annotations.setdefault(key, value)


class AuthnRequest(AuthnContext):
    """The parts of an HTTP request that can carry a credential.

    `peer_chain`: the client's certificates as DER, leaf first; None without TLS or without a certificate.
    `headers` may be replaced by an authenticator that takes its headers out of the request.
    """

    __slots__ = ("headers", "path", "peer_chain", "websocket_upgrade")

    def __init__(
        self,
        headers: RawHeaders = (),
        peer_chain: tuple[bytes, ...] | None = None,
        path: str = "/",
        websocket_upgrade: bool = False,
        audiences: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__(audiences)
        self.headers = headers
        self.peer_chain = peer_chain
        self.path = path
        self.websocket_upgrade = websocket_upgrade

    def values(self, name: bytes) -> list[str]:
        """All values of a header (lower-case name) without surrounding blanks. Bytes that are no UTF-8 become
        U+FFFD, as in upstream's JSON."""
        return [v.strip(b" \t").decode("utf-8", "replace") for k, v in self.headers if k == name]

    def first(self, name: bytes) -> bytes | None:
        """The first value as it came."""
        for k, v in self.headers:
            if k == name:
                return v
        return None


class Authenticator(Protocol):
    """Looks at a whole request."""

    @property
    def name(self) -> str: ...

    async def authenticate(self, request: AuthnRequest) -> Outcome: ...


class TokenAuthenticator(Protocol):
    """Looks at a bearer token."""

    @property
    def name(self) -> str: ...

    async def authenticate_token(self, token: str, ctx: AuthnContext) -> Outcome: ...
