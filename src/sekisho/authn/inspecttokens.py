"""Bearer tokens under inspection: the authenticators in the server's order, each of their steps by itself."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from sekisho.api.clock import Clock
from sekisho.api.time import format_time
from sekisho.api.types import AUTHENTICATED, SERVICE_ACCOUNTS, UserInfo, service_account_user
from sekisho.authn.bootstraptoken import BootstrapTokenAuthenticator
from sekisho.authn.groups import with_authenticated
from sekisho.authn.inspection import (
    Check,
    Inspection,
    Surroundings,
    UnknownHere,
    failed,
    not_revoked,
    passed,
    tried,
    unknown,
)
from sekisho.authn.interface import CREDENTIAL_ID, AuthnContext, Identity
from sekisho.authn.serviceaccount import INVALID_SINCE, BoundValidator, LegacyValidator, legacy_claims
from sekisho.credentials import bootstrap_tokens, jws, tokens
from sekisho.credentials.keys import KeyRing
from sekisho.credentials.tokens import LEEWAY, LEGACY_ISSUER, Invalid, Ref, Unverified

_BOUND = (("secret", "secrets", True), ("pod", "pods", True), ("node", "nodes", False))
"""What a token may be bound to: the claim, the resource, and whether that has namespaces."""
NO_CLUSTER = "there is no cluster to compare with"
_TIMES = (("iat", "issued"), ("nbf", "not before"), ("exp", "expires"))


class _Still:
    """A clock that stands at the time of the inspection."""

    def __init__(self, now: float) -> None:
        self._now = now

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        return


async def inspect_token(text: str, around: Surroundings) -> Inspection:
    """Any token. Those of other issuers can only be told by the cluster itself."""
    clock = _Still(around.now)
    listed = await _in_token_file(text, around)
    if listed is not None:
        return listed
    if bootstrap_tokens.parse(text) is not None:
        return await _bootstrap(text, around, clock)
    unverified = tokens.read(text)
    if unverified is None:
        return _opaque(text, around)
    made = Inspection("JSON web token", _facts(unverified))
    made.checks.append(_form(text))
    issuer = unverified.issuer
    if issuer == LEGACY_ISSUER:
        made.what = "ServiceAccount token of a Secret"
        made.checks.append(passed("issuer", "the issuer of token Secrets"))
    elif not around.issuers:
        made.checks.append(unknown("issuer", NO_CLUSTER))
    elif issuer in around.issuers:
        made.checks.append(passed("issuer", "this cluster's"))
    else:
        made.checks.append(unknown("issuer", "not this cluster's; an OpenID issuer or a webhook may know it"))
        return made
    if issuer != LEGACY_ISSUER:
        made.what = "ServiceAccount token"
    made.checks += _signature(unverified, around.keys)
    made.checks.append(_audience(unverified, around))
    made.checks += _times(unverified, around.now)
    if issuer == LEGACY_ISSUER:
        _legacy(unverified, made, around, clock)
    else:
        _bound(unverified, made, around, clock)
    if made.user is not None:
        made.checks.append(not_revoked(Identity(made.user), around))
    return made


async def _in_token_file(text: str, around: Surroundings) -> Inspection | None:
    if around.token_file is None:
        return None
    outcome = await around.token_file.authenticate_token(text, AuthnContext())
    if not isinstance(outcome, Identity):
        return None
    made = Inspection("static token", user=with_authenticated(outcome.user))
    made.checks += [passed("token file", "it stands in --token-auth-file"), not_revoked(outcome, around)]
    return made


async def _bootstrap(text: str, around: Surroundings, clock: Clock) -> Inspection:
    token_id = text.partition(".")[0]
    made = Inspection("bootstrap token", [("id", token_id)])
    if not around.bootstrap_tokens:
        made.checks.append(failed("bootstrap tokens", "off: --enable-bootstrap-token-auth was not given"))
    context = AuthnContext()
    try:
        outcome = await BootstrapTokenAuthenticator(around.lookup, clock).authenticate_token(text, context)
    except UnknownHere as error:
        made.checks.append(unknown("secret", str(error)))
        return made
    found = context.trail[-1].text
    if isinstance(outcome, Identity):
        made.user = with_authenticated(outcome.user)
        made.checks += [passed("secret", found), not_revoked(outcome, around)]
    else:
        made.checks.append(failed("secret", found))
    return made


def _opaque(text: str, around: Surroundings) -> Inspection:
    made = Inspection("opaque token", [("length", f"{len(text)} characters")])
    if around.keys is None:
        made.checks.append(unknown("token file", NO_CLUSTER))
    else:
        where = "not in --token-auth-file" if around.token_file is not None else "there is no token file"
        made.checks.append(unknown("token file", f"{where}; a webhook may know it"))
    return made


def _facts(token: Unverified) -> list[tuple[str, str]]:
    claims = token.claims
    facts = [("issuer", token.issuer)]
    for claim, label in (("sub", "subject"), ("aud", "audiences"), ("jti", "id")):
        value = claims.get(claim)
        if value:
            facts.append((label, ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    for claim, label in _TIMES:
        value = claims.get(claim)
        if isinstance(value, int | float) and not isinstance(value, bool):
            facts.append((label, format_time(value)))
    private = claims.get("kubernetes.io")
    for kind in ("pod", "secret", "node"):
        bound = tokens.ref(private.get(kind)) if isinstance(private, dict) else None
        if bound is not None:
            facts.append((f"bound to {kind}", bound.name))
    secret = claims.get(tokens.LEGACY_SECRET)
    if isinstance(secret, str):
        facts.append(("secret", secret))
    return facts


def _form(text: str) -> Check:
    try:
        parsed = jws.parse(text)
    except jws.Malformed as error:
        return failed("form", str(error))
    return passed("form", f"a signed token, alg {parsed.header.get('alg', '') or 'absent'}")


def _signature(token: Unverified, keys: KeyRing | None) -> list[Check]:
    if keys is None:
        return [unknown("key", NO_CLUSTER), unknown("signature", NO_CLUSTER)]
    checks = []
    try:
        kid = jws.parse(token.text).header.get("kid", "")
    except jws.Malformed:
        return [failed("signature", "there is none that can be read")]
    if keys.candidates(kid):
        checks.append(passed("key", f"key {kid} is the cluster's" if kid else "it names no key"))
    else:
        return [failed("key", f"signed by an unknown key id ({kid})")]
    try:
        tokens.verify_signature(token, keys)
    except Invalid as invalid:
        return [*checks, failed("signature", invalid.found)]
    return [*checks, passed("signature", "holds")]


def _audience(token: Unverified, around: Surroundings) -> Check:
    claim = token.claims.get("aud")
    available = [claim] if isinstance(claim, str) else claim or ()
    if not available:
        return passed("audience", "for nobody in particular, so for this API")
    if not around.audiences:
        return unknown("audience", NO_CLUSTER)
    shown = ", ".join(map(str, available))
    if tokens.intersect(around.audiences, tuple(map(str, available))):
        return passed("audience", shown)
    return failed("audience", f"audience {shown} is not {', '.join(around.audiences)}")


def _times(token: Unverified, now: float) -> Iterator[Check]:
    """The same order and leeway as the server's, a claim at a time."""
    for claim, name in (("nbf", "not before"), ("exp", "expiry"), ("iat", "issue time")):
        value: Any = token.claims.get(claim)
        if value is None:
            if claim == "exp":
                yield passed(name, "it does not expire")
            continue
        problem = tokens.time_error({claim: value}, now)
        if problem is not None:
            yield failed(name, problem.found)
        elif claim == "exp":
            left = int(value) - now
            within = f"expired, but within the leeway of {LEEWAY:g} seconds"
            yield passed(name, f"valid for another {tokens.human_gap(left)}" if left > 0 else within)
        else:
            yield passed(name, "in the past" if int(value) <= now else "within the leeway")


