"""What every reconcile loop shares: informers to learn from, a queue of keys, workers that retry.

A controller subclass names its account, makes its informers in `__init__`, and implements `reconcile`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable
from typing import Any

from sekisho.api.clock import Clock
from sekisho.api.status import StatusError
from sekisho.api.types import AUTHENTICATED, UserInfo
from sekisho.controllers.workqueue import Workqueue
from sekisho.registry.client import Client
from sekisho.registry.informer import Informer

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
        self._informers: list[Informer] = []
        self.ready = asyncio.Event()

    def informer(self, resource: str, namespace: str = "", field_selector: str = "") -> Informer:
        """A watched copy of a resource, read as the controller manager: upstream's informers are shared by all
        controllers, and only what a controller does itself is done with its own account."""
        reader = self.client.as_user(MANAGER, "kube-controller-manager")
        informer = Informer(reader, resource, namespace, field_selector)
        self._informers.append(informer)
        return informer

    async def reconcile(self, key: Any) -> None:
        """Bring one key to its desired state. Errors are retried with back-off."""
        raise NotImplementedError

    async def started(self) -> None:
        """Called once, when all informers have their first state."""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for informer in self._informers:
                group.create_task(informer.run())
            for informer in self._informers:
                await informer.synced.wait()
            await self.started()
            self.ready.set()
            for _ in range(self.workers):
                group.create_task(self._work())

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
