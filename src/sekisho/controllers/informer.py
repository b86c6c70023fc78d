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

    def in_namespace(self, namespace: str) -> list[Object]:
        return [o for (ns, _), o in self._objects.items() if ns == namespace]

    async def run(self) -> None:
        async for event in self._client.watch(
            self._resource, self._namespace, field_selector=self._field_selector
        ):
            if event.type == "BOOKMARK":
                self.synced.set()
                continue
            key = key_of(event.object)
            old = self._objects.get(key)
            if event.type == "DELETED":
                self._objects.pop(key, None)
                self._tell(None, old or event.object)
            else:
                self._objects[key] = event.object
                if (
                    old is None
                    or old["metadata"]["resourceVersion"] != event.object["metadata"]["resourceVersion"]
                ):
                    self._tell(event.object, old)

    def _tell(self, new: Object | None, old: Object | None) -> None:
        for handler in self._handlers:
            handler(new, old)
