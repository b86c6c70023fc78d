"""ID tokens of OpenID providers (plugin/pkg/authenticator/token/oidc), from flags or a configuration file."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from sekisho.api.clock import Clock
from sekisho.api.goformat import quote, quote_list
from sekisho.authn.authentication_config import JWTConfig
from sekisho.authn.authentication_validation import ALGORITHMS
from sekisho.authn.interface import AuthnContext, Identity, Outcome, refuse
from sekisho.authn.oidcclaims import ClaimsError, ClaimsMapper
from sekisho.authn.oidcprovider import Provider, ProviderError, algorithms_text
from sekisho.credentials import jws
from sekisho.credentials.outgoing import Caller, CallError
from sekisho.credentials.tokens import human_gap, read

NBF_LEEWAY = 60
_GOOGLE = "accounts.google.com"

MakeProvider = Callable[[str], Provider]
"""A provider for another issuer, whose token a claim source has sent."""


class _Refused(Exception):
    """`found` is for the passage log."""

    def __init__(self, text: str, found: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.found = found or text


class OIDCAuthenticator:
    """One issuer. Abstains from tokens of others."""

    def __init__(
        self,
        config: JWTConfig,
        provider: Provider,
        call: Caller,
        clock: Clock,
        make_provider: MakeProvider | None = None,
    ) -> None:
        self.name = f"oidc {config.issuer.url}"
        self.provider = provider
        self._config = config
        self._mapper = ClaimsMapper(config)
        self._algorithms = config.algorithms or ALGORITHMS
        self._call = call
        self._clock = clock
        self._make_provider = make_provider
        self._others: dict[str, Provider] = {}

    async def authenticate_token(self, token: str, ctx: AuthnContext) -> Outcome:
        unverified = read(token)
        if unverified is None or _normalized(unverified.issuer) != _normalized(self._config.issuer.url):
            return None
        try:
            return await self._authenticate(token, ctx)
        except _Refused as refused:
            ctx.found(self.name, refused.found)
            return refuse(refused.text)

    async def _authenticate(self, token: str, ctx: AuthnContext) -> Identity:
        if not self.provider.ready:
            raise _Refused("oidc: authenticator not initialized", "the provider has not been reached yet")
        claims = await self._verified(token, self.provider, self._config.issuer.audiences)
        await self._resolve_groups(claims)
        try:
            user = self._mapper.user(claims)
        except ClaimsError as error:
            raise _Refused(f"oidc: {error}") from None
        ctx.found(self.name, f"accepted: {user.name}")
        expires = claims.get("exp")
        return Identity(user, valid_until=float(expires) if isinstance(expires, int | float) else None)

    async def _verified(self, token: str, provider: Provider, audiences: tuple[str, ...]) -> dict[str, Any]:
        """The claims of a token that holds: cheap checks first, then the signature, as go-oidc orders them."""
        try:
            parsed = jws.parse(token)
            claims = orjson.loads(parsed.payload)
        except ValueError:
            raise _Refused("oidc: verify token: oidc: malformed jwt") from None
        if not isinstance(claims, dict) or jws.duplicate_key(parsed.payload, claims) is not None:
            raise _Refused("oidc: verify token: oidc: malformed jwt")
        self._check_claims(claims, provider.issuer, audiences)
        algorithm = parsed.header.get("alg", "")
        if algorithm not in self._algorithms:
            raise _Refused(f"oidc: verify token: {algorithms_text(self._algorithms, algorithm)}")
        try:
            await provider.verify(parsed)
        except ProviderError as error:
            raise _Refused(f"oidc: verify token: failed to verify signature: {error}", str(error)) from None
        return claims

    def _check_claims(self, claims: Mapping[str, Any], issuer: str, audiences: tuple[str, ...]) -> None:
        prefix, now = "oidc: verify token: ", self._clock.now()
        found = str(claims.get("iss", ""))
        if _normalized(found) != _normalized(issuer):
            text = f"expected {quote(issuer)} got {quote(found)}"
            raise _Refused(f"{prefix}oidc: id token issued by a different provider, {text}")
        given = claims.get("aud")
        own = [given] if isinstance(given, str) else given if isinstance(given, list) else []
        if not set(audiences) & {a for a in own if isinstance(a, str)}:
            shown = quote_list(str(a) for a in own)
            expected = f"in {quote_list(audiences)}" if len(audiences) > 1 else quote(audiences[0])
            what = f"audience {', '.join(map(str, own))} is not {', '.join(audiences)}"
            raise _Refused(f"{prefix}oidc: expected audience {expected} got {shown}", what)
        expiry = _seconds(claims, "exp") or 0.0
        if now > expiry:
            text = f"oidc: token is expired (Token Expiry: {_go_time(expiry)})"
            raise _Refused(prefix + text, f"expired {human_gap(now - expiry)} ago")
        start = _seconds(claims, "nbf")
        if start is not None and now + NBF_LEEWAY < start:
            text = f"oidc: current time {_go_time(now)} before the nbf (not before) time: {_go_time(start)}"
            raise _Refused(prefix + text, f"not valid for another {human_gap(start - now)}")

    async def _resolve_groups(self, claims: dict[str, Any]) -> None:
        """A distributed groups claim (OpenID Connect Core, 5.6.2): fetched from where the token points to."""
        name = self._config.groups.claim
        names, sources = claims.get("_claim_names"), claims.get("_claim_sources")
        if not name or name in claims or not isinstance(names, dict) or not isinstance(sources, dict):
            return
        source = sources.get(names.get(name))
        if not isinstance(source, dict) or not isinstance(source.get("endpoint"), str):
            return
        endpoint, access = source["endpoint"], source.get("access_token")
        headers = {"Authorization": f"Bearer {access}"} if isinstance(access, str) and access else {}
        try:
            answer = await self._call("GET", endpoint, headers=headers)
        except CallError as error:
            raise _Refused(f"oidc: could not expand distributed claims: {error}") from None
        if answer.status != 200:
            text = f"error while getting distributed claim JWT: {answer.status}"
            raise _Refused(f"oidc: could not expand distributed claims: {text}")
        token = answer.body.decode("utf-8", "replace").strip()
        found = await self._distributed(token)
        if name not in found:
            text = (
                f"jwt returned by distributed claim endpoint {quote(endpoint)} did not contain claim: {name}"
            )
            raise _Refused(f"oidc: could not expand distributed claims: {text}")
        claims[name] = found[name]

    async def _distributed(self, token: str) -> dict[str, Any]:
        unverified = read(token)
        if unverified is None:
            raise _Refused("oidc: could not expand distributed claims: oidc: malformed jwt")
        provider = await self._provider_of(unverified.issuer)
        return await self._verified(token, provider, self._config.issuer.audiences)

    async def _provider_of(self, issuer: str) -> Provider:
        if issuer == self.provider.issuer:
            return self.provider
        if self._make_provider is None:
            raise _Refused("oidc: could not expand distributed claims: the issuer is unknown")
        provider = self._others.get(issuer) or self._make_provider(issuer)
        if not provider.ready:
            try:
                await provider.discover()
            except ProviderError as error:
                raise _Refused(f"oidc: could not expand distributed claims: {error}") from None
        self._others[issuer] = provider
        return provider


def _normalized(issuer: str) -> str:
    """Google's tokens come with and without the scheme."""
    return f"https://{_GOOGLE}" if issuer == _GOOGLE else issuer


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Refused("oidc: verify token: oidc: failed to unmarshal claims")
    return float(value)


def _go_time(unix: float) -> str:
    """`%v` of a Go time in UTC."""
    try:
        moment = datetime.datetime.fromtimestamp(int(unix), datetime.UTC)
    except (OverflowError, ValueError, OSError):
        return str(int(unix))
    return f"{moment:%Y-%m-%d %H:%M:%S} +0000 UTC"
