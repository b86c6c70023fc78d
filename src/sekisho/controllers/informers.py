"""One watched copy of each resource for all controllers of a manager, as upstream's informer factory.

What a controller holds is a view: it has handlers of its own, which are told of everything that is there
when the controller begins, and are gone when it ends, while the copy goes on for the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

from sekisho.api.clock import Clock
from sekisho.api.types import Object
from sekisho.registry.client import Client
from sekisho.registry.informer import Informer, Key, OnChange, key_of

logger = logging.getLogger("sekisho.controllers")

RESTART_DELAY = 1.0


def controller_of(obj: Object) -> Object | None:
    """The owner reference of the one owner that manages the object."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            found: Object = reference
            return found
    return None


class OwnerIndex:
    """The objects of an informer by the uid of their controller; by namespace those that have none."""

    def __init__(self, informer: Informer) -> None:
        self._owned: dict[str, dict[Key, Object]] = {}
        self._orphans: dict[str, dict[Key, Object]] = {}
        for obj in informer:
            self._changed(obj, None)
        informer.on_change(self._changed)

    def owned(self, uid: str) -> list[Object]:
        return list(self._owned.get(uid, {}).values())

    def orphans(self, namespace: str) -> list[Object]:
        return list(self._orphans.get(namespace, {}).values())

    def _changed(self, new: Object | None, old: Object | None) -> None:
        if old is not None:
            index, place = self._place(old)
            held = index.get(place, {})
            held.pop(key_of(old), None)
            if not held:
                index.pop(place, None)
        if new is not None:
            index, place = self._place(new)
            index.setdefault(place, {})[key_of(new)] = new

    def _place(self, obj: Object) -> tuple[dict[str, dict[Key, Object]], str]:
        owner = controller_of(obj)
        if owner is None:
            return self._orphans, obj["metadata"].get("namespace", "")
        return self._owned, owner["uid"]


class SharedInformer:
    """An informer and the index of owners over it, made when it is first asked for."""

    def __init__(self, informer: Informer) -> None:
        self.informer = informer
        self._owners: OwnerIndex | None = None

    @property
    def owners(self) -> OwnerIndex:
        if self._owners is None:
            self._owners = OwnerIndex(self.informer)
        return self._owners


class SharedInformers:
    """`client` reads as the controller manager. An informer runs from the first wish for it until `close`."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._held: dict[tuple[str, str, str], SharedInformer] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def get(self, resource: str, namespace: str = "", field_selector: str = "") -> SharedInformer:
        wanted = (resource, namespace, field_selector)
        if wanted not in self._held:
            informer = Informer(self._client, resource, namespace, field_selector)
            self._held[wanted] = SharedInformer(informer)
            self._tasks.append(asyncio.create_task(self._keep(informer, resource)))
        return self._held[wanted]

    async def _keep(self, informer: Informer, resource: str) -> None:
        while True:
            try:
                await informer.run()
            except Exception:
                logger.exception("the watch of %s stopped; starting it again", resource)
            await self._clock.sleep(RESTART_DELAY)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._held.clear()


class View:
    """A controller's share of an informer, of use between `attach` and `end`. Handlers are set before."""

    def __init__(self, resource: str, namespace: str = "", field_selector: str = "") -> None:
        self._wanted = (resource, namespace, field_selector)
        self._handlers: list[OnChange] = []
        self._begun = False
        self._shared: SharedInformer

    def on_change(self, handler: OnChange) -> None:
        self._handlers.append(handler)

    def attach(self, informers: SharedInformers) -> None:
        self._shared = informers.get(*self._wanted)

    async def synced(self) -> None:
        """Returns when the first state is complete."""
        await self._shared.informer.synced.wait()

    def begin(self) -> None:
        """Tell the handlers of what there is, and from now on of every change."""
        for obj in self._shared.informer:
            self._changed(obj, None)
        self._shared.informer.on_change(self._changed)
        self._begun = True

    def end(self) -> None:
        if self._begun:
            self._shared.informer.off_change(self._changed)
            self._begun = False

    def _changed(self, new: Object | None, old: Object | None) -> None:
        for handler in self._handlers:
            handler(new, old)

    def get(self, namespace: str, name: str) -> Object | None:
        return self._shared.informer.get(namespace, name)

    def __iter__(self) -> Iterator[Object]:
        return iter(self._shared.informer)

    def __len__(self) -> int:
        return len(self._shared.informer)

    def in_namespace(self, namespace: str) -> list[Object]:
        return self._shared.informer.in_namespace(namespace)

    def owned_by(self, uid: str) -> list[Object]:
        """The objects whose controller has this uid."""
        return self._shared.owners.owned(uid)

    def orphans(self, namespace: str) -> list[Object]:
        """The objects in a namespace that no controller manages."""
        return self._shared.owners.orphans(namespace)

    async def reached(self, *written: Object) -> None:
        """Returns when the copy holds what these writes answered; see `Informer.reached`."""
        for obj in written:
            await self._shared.informer.reached(obj)
