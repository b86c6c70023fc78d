"""Near misses: what would nearly have allowed a request, each with the one thing that is different.

First what the user holds is compared with the request, one attribute at a time; then bindings that would
allow it but name somebody else are looked at for a subject that was probably meant. It takes a look at
every binding, so it runs when somebody asks, never with a request.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from sekisho.api.labels import Selector
from sekisho.api.rbac import (
    CLUSTER_ROLE,
    SERVICE_ACCOUNT,
    USER,
    USER_GROUP,
    Binding,
    Role,
    Rule,
    Subject,
    combined_resource,
)
from sekisho.api.rbacaggregation import selectors
from sekisho.api.types import Attributes, Object
from sekisho.explain.evidence import BindingRef
from sekisho.explain.policy import Policy, first_rule, subject_of_user
from sekisho.explain.sentences import binding_text, listed, resource_text, role_text, subject_text

MAX_MISSES = 10


class Difference(enum.IntEnum):
    """What is different, closest first."""

    NAMESPACE = 1
    SCOPE = 2
    VERB = 3
    SUBRESOURCE = 4
    RESOURCE_NAME = 5
    API_GROUP = 6
    RESOURCE = 7
    PATH = 8
    MISSING_ROLE = 9
    SUBJECT = 10
    MEMBERSHIP = 11
    AGGREGATION = 12


@dataclass(frozen=True, slots=True)
class NearMiss:
    """One rule or binding that comes close. `sentence` says what is different, in full."""

    difference: Difference
    sentence: str
    binding: BindingRef | None = None
    subject: Subject | None = None
    rule_index: int | None = None
    rule: Object | None = None

    def to_object(self) -> Object:
        out: Object = {
            "difference": self.difference.name.lower().replace("_", "-"),
            "sentence": self.sentence,
        }
        if self.binding is not None:
            out["binding"] = self.binding.to_object()
        if self.subject is not None:
            out["subject"] = self.subject.to_object()
        if self.rule_index is not None:
            out["ruleIndex"] = self.rule_index
            out["rule"] = self.rule
        return out


def near_misses(a: Attributes, policy: Policy, limit: int = MAX_MISSES) -> list[NearMiss]:
    """The closest first, at most `limit`; empty when nothing comes near."""
    found = [
        *_of_held(a, policy),
        *_elsewhere(a, policy),
        *_of_others(a, policy),
        *_of_aggregation(a, policy),
    ]
    unique = {(m.difference, m.sentence): m for m in sorted(found, key=lambda m: m.difference)}
    return list(unique.values())[:limit]


# What the user holds where the request is


def _of_held(a: Attributes, policy: Policy) -> Iterator[NearMiss]:
    for binding, subject in policy.held(a.user, a.namespace):
        role = policy.role_of(binding)
        if role is None:
            yield _missing_role(binding, subject)
            continue
        for rule in role.rules:
            miss = _compare(rule, a)
            if miss is not None:
                difference, text = miss
                yield _miss(difference, binding, subject, rule, text)


def _missing_role(binding: Binding, subject: Subject) -> NearMiss:
    ref = BindingRef.of(binding)
    where = f" in namespace {binding.namespace}" if ref.role_namespace else ""
    return NearMiss(
        Difference.MISSING_ROLE,
        f"{binding_text(ref)} refers to {role_text(ref.role_kind, ref.role_name)}, which does not exist{where}",
        ref,
        subject,
    )


def _miss(difference: Difference, binding: Binding, subject: Subject, rule: Rule, text: str) -> NearMiss:
    ref = BindingRef.of(binding)
    where = f"rule {rule.index + 1} of {role_text(ref.role_kind, ref.role_name)} ({binding_text(ref)})"
    return NearMiss(difference, f"{where} {text}", ref, subject, rule.index, rule.obj)


def _compare(rule: Rule, a: Attributes) -> tuple[Difference, str] | None:
    """The one attribute in which a rule and a request differ; None when it is none or more than one."""
    if not a.resource_request:
        return _compare_path(rule, a)
    if not rule.resources:
        return None
    combined = combined_resource(a.resource, a.subresource)
    verb, group = rule.matches_verb(a.verb), rule.matches_group(a.api_group)
    resource, name = rule.matches_resource(combined, a.subresource), rule.matches_name(a.name)
    if [verb, group, resource, name].count(False) != 1:
        return None
    if not verb:
        return Difference.VERB, f"allows {listed(rule.obj['verbs'])}, not {a.verb}"
    if not group:
        return Difference.API_GROUP, _group_text(rule, a)
    if not name:
        return Difference.RESOURCE_NAME, _name_text(rule, a)
    return _compare_resource(rule, a)


def _group_text(rule: Rule, a: Attributes) -> str:
    has = listed(group or '"" (core)' for group in rule.obj.get("apiGroups") or ())
    return f"is for API group {has}, not {a.api_group or 'the core group'}"


def _name_text(rule: Rule, a: Attributes) -> str:
    names = listed(rule.obj["resourceNames"])
    if a.name:
        return f"is only for the names {names}, not {a.name}"
    return f"is only for the names {names}, and a request to {a.verb} has no name"


def _compare_resource(rule: Rule, a: Attributes) -> tuple[Difference, str] | None:
    resources = rule.obj.get("resources") or ()
    shown = listed(resources)
    if a.subresource and a.resource in rule.resources:
        wanted = resource_text(a.api_group, combined_resource(a.resource, a.subresource))
        return Difference.SUBRESOURCE, f"allows {shown}, which does not cover the subresource {wanted}"
    if any(r.partition("/")[0] == a.resource for r in resources):
        wanted = resource_text(a.api_group, combined_resource(a.resource, a.subresource))
        return Difference.SUBRESOURCE, f"allows {shown}, not {wanted}"
    meant = next((r for r in resources if _same_word(r, combined_resource(a.resource, a.subresource))), None)
    if meant is not None:
        return Difference.RESOURCE, f"says {meant} where the resource is called {a.resource}"
    return None


def _same_word(written: str, resource: str) -> bool:
    """Whether a rule's resource is the right one in the wrong form: singular, or another case."""
    written, resource = written.lower(), resource.lower()
    forms = (f"{written}s", f"{written}es", f"{written[:-1]}ies" if written.endswith("y") else "")
    return written == resource or resource in forms


