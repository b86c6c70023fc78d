"""resourcequota-controller: what is used of each quota, counted from what there is.

Follows upstream's pkg/controller/resourcequota. Admission charges a quota as objects come; this controller
counts when a quota is new or changes, when something that it limits goes away or ends, and every five minutes.
Only kinds that some quota names are watched for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from sekisho.api.clock import Clock
from sekisho.api.status import StatusError
from sekisho.api.types import Object
from sekisho.controllers.controller import MANAGER, Controller, logger
from sekisho.registry.client import Client
from sekisho.registry.informer import Key, key_of
from sekisho.schema.quota import amounts
from sekisho.schema.quota.amounts import Amounts
from sekisho.schema.quota.evaluator import Evaluator, in_scopes
from sekisho.schema.quota.kinds import IGNORED, evaluator_for
from sekisho.schema.resources import ResourceInfo

QUOTAS = "resourcequotas"
RESYNC_SECONDS = 300.0
_RETRY_SECONDS = 1.0
_VERBS = frozenset(("create", "delete", "list", "watch"))


class ResourceQuotas(Controller):
    """`served` lists the resources there are; every namespaced one can be counted."""

    account = "resourcequota-controller"

    def __init__(
        self, client: Client, clock: Clock, served: Callable[[], Iterable[ResourceInfo]] | None = None
    ) -> None:
        super().__init__(client, clock)
        self._served = served or (lambda: [rest.info for rest in client.registry.resources.values()])
        self._evaluators: dict[str, Evaluator] = {}
        self._monitors: dict[str, asyncio.Task[None]] = {}
        self._wanted = asyncio.Event()
        self._quotas = self.informer(QUOTAS)
        self._quotas.on_change(self._quota_changed)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(super().run())
            group.create_task(self._resync())
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                for resource in self._limited() - self._monitors.keys():
                    self._monitors[resource] = group.create_task(self._monitor(resource))

    async def _resync(self) -> None:
        while True:
            await self.clock.sleep(RESYNC_SECONDS)
            for quota in self._quotas:
                self.queue.add(key_of(quota))

    def _quota_changed(self, new: Object | None, old: Object | None) -> None:
        if new is None:
            return
        hard = (new.get("spec") or {}).get("hard") or {}
        if ((old or {}).get("spec") or {}).get("hard") != hard:
            self._wanted.set()
        if hard != (new.get("status") or {}).get("hard") or old is None:
            self.queue.add(key_of(new))

    def _refresh(self) -> dict[str, Evaluator]:
        """An evaluator for each resource that can be counted, custom ones too."""
        for info in self._served():
            name = str(info.group_resource)
            countable = info.namespaced and _VERBS.issubset(info.verbs)
            if countable and name not in self._evaluators and (info.group, info.resource) not in IGNORED:
                self._evaluators[name] = evaluator_for(info.group, info.resource)
        return self._evaluators

    def _limited(self) -> set[str]:
        """The resources that some quota limits something of."""
        hard = {name for quota in self._quotas for name in (quota.get("spec") or {}).get("hard") or ()}
        return {resource for resource, evaluator in self._refresh().items() if evaluator.matching(hard)}

    async def _monitor(self, resource: str) -> None:
        """Count anew in a namespace where an object went away, or is used less than before."""
        reader = self.client.as_user(MANAGER, "kube-controller-manager")
        evaluator = self._evaluators[resource]
        seen: dict[Key, Amounts] = {}
        while True:
            try:
                async for event in reader.watch(resource):
                    if event.type == "BOOKMARK":
                        continue
                    key, now = key_of(event.object), self.clock.now()
                    before = seen.pop(key, {})
                    after = {} if event.type == "DELETED" else evaluator.usage(event.object, now)
                    if event.type != "DELETED":
                        seen[key] = after
                    if any(not amount.is_zero for amount in amounts.grown(before, after).values()):
                        self._replenish(key[0])
            except StatusError as error:
                logger.debug("%s cannot be watched: %s", resource, error)
            await self.clock.sleep(_RETRY_SECONDS)

    def _replenish(self, namespace: str) -> None:
        for quota in self._quotas.in_namespace(namespace):
            self.queue.add(key_of(quota))

    async def reconcile(self, key: Key) -> None:
        quota = self._quotas.get(*key)
        if quota is None:
            return
        hard: Object = (quota.get("spec") or {}).get("hard") or {}
        status: Object = quota.get("status") or {}
        used = {
            **amounts.masked(amounts.parsed(status.get("used")), hard),
            **await self._usage(quota, key[0], hard),
        }
        written = amounts.written(used)
        if status.get("hard", {}) == hard and status.get("used", {}) == written:
            return
        new = {**quota, "status": {"hard": hard, "used": written}}
        try:
            await self.client.update(QUOTAS, new, key[0], subresource="status")
        except StatusError as error:
            if error.code != 404:
                raise

    async def _usage(self, quota: Object, namespace: str, hard: Object) -> Amounts:
        total: Amounts = {}
        for resource, evaluator in self._refresh().items():
            names = evaluator.matching(hard)
            if not names:
                continue
            used: Amounts = dict.fromkeys(names, amounts.ZERO)
            for obj in await self.client.list(resource, namespace):
                if in_scopes(evaluator, quota, obj):
                    charge = evaluator.usage(obj, self.clock.now())
                    used = amounts.added(used, amounts.masked(charge, names))
            total = amounts.added(total, used)
        return total
