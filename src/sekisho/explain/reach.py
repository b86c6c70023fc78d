"""What a subject could become: other accounts whose tokens it can get, roles it can give itself, anybody.

The search goes from identity to identity, breadth first, so the paths it finds are the shortest, and each
step carries the rule that makes it possible.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from sekisho.api.rbac import SERVICE_ACCOUNT, USER_GROUP, Subject
from sekisho.api.types import Object, UserInfo
from sekisho.explain.policy import Policy, subject_of_user
from sekisho.explain.sentences import subject_text
from sekisho.explain.techniques import ANYBODY, CLUSTER_ADMIN, Search, Step, steps


@dataclass(frozen=True, slots=True)
class Path:
    """How a subject becomes something else, step by step."""

    subject: Subject
    start: str
    end: str
    steps: tuple[Step, ...]

    def to_object(self) -> Object:
        return {"from": self.start, "to": self.end, "steps": [step.to_object() for step in self.steps]}


def reach(user: UserInfo, policy: Policy, accounts: Iterable[Subject] = ()) -> list[Path]:
    """Everything that a user could become, nearest first, one shortest path each.

    `accounts` are service accounts that exist besides those that bindings name.
    """
    search = Search(policy, _accounts(policy, accounts))
    start = subject_text(_subject(user))
    paths: dict[str, tuple[Step, ...]] = {start: ()}
    queue = deque([(start, user)])
    while queue:
        name, identity = queue.popleft()
        for step, becomes in steps(name, identity, search):
            if step.to in paths:
                continue
            paths[step.to] = (*paths[name], step)
            if becomes is not None:
                queue.append((step.to, becomes))
    subject = _subject(user)
    return [Path(subject, start, end, taken) for end, taken in paths.items() if taken]


def admin_path(user: UserInfo, policy: Policy) -> Path | None:
    """The shortest way to cluster-admin; None when there is none. Being it already counts as a way."""
    return next((path for path in reach(user, policy) if path.end in (CLUSTER_ADMIN, ANYBODY)), None)


def _accounts(policy: Policy, more: Iterable[Subject]) -> dict[str, set[str]]:
    known: dict[str, set[str]] = {}
    named = (s for binding in policy.bindings() for s in binding.subjects)
    for subject in (*named, *more):
        if subject.kind == SERVICE_ACCOUNT and subject.namespace:
            known.setdefault(subject.namespace, set()).add(subject.name)
    return known


def _subject(user: UserInfo) -> Subject:
    """A user without a name stands for the members of its group."""
    return Subject(USER_GROUP, user.groups[0]) if not user.name and user.groups else subject_of_user(user)
