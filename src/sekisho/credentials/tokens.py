"""ServiceAccount tokens: the claims of both kinds, and the checks that need but the token and a clock.

Bound tokens have expiry, audience and an id, and may be bound to a Pod, Secret or Node; legacy tokens have
none of these. Claims are written with sorted keys, as upstream's are.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from sekisho.api import names
from sekisho.api.goformat import quote
from sekisho.api.types import SERVICE_ACCOUNT_PREFIX
from sekisho.credentials import jws
from sekisho.credentials.jws import CRYPTO_FAILURE
from sekisho.credentials.keys import KeyRing, SigningKey, VerificationKey

LEGACY_ISSUER = "kubernetes/serviceaccount"
LEGACY_NAMESPACE = "kubernetes.io/serviceaccount/namespace"
LEGACY_SECRET = "kubernetes.io/serviceaccount/secret.name"
LEGACY_NAME = "kubernetes.io/serviceaccount/service-account.name"
LEGACY_UID = "kubernetes.io/serviceaccount/service-account.uid"
LEEWAY = 60
"""Seconds by which a clock may be off before a token's times count against it."""
EXTENDED_SECONDS = 365 * 24 * 3600
"""Life of the tokens that Pods get, for clients that do not reread the file."""
WARN_ONLY_SECONDS = 3607
"""The expiry with which the extension is asked for."""


class Ref(NamedTuple):
    name: str
    uid: str = ""

    def claim(self) -> dict[str, str]:
        return {"name": self.name, "uid": self.uid} if self.uid else {"name": self.name}


@dataclass(frozen=True, slots=True)
class BoundClaims:
    """What a bound token says. Times are Unix seconds; `warn_after` 0 where it is not set."""

    issuer: str
    namespace: str
    account: Ref
    audiences: tuple[str, ...]
    issued_at: int
    expires: int
    token_id: str
    pod: Ref | None = None
    secret: Ref | None = None
    node: Ref | None = None
    warn_after: int = 0

    def payload(self) -> bytes:
        private: dict[str, Any] = {"namespace": self.namespace, "serviceaccount": self.account.claim()}
        for key, ref in (("node", self.node), ("pod", self.pod), ("secret", self.secret)):
            if ref is not None:
                private[key] = ref.claim()
        if self.warn_after:
            private["warnafter"] = self.warn_after
        claims = {
            "aud": list(self.audiences),
            "exp": self.expires,
            "iat": self.issued_at,
            "iss": self.issuer,
            "jti": self.token_id,
            "kubernetes.io": private,
            "nbf": self.issued_at,
            "sub": user_name(self.namespace, self.account.name),
        }
        return orjson.dumps(claims, option=orjson.OPT_SORT_KEYS)


def user_name(namespace: str, name: str) -> str:
    return f"{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}"


def split_user_name(user: str) -> tuple[str, str] | None:
    """Namespace and name of a ServiceAccount's user name; None for every other name."""
    if not user.startswith(SERVICE_ACCOUNT_PREFIX):
        return None
    namespace, colon, name = user[len(SERVICE_ACCOUNT_PREFIX) :].partition(":")
    if not colon or ":" in name or names.dns1123_label(namespace) or names.dns1123_subdomain(name):
        return None
    return namespace, name


def sign_bound(key: SigningKey, claims: BoundClaims) -> str:
    return key.sign(claims.payload())


def sign_legacy(key: SigningKey, namespace: str, secret: str, account: Ref) -> str:
    """The token of a `kubernetes.io/service-account-token` Secret: never expires, good for every audience."""
    claims = {
        "iss": LEGACY_ISSUER,
        LEGACY_NAMESPACE: namespace,
        LEGACY_SECRET: secret,
        LEGACY_NAME: account.name,
        LEGACY_UID: account.uid,
        "sub": user_name(namespace, account.name),
    }
    return key.sign(orjson.dumps(claims, option=orjson.OPT_SORT_KEYS))


class NotMine(Exception):
    """The token is none of this issuer's: another authenticator may know it."""


class Invalid(Exception):
    """The token claims to be this issuer's and is no good. `found` says why for the passage log."""

    def __init__(self, *reasons: str, found: str = "") -> None:
        super().__init__(*reasons)
        self.reasons = reasons
        self.found = found or reasons[0]


class Unverified(NamedTuple):
    """A token's claims before anybody has looked at its signature. `header` and `signature` are still encoded."""

    text: str
    claims: dict[str, Any]
    issuer: str
    payload: bytes
    header: str
    signature: str


@dataclass(frozen=True, slots=True)
class Verified:
    """A token whose signature and issuer hold, with its claims as they stand in it."""

    claims: dict[str, Any]
    audiences: tuple[str, ...]
    kid: str


