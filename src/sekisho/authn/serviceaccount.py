"""ServiceAccount tokens, bound and legacy (pkg/serviceaccount: jwt.go, claims.go, legacy.go).

Both kinds are JWTs of this cluster: a cheap test of the issuer, the signature, the audiences, and then the
objects that the token names must still be the ones it was issued for.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from sekisho.admission.interface import Lookup
from sekisho.api.clock import Clock
from sekisho.api.goformat import quote, quote_list
from sekisho.api.time import parse_time
from sekisho.api.types import AUTHENTICATED, SERVICE_ACCOUNTS, Object, UserInfo, service_account_user
from sekisho.authn.interface import CREDENTIAL_ID, AuthnContext, Identity, Outcome, Refusal
from sekisho.credentials import tokens
from sekisho.credentials.bootstrap_tokens import data as secret_data
from sekisho.credentials.keys import KeyRing
from sekisho.credentials.tokens import Invalid, NotMine, Ref, Verified

logger = logging.getLogger(__name__)

POD_NAME = "authentication.kubernetes.io/pod-name"
POD_UID = "authentication.kubernetes.io/pod-uid"
NODE_NAME = "authentication.kubernetes.io/node-name"
NODE_UID = "authentication.kubernetes.io/node-uid"
LAST_USED = "kubernetes.io/legacy-token-last-used"
INVALID_SINCE = "kubernetes.io/legacy-token-invalid-since"
_INVALIDATED = "service account token has been invalidated"
_AUTO_GENERATED = (
    "Use tokens from the TokenRequest API or manually created secret-based tokens "
    "instead of auto-generated secret-based tokens."
)

Touch = Callable[[Object, str], Awaitable[None]]
"""Sets the last-used label of a token Secret to a date (YYYY-MM-DD), with the Secret's uid as precondition."""


async def no_touch(secret: Object, date: str) -> None:
    """For clusters that do not track the use of legacy tokens."""


class Validator(Protocol):
    """Holds one kind of token against the objects it was issued for."""

    name: str

    async def validate(self, token: str, verified: Verified, ctx: AuthnContext) -> UserInfo:
        """The user, `system:authenticated` included; Invalid with upstream's text."""


class ServiceAccountAuthenticator:
    """Both kinds of tokens: upstream asks one authenticator after the other, each with its own issuers; here
    the issuer is read once and picks the validator. Steps 1 to 5 of the verification are the same for both."""

    name = "service-account"

    def __init__(
        self, keys: KeyRing, audiences: tuple[str, ...], clock: Clock, validators: Mapping[str, Validator]
    ) -> None:
        """`validators` by issuer; `audiences` are the API server's."""
        self._keys = keys
        self._audiences = audiences
        self._clock = clock
        self._validators = validators

    async def authenticate_token(self, token: str, ctx: AuthnContext) -> Outcome:
        unverified = tokens.read(token)
        if unverified is None:
            return None
        validator = self._validators.get(unverified.issuer)
        if validator is None:
            return None
        try:
            verified = tokens.verify_signature(unverified, self._keys)
            audiences = self._matching(verified, ctx)
            user = await validator.validate(token, verified, ctx)
        except NotMine:
            return None
        except Invalid as invalid:
            ctx.found(validator.name, invalid.found)
            return Refusal(invalid.reasons)
        ctx.found(validator.name, f"accepted: {user.name}")
        expires = verified.claims.get("exp")
        return Identity(user, audiences, None if expires is None else expires + tokens.LEEWAY)

    def _matching(self, verified: Verified, ctx: AuthnContext) -> tuple[str, ...]:
        """The audiences of the answer; Invalid when the token is for others."""
        available = verified.audiences
        if not available:
            ctx.annotate("authentication.k8s.io/legacy-token", str(verified.claims.get("sub", "")))
            available = self._audiences
        wanted = self._audiences if ctx.audiences is None else ctx.audiences
        matching = tokens.intersect(wanted, available)
        if not matching and self._audiences:
            raise Invalid(
                f"token audiences {quote_list(available)} is invalid for the target audiences {quote_list(wanted)}",
                found=f"audience {', '.join(available)} is not {', '.join(wanted)}",
            )
        return matching


