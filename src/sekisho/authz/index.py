"""The RBAC index: subject -> grants -> compiled rules, kept up to date by events.

A decision walks only what the subject holds, so it costs the same among ten bindings and among a
hundred thousand. Three ideas carry that:

- A *holder* is one user name or group, with its grants at cluster scope and by namespace, each list
  sorted by binding name. A service account is the holder of its user name.
- A *slot* is one role reference. All bindings of a role share it, so a changed role is compiled once,
  on its next use, whatever the number of bindings; a slot without a role is a dangling reference.
- A compiled slot has a table from resource to the rules that mention it, so that most of a role's rules
  are never looked at.

Results are those of upstream's walk (cluster bindings, then the namespace's, each sorted by name; in a
binding the first subject that matches; in a role the first rule that allows).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from operator import attrgetter

from sekisho.api.rbac import (
    ALL,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    ROLE,
    ROLE_BINDING,
    Binding,
    Role,
    Rule,
    Subject,
)
from sekisho.api.types import Attributes, Object, UserInfo, Verdict
from sekisho.explain.evidence import GrantEvidence

_order = attrgetter("order")
_NOTHING: tuple[Rule, ...] = ()
_NO_NAMES: frozenset[str] = frozenset()

BindingKey = tuple[str, str]
SlotKey = tuple[str, str, str]


class RoleSlot:
    """What a role reference points to: a role, or nothing yet. `table` is None until first used."""

    __slots__ = ("key", "path_rules", "role", "star", "table", "uses", "wild_subresources")

    def __init__(self, key: SlotKey) -> None:
        self.key = key
        self.uses = 0
        self.put(None)

    def put(self, role: Role | None) -> None:
        self.role = role
        self.table: dict[str, tuple[Rule, ...]] | None = None
        self.star: tuple[Rule, ...] = _NOTHING
        self.path_rules: tuple[Rule, ...] = _NOTHING
        self.wild_subresources: frozenset[str] = _NO_NAMES

    @property
    def dangling(self) -> bool:
        return self.role is None and self.uses > 0

    def compile(self) -> dict[str, tuple[Rule, ...]]:
        """Build the table: for each resource that rules name, those rules and the ones of `*`, in order."""
        rules = self.role.rules if self.role is not None else _NOTHING
        self.star = tuple(rule for rule in rules if rule.any_resource)
        self.path_rules = tuple(rule for rule in rules if rule.urls)
        named = {resource for rule in rules for resource in rule.resources if resource != ALL}
        self.wild_subresources = frozenset(name[2:] for name in named if name.startswith("*/"))
        self.table = {
            name: tuple(rule for rule in rules if rule.any_resource or name in rule.resources)
            for name in named
        }
        return self.table

    def candidates(self, combined: str, subresource: str) -> tuple[Rule, ...]:
        """The rules that match a resource whose subresource some rule names as `*/subresource`."""
        rules = self.role.rules if self.role is not None else _NOTHING
        return tuple(rule for rule in rules if rule.matches_resource(combined, subresource))


class Grant:
    """One subject of one binding. `order` is its place in the walk: binding name, then subject position."""

    __slots__ = ("binding", "memo", "order", "slot")

    def __init__(self, binding: Binding, position: int, slot: RoleSlot) -> None:
        self.binding = binding
        self.order = (binding.name, position)
        self.slot = slot
        self.memo: tuple[Rule, Verdict] | None = None
        """The verdict of the rule of this grant that allowed last: it never changes while both exist."""

    @property
    def subject(self) -> Subject:
        return self.binding.subjects[self.order[1]]


class Holder:
    """What one user name or one group holds."""

    __slots__ = ("cluster", "namespaced")

    def __init__(self) -> None:
        self.cluster: list[Grant] = []
        self.namespaced: dict[str, list[Grant]] = {}

    def add(self, grant: Grant) -> None:
        namespace = grant.binding.namespace
        grants = self.namespaced.setdefault(namespace, []) if namespace else self.cluster
        insort(grants, grant, key=_order)

    def drop(self, namespace: str, name: str) -> None:
        """Remove the grant of the binding of that name."""
        grants = self.namespaced[namespace] if namespace else self.cluster
        at = bisect_left(grants, (name, -1), key=_order)
        del grants[at]
        if namespace and not grants:
            del self.namespaced[namespace]

    @property
    def empty(self) -> bool:
        return not self.cluster and not self.namespaced


class RbacIndex:
    """Roles and bindings by subject. Feed it with `upsert` and `remove`; it keeps the objects it is given."""

    def __init__(self) -> None:
        self._users: dict[str, Holder] = {}
        self._groups: dict[str, Holder] = {}
        self._slots: dict[SlotKey, RoleSlot] = {}
        self._bindings: dict[BindingKey, Binding] = {}
        self._dangling = 0

    @classmethod
    def of(cls, objects: Iterable[Object]) -> RbacIndex:
        """An index of the RBAC objects among `objects`; others are skipped."""
        index = cls()
        for obj in objects:
            index.upsert(obj.get("kind", ""), obj)
        return index

    def upsert(self, kind: str, obj: Object) -> None:
        """Take in a created or changed object of `kind`; kinds that are not RBAC's are ignored. Costs by
        the object's own size: a role does not cost more for being bound often."""
        if kind in (ROLE, CLUSTER_ROLE):
            role = Role(kind, obj)
            slot = self._slot((kind, role.namespace, role.name))
            self._dangling -= slot.dangling
            slot.put(role)
        elif kind in (ROLE_BINDING, CLUSTER_ROLE_BINDING):
            binding = Binding(kind, obj)
            self._drop_binding(binding.namespace, binding.name)
            self._add_binding(binding)

    def remove(self, kind: str, namespace: str, name: str) -> None:
        """Forget a deleted object; one that is not known is no error."""
        if kind in (ROLE, CLUSTER_ROLE):
            key = (kind, namespace if kind == ROLE else "", name)
            slot = self._slots.get(key)
            if slot is not None and slot.role is not None:
                slot.put(None)
                self._dangling += slot.dangling
                self._free(slot)
        elif kind in (ROLE_BINDING, CLUSTER_ROLE_BINDING):
            self._drop_binding(namespace if kind == ROLE_BINDING else "", name)

    def _slot(self, key: SlotKey) -> RoleSlot:
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = RoleSlot(key)
        return slot

    def _free(self, slot: RoleSlot) -> None:
        if slot.role is None and not slot.uses:
            self._slots.pop(slot.key, None)

    def _add_binding(self, binding: Binding) -> None:
        slot = self._slot((binding.role_kind, binding.role_namespace, binding.role_name))
        self._dangling -= slot.dangling
        slot.uses += 1
        self._dangling += slot.dangling
        self._bindings[binding.namespace, binding.name] = binding
        for position, (holders, key) in self._first_positions(binding).items():
            holders.setdefault(key, Holder()).add(Grant(binding, position, slot))

    def _drop_binding(self, namespace: str, name: str) -> None:
        binding = self._bindings.pop((namespace, name), None)
        if binding is None:
            return
        for holders, key in self._first_positions(binding).values():
            holder = holders[key]
            holder.drop(namespace, name)
            if holder.empty:
                del holders[key]
        slot = self._slots[binding.role_kind, binding.role_namespace, binding.role_name]
        self._dangling -= slot.dangling
        slot.uses -= 1
        self._dangling += slot.dangling
        self._free(slot)

    def _first_positions(self, binding: Binding) -> dict[int, tuple[dict[str, Holder], str]]:
        """For each holder that a binding names, where it names it first: a later mention never decides."""
        seen: set[tuple[bool, str]] = set()
        out: dict[int, tuple[dict[str, Holder], str]] = {}
        for position, subject in enumerate(binding.subjects):
            group = subject.kind == "Group"
            key = subject.name if group else subject.user_name
            if key is not None and (group, key) not in seen:
                seen.add((group, key))
                out[position] = (self._groups if group else self._users, key)
        return out

    def holders(self, user: UserInfo) -> list[Holder]:
        """Those under which this user holds anything: its name and its groups."""
        held = []
        holder = self._users.get(user.name)
        if holder is not None:
            held.append(holder)
        groups = self._groups
        for group in user.groups:
            holder = groups.get(group)
            if holder is not None:
                held.append(holder)
        return held

    def first(self, attributes: Attributes) -> tuple[Grant, Rule] | None:
        """The grant and rule that allow, as the walk finds them first; None when nothing does."""
        held = self.holders(attributes.user)
        if not held:
            return None
        search = _first_for_resource if attributes.resource_request else _first_for_path
        found = search([h.cluster for h in held], attributes)
        if found is None and attributes.namespace:
            namespace = attributes.namespace
            lists = [h.namespaced[namespace] for h in held if namespace in h.namespaced]
            if lists:
                found = search(lists, attributes)
        return found

    def walk(self, user: UserInfo, namespace: str) -> Iterator[Grant]:
        """The grants of the user that count in `namespace` (empty: cluster scope only), in the walk's order,
        each binding once by its first subject that matches."""
        held = self.holders(user)
        yield from _merged([h.cluster for h in held])
        if namespace:
            yield from _merged([h.namespaced[namespace] for h in held if namespace in h.namespaced])

    def holdings(self, user: UserInfo, namespace: str) -> Iterator[tuple[Binding, Role | None]]:
        """`walk` with the roles that the bindings refer to, None where there is none; for those who may not grant
        more than they hold."""
        return ((grant.binding, grant.slot.role) for grant in self.walk(user, namespace))

    def errors(self, user: UserInfo, namespace: str) -> list[str]:
        """What does not resolve on the walk, in its order."""
        if not self._dangling:
            return []
        return [g.binding.missing_role_text() for g in self.walk(user, namespace) if g.slot.role is None]

    # What the explanations read (explain.policy.Policy).

    def bindings(self) -> Iterable[Binding]:
        return self._bindings.values()

    def binding(self, namespace: str, name: str) -> Binding | None:
        return self._bindings.get((namespace, name))

    def roles(self) -> Iterator[Role]:
        return (slot.role for slot in self._slots.values() if slot.role is not None)

    def role(self, kind: str, namespace: str, name: str) -> Role | None:
        slot = self._slots.get((kind, namespace, name))
        return slot.role if slot is not None else None

    def role_of(self, binding: Binding) -> Role | None:
        return self.role(binding.role_kind, binding.role_namespace, binding.role_name)

    def namespaces_of(self, user: UserInfo) -> list[str]:
        """Sorted namespaces in which RoleBindings name the user."""
        return sorted({n for h in self.holders(user) for n in h.namespaced})

    def held(self, user: UserInfo, namespace: str) -> Iterator[tuple[Binding, Subject]]:
        """`walk` in plain words."""
        return ((grant.binding, grant.subject) for grant in self.walk(user, namespace))

    def grant_for(self, attributes: Attributes) -> GrantEvidence | None:
        """`first` in plain words."""
        found = self.first(attributes)
        return GrantEvidence.of(found[0].binding, found[0].subject, found[1]) if found else None