def read(token: str) -> Unverified | None:
    """The cheap look that decides whose token it is; None for what is no JWT with an issuer."""
    header, dot, rest = token.partition(".")
    payload, other, signature = rest.partition(".")
    if not dot or not other or "." in signature:
        return None
    try:
        data = jws.decode_base64url(payload)
        claims = orjson.loads(data)
    except ValueError:
        return None
    issuer = claims.get("iss") if isinstance(claims, dict) else None
    return Unverified(token, claims, issuer, data, header, signature) if isinstance(issuer, str) else None


def verify_signature(token: Unverified, keys: KeyRing) -> Verified:
    """Key look-up and signature, steps 2 and 3 of upstream's JWT authenticator.

    NotMine when the text is no JWS; Invalid with upstream's texts otherwise.
    """
    own = keys.of_header(token.header)
    if own is not None:
        _verify_own(token, own)
        kid = own.kid
    else:
        kid = _verify_with_any(token, keys)
    repeated = jws.duplicate_key(token.payload, token.claims)
    if repeated is not None:
        raise Invalid(f"json: duplicate key '{repeated}' in object", found="a claim stands in it twice")
    return Verified(token.claims, _audiences(token.claims), kid)


def _verify_own(token: Unverified, own: VerificationKey) -> None:
    """The common case: the header is, letter for letter, the one our own key writes."""
    try:
        signature = jws.decode_base64url(token.signature)
    except jws.Malformed:
        raise NotMine from None
    signing_input = token.text[: token.text.rindex(".")].encode("ascii", "replace")
    if not jws.verify_raw(own.key, own.alg, signing_input, signature):
        raise Invalid(CRYPTO_FAILURE, found=f"the signature does not match (alg {quote(own.alg)})")


def _verify_with_any(token: Unverified, keys: KeyRing) -> str:
    """The id of the first key that verifies."""
    try:
        parsed = jws.parse(token.text)
    except jws.Malformed:
        raise NotMine from None
    candidates = keys.candidates(parsed.header.get("kid", ""))
    if not candidates:
        raise Invalid("invalid signature, no keys found", found="signed by an unknown key id")
    for candidate in candidates:
        if jws.verify(candidate.key, parsed):
            return candidate.kid
    alg = str(parsed.header.get("alg", ""))[:16]
    raise Invalid(CRYPTO_FAILURE, found=f"the signature does not match (alg {quote(alg)})")


def _audiences(claims: dict[str, Any]) -> tuple[str, ...]:
    """`aud` may be a string or an array of strings (RFC 7519, 4.1.3)."""
    found = claims.get("aud")
    if found is None:
        return ()
    if isinstance(found, str):
        return (found,)
    if isinstance(found, list) and all(isinstance(a, str) for a in found):
        return tuple(found)
    raise Invalid(
        "go-jose/go-jose/jwt: invalid audience claim", found="the aud claim is neither text nor list"
    )


def intersect(wanted: Sequence[str], available: Sequence[str]) -> tuple[str, ...]:
    """Audiences in both, in the order of `wanted`."""
    return tuple(a for a in wanted if a in available)


_TIME_CLAIMS = (
    ("nbf", "service account token is not valid yet", "not valid for another {}"),
    ("exp", "service account token has expired", "expired {} ago"),
    ("iat", "service account token is issued in the future", "issued {} in the future"),
)


def time_error(claims: dict[str, Any], now: float) -> Invalid | None:
    """nbf, exp and iat against the clock, each with a minute of leeway; a missing claim is not checked."""
    for name, text, finding in _TIME_CLAIMS:
        value = claims.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            return Invalid("go-jose/go-jose/jwt: expected number value to unmarshal NumericDate")
        late = now - LEEWAY > int(value) if name == "exp" else now + LEEWAY < int(value)
        if late:
            return Invalid(text, found=finding.format(human_gap(now - int(value))))
    return None


def human_gap(seconds: float) -> str:
    """A distance in time for findings: `3 minutes`; one unit only."""
    gap = abs(seconds)
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if gap >= size:
            count = int(gap // size)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{int(gap)} seconds"


def ref(value: object) -> Ref | None:
    """A reference claim such as `pod`; None when absent or malformed."""
    if not isinstance(value, dict):
        return None
    name, uid = value.get("name", ""), value.get("uid", "")
    return Ref(name, uid) if isinstance(name, str) and isinstance(uid, str) else None


def same_token(one: str, other: str) -> bool:
    """Comparison whose time does not depend on where two tokens differ."""
    return hmac.compare_digest(
        one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape")
    )
