"""Acting as somebody else: reading the Impersonate-* headers and asking whether the caller may.

Follows k8s.io/apiserver/pkg/endpoints/filters/impersonation of 1.36 (KEP-5284): constrained modes, which need
a grant for the identity and another for what is done with it, are tried before the plain verb `impersonate`.
The mode that last worked for a caller is tried first. Decisions are not cached: asking the index again is
cheaper than a cache that outlives a revoked grant.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace

from sekisho.api.goformat import quote
from sekisho.api.status import StatusError, bad_request
from sekisho.api.types import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, Attributes, Authorizer, UserInfo
from sekisho.authn.frontproxy import unescape_key
from sekisho.authn.impersonationmodes import CONSTRAINED, Legacy, Mode
from sekisho.authn.interface import RawHeaders

_MODE_MEMORY = 10_000
_PREFIX = b"impersonate-"
_EXTRA_PREFIX = b"impersonate-extra-"


@dataclass(slots=True)
class _Asked:
    name: str = ""
    uid: str = ""
    groups: list[str] = field(default_factory=list)
    extra: dict[str, list[str]] = field(default_factory=dict)

    def user(self) -> UserInfo:
        extra = {k: tuple(v) for k, v in self.extra.items()}
        return UserInfo(self.name, self.uid, tuple(self.groups), extra)

    def go_syntax(self) -> str:
        """`%#v` of upstream's user.DefaultInfo."""
        groups = _go_strings(self.groups) if self.groups else "[]string(nil)"
        extra = "map[string][]string(nil)"
        if self.extra:
            pairs = ", ".join(f"{quote(k)}:{_go_strings(v)}" for k, v in sorted(self.extra.items()))
            extra = "map[string][]string{" + pairs + "}"
        names = f"Name:{quote(self.name)}, UID:{quote(self.uid)}"
        return "&user.DefaultInfo{" + f"{names}, Groups:{groups}, Extra:{extra}" + "}"


def _go_strings(values: list[str]) -> str:
    return "[]string{" + ", ".join(map(quote, values)) + "}"


def wanted_user(headers: RawHeaders) -> UserInfo | None:
    """The user asked for, None when none is. 400 for a uid, group or extra without a user name."""
    asked = _Asked()
    names: list[str] = []
    uids: list[str] = []
    for key, raw in headers:
        if not key.startswith(_PREFIX):
            continue
        value = raw.strip(b" \t").decode("utf-8", "replace")
        if key == b"impersonate-user":
            names.append(value)
        elif key == b"impersonate-uid":
            uids.append(value)
        elif key == b"impersonate-group":
            asked.groups.append(value)
        elif key.startswith(_EXTRA_PREFIX):
            extra_key = unescape_key(key[len(_EXTRA_PREFIX) :].decode("utf-8", "replace"))
            asked.extra.setdefault(extra_key, []).append(value)
    asked.name = names[0] if names else ""
    asked.uid = uids[0] if uids else ""
    if asked.name:
        return asked.user()
    if asked.uid or asked.groups or asked.extra:
        raise bad_request(f"requested {asked.go_syntax()} without impersonating a user name")
    return None


def without_impersonation(headers: RawHeaders) -> RawHeaders:
    """The headers that handlers see: they cannot tell that anybody was impersonated."""
    names = (b"impersonate-user", b"impersonate-uid", b"impersonate-group")
    return [(k, v) for k, v in headers if k not in names and not k.startswith(_EXTRA_PREFIX)]


@dataclass(frozen=True, slots=True)
class Impersonated:
    """Who the request goes on as. `constraint` is the verb of the constrained mode that allowed it."""

    user: UserInfo
    constraint: str
    headers: RawHeaders


class Impersonator:
    """Decides about impersonation; `constrained` is the gate ConstrainedImpersonation."""

    def __init__(self, authorizer: Authorizer, *, constrained: bool = True) -> None:
        self._modes: list[Mode] = []
        if constrained:
            self._modes = [kind(authorizer) for kind in CONSTRAINED]
        self._modes.append(Legacy(authorizer, uid_first=constrained))
        self._last: OrderedDict[str, int] = OrderedDict()

    async def impersonate(self, headers: RawHeaders, attributes: Attributes) -> Impersonated:
        """The user to go on with: the caller when no other is asked for. 400 and 403 as upstream's."""
        wanted = wanted_user(headers)
        if wanted is None:
            return Impersonated(attributes.user, "", headers)
        user, constraint = await self._decide(wanted, attributes)
        return Impersonated(_placed(user), constraint, without_impersonation(headers))

    async def _decide(self, wanted: UserInfo, attributes: Attributes) -> tuple[UserInfo, str]:
        """Asks the modes in order; the first refusal is the one that is reported."""
        order = list(range(len(self._modes)))
        caller = attributes.user.name
        last = self._last.get(caller)
        if last is not None:
            order.remove(last)
            order.insert(0, last)
        refused: StatusError | None = None
        for index in order:
            mode = self._modes[index]
            try:
                user = await mode.check(wanted, attributes)
            except StatusError as error:
                refused = refused or error
                continue
            if user is not None:
                self._remember(caller, index)
                return user, mode.constraint
        raise refused or StatusError(500, "", "all impersonation modes failed")

    def _remember(self, caller: str, index: int) -> None:
        self._last[caller] = index
        self._last.move_to_end(caller)
        if len(self._last) > _MODE_MEMORY:
            self._last.popitem(last=False)


def _placed(user: UserInfo) -> UserInfo:
    """The group of all authenticated, or of all unauthenticated, users added."""
    if user.name == ANONYMOUS:
        group = UNAUTHENTICATED
    elif UNAUTHENTICATED in user.groups:
        return user
    else:
        group = AUTHENTICATED
    return user if group in user.groups else replace(user, groups=(*user.groups, group))