class BoundValidator:
    """Tokens of the TokenRequest API."""

    name = "bound-token"

    def __init__(self, lookup: Lookup, clock: Clock) -> None:
        self._lookup = lookup
        self._clock = clock

    async def validate(self, token: str, verified: Verified, ctx: AuthnContext) -> UserInfo:
        claims, now = verified.claims, self._clock.now()
        if (late := tokens.time_error(claims, now)) is not None:
            raise late
        private = claims.get("kubernetes.io")
        private = private if isinstance(private, dict) else {}
        namespace = str(private.get("namespace", ""))
        account = tokens.ref(private.get("serviceaccount")) or Ref("")
        self.check_account(namespace, account, now)
        extra = _credential(claims)
        secret, pod, node = (tokens.ref(private.get(k)) for k in ("secret", "pod", "node"))
        if secret is not None:
            self.check_bound("secret", "secrets", namespace, secret, now)
        if pod is not None:
            self.check_bound("pod", "pods", namespace, pod, now)
            extra |= {POD_NAME: (pod.name,), POD_UID: (pod.uid,)}
        if node is not None:
            if pod is None:
                self.check_bound("node", "nodes", "", node, now)
            extra[NODE_NAME] = (node.name,)
            if node.uid:
                extra[NODE_UID] = (node.uid,)
        self._note_stale(namespace, account.name, private, now, ctx)
        groups = (SERVICE_ACCOUNTS, f"{SERVICE_ACCOUNTS}:{namespace}", AUTHENTICATED)
        return UserInfo(tokens.user_name(namespace, account.name), account.uid, groups, extra)

    def check_account(self, namespace: str, account: Ref, now: float) -> None:
        """The account must be there, be the same one, and not be long deleted. Raises Invalid."""
        found = self._lookup.get("serviceaccounts", namespace, account.name)
        if found is None:
            raise Invalid(
                f"serviceaccounts {quote(account.name)} not found", found="its ServiceAccount is gone"
            )
        uid = found["metadata"].get("uid", "")
        if uid != account.uid:
            raise Invalid(
                f"service account UID ({uid}) does not match claim ({account.uid})",
                found="issued for an earlier ServiceAccount of this name",
            )
        if _gone(found, now):
            raise Invalid(
                f"service account {namespace}/{account.name} has been deleted",
                found="its ServiceAccount is gone",
            )

    def check_bound(self, kind: str, resource: str, namespace: str, ref: Ref, now: float) -> None:
        """As `check_account`, for an object that a token is bound to."""
        found = self._lookup.get(resource, namespace, ref.name)
        if found is None:
            raise Invalid(_INVALIDATED, found=f"the bound {kind} {ref.name} is gone")
        uid = found["metadata"].get("uid", "")
        if uid != ref.uid:
            raise Invalid(
                f"{kind} UID ({uid}) does not match service account {kind} ref claim ({ref.uid})",
                found=f"bound to an earlier {kind} {ref.name}",
            )
        if _gone(found, now):
            raise Invalid(_INVALIDATED, found=f"the bound {kind} {ref.name} was deleted")

    def _note_stale(
        self, namespace: str, name: str, private: dict[str, Any], now: float, ctx: AuthnContext
    ) -> None:
        warn_after = private.get("warnafter")
        if isinstance(warn_after, int | float) and warn_after and now > warn_after:
            subject, late = tokens.user_name(namespace, name), int(now - warn_after)
            text = f"subject: {subject}, seconds after warning threshold: {late}"
            ctx.annotate("authentication.k8s.io/stale-token", text)


