"""The informer's copy and its handlers, also when the watch fell behind and started over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from sekisho.api.types import Object
from sekisho.registry.client import WatchEvent
from sekisho.registry.informer import Informer, key_of


def obj(name: str, revision: int, namespace: str = "a") -> Object:
    return {"metadata": {"name": name, "namespace": namespace, "resourceVersion": str(revision)}}


class Scripted:
    """A client whose watch plays a script; lists answer with `present`."""

    def __init__(self, script: list[WatchEvent], present: list[Object]) -> None:
        self.script = script
        self.present = present

    async def watch(self, *_: Any, **__: Any) -> AsyncIterator[WatchEvent]:
        for event in self.script:
            yield event

    async def list(self, *_: Any, **__: Any) -> list[Object]:
        return self.present


def play(script: list[WatchEvent], present: list[Object]) -> tuple[Informer, list[tuple[Any, Any]]]:
    told: list[tuple[Any, Any]] = []

    def version(o: Object | None) -> str | None:
        return None if o is None else f"{o['metadata']['name']}@{o['metadata']['resourceVersion']}"

    async def main() -> Informer:
        informer = Informer(Scripted(script, present), "pods")  # type: ignore[arg-type]
        informer.on_change(lambda new, old: told.append((version(new), version(old))))
        await informer.run()
        return informer

    return asyncio.run(main()), told


BOOKMARK = WatchEvent("BOOKMARK", {})


def test_it_follows() -> None:
    informer, told = play(
        [
            WatchEvent("ADDED", obj("x", 1)),
            WatchEvent("ADDED", obj("y", 2, "b")),
            BOOKMARK,
            WatchEvent("MODIFIED", obj("x", 3)),
            WatchEvent("MODIFIED", obj("x", 3)),
            WatchEvent("DELETED", obj("y", 4, "b")),
            WatchEvent("DELETED", obj("never", 5)),
        ],
        [],
    )
    assert told == [("x@1", None), ("y@2", None), ("x@3", "x@1"), (None, "y@2")]
    assert informer.synced.is_set()
    assert len(informer) == 1
    assert [key_of(o) for o in informer] == [("a", "x")]
    assert informer.get("a", "x") == obj("x", 3)
    assert informer.get("b", "y") is None
    assert informer.in_namespace("a") == [obj("x", 3)]


def test_deletions_missed_while_it_was_behind_are_found() -> None:
    informer, told = play(
        [
            WatchEvent("ADDED", obj("kept", 1)),
            WatchEvent("ADDED", obj("lost", 2)),
            BOOKMARK,
            WatchEvent("ADDED", obj("kept", 1)),
            WatchEvent("ADDED", obj("new", 5)),
            BOOKMARK,
        ],
        [obj("kept", 1), obj("new", 5)],
    )
    assert told == [("kept@1", None), ("lost@2", None), ("new@5", None), (None, "lost@2")]
    assert len(informer) == 2