def _compare_path(rule: Rule, a: Attributes) -> tuple[Difference, str] | None:
    if not rule.urls:
        return None
    verb, path = rule.matches_verb(a.verb), rule.matches_path(a.path)
    if not verb and path:
        return Difference.VERB, f"allows {listed(rule.obj['verbs'])}, not {a.verb}"
    if not verb:
        return None
    near = next((url for url in rule.urls if url.rstrip("*").rstrip("/") == a.path.rstrip("/")), None)
    return (Difference.PATH, f"covers {near}, not {a.path}") if near is not None else None


# What the user holds elsewhere


def _elsewhere(a: Attributes, policy: Policy) -> Iterator[NearMiss]:
    """RoleBindings of other namespaces that would allow it there, one miss a binding name and role."""
    found: dict[tuple[str, str], tuple[Binding, Subject, Rule, list[str]]] = {}
    for namespace in policy.namespaces_of(a.user):
        if namespace == a.namespace:
            continue
        there = replace(a, namespace=namespace)
        for binding, subject in policy.held(a.user, namespace):
            role = policy.role_of(binding) if binding.namespace else None
            rule = first_rule(role, there) if role is not None else None
            if rule is not None:
                key = (binding.name, binding.role_name)
                found.setdefault(key, (binding, subject, rule, []))[3].append(namespace)
    for binding, subject, rule, namespaces in found.values():
        yield _other_namespace(a, binding, subject, rule, namespaces)


def _other_namespace(
    a: Attributes, binding: Binding, subject: Subject, rule: Rule, namespaces: list[str]
) -> NearMiss:
    ref = BindingRef.of(binding)
    role = role_text(ref.role_kind, ref.role_name)
    places = "namespace " + namespaces[0] if len(namespaces) == 1 else f"{len(namespaces)} other namespaces"
    if a.namespace:
        text = f"{binding_text(ref)} allows it through {role} in {places}, not in namespace {a.namespace}"
        return NearMiss(Difference.NAMESPACE, text, ref, subject, rule.index, rule.obj)
    scope = "paths" if not a.resource_request else "requests at the cluster scope"
    text = (
        f"{binding_text(ref)} gives {role} in {places} only; a RoleBinding never covers {scope}, which needs a "
        "ClusterRoleBinding"
    )
    return NearMiss(Difference.SCOPE, text, ref, subject, rule.index, rule.obj)


