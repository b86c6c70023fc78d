"""The authenticators in upstream's order, from what a server is configured with."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from sekisho.admission.interface import Lookup
from sekisho.api.clock import Clock
from sekisho.api.types import AUTHENTICATED, MASTERS, UserInfo
from sekisho.authn.anonymous import AnonymousAuthenticator
from sekisho.authn.audiences import AgnosticRequest, AgnosticToken
from sekisho.authn.bearer import BearerAuthenticator, LoopbackAuthenticator, LoopbackToken
from sekisho.authn.bootstraptoken import BootstrapTokenAuthenticator
from sekisho.authn.cache import CachedTokens
from sekisho.authn.frontproxy import FrontProxyAuthenticator, FrontProxyHeaders
from sekisho.authn.gate import Gate, Guard
from sekisho.authn.groups import GroupAdder, TokenGroupAdder
from sekisho.authn.interface import Authenticator, Identity, TokenAuthenticator
from sekisho.authn.serviceaccount import (
    BoundValidator,
    LegacyValidator,
    ServiceAccountAuthenticator,
    Touch,
    Validator,
    no_touch,
)
from sekisho.authn.tokenfile import TokenFile
from sekisho.authn.union import RequestUnion, TokenUnion
from sekisho.authn.verified import Roots
from sekisho.authn.websocket import WebsocketAuthenticator
from sekisho.authn.x509 import X509Authenticator
from sekisho.credentials.keys import KeyRing
from sekisho.credentials.tokens import LEGACY_ISSUER

LOOPBACK_USER = "system:apiserver"


@dataclass(slots=True)
class AuthnOptions:
    """What is switched on. `issuers`: the first signs, all verify. Empty `audiences` are the issuers.

    `jwt` and `webhook` are made by their own modules; `anonymous` None is --anonymous-auth=false.
    """

    issuers: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    keys: KeyRing = field(default_factory=KeyRing)
    client_roots: Roots | None = None
    front_proxy_roots: Roots | None = None
    front_proxy: FrontProxyHeaders = field(default_factory=FrontProxyHeaders)
    token_file: TokenFile | None = None
    service_account_lookup: bool = True
    bootstrap_tokens: bool = False
    jwt: TokenAuthenticator | None = None
    webhook: TokenAuthenticator | None = None
    anonymous: AnonymousAuthenticator | None = field(default_factory=AnonymousAuthenticator)
    loopback_uid: str = ""
    touch_legacy_secret: Touch = no_touch
    guard: Guard | None = None

    @property
    def api_audiences(self) -> tuple[str, ...]:
        return self.audiences or self.issuers


@dataclass(frozen=True, slots=True)
class Authentication:
    """The gate for requests, the cache to empty when credentials are revoked, the server's own token."""

    gate: Gate
    token_cache: CachedTokens | None
    loopback_token: str


def build(options: AuthnOptions, lookup: Lookup, clock: Clock) -> Authentication:
    """All authenticators, wired as upstream wires them."""
    members = _certificate_authenticators(options, clock)
    tokens = _token_authenticators(options, lookup, clock)
    cache = None
    if tokens:
        cache = CachedTokens(TokenGroupAdder(TokenUnion(tokens)), clock)
        members += [BearerAuthenticator(cache), WebsocketAuthenticator(cache)]
    configured: Authenticator = GroupAdder(RequestUnion(members))
    if options.anonymous is not None:
        configured = RequestUnion([configured, options.anonymous], fail_on_refusal=True)
    own = secrets.token_urlsafe(32)
    identity = Identity(UserInfo(LOOPBACK_USER, options.loopback_uid, (AUTHENTICATED, MASTERS)))
    loopback = LoopbackAuthenticator(LoopbackToken(own, identity))
    gate = Gate(
        RequestUnion([loopback, configured]),
        options.api_audiences,
        front_proxy=options.front_proxy if options.front_proxy_roots is not None else None,
        guard=options.guard,
    )
    return Authentication(gate, cache, own)


def _certificate_authenticators(options: AuthnOptions, clock: Clock) -> list[Authenticator]:
    out: list[Authenticator] = []
    if options.front_proxy_roots is not None:
        proxy = FrontProxyAuthenticator(options.front_proxy_roots, clock, options.front_proxy)
        out.append(AgnosticRequest(proxy, options.api_audiences))
    if options.client_roots is not None:
        out.append(X509Authenticator(options.client_roots, clock))
    return out


def _token_authenticators(
    options: AuthnOptions, lookup: Lookup, clock: Clock
) -> Sequence[TokenAuthenticator]:
    audiences = options.api_audiences
    out: list[TokenAuthenticator] = []
    if options.token_file is not None:
        out.append(AgnosticToken(options.token_file, audiences))
    if options.keys.all():
        legacy = LegacyValidator(
            lookup, clock, look_up_objects=options.service_account_lookup, touch=options.touch_legacy_secret
        )
        validators: dict[str, Validator] = dict.fromkeys(options.issuers, BoundValidator(lookup, clock))
        validators[LEGACY_ISSUER] = legacy
        out.append(ServiceAccountAuthenticator(options.keys, audiences, clock, validators))
    if options.bootstrap_tokens:
        out.append(AgnosticToken(BootstrapTokenAuthenticator(lookup, clock), audiences))
    if options.jwt is not None:
        out.append(AgnosticToken(options.jwt, audiences))
    if options.webhook is not None:
        out.append(options.webhook)
    return out
