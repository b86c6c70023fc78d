"""Bootstrap tokens that let a node ask for its first certificate (plugin/pkg/auth/authenticator/token/bootstrap).

Whatever does not fit is not answered: upstream never says of such a token why it is no good.
"""

from __future__ import annotations

from sekisho.admission.interface import Lookup
from sekisho.api.clock import Clock
from sekisho.api.types import Object, UserInfo
from sekisho.authn.interface import AuthnContext, Identity, Outcome
from sekisho.credentials import bootstrap_tokens
from sekisho.credentials.bootstrap_tokens import BootstrapToken


class BootstrapTokenAuthenticator:
    """Looks up `kube-system/bootstrap-token-<id>` for every token of the form."""

    name = "bootstrap-token"

    def __init__(self, lookup: Lookup, clock: Clock) -> None:
        self._lookup = lookup
        self._clock = clock

    async def authenticate_token(self, token: str, ctx: AuthnContext) -> Outcome:
        parsed = bootstrap_tokens.parse(token)
        if parsed is None:
            return None
        name = bootstrap_tokens.secret_name(parsed.id)
        secret = self._lookup.get("secrets", bootstrap_tokens.NAMESPACE, name)
        if secret is None:
            ctx.found(self.name, f"there is no bootstrap token {parsed.id}")
            return None
        problem = self._problem(parsed, secret)
        if problem:
            ctx.found(self.name, f"bootstrap token {parsed.id}: {problem}")
            return None
        groups = bootstrap_tokens.groups(bootstrap_tokens.data(secret)) or ()
        ctx.found(self.name, f"accepted: bootstrap token {parsed.id}")
        return Identity(UserInfo(bootstrap_tokens.USER_PREFIX + parsed.id, groups=groups))

    def _problem(self, token: BootstrapToken, secret: Object) -> str:
        values = bootstrap_tokens.data(secret)
        if secret["metadata"].get("deletionTimestamp"):
            return "its Secret is being deleted"
        if secret.get("type") != bootstrap_tokens.SECRET_TYPE:
            return "its Secret has another type"
        if not bootstrap_tokens.same(values.get("token-secret", ""), token.secret):
            return "the secret part is wrong"
        if values.get("token-id") != token.id:
            return "its Secret names another id"
        if bootstrap_tokens.expired(values, self._clock.now()):
            return "expired"
        if values.get(bootstrap_tokens.AUTHENTICATION) != "true":
            return "not meant for authentication"
        if bootstrap_tokens.extra_groups(values) is None:
            return "its extra groups are not allowed"
        return ""
