"""What the owner graph proposes to look at, event by event."""

from __future__ import annotations

from typing import Any

import pytest

from sekisho.api.types import Object
from sekisho.controllers import ownergraph
from sekisho.controllers.ownergraph import Identity, Node, OwnerGraph, Work


class Recorded:
    """The graph and what it asked for since the last look."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.graph = OwnerGraph(
            Work(
                check=lambda uid: self.calls.append(("check", uid)),
                check_later=lambda uid: self.calls.append(("later", uid)),
                orphan=lambda uid: self.calls.append(("orphan", uid)),
                report=lambda identity, owner: self.calls.append(("report", identity.uid, owner.uid)),
            )
        )

    def asked(self) -> list[Any]:
        out, self.calls[:] = sorted(self.calls), []
        return out

    def see(self, *objects: Object) -> list[Any]:
        for obj in objects:
            self.graph.observe(obj)
        return self.asked()

    def node(self, uid: str) -> Node:
        found = self.graph.get(uid)
        assert found is not None
        return found


@pytest.fixture
def world() -> Recorded:
    return Recorded()


def ref(uid: str, **more: Any) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": f"n-{uid}", "uid": uid, **more}


def obj(uid: str, *owners: Object, namespace: str = "ns", **metadata: Any) -> Object:
    where = {"namespace": namespace} if namespace else {}
    held = {"ownerReferences": list(owners)} if owners else {}
    return {
        "apiVersion": metadata.pop("api_version", "v1"),
        "kind": metadata.pop("kind", "ConfigMap"),
        "metadata": {"name": f"n-{uid}", "uid": uid, **where, **held, **metadata},
    }


def deleting(uid: str, *owners: Object, finalizers: tuple[str, ...]) -> Object:
    return obj(uid, *owners, deletionTimestamp="2026-01-01T00:00:00Z", finalizers=list(finalizers))


def identity(uid: str, **change: str) -> Identity:
    return Identity("ConfigMap", "v1", "ns", f"n-{uid}", uid)._replace(**change)


def test_objects_without_owners_ask_for_nothing(world: Recorded) -> None:
    assert world.see(obj("a"), obj("a", labels={"x": "y"})) == []
    assert len(world.graph) == 1


def test_an_owner_that_was_never_seen_is_looked_for(world: Recorded) -> None:
    assert world.see(obj("d", ref("o"))) == [("check", "o")]
    assert world.node("o").virtual
    assert world.node("o").identity == identity("o")
    assert world.see(obj("e", ref("o"))) == []
    assert world.see(obj("o")) == []
    assert not world.node("o").virtual


def test_dependents_are_checked_when_the_owner_goes(world: Recorded) -> None:
    world.see(obj("o"), obj("d", ref("o")), obj("e", ref("o")))
    world.graph.forget(identity("o"))
    assert world.asked() == [("check", "d"), ("check", "e")]
    assert world.graph.is_absent(identity("o"))
    world.graph.forget(identity("unknown"))
    assert world.asked() == []


def test_references_that_come_and_go(world: Recorded) -> None:
    world.see(obj("o"), obj("p"), obj("d", ref("o", blockOwnerDeletion=True)))
    assert world.see(obj("d", ref("p"))) == [("check", "o")]
    assert not world.node("o").dependents
    assert list(world.node("p").dependents) == ["d"]
    assert world.see(obj("d")) == []
    assert not world.node("p").dependents


def test_a_reference_that_ceases_to_block(world: Recorded) -> None:
    world.see(obj("o"), obj("d", ref("o", blockOwnerDeletion=True)))
    assert [n.identity.uid for n in world.node("o").blocking_dependents()] == ["d"]
    assert world.see(obj("d", ref("o", blockOwnerDeletion=False))) == [("check", "o")]
    assert world.node("o").blocking_dependents() == []


def test_deletion_in_the_foreground_begins_once(world: Recorded) -> None:
    world.see(obj("o"), obj("d", ref("o")))
    waiting = deleting("o", finalizers=("foregroundDeletion", "x/y"))
    assert world.see(waiting) == [("check", "d"), ("check", "o")]
    assert world.see(waiting) == []
    assert world.node("o").foreground
    assert world.see(deleting("o", finalizers=("x/y",))) == []
    assert world.node("o").foreground
    world.graph.forget(identity("d"))
    assert world.asked() == [("check", "o")]


def test_orphaning_begins_when_the_finalizer_is_there(world: Recorded) -> None:
    assert world.see(obj("o", finalizers=["orphan"])) == []
    assert world.see(deleting("o", finalizers=("x/y",))) == []
    assert world.see(deleting("o", finalizers=("x/y", "orphan"))) == [("orphan", "o")]
    assert world.see(deleting("o", finalizers=("x/y", "orphan"))) == []
    assert world.see(deleting("p", finalizers=("orphan",))) == [("orphan", "p")]


def test_an_owner_in_another_namespace_is_reported(world: Recorded) -> None:
    world.see(obj("o", namespace="elsewhere"))
    assert world.see(obj("d", ref("o"))) == [("check", "d"), ("report", "d", "o")]


def test_an_owner_that_turns_out_to_be_in_another_namespace(world: Recorded) -> None:
    world.see(obj("d", ref("o")), obj("e", ref("o"), namespace="elsewhere"))
    assert world.see(obj("o", namespace="elsewhere")) == [("check", "d"), ("report", "d", "o")]
    assert world.node("o").identity.namespace == "elsewhere"


def test_a_cluster_scoped_owner_is_anybodys(world: Recorded) -> None:
    world.see(obj("o", namespace=""))
    assert world.see(obj("d", ref("o")), obj("e", ref("o"), namespace="")) == []
    world.see(obj("f", ref("q")))
    assert world.see(obj("q", namespace="")) == []


def test_a_reference_by_another_name_is_doubtful(world: Recorded) -> None:
    world.see(obj("o"))
    assert world.see(obj("d", ref("o", name="other"))) == [("check", "d")]


def test_a_look_up_that_finds_nothing_removes_a_virtual_owner(world: Recorded) -> None:
    world.see(obj("d", ref("o")))
    world.graph.forget_missing(identity("o"))
    assert world.asked() == [("check", "d")]
    assert world.graph.get("o") is None
    world.graph.forget_missing(identity("o"))
    assert world.asked() == []


def test_dependents_that_disagree_about_a_virtual_owner(world: Recorded) -> None:
    """The first gives one name, the second another: each is looked for in turn."""
    world.see(obj("d", ref("o", name="b")), obj("e", ref("o", name="c")))
    world.graph.forget_missing(identity("o", name="b"))
    assert world.asked() == [("check", "d"), ("later", "o")]
    assert world.node("o").identity == identity("o", name="c")
    assert world.graph.is_absent(identity("o", name="b"))
    world.graph.forget_missing(identity("o", name="c"))
    assert world.asked() == [("check", "e"), ("later", "o")]
    assert world.node("o").identity == identity("o", name="b")


def test_a_seen_owner_is_not_removed_for_what_a_wrong_reference_says(world: Recorded) -> None:
    world.see(obj("o"), obj("d", ref("o", name="wrong")))
    world.graph.forget_missing(identity("o", name="wrong"))
    assert world.asked() == [("check", "d")]
    assert world.graph.get("o") is not None
    world.graph.forget_missing(identity("o"))
    assert world.graph.get("o") is None


def test_absent_owners_are_remembered_for_a_while(world: Recorded) -> None:
    for i in range(501):
        world.graph.remember_absent(identity(f"u{i}"))
        assert world.graph.is_absent(identity("u0")) or i == 500
    assert not world.graph.is_absent(identity("u1"))
    assert world.graph.is_absent(identity("u500"))


def test_objects_of_a_kind(world: Recorded) -> None:
    world.see(obj("a", ref("o")), obj("b", kind="Secret"))
    assert [i.uid for i in world.graph.seen("v1", "ConfigMap")] == ["a"]


def test_a_kind_that_moves_to_another_version(world: Recorded) -> None:
    world.see(obj("a", api_version="x/v1"), obj("a", api_version="x/v2"))
    assert world.node("a").identity.api_version == "x/v2"


def test_identities_as_messages_show_them() -> None:
    assert str(identity("u")) == "[v1/ConfigMap, namespace: ns, name: n-u, uid: u]"


def test_the_next_of_several_identities() -> None:
    nodes = []
    for name in ("a", "c", "b"):
        node = Node(identity(name), virtual=False)
        node.owners = [ref("o", name=name)]
        nodes.append(node)
    following = ownergraph.alternate_identity(nodes, identity("o", name="b"))
    assert following == identity("o", name="c")
    first = ownergraph.alternate_identity(nodes, identity("o", name="c"))
    assert first == identity("o", name="a")
    assert ownergraph.alternate_identity(nodes[:1], identity("o", name="a")) is None
