"""The modes of impersonation: which identities each is for, and which grants each asks of the caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from sekisho.api import names
from sekisho.api.field import Path
from sekisho.api.goformat import aggregate, quote, quote_list
from sekisho.api.status import StatusError, authorization_forbidden
from sekisho.api.types import (
    MASTERS,
    NODE_USER_PREFIX,
    NODES,
    SERVICE_ACCOUNTS,
    Attributes,
    Authorizer,
    UserInfo,
    Verdict,
)
from sekisho.authn.serviceaccount import NODE_NAME
from sekisho.credentials.tokens import split_user_name

AUTHENTICATION_GROUP = "authentication.k8s.io"
ASSOCIATED_KEYS = "authentication.kubernetes.io/associated-node-keys"
_MANY = 4
"""From this many checks on, one check for all of them is tried first."""


def node_name(user: str) -> str | None:
    """The node of `system:node:<name>`; None for every other user name."""
    if not user.startswith(NODE_USER_PREFIX):
        return None
    name = user[len(NODE_USER_PREFIX) :]
    return None if names.dns1123_subdomain(name) else name


def _only_name(user: UserInfo) -> bool:
    return not (user.uid or user.groups or user.extra)


async def require(authorizer: Authorizer, attributes: Attributes) -> None:
    """403 with the usual sentence unless the authorizer allows."""
    verdict = await authorizer.authorize(attributes)
    if verdict.allowed:
        return
    reason = verdict.reason
    if verdict.error:
        reason = f"{verdict.error}: {reason}" if reason else verdict.error
    raise authorization_forbidden(attributes, reason)


@dataclass(slots=True)
class _Grants:
    """The second grant: verb `verb` on each part of the wanted identity. `group` holds users and groups."""

    authorizer: Authorizer
    verb: str
    constrained: bool
    uid_first: bool = True

    def _about(self, caller: UserInfo, group: str, resource: str, name: str = "") -> Attributes:
        return Attributes(caller, self.verb, "", group, "v1", resource, "", name)

    @property
    def _core(self) -> str:
        return AUTHENTICATION_GROUP if self.constrained else ""

    async def check(self, wanted: UserInfo, caller: UserInfo) -> UserInfo:
        """The identity as it will be; 403 for the first part that is not granted."""
        user = await self._name(wanted, caller)
        steps = (
            (self._uid, self._groups, self._extra)
            if self.uid_first
            else (self._groups, self._extra, self._uid)
        )
        for step in steps:
            await step(wanted, caller)
        return user

    async def _name(self, wanted: UserInfo, caller: UserInfo) -> UserInfo:
        about = self._about(caller, self._core, "users", wanted.name)
        user = wanted
        node = node_name(wanted.name) if self.constrained else None
        if node is not None:
            about.resource, about.name = "nodes", node
            self._refuse_groups(about, wanted, "a node")
            user = replace(wanted, groups=(NODES,))
        account = split_user_name(wanted.name)
        if account is not None:
            about.resource, about.namespace, about.name = "serviceaccounts", *account
            if self.constrained:
                self._refuse_groups(about, wanted, "a service account")
            if not wanted.groups:
                user = replace(wanted, groups=(SERVICE_ACCOUNTS, f"{SERVICE_ACCOUNTS}:{account[0]}"))
        await require(self.authorizer, about)
        return user

    def _refuse_groups(self, about: Attributes, wanted: UserInfo, what: str) -> None:
        if wanted.groups:
            text = f"when impersonating {what}, cannot impersonate groups {quote_list(wanted.groups)}"
            raise authorization_forbidden(about, text)

    async def _uid(self, wanted: UserInfo, caller: UserInfo) -> None:
        if wanted.uid:
            await require(self.authorizer, self._about(caller, AUTHENTICATION_GROUP, "uids", wanted.uid))

    async def _groups(self, wanted: UserInfo, caller: UserInfo) -> None:
        if not wanted.groups:
            return
        about = self._about(caller, self._core, "groups")
        if self.constrained:
            if "" in wanted.groups:
                raise authorization_forbidden(about, "impersonating the empty string group is not allowed")
            if MASTERS in wanted.groups:
                about.name = MASTERS
                raise authorization_forbidden(about, "impersonating the system:masters group is not allowed")
            if len(wanted.groups) >= _MANY and await self._granted(replace(about, name="*")):
                return
        for group in wanted.groups:
            await require(self.authorizer, replace(about, name=group))

    async def _extra(self, wanted: UserInfo, caller: UserInfo) -> None:
        if not wanted.extra:
            return
        about = self._about(caller, AUTHENTICATION_GROUP, "userextras")
        if self.constrained:
            problem = _extra_problem(wanted.extra)
            if problem:
                raise authorization_forbidden(about, problem)
            many = len(wanted.extra) >= _MANY or sum(map(len, wanted.extra.values())) >= _MANY
            if many and await self._granted(replace(about, subresource="*", name="*")):
                return
        for key, values in wanted.extra.items():
            for value in values:
                await require(self.authorizer, replace(about, subresource=key, name=value))

    async def _granted(self, about: Attributes) -> bool:
        try:
            await require(self.authorizer, about)
        except StatusError:
            return False
        return True


def _extra_problem(extra: Mapping[str, tuple[str, ...]]) -> str:
    for key, values in extra.items():
        if not key:
            return "impersonating the empty string key in extra is not allowed"
        errors = names.domain_prefixed_path_errors(Path("extra.key"), key)
        if errors:
            return f"impersonating an invalid key in extra is not allowed: {aggregate(map(str, errors))}"
        if key != key.lower():
            return f"impersonating a non-lowercase key in extra is not allowed: {quote(key)}"
        if not values:
            return "impersonating empty values in extra is not allowed"
        if "" in values:
            return "impersonating the empty string value in extra is not allowed"
    return ""


class Mode:
    """One way to be allowed. `check` answers None for identities that the mode is not for."""

    constraint = ""

    async def check(self, wanted: UserInfo, attributes: Attributes) -> UserInfo | None:
        raise NotImplementedError


class Legacy(Mode):
    """The verb `impersonate` of old, on the core group, whatever is done with the identity."""

    def __init__(self, authorizer: Authorizer, *, uid_first: bool) -> None:
        self._grants = _Grants(authorizer, "impersonate", constrained=False, uid_first=uid_first)

    async def check(self, wanted: UserInfo, attributes: Attributes) -> UserInfo:
        return await self._grants.check(wanted, attributes.user)


class _Constrained(Mode):
    """Two grants: to do this as somebody else, and to be this somebody."""

    word: ClassVar[str]

    def __init__(self, authorizer: Authorizer) -> None:
        self.constraint = f"impersonate:{self.word}"
        self._authorizer = authorizer
        self._grants = _Grants(authorizer, self.constraint, constrained=True)

    def applies(self, wanted: UserInfo, caller: UserInfo) -> bool:
        raise NotImplementedError

    async def check(self, wanted: UserInfo, attributes: Attributes) -> UserInfo | None:
        if not self.applies(wanted, attributes.user):
            return None
        verb = f"impersonate-on:{self.word}:{attributes.verb}"
        await require(self._authorizer, replace(attributes, verb=verb))
        return await self._grants.check(wanted, attributes.user)


class ArbitraryNode(_Constrained):
    word = "arbitrary-node"

    def applies(self, wanted: UserInfo, caller: UserInfo) -> bool:
        return _only_name(wanted) and node_name(wanted.name) is not None


class ServiceAccount(_Constrained):
    word = "serviceaccount"

    def applies(self, wanted: UserInfo, caller: UserInfo) -> bool:
        return _only_name(wanted) and split_user_name(wanted.name) is not None


class UserInfoMode(_Constrained):
    word = "user-info"

    def applies(self, wanted: UserInfo, caller: UserInfo) -> bool:
        return node_name(wanted.name) is None and split_user_name(wanted.name) is None


class AssociatedNode(_Constrained):
    """For agents: the node that the caller's own Pod runs on, proved by its token. The name that is checked
    is `*`, and of the caller's extra only the keys are shown to the authorizer."""

    word = "associated-node"

    def __init__(self, authorizer: Authorizer) -> None:
        super().__init__(authorizer)
        self._grants.authorizer = _AnyNode(authorizer)

    def applies(self, wanted: UserInfo, caller: UserInfo) -> bool:
        node = node_name(wanted.name)
        if not _only_name(wanted) or node is None or split_user_name(caller.name) is None:
            return False
        return caller.extra.get(NODE_NAME) == (node,)

    async def check(self, wanted: UserInfo, attributes: Attributes) -> UserInfo | None:
        if not self.applies(wanted, attributes.user):
            return None
        caller = replace(attributes.user, extra={ASSOCIATED_KEYS: tuple(sorted(attributes.user.extra))})
        verb = f"impersonate-on:{self.word}:{attributes.verb}"
        await require(self._authorizer, replace(attributes, user=caller, verb=verb))
        return await self._grants.check(wanted, caller)


class _AnyNode:
    """Asks about all nodes where one is named."""

    def __init__(self, inner: Authorizer) -> None:
        self._inner = inner
        self.rules_for = inner.rules_for

    async def authorize(self, attributes: Attributes) -> Verdict:
        attributes.name = "*"
        return await self._inner.authorize(attributes)


CONSTRAINED: tuple[type[_Constrained], ...] = (AssociatedNode, ArbitraryNode, ServiceAccount, UserInfoMode)
"""In the order they are tried."""
