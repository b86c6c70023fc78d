"""What a change of roles and bindings gives to whom and takes from whom.

Rights are compared by what they cover, not by how they are written: a rule that moved to another role, or
that a wider one covers, is no change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from sekisho.api.rbac import Rule, Subject
from sekisho.api.rbaccover import compact, uncovered
from sekisho.api.types import Object
from sekisho.explain.policy import Policy, scope_text, subject_user
from sekisho.explain.reach import Path, admin_path
from sekisho.explain.sentences import rule_sentence, subject_text

Held = dict[str, list[Rule]]
"""A subject's rules by namespace; the empty one is cluster-wide."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one subject gains and loses in one namespace (empty: cluster-wide), as compact rules."""

    subject: Subject
    namespace: str
    gained: list[Object] = field(default_factory=list)
    lost: list[Object] = field(default_factory=list)

    def to_object(self) -> Object:
        out: Object = {"subject": self.subject.to_object()}
        if self.namespace:
            out["namespace"] = self.namespace
        if self.gained:
            out["gained"] = self.gained
        if self.lost:
            out["lost"] = self.lost
        return out

    def sentences(self) -> list[str]:
        who, where = subject_text(self.subject), scope_text(self.namespace)
        gained = [f"{who} gains {where}: {rule_sentence(rule)}" for rule in self.gained]
        return gained + [f"{who} loses {where}: {rule_sentence(rule)}" for rule in self.lost]


@dataclass(frozen=True, slots=True)
class Difference:
    """All changes by subject, and new ways to become cluster administrator."""

    changes: list[Change]
    admin_paths: list[Path]

    @property
    def exit_code(self) -> int:
        """For CI: 0 nothing changed, 3 rights changed, 4 somebody found a new way to cluster-admin. (1 and 2 are
        errors, as of all commands.)"""
        if self.admin_paths:
            return 4
        return 3 if self.changes else 0

    def to_object(self) -> Object:
        return {
            "changes": [change.to_object() for change in self.changes],
            "newPathsToClusterAdmin": [path.to_object() for path in self.admin_paths],
        }


def diff(before: Policy, after: Policy) -> Difference:
    """Compare two policies, subject by subject. Only the subject's own bindings count, not its groups'."""
    old, new = _holdings(before), _holdings(after)
    changes: list[Change] = []
    touched: list[Subject] = []
    for subject in sorted(old.keys() | new.keys()):
        found = list(_changes(subject, old.get(subject, {}), new.get(subject, {})))
        changes += found
        if any(change.gained for change in found):
            touched.append(subject)
    paths = []
    for subject in touched:
        path = admin_path(subject_user(subject), after)
        if path is not None and admin_path(subject_user(subject), before) is None:
            paths.append(path)
    return Difference(changes, paths)


def _holdings(policy: Policy) -> dict[Subject, Held]:
    held: dict[Subject, Held] = defaultdict(lambda: defaultdict(list))
    for binding in policy.bindings():
        role = policy.role_of(binding)
        if role is not None:
            for subject in dict.fromkeys(binding.subjects):
                held[subject][binding.namespace] += role.rules
    return held


def _changes(subject: Subject, old: Held, new: Held) -> Iterable[Change]:
    for namespace in sorted(old.keys() | new.keys()):
        before, after = _in_force(old, namespace), _in_force(new, namespace)
        if _written(before) == _written(after):
            continue
        gained = compact(uncovered(before, [rule.obj for rule in new.get(namespace, ())]))
        lost = compact(uncovered(after, [rule.obj for rule in old.get(namespace, ())]))
        if gained or lost:
            yield Change(subject, namespace, gained, lost)


def _in_force(held: Held, namespace: str) -> list[Rule]:
    """The rules that count in a namespace: its own and the cluster-wide ones."""
    own = held.get(namespace, [])
    return [*own, *held.get("", [])] if namespace else list(own)


def _written(rules: list[Rule]) -> list[Object]:
    return [rule.obj for rule in rules]
