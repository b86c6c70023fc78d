"""Informers that controllers share: who begins later is told of everything, who ends of nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from sekisho.api.clock import SystemClock
from sekisho.api.types import Object
from sekisho.controllers.informers import SharedInformers, View
from sekisho.registry.client import WatchEvent


def obj(name: str, revision: int, owner: str = "") -> Object:
    metadata: Object = {"name": name, "namespace": "a", "resourceVersion": str(revision)}
    if owner:
        metadata["ownerReferences"] = [{"uid": "else"}, {"uid": owner, "controller": True}]
    return {"metadata": metadata}


class Fed:
    """A client whose only watch plays what is put into its queue."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[WatchEvent] = asyncio.Queue()
        self.watches = 0

    async def watch(self, *_: Any, **__: Any) -> AsyncIterator[WatchEvent]:
        self.watches += 1
        while True:
            yield await self.events.get()


BOOKMARK = WatchEvent("BOOKMARK", {})


def test_views_share_one_watch_and_come_and_go() -> None:
    async def check() -> None:
        client = Fed()
        shared = SharedInformers(client, SystemClock())  # type: ignore[arg-type]
        told: dict[str, list[str]] = {"first": [], "second": []}
        views = {}
        for name, heard in told.items():
            views[name] = view = View("pods")
            view.on_change(lambda new, old, heard=heard: heard.append((new or old)["metadata"]["name"]))
        views["first"].attach(shared)
        client.events.put_nowait(WatchEvent("ADDED", obj("x", 1, owner="u")))
        client.events.put_nowait(BOOKMARK)
        await views["first"].synced()
        views["first"].begin()
        views["second"].attach(shared)
        await views["second"].synced()
        views["second"].begin()
        assert told == {"first": ["x"], "second": ["x"]}
        views["first"].end()
        client.events.put_nowait(WatchEvent("ADDED", obj("y", 2)))
        await views["second"].reached(obj("y", 2))
        assert told == {"first": ["x"], "second": ["x", "y"]}
        assert client.watches == 1
        await shared.close()

    asyncio.run(check())


def test_owners_are_indexed() -> None:
    async def check() -> None:
        client = Fed()
        shared = SharedInformers(client, SystemClock())  # type: ignore[arg-type]
        view = View("pods")
        view.attach(shared)
        for event in (WatchEvent("ADDED", obj("x", 1, "u")), WatchEvent("ADDED", obj("y", 2)), BOOKMARK):
            client.events.put_nowait(event)
        await view.synced()
        view.begin()
        assert view.owned_by("u") == [obj("x", 1, "u")]
        assert view.orphans("a") == [obj("y", 2)]
        assert view.orphans("b") == view.owned_by("else") == []
        client.events.put_nowait(WatchEvent("MODIFIED", obj("x", 3)))
        client.events.put_nowait(WatchEvent("DELETED", obj("y", 4)))
        await view.reached(obj("y", 4))
        assert view.owned_by("u") == []
        assert view.orphans("a") == [obj("x", 3)]
        await shared.close()

    asyncio.run(check())


def test_a_write_is_waited_for() -> None:
    async def check() -> None:
        client = Fed()
        shared = SharedInformers(client, SystemClock())  # type: ignore[arg-type]
        view = View("pods")
        view.attach(shared)
        client.events.put_nowait(BOOKMARK)
        await view.synced()
        waiting = asyncio.ensure_future(view.reached(obj("x", 5), obj("y", 7)))
        client.events.put_nowait(WatchEvent("ADDED", obj("x", 5)))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done()
        client.events.put_nowait(WatchEvent("ADDED", obj("y", 8)))
        await waiting
        assert view.get("a", "y") == obj("y", 8)
        await shared.close()

    asyncio.run(check())
