"""An OpenID provider seen from here: its discovery document, its keys, and the signatures they make.

Keys are fetched with the first token and again when no known key verifies one, unless the provider said that
they stay valid; one fetch serves all tokens that wait for it (go-oidc's RemoteKeySet).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sekisho.api.clock import Clock
from sekisho.api.goformat import quote
from sekisho.credentials import jws
from sekisho.credentials.jws import PublicKey, decode_base64url
from sekisho.credentials.outgoing import Answer, Caller, CallError

logger = logging.getLogger(__name__)

WELL_KNOWN = "/.well-known/openid-configuration"
RETRY_SECONDS = 10.0
EXPIRY_MARGIN = 30.0
_CURVES: Mapping[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}


class ProviderError(Exception):
    """The provider cannot be used, or does not vouch for a token."""


class Provider:
    """One issuer. `discover` must have succeeded before a token can be verified."""

    def __init__(self, issuer: str, call: Caller, clock: Clock, discovery_url: str = "") -> None:
        self.issuer = issuer
        self._discovery_url = discovery_url or issuer.rstrip("/") + WELL_KNOWN
        self._call = call
        self._clock = clock
        self._jwks_uri = ""
        self._keys: list[tuple[str, PublicKey]] = []
        self._expiry = float("-inf")
        self._fetch: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        return bool(self._jwks_uri)

    async def discover(self) -> None:
        """Read the discovery document; ProviderError when it cannot be had or names another issuer."""
        document = _object(await self._get(self._discovery_url), self._discovery_url)
        found = document.get("issuer")
        if found != self.issuer:
            text = f"expected {quote(self.issuer)} got {quote(str(found))}"
            raise ProviderError(f"oidc: issuer did not match the issuer returned by provider, {text}")
        uri = document.get("jwks_uri")
        if not isinstance(uri, str) or not uri:
            raise ProviderError(f"{self._discovery_url}: the document names no jwks_uri")
        self._jwks_uri = uri

    async def keep_discovering(self) -> None:
        """Try every ten seconds until the provider answers; start of the server does not wait for it."""
        while not self.ready:
            try:
                await self.discover()
            except ProviderError as error:
                logger.warning("oidc authenticator: initializing plugin: %s", error)
                await self._clock.sleep(RETRY_SECONDS)

    async def verify(self, token: jws.Token) -> None:
        """ProviderError unless one of the provider's keys has signed the token."""
        if self._signed(token):
            return
        if self._clock.now() + EXPIRY_MARGIN <= self._expiry:
            raise ProviderError("failed to verify id token signature")
        await self._refresh()
        if not self._signed(token):
            raise ProviderError("failed to verify id token signature")

    def _signed(self, token: jws.Token) -> bool:
        kid = token.header.get("kid", "")
        return any(jws.verify(key, token) for name, key in self._keys if not kid or name == kid)

    async def _refresh(self) -> None:
        if self._fetch is None:
            self._fetch = asyncio.create_task(self._fetch_keys())
            self._fetch.add_done_callback(self._fetched)
        await asyncio.shield(self._fetch)

    def _fetched(self, task: asyncio.Task[None]) -> None:
        self._fetch = None
        if not task.cancelled():
            task.exception()  # the waiters have it; without a waiter nobody needs it

    async def _fetch_keys(self) -> None:
        try:
            answer = await self._get(self._jwks_uri)
            self._keys = parse_jwks(_object(answer, self._jwks_uri))
        except ProviderError as error:
            raise ProviderError(f"fetching keys {error}") from None
        self._expiry = self._clock.now() + _max_age(answer.headers)

    async def _get(self, url: str) -> Answer:
        try:
            answer = await self._call("GET", url)
        except CallError as error:
            raise ProviderError(f"oidc: {error}") from None
        if answer.status != 200:
            raise ProviderError(f"oidc: GET {url}: {answer.status}")
        return answer


def _object(answer: Answer, url: str) -> dict[str, Any]:
    try:
        value = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise ProviderError(f"oidc: GET {url}: the answer is no JSON") from None
    if not isinstance(value, dict):
        raise ProviderError(f"oidc: GET {url}: the answer is no JSON object")
    return value


def _max_age(headers: Mapping[str, str]) -> float:
    """Seconds that an answer stays fresh; 0 without a word about it."""
    for directive in headers.get("cache-control", "").lower().split(","):
        name, _, value = directive.strip().partition("=")
        if name in ("no-store", "no-cache"):
            return 0.0
        if name == "max-age" and value.isascii() and value.isdigit():
            return float(min(int(value), 365 * 24 * 3600))
    return 0.0


def parse_jwks(document: Mapping[str, Any]) -> list[tuple[str, PublicKey]]:
    """Key ids and keys. Entries for other uses, of other kinds, or broken ones are left out."""
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise ProviderError("oidc: the key set has no keys")
    out = []
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        try:
            key = _public_key(entry)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        if key is not None:
            out.append((str(entry.get("kid", "")), key))
    return out


def _number(entry: Mapping[str, Any], name: str) -> int:
    return int.from_bytes(decode_base64url(entry[name]))


def _public_key(entry: Mapping[str, Any]) -> PublicKey | None:
    if entry.get("kty") == "RSA":
        key = rsa.RSAPublicNumbers(_number(entry, "e"), _number(entry, "n")).public_key()
        return key if key.key_size >= 1024 else None
    if entry.get("kty") == "EC" and entry.get("crv") in _CURVES:
        curve = _CURVES[entry["crv"]]
        return ec.EllipticCurvePublicNumbers(_number(entry, "x"), _number(entry, "y"), curve).public_key()
    return None


def algorithms_text(algorithms: Sequence[str], got: str) -> str:
    listed = " ".join(quote(a) for a in algorithms)
    return f"oidc: id token signed with unsupported algorithm, expected [{listed}] got {quote(got)}"