def _bound(token: Unverified, made: Inspection, around: Surroundings, clock: Clock) -> None:
    private = token.claims.get("kubernetes.io")
    private = private if isinstance(private, dict) else {}
    namespace = str(private.get("namespace", ""))
    account = tokens.ref(private.get("serviceaccount")) or Ref("")
    validator = BoundValidator(around.lookup, clock)
    name = f"{namespace}/{account.name}"
    made.checks.append(
        tried(
            "account",
            f"ServiceAccount {name} is the one it was issued for",
            lambda: validator.check_account(namespace, account, around.now),
        )
    )
    for kind, resource, namespaced in _BOUND:
        ref = tokens.ref(private.get(kind))
        if ref is None or (kind == "node" and tokens.ref(private.get("pod")) is not None):
            continue
        where = namespace if namespaced else ""
        check = functools.partial(validator.check_bound, kind, resource, where, ref, around.now)
        made.checks.append(tried(kind, f"the {kind} {ref.name} it is bound to is there", check))
    token_id = token.claims.get("jti")
    extra = {CREDENTIAL_ID: (f"JTI={token_id}",)} if isinstance(token_id, str) and token_id else {}
    groups = (SERVICE_ACCOUNTS, f"{SERVICE_ACCOUNTS}:{namespace}", AUTHENTICATED)
    made.user = UserInfo(tokens.user_name(namespace, account.name), account.uid, groups, extra)


def _legacy(token: Unverified, made: Inspection, around: Surroundings, clock: Clock) -> None:
    try:
        namespace, secret_name, account = legacy_claims(token.claims)
    except Invalid as invalid:
        made.checks.append(failed("claims", invalid.found))
        return
    validator = LegacyValidator(around.lookup, clock)
    made.user = service_account_user(namespace, account.name, account.uid)

    def check_mark() -> None:
        secret = around.lookup.get("secrets", namespace, secret_name)
        if secret is not None and (secret["metadata"].get("labels") or {}).get(INVALID_SINCE):
            raise Invalid(f"Secret {secret_name} has been marked invalid")

    made.checks += [
        tried(
            "secret",
            f"Secret {namespace}/{secret_name} holds this token",
            lambda: validator.check_secret(token.text, namespace, secret_name),
        ),
        tried(
            "account",
            f"ServiceAccount {namespace}/{account.name} is the one it was made for",
            lambda: validator.check_account(namespace, account),
        ),
        tried("mark", "not marked invalid", check_mark),
    ]
