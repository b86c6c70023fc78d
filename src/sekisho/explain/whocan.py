"""Who can do something, what somebody can do, and where: each answer with the path that grants it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from sekisho.api.rbac import USER_GROUP, Binding, Rule, Subject
from sekisho.api.types import MASTERS, Attributes, Object, UserInfo
from sekisho.explain.evidence import BindingRef, GrantEvidence
from sekisho.explain.policy import Policy, first_rule
from sekisho.explain.sentences import rule_sentence, subject_text

EVERYWHERE = ""


@dataclass(frozen=True, slots=True)
class Holder:
    """One who can. `namespace` is where (empty: everywhere). Without a grant it is the group of masters, whom
    nothing is asked about."""

    subject: Subject
    namespace: str
    grant: GrantEvidence | None

    def to_object(self) -> Object:
        out: Object = {"subject": self.subject.to_object()}
        if self.namespace:
            out["namespace"] = self.namespace
        if self.grant is not None:
            out["grant"] = self.grant.to_object()
        return out


def who_can(a: Attributes, policy: Policy, *, all_namespaces: bool = False) -> list[Holder]:
    """Every subject that a request is allowed to, whatever its user; masters first, then by kind and name.

    A cluster-scoped right is listed once. `all_namespaces` looks for holders in every namespace, otherwise in
    that of `a` and at cluster scope.
    """
    found = [Holder(Subject(USER_GROUP, MASTERS), EVERYWHERE, None)]
    allowing: dict[tuple[int, str], Rule | None] = {}
    for binding in policy.bindings():
        if binding.namespace and not all_namespaces and binding.namespace != a.namespace:
            continue
        if binding.namespace and not a.resource_request:
            continue
        role = policy.role_of(binding)
        if role is None:
            continue
        asked = replace(a, namespace=binding.namespace) if all_namespaces and binding.namespace else a
        key = (id(role), "")
        if key not in allowing:
            allowing[key] = first_rule(role, asked)
        rule = allowing[key]
        if rule is not None:
            found += [
                Holder(s, binding.namespace, GrantEvidence.of(binding, s, rule)) for s in binding.subjects
            ]
    return sorted(found, key=_holder_order)


def _holder_order(holder: Holder) -> tuple[object, ...]:
    subject = holder.subject
    name = holder.grant.binding.name if holder.grant else ""
    return (
        holder.grant is not None,
        subject.kind,
        subject.namespace,
        subject.name,
        holder.namespace,
        name,
    )


@dataclass(frozen=True, slots=True)
class Right:
    """One rule that a subject holds, where (empty: everywhere), and through what."""

    namespace: str
    grant: GrantEvidence

    def to_object(self) -> Object:
        out: Object = {"namespace": self.namespace} if self.namespace else {}
        return {**out, "grant": self.grant.to_object()}

    def __str__(self) -> str:
        return f"{rule_sentence(self.grant.rule)} (as {subject_text(self.grant.subject)})"


def what_can(user: UserInfo, policy: Policy) -> list[Right]:
    """All rules of a user in all namespaces at once: cluster-wide ones first, then by namespace."""
    rights = [_right(EVERYWHERE, b, s, rule) for b, s, rule in _rules_of(user, EVERYWHERE, policy)]
    for namespace in policy.namespaces_of(user):
        for binding, subject, rule in _rules_of(user, namespace, policy):
            if binding.namespace:
                rights.append(_right(namespace, binding, subject, rule))
    return rights


def _rules_of(user: UserInfo, namespace: str, policy: Policy) -> Iterator[tuple[Binding, Subject, Rule]]:
    for binding, subject in policy.held(user, namespace):
        role = policy.role_of(binding)
        for rule in role.rules if role is not None else ():
            yield binding, subject, rule


def _right(namespace: str, binding: Binding, subject: Subject, rule: Rule) -> Right:
    return Right(namespace, GrantEvidence(BindingRef.of(binding), subject, rule.index, rule.obj))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a user can do something: a namespace, or everywhere (empty), and through what."""

    namespace: str
    grant: GrantEvidence

    def to_object(self) -> Object:
        where: Object = {"namespace": self.namespace} if self.namespace else {"everywhere": True}
        return {**where, "grant": self.grant.to_object()}


def where_can(a: Attributes, policy: Policy, namespaces: Iterable[str] = ()) -> list[Place]:
    """The namespaces in which a request is allowed; its own namespace is ignored. A cluster-wide right answers
    for all of them. `namespaces` are looked at besides those in which bindings name the user."""
    anywhere = policy.grant_for(replace(a, namespace=""))
    if anywhere is not None:
        return [Place(EVERYWHERE, anywhere)]
    places = []
    for namespace in sorted({*policy.namespaces_of(a.user), *namespaces}):
        grant = policy.grant_for(replace(a, namespace=namespace))
        if grant is not None:
            places.append(Place(namespace, grant))
    return places
