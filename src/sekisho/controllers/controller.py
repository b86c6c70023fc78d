"""What every reconcile loop shares: informers to learn from, a queue of keys, workers that retry.

A controller subclass names its account, makes its informers in `__init__`, and implements `reconcile`.
Instead of counting what they expect to see, controllers wait after their writes until their informer has
taken them in (`View.reached`), so that the next look at the same key never is from before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable
from typing import Any

from sekisho.api.clock import Clock
from sekisho.api.status import StatusError
from sekisho.api.time import format_time
from sekisho.api.types import AUTHENTICATED, Object, UserInfo
from sekisho.controllers.informers import SharedInformers, View
from sekisho.controllers.workqueue import Workqueue
from sekisho.node.events import EventRecorder
from sekisho.registry.client import Client

logger = logging.getLogger("sekisho.controllers")

MANAGER = UserInfo("system:kube-controller-manager", groups=(AUTHENTICATED,))

MAX_QUICK_FAILURES = 15
"""Failures in a row after which a key's error is logged as a warning."""


class Controller:
    """One reconcile loop, run as one task. `account` is its ServiceAccount in kube-system."""

    account = ""
    """Empty: the controller manager's own user, as upstream's tokens controller."""
    workers = 1

    def __init__(self, client: Client, clock: Clock) -> None:
        self.client = client
        self.clock = clock
        self.queue: Workqueue[Any] = Workqueue(clock)
        self._shared: SharedInformers | None = None
        self._views: list[View] = []
        self._recorders: list[EventRecorder] = []
        self.ready = asyncio.Event()

    def informer(self, resource: str, namespace: str = "", field_selector: str = "") -> View:
        """A watched copy of a resource, read as the controller manager: upstream's informers are shared by all
        controllers, and only what a controller does itself is done with its own account."""
        view = View(resource, namespace, field_selector)
        self._views.append(view)
        return view

    def recorder(self, component: str) -> EventRecorder:
        """A recorder of events that are reported as `component`, written while the controller runs."""
        recorder = EventRecorder(self.client, self.clock, component)
        self._recorders.append(recorder)
        return recorder

    def share(self, informers: SharedInformers) -> None:
        """Use these informers; without, a controller has its own."""
        self._shared = informers

    def now(self) -> str:
        return format_time(self.clock.now())

    async def reconcile(self, key: Any) -> None:
        """Bring one key to its desired state. Errors are retried with back-off."""
        raise NotImplementedError

    async def started(self) -> None:
        """Called once, when all informers have their first state."""

    async def run(self) -> None:
        informers = self._shared or self._own_informers()
        try:
            async with asyncio.TaskGroup() as group:
                for recorder in self._recorders:
                    group.create_task(recorder.run())
                await self._begin(informers)
                await self.started()
                self.ready.set()
                for _ in range(self.workers):
                    group.create_task(self._work())
        finally:
            for view in self._views:
                view.end()
            if informers is not self._shared:
                await informers.close()

    def _own_informers(self) -> SharedInformers:
        return SharedInformers(self.client.as_user(MANAGER, "kube-controller-manager"), self.clock)

    async def _begin(self, informers: SharedInformers) -> None:
        for view in self._views:
            view.attach(informers)
        for view in self._views:
            await view.synced()
        for view in self._views:
            view.begin()

    async def _work(self) -> None:
        while True:
            key: Hashable = await self.queue.get()
            try:
                await self.reconcile(key)
            except StatusError as error:
                self._retry(key, error)
            except Exception as error:
                logger.exception("%s: %s", type(self).__name__, key)
                self._retry(key, error, logged=True)
            else:
                self.queue.forget(key)
            finally:
                self.queue.done(key)

    def _retry(self, key: Hashable, error: Exception, logged: bool = False) -> None:
        failures = self.queue.failed(key)
        if not logged:
            level = logging.WARNING if failures == MAX_QUICK_FAILURES else logging.DEBUG
            logger.log(level, "%s: %s: %s", type(self).__name__, key, error)


def key_name(obj: Object) -> tuple[str, str]:
    """The key under which most controllers queue an object: its namespace and name."""
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def changed_key(new: Object | None, old: Object | None) -> tuple[str, str]:
    """The key of what an informer told of."""
    for obj in (new, old):
        if obj is not None:
            return key_name(obj)
    raise ValueError("a change of nothing")