def _credential(claims: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    token_id = claims.get("jti")
    return {CREDENTIAL_ID: (f"JTI={token_id}",)} if isinstance(token_id, str) and token_id else {}


def _gone(obj: Object, now: float) -> bool:
    """Deleted longer ago than the leeway; an object in its grace period still vouches for its tokens."""
    deleted = obj["metadata"].get("deletionTimestamp")
    return bool(deleted) and parse_time(deleted) < now - tokens.LEEWAY


class LegacyValidator:
    """Tokens of `kubernetes.io/service-account-token` Secrets. They do not expire; their Secret must hold them."""

    name = "legacy-token"

    def __init__(
        self, lookup: Lookup, clock: Clock, *, look_up_objects: bool = True, touch: Touch = no_touch
    ) -> None:
        self._lookup = lookup
        self._clock = clock
        self._look_up_objects = look_up_objects
        self._touch = touch

    async def validate(self, token: str, verified: Verified, ctx: AuthnContext) -> UserInfo:
        namespace, secret_name, account = legacy_claims(verified.claims)
        if self._look_up_objects:
            secret = self.check_secret(token, namespace, secret_name)
            owner = self.check_account(namespace, account)
            await self._track(namespace, account.name, secret, owner, ctx)
        return service_account_user(namespace, account.name, account.uid)

    def check_secret(self, token: str, namespace: str, name: str) -> Object:
        """The Secret, which must hold this very token. Raises Invalid."""
        secret = self._lookup.get("secrets", namespace, name)
        if secret is None or secret["metadata"].get("deletionTimestamp"):
            raise Invalid("Token has been invalidated", found=f"its Secret {name} is gone")
        if not tokens.same_token(secret_data(secret).get("token", ""), token):
            raise Invalid("Token does not match server's copy", found=f"Secret {name} holds another token")
        return secret

    def check_account(self, namespace: str, account: Ref) -> Object:
        """The account, which must be the one that the token was made for. Raises Invalid."""
        found = self._lookup.get("serviceaccounts", namespace, account.name)
        if found is None:
            raise Invalid(
                f"serviceaccounts {quote(account.name)} not found", found="its ServiceAccount is gone"
            )
        if found["metadata"].get("deletionTimestamp"):
            text = f"ServiceAccount {namespace}/{account.name} has been deleted"
            raise Invalid(text, found="its ServiceAccount is being deleted")
        uid = found["metadata"].get("uid", "")
        if uid != account.uid:
            raise Invalid(
                f"ServiceAccount UID ({uid}) does not match claim ({account.uid})",
                found="issued for an earlier ServiceAccount of this name",
            )
        return found

    async def _track(
        self, namespace: str, account: str, secret: Object, owner: Object, ctx: AuthnContext
    ) -> None:
        name = secret["metadata"]["name"]
        if (secret["metadata"].get("labels") or {}).get(INVALID_SINCE):
            ctx.annotate("authentication.k8s.io/legacy-token-invalidated", f"{name}/{namespace}")
            await self._note_use(secret)
            raise Invalid(
                f"the token in secret {namespace}/{name} for service account {namespace}/{account} has been "
                "marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, "
                f"or remove the '{INVALID_SINCE}' label from the secret to temporarily allow use of this token",
                found=f"Secret {name} has been marked invalid",
            )
        if any(ref.get("name") == name for ref in owner.get("secrets") or ()):
            ctx.warn(_AUTO_GENERATED)
            ctx.annotate("authentication.k8s.io/legacy-token-autogenerated-secret", name)
        else:
            ctx.annotate("authentication.k8s.io/legacy-token-manual-secret", name)
        await self._note_use(secret)

    async def _note_use(self, secret: Object) -> None:
        """Keep the last-used label at today's date. Tomorrow's is left: another server's clock may be ahead."""
        today = datetime.datetime.fromtimestamp(self._clock.now(), datetime.UTC).date()
        known = (str(today), str(today + datetime.timedelta(days=1)))
        if (secret["metadata"].get("labels") or {}).get(LAST_USED) in known:
            return
        try:
            await self._touch(secret, str(today))
        except Exception:
            logger.exception("the last-used label of a legacy token Secret could not be set")


def legacy_claims(claims: dict[str, Any]) -> tuple[str, str, Ref]:
    """Namespace, Secret name and account; Invalid with the text of the first missing claim."""

    def text(key: str) -> str:
        value = claims.get(key)
        return value if isinstance(value, str) else ""

    sub, namespace, secret = text("sub"), text(tokens.LEGACY_NAMESPACE), text(tokens.LEGACY_SECRET)
    name, uid = text(tokens.LEGACY_NAME), text(tokens.LEGACY_UID)
    for value, claim in (
        (sub, "sub"),
        (namespace, "namespace"),
        (secret, "secretName"),
        (name, "serviceAccountName"),
        (uid, "serviceAccountUID"),
    ):
        if not value:
            raise Invalid(f"{claim} claim is missing")
    if tokens.split_user_name(sub) != (namespace, name):
        raise Invalid("sub claim is invalid")
    return namespace, secret, Ref(name, uid)