def _first_for_resource(lists: list[list[Grant]], attributes: Attributes) -> tuple[Grant, Rule] | None:
    """The first grant that allows, over lists that are each in the walk's order.

    The lists are not merged: a list is read up to its first match, and the earliest match wins.
    """
    verb = attributes.verb
    group = attributes.api_group
    name = attributes.name
    subresource = attributes.subresource
    combined = f"{attributes.resource}/{subresource}" if subresource else attributes.resource
    best: tuple[Grant, Rule] | None = None
    for grants in lists:
        for grant in grants:
            if best is not None and grant.order > best[0].order:
                break
            slot = grant.slot
            table = slot.table
            if table is None:
                table = slot.compile()
            if subresource and subresource in slot.wild_subresources:
                candidates = slot.candidates(combined, subresource)
            else:
                candidates = table.get(combined, slot.star)
            for rule in candidates:
                if (
                    (rule.any_verb or verb in rule.verbs)
                    and (rule.any_group or group in rule.groups)
                    and (not rule.names or name in rule.names)
                ):
                    best = grant, rule
                    break
            else:
                continue
            break
    return best


def _first_for_path(lists: list[list[Grant]], attributes: Attributes) -> tuple[Grant, Rule] | None:
    """As `_first_for_resource`, for a non-resource path."""
    verb, path = attributes.verb, attributes.path
    best: tuple[Grant, Rule] | None = None
    for grants in lists:
        for grant in grants:
            if best is not None and grant.order > best[0].order:
                break
            if grant.slot.table is None:
                grant.slot.compile()
            rule = next((r for r in grant.slot.path_rules if r.allows_path(verb, path)), None)
            if rule is not None:
                best = grant, rule
                break
    return best


def _merged(lists: list[list[Grant]]) -> list[Grant]:
    """All grants in the walk's order, one for each binding (names are unique within one scope)."""
    if len(lists) == 1:
        return lists[0]
    out: list[Grant] = []
    for grant in sorted((g for grants in lists for g in grants), key=_order):
        if not out or out[-1].order[0] != grant.order[0]:
            out.append(grant)
    return out
