"""The audit policy: which requests leave events, at which level and in which stages.

Follows k8s.io/apiserver/pkg/audit/policy: rules are tried in order and the first match decides; without a
match nothing is recorded.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from sekisho.api.rbac import combined_resource
from sekisho.api.types import Attributes

API_VERSION = "audit.k8s.io/v1"


class Level(enum.IntEnum):
    """How much an event tells; a higher one tells all that a lower one does."""

    NONE = 0
    METADATA = 1
    REQUEST = 2
    REQUEST_RESPONSE = 3


LEVELS = {
    "None": Level.NONE,
    "Metadata": Level.METADATA,
    "Request": Level.REQUEST,
    "RequestResponse": Level.REQUEST_RESPONSE,
}
LEVEL_NAMES = {level: name for name, level in LEVELS.items()}
STAGES = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")


@dataclass(frozen=True, slots=True)
class GroupResources:
    """Resources of one group; none listed are all. `names` empty are all objects."""

    group: str
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def matches(self, a: Attributes) -> bool:
        if self.group not in (a.api_group, "*"):
            return False
        if not self.resources:
            return True
        if self.names and a.name not in self.names:
            return False
        combined = combined_resource(a.resource, a.subresource)
        return any(_matches_resource(entry, combined, a) for entry in self.resources)


def _matches_resource(entry: str, combined: str, a: Attributes) -> bool:
    if entry in (combined, "*"):
        return True
    if a.subresource and entry == f"*/{a.subresource}":
        return True
    return entry.endswith("/*") and entry[:-2] == a.resource


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; every part that is given has to match. `omit_managed_fields` None leaves it to the policy."""

    level: Level
    users: tuple[str, ...] = ()
    user_groups: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    resources: tuple[GroupResources, ...] = ()
    namespaces: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = ()
    omit_stages: tuple[str, ...] = ()
    omit_managed_fields: bool | None = None

    def matches(self, a: Attributes) -> bool:
        user = a.user
        if self.users and user.name not in self.users:
            return False
        if self.user_groups and not any(group in self.user_groups for group in user.groups):
            return False
        if self.verbs and a.verb not in self.verbs:
            return False
        if self.namespaces or self.resources:
            return self._matches_resource(a)
        if self.non_resource_urls:
            return not a.resource_request and any(_matches_url(u, a.path) for u in self.non_resource_urls)
        return True

    def _matches_resource(self, a: Attributes) -> bool:
        if not a.resource_request or (self.namespaces and a.namespace not in self.namespaces):
            return False
        return not self.resources or any(resources.matches(a) for resources in self.resources)


def _matches_url(spec: str, path: str) -> bool:
    return spec in ("*", path) or (spec.endswith("*") and path.startswith(spec.rstrip("*")))


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a request leaves behind."""

    level: Level
    omit_stages: frozenset[str] = frozenset()
    omit_managed_fields: bool = False


NOTHING = Ruling(Level.NONE)


class Policy:
    """Rules in order. Asked once a request."""

    def __init__(
        self, rules: Sequence[Rule], omit_stages: Sequence[str] = (), omit_managed_fields: bool = False
    ) -> None:
        self._rulings = [
            (
                rule,
                Ruling(
                    rule.level,
                    frozenset((*omit_stages, *rule.omit_stages)),
                    omit_managed_fields if rule.omit_managed_fields is None else rule.omit_managed_fields,
                ),
            )
            for rule in rules
        ]

    def ruling(self, attributes: Attributes) -> Ruling:
        return next((ruling for rule, ruling in self._rulings if rule.matches(attributes)), NOTHING)
