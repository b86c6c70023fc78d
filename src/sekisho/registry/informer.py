"""A watched, indexed copy of one resource, with handlers called on each change.

Objects are those of the watch cache, shared and not to be changed; holding them costs references only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from sekisho.api.types import Object
from sekisho.registry.client import Client

Key = tuple[str, str]
"""(namespace, name); the namespace is empty for cluster-scoped objects."""

OnChange = Callable[[Object | None, Object | None], None]
"""Called with the new and the old object; new None is a deletion, old None an addition."""


def key_of(obj: Object) -> Key:
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


class Informer:
    """Call `run` as a task; `synced` is set when the first state is complete."""

    def __init__(self, client: Client, resource: str, namespace: str = "", field_selector: str = "") -> None:
        self._client = client
        self._resource = resource
        self._namespace = namespace
        self._field_selector = field_selector
        self._objects: dict[str, dict[str, Object]] = {}
        """By namespace and name."""
        self._handlers: list[OnChange] = []
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self.synced = asyncio.Event()
        self.revision = 0
        """Every change of the resource up to this revision has been taken in."""

    def on_change(self, handler: OnChange) -> None:
        self._handlers.append(handler)

    def off_change(self, handler: OnChange) -> None:
        """Call a handler no more."""
        self._handlers.remove(handler)

    def get(self, namespace: str, name: str) -> Object | None:
        return self._objects.get(namespace, {}).get(name)

    def __iter__(self) -> Iterator[Object]:
        return iter([obj for named in self._objects.values() for obj in named.values()])

    def __len__(self) -> int:
        return sum(map(len, self._objects.values()))

    def in_namespace(self, namespace: str) -> list[Object]:
        return list(self._objects.get(namespace, {}).values())

    async def reached(self, written: Object) -> None:
        """Returns when this copy has taken in what a write answered, so that the writer sees its own work."""
        revision = int(written["metadata"].get("resourceVersion") or 0)
        while self.revision < revision:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((revision, waiter))
            await waiter

    async def run(self) -> None:
        async for event in self._client.watch(
            self._resource, self._namespace, field_selector=self._field_selector
        ):
            if event.type == "BOOKMARK":
                if self.synced.is_set():
                    await self._drop_missing()
                self.synced.set()
            elif event.type == "DELETED":
                self._set(key_of(event.object), None)
            else:
                self._set(key_of(event.object), event.object)
            if self.synced.is_set():
                self._advance(event.object)

    def _advance(self, seen: Object) -> None:
        self.revision = max(self.revision, int(seen.get("metadata", {}).get("resourceVersion") or 0))
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for revision, waiter in waiting:
                if revision > self.revision:
                    self._waiting.append((revision, waiter))
                elif not waiter.done():
                    waiter.set_result(None)

    async def _drop_missing(self) -> None:
        """The watch fell behind and started over: deletions it did not see have to be found."""
        present = await self._client.list(
            self._resource, self._namespace, field_selector=self._field_selector
        )
        for key in {key_of(obj) for obj in self} - {key_of(obj) for obj in present}:
            self._set(key, None)

    def _set(self, key: Key, new: Object | None) -> None:
        namespace, name = key
        old = self.get(namespace, name)
        if new is None:
            if old is None:
                return
            named = self._objects[namespace]
            del named[name]
            if not named:
                del self._objects[namespace]
        else:
            if old is not None and _revision(old) == _revision(new):
                return
            self._objects.setdefault(namespace, {})[name] = new
        for handler in tuple(self._handlers):
            handler(new, old)


def _revision(obj: Object) -> str:
    return str(obj["metadata"].get("resourceVersion", ""))
