"""Who owns whom: a graph of all objects by uid, kept from watch events, that says what is worth a look.

Follows upstream's garbagecollector.GraphBuilder. An owner that is referred to but was never seen is a
virtual node, with the coordinates that its first dependent gives it, until a watch shows it or a look-up
says that it does not exist. The graph only proposes; whoever works on a proposal reads the live object.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sekisho.api.types import Object

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"
_FINALIZERS = frozenset({ORPHAN, FOREGROUND})
_ABSENT_LIMIT = 500


class Identity(NamedTuple):
    """An object's coordinates; the namespace is empty for cluster-scoped ones."""

    kind: str
    api_version: str
    namespace: str
    name: str
    uid: str

    def __str__(self) -> str:
        return f"[{self.api_version}/{self.kind}, namespace: {self.namespace}, name: {self.name}, uid: {self.uid}]"


class Node:
    """One object. `foreground`: its deletion once began to wait for dependents. `finalizing`: the collector's
    finalizers that it is being deleted with now."""

    __slots__ = ("deleting", "dependents", "finalizing", "foreground", "identity", "owners", "virtual")

    def __init__(self, identity: Identity, virtual: bool) -> None:
        self.identity = identity
        self.virtual = virtual
        self.owners: list[Object] = []
        self.dependents: dict[str, Node] = {}
        self.deleting = False
        self.foreground = False
        self.finalizing: frozenset[str] = frozenset()

    def blocking_dependents(self) -> list[Node]:
        """Those that this object's deletion in the foreground waits for."""
        return [
            dependent
            for dependent in self.dependents.values()
            if any(o["uid"] == self.identity.uid and blocks(o) for o in dependent.owners)
        ]


class Work:
    """Where the graph puts what it proposes, by uid."""

    def __init__(
        self,
        check: Callable[[str], None],
        check_later: Callable[[str], None],
        orphan: Callable[[str], None],
        report: Callable[[Identity, Identity], None],
    ) -> None:
        self.check = check
        """Look whether the object may or must be deleted."""
        self.check_later = check_later
        """The same, after the queue's back-off."""
        self.orphan = orphan
        """Take the object out of its dependents' owner references."""
        self.report = report
        """An object refers to an owner (the second) that is in another namespace."""