# Bindings that would allow it and name somebody else


def _of_others(a: Attributes, policy: Policy) -> Iterator[NearMiss]:
    asked = subject_of_user(a.user)
    allowing: dict[int, Rule | None] = {}
    groups: set[str] = set()
    for binding in sorted(_in_scope(policy.bindings(), a.namespace), key=lambda b: (b.namespace, b.name)):
        if not binding.subjects or binding.position_of(a.user) >= 0:
            continue
        role = policy.role_of(binding)
        if role is None:
            continue
        if id(role) not in allowing:
            allowing[id(role)] = first_rule(role, a)
        rule = allowing[id(role)]
        if rule is None:
            continue
        for subject in binding.subjects:
            text = _meant(subject, asked)
            if text:
                yield _other_subject(Difference.SUBJECT, binding, subject, rule, text)
            elif subject.kind == USER_GROUP and subject.name not in groups and asked.kind == USER:
                groups.add(subject.name)
                text = f"allows it to group {subject.name}, which {asked.name} is not in"
                yield _other_subject(Difference.MEMBERSHIP, binding, subject, rule, text)


def _in_scope(bindings: Iterable[Binding], namespace: str) -> Iterator[Binding]:
    return (b for b in bindings if not b.namespace or b.namespace == namespace)


def _meant(subject: Subject, asked: Subject) -> str:
    """Why a subject does not name the user although it looks like it; empty when it does not look like it."""
    if subject.name.lower() != asked.name.lower():
        return ""
    who, user = subject_text(subject), subject_text(asked)
    if subject.kind == asked.kind == SERVICE_ACCOUNT and subject.name == asked.name:
        if not subject.namespace:
            return f"names {asked.name} without a namespace, so no service account is meant"
        return f"names {who}, not {user}: another namespace"
    if subject.kind != asked.kind:
        return f"names {who}, and the request is from {user}: another kind of subject"
    return f"names {who}, not {user}: names are compared letter by letter"


def _other_subject(
    difference: Difference, binding: Binding, subject: Subject, rule: Rule, text: str
) -> NearMiss:
    ref = BindingRef.of(binding)
    return NearMiss(difference, f"{binding_text(ref)} {text}", ref, subject, rule.index, rule.obj)


# Roles that an aggregating role would gather if they had its label


def _of_aggregation(a: Attributes, policy: Policy) -> Iterator[NearMiss]:
    summing = []
    for binding, subject in policy.held(a.user, a.namespace):
        role = policy.role_of(binding)
        if role is not None and role.kind == CLUSTER_ROLE and role.selectors:
            summing.append((binding, subject, role))
    if not summing:
        return
    parts = [role for role in policy.roles() if role.kind == CLUSTER_ROLE and not role.selectors]
    near = [(part, rule) for part in parts if (rule := first_rule(part, a)) is not None]
    for binding, subject, role in summing:
        wanted = _labels_wanted(role)
        for part, rule in sorted(near, key=lambda pair: pair[0].name):
            if wanted and not _system(part):
                ref = BindingRef.of(binding)
                text = (
                    f"{role_text(role.kind, role.name)} ({binding_text(ref)}) gathers rules by the label {wanted}; "
                    f"{role_text(part.kind, part.name)} would allow it and does not have that label"
                )
                yield NearMiss(Difference.AGGREGATION, text, ref, subject, rule.index, rule.obj)


def _system(role: Role) -> bool:
    """Default roles are complete as they are: nobody forgot a label there."""
    return role.labels.get("kubernetes.io/bootstrapping") == "rbac-defaults"


def _labels_wanted(role: Role) -> str:
    """The labels of an aggregating role's first selector that is a plain label; empty when there is none."""
    try:
        compiled = selectors(role.obj)
    except ValueError:
        return ""
    for selector in compiled:
        text = _plain(selector)
        if text:
            return text
    return ""


def _plain(selector: Selector) -> str:
    terms = selector.requirements
    if not terms or any(t.operator != "=" for t in terms):
        return ""
    return listed(f"{t.key}={t.values[0]}" for t in terms)
