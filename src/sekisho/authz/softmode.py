"""Soft mode: would-be denials go through, are told of, and are recorded.

One run of an operator under it finds every permission that is missing. It is never on by itself, it is
limited to namespaces or subjects, and it never overrides a Deny that some authorizer meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sekisho.api.types import (
    AUTHENTICATED,
    SERVICE_ACCOUNT_PREFIX,
    Attributes,
    Authorizer,
    Decision,
    Rules,
    UserInfo,
    Verdict,
)
from sekisho.explain.evidence import LetThrough


@dataclass(frozen=True, slots=True)
class Scopes:
    """Where soft mode is on: requests in these namespaces, and requests of these users and groups."""

    namespaces: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Scopes:
        """From the flag's values: a namespace, `user:NAME`, `group:NAME` or `serviceaccount:NAMESPACE:NAME`.

        Raises ValueError for an empty or incomplete one.
        """
        namespaces, users, groups = set(), set(), set()
        for text in texts:
            kind, colon, rest = text.partition(":")
            if not text or (colon and not rest):
                raise ValueError(f'"{text}" names neither a namespace nor a subject')
            if not colon:
                namespaces.add(text)
            elif kind == "user":
                users.add(rest)
            elif kind == "group":
                groups.add(rest)
            elif kind == "serviceaccount" and rest.count(":") == 1 and all(rest.split(":")):
                users.add(SERVICE_ACCOUNT_PREFIX + rest)
            else:
                raise ValueError(f'"{text}" names neither a namespace nor a subject')
        return cls(frozenset(namespaces), frozenset(users), frozenset(groups))

    def of(self, attributes: Attributes) -> str:
        """The scope a request falls under, for its account; empty for none. A namespace is not opened to those who
        show no credential."""
        user = attributes.user
        if user.name in self.users:
            return f"user {user.name}"
        group = next((g for g in user.groups if g in self.groups), "")
        if group:
            return f"group {group}"
        if attributes.namespace in self.namespaces and attributes.namespace and AUTHENTICATED in user.groups:
            return f"namespace {attributes.namespace}"
        return ""

    def __bool__(self) -> bool:
        return bool(self.namespaces or self.users or self.groups)

    def __str__(self) -> str:
        """For the loud line in the status."""
        parts = [f"namespace {n}" for n in sorted(self.namespaces)]
        parts += [f"user {u}" for u in sorted(self.users)]
        parts += [f"group {g}" for g in sorted(self.groups)]
        return ", ".join(parts)


class SoftAuthorizer:
    """Stands around the chain. What it lets through is allowed with the evidence of what refused."""

    name = "SoftMode"

    def __init__(self, inner: Authorizer, scopes: Scopes) -> None:
        self.inner = inner
        self.scopes = scopes

    async def authorize(self, attributes: Attributes) -> Verdict:
        verdict = await self.inner.authorize(attributes)
        if verdict.decision is not Decision.NO_OPINION:
            return verdict
        scope = self.scopes.of(attributes)
        if not scope:
            return verdict
        reason = f"soft mode for {scope}: let through, would have been refused"
        return Verdict(Decision.ALLOW, reason, evidence=LetThrough(scope, verdict))

    async def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        return await self.inner.rules_for(user, namespace)


def warning(attributes: Attributes, verdict: Verdict) -> str:
    """The Warning header's text for a request that was let through; empty for all others."""
    if not isinstance(verdict.evidence, LetThrough):
        return ""
    what = attributes.path if not attributes.resource_request else attributes.resource
    if attributes.subresource:
        what = f"{what}/{attributes.subresource}"
    return f'authorization dry run: user "{attributes.user.name}" may not {attributes.verb} {what}'
