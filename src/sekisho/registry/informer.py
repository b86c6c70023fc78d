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
        self._objects: dict[Key, Object] = {}
        self._handlers: list[OnChange] = []
        self.synced = asyncio.Event()

    def on_change(self, handler: OnChange) -> None:
        self._handlers.append(handler)

    def get(self, namespace: str, name: str) -> Object | None:
        return self._objects.get((namespace, name))

    def __iter__(self) -> Iterator[Object]:
        return iter(list(self._objects.values()))

    def __len__(self) -> int:
        return len(self._objects)

    def in_namespace(self, namespace: str) -> list[Object]:
        return [o for (ns, _), o in self._objects.items() if ns == namespace]

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

    async def _drop_missing(self) -> None:
        """The watch fell behind and started over: deletions it did not see have to be found."""
        present = await self._client.list(
            self._resource, self._namespace, field_selector=self._field_selector
        )
        for key in self._objects.keys() - {key_of(obj) for obj in present}:
            self._set(key, None)

    def _set(self, key: Key, new: Object | None) -> None:
        old = self._objects.get(key)
        if new is None:
            if old is None:
                return
            del self._objects[key]
        else:
            if old is not None and _revision(old) == _revision(new):
                return
            self._objects[key] = new
        for handler in self._handlers:
            handler(new, old)


def _revision(obj: Object) -> str:
    return str(obj["metadata"].get("resourceVersion", ""))