class OwnerGraph:
    """All nodes, virtual ones included, and a bounded memory of owners that are known to be absent."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._nodes: dict[str, Node] = {}
        self._absent: OrderedDict[Identity, None] = OrderedDict()

    def get(self, uid: str) -> Node | None:
        return self._nodes.get(uid)

    def __len__(self) -> int:
        return len(self._nodes)

    def seen(self, api_version: str, kind: str) -> list[Identity]:
        """The objects of a kind that a watch has shown."""
        return [
            node.identity
            for node in self._nodes.values()
            if not node.virtual and (node.identity.api_version, node.identity.kind) == (api_version, kind)
        ]

    def is_absent(self, identity: Identity) -> bool:
        if identity not in self._absent:
            return False
        self._absent.move_to_end(identity)
        return True

    def remember_absent(self, identity: Identity) -> None:
        self._absent[identity] = None
        self._absent.move_to_end(identity)
        if len(self._absent) > _ABSENT_LIMIT:
            self._absent.popitem(last=False)

    def observe(self, obj: Object) -> None:
        """An object was added or changed."""
        identity, metadata = identity_of(obj), obj["metadata"]
        node = self._nodes.get(identity.uid)
        if node is None:
            node = self._nodes[identity.uid] = Node(identity, virtual=False)
        elif node.virtual or node.identity != identity:
            self._place(node, identity)
        self._set_owners(node, metadata.get("ownerReferences") or [])
        self._follow_deletion(node, metadata)

    def forget(self, identity: Identity) -> None:
        """An object was deleted."""
        node = self._nodes.get(identity.uid)
        if node is not None:
            self._remove(node, identity)

    def forget_missing(self, identity: Identity) -> None:
        """A look-up says that no object has these coordinates.

        Dependents that mean another object by the same uid are not concerned: they keep the node, which
        takes on the coordinates that they give it.
        """
        node = self._nodes.get(identity.uid)
        if node is None:
            return
        agreeing, others = partition(node.dependents.values(), identity)
        if node.virtual and not others:
            self._remove(node, identity)
            return
        if not node.virtual and node.identity == identity:
            self._remove(node, identity)
            return
        if agreeing:
            self.remember_absent(identity)
            for dependent in agreeing:
                self._work.check(dependent.identity.uid)
        if node.virtual and node.identity == identity:
            other = alternate_identity(others, identity)
            if other is not None:
                node.identity = other
                self._work.check_later(identity.uid)

    def _place(self, node: Node, identity: Identity) -> None:
        """Give a node the coordinates that a watch shows, and have dependents looked at that gave it others."""
        if node.virtual and node.identity != identity:
            for dependent in partition(node.dependents.values(), identity)[1]:
                if identity.namespace and dependent.identity.namespace != identity.namespace:
                    self._report(dependent, identity.uid)
                self._work.check(dependent.identity.uid)
        node.identity = identity
        node.virtual = False

    def _set_owners(self, node: Node, owners: list[Object]) -> None:
        if owners == node.owners:
            return
        before = {owner["uid"]: owner for owner in node.owners}
        after = {owner["uid"]: owner for owner in owners}
        node.owners = owners
        for uid, owner in before.items():
            if blocks(owner) and not blocks(after.get(uid, {})) and uid in self._nodes:
                self._work.check(uid)
        self._add_to_owners(node, [owner for uid, owner in after.items() if uid not in before])
        for uid in before.keys() - after.keys():
            self._drop_dependent(uid, node)

    def _add_to_owners(self, node: Node, owners: list[Object]) -> None:
        doubtful = False
        for owner in owners:
            found = self._nodes.get(owner["uid"])
            if found is None:
                found = Node(reference_identity(owner, node.identity.namespace), virtual=True)
                self._nodes[owner["uid"]] = found
                self._work.check(owner["uid"])
            else:
                doubtful = self._doubt(node, owner, found) or doubtful
            found.dependents[node.identity.uid] = node
        if doubtful:
            self._work.check(node.identity.uid)

    def _doubt(self, node: Node, owner: Object, found: Node) -> bool:
        """Whether a reference may not mean the object that has its uid."""
        namespace = found.identity.namespace
        elsewhere = namespace != node.identity.namespace
        if namespace and elsewhere:
            if not found.virtual:
                self._report(node, owner["uid"])
            return True
        return not matches(owner, found.identity) or (elsewhere and found.virtual)

    def _report(self, node: Node, uid: str) -> None:
        for owner in node.owners:
            if owner["uid"] == uid:
                self._work.report(node.identity, reference_identity(owner, node.identity.namespace))
                return

    def _follow_deletion(self, node: Node, metadata: Object) -> None:
        deleting = "deletionTimestamp" in metadata
        finalizing = frozenset(metadata.get("finalizers") or ()) & _FINALIZERS if deleting else frozenset()
        begins = finalizing - node.finalizing
        node.deleting = node.deleting or deleting
        node.finalizing = finalizing
        if ORPHAN in begins:
            self._work.orphan(node.identity.uid)
        elif FOREGROUND in begins:
            for uid in node.dependents:
                self._work.check(uid)
            self._work.check(node.identity.uid)
        node.foreground = node.foreground or FOREGROUND in finalizing

    def _remove(self, node: Node, identity: Identity) -> None:
        del self._nodes[node.identity.uid]
        for owner in node.owners:
            self._drop_dependent(owner["uid"], node)
        if node.dependents:
            self.remember_absent(identity)
        for uid in node.dependents:
            self._work.check(uid)
        for owner in node.owners:
            found = self._nodes.get(owner["uid"])
            if found is not None and found.foreground:
                self._work.check(owner["uid"])

    def _drop_dependent(self, uid: str, node: Node) -> None:
        owner = self._nodes.get(uid)
        if owner is not None:
            owner.dependents.pop(node.identity.uid, None)


def identity_of(obj: Object) -> Identity:
    metadata = obj["metadata"]
    namespace = metadata.get("namespace", "")
    return Identity(obj["kind"], obj["apiVersion"], namespace, metadata["name"], metadata["uid"])


def reference_identity(owner: Object, namespace: str) -> Identity:
    """What an owner reference says, read in its object's namespace."""
    return Identity(owner["kind"], owner["apiVersion"], namespace, owner["name"], owner["uid"])


def matches(owner: Object, identity: Identity) -> bool:
    """Whether a reference gives these coordinates, the namespace aside."""
    return reference_identity(owner, identity.namespace) == identity


def blocks(owner: Object) -> bool:
    return owner.get("blockOwnerDeletion") is True


def partition(dependents: Iterable[Node], identity: Identity) -> tuple[list[Node], list[Node]]:
    """Dependents that mean this very object, and those that mean another by its uid; some are both."""
    agreeing: list[Node] = []
    others: list[Node] = []
    for dependent in dependents:
        if identity.namespace and identity.namespace != dependent.identity.namespace:
            others.append(dependent)
            continue
        fits = [matches(owner, identity) for owner in dependent.owners if owner["uid"] == identity.uid]
        if any(fits):
            agreeing.append(dependent)
        if not all(fits):
            others.append(dependent)
    return agreeing, others


def alternate_identity(dependents: Iterable[Node], absent: Identity) -> Identity | None:
    """Other coordinates that dependents give a uid: the next after the absent ones, in a fixed order."""
    found: set[Identity] = set()
    for dependent in dependents:
        for owner in dependent.owners:
            other = reference_identity(owner, dependent.identity.namespace)
            if not absent.namespace and other[:2] == absent[:2]:
                other = other._replace(namespace="")
            if other.uid == absent.uid and other != absent:
                found.add(other)
    following: Any = min((other for other in found if other > absent), default=None)
    return following if following is not None else min(found, default=None)
