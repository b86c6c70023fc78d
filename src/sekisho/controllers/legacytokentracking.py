"""Since when the use of legacy token Secrets is tracked: a ConfigMap that the API server keeps
(pkg/controlplane/controller/legacytokentracking). The last-used label itself is set where tokens are checked.
"""

from __future__ import annotations

import re

from sekisho.api.clock import Clock
from sekisho.api.time import format_time
from sekisho.api.types import Object
from sekisho.controllers.apiservices import API_SERVER
from sekisho.controllers.controller import Controller
from sekisho.registry.client import Client

NAMESPACE = "kube-system"
NAME = "kube-apiserver-legacy-service-account-token-tracking"
SINCE = "since"
CREATION_INTERVAL = 30 * 60.0
"""Seconds: somebody who deletes the ConfigMap again and again shall not keep the server busy."""
_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])\Z")


def is_date(text: str) -> bool:
    """`YYYY-MM-DD`, as labels and the ConfigMap hold days."""
    return _DATE.match(text) is not None


def today(now: float) -> str:
    """The UTC day of a Unix time."""
    return format_time(now)[:10]


class LegacyTokenTracking(Controller):
    def __init__(self, client: Client, clock: Clock) -> None:
        super().__init__(client.as_user(API_SERVER, "kube-apiserver"), clock)
        self._created = -CREATION_INTERVAL
        self._config_maps = self.informer("configmaps", NAMESPACE, f"metadata.name={NAME}")
        self._config_maps.on_change(self._changed)

    async def started(self) -> None:
        self.queue.add(NAME)

    def _changed(self, new: Object | None, old: Object | None) -> None:
        self.queue.add(NAME)

    async def reconcile(self, key: str) -> None:
        present = await self.client.find("configmaps", NAME, NAMESPACE)
        data = {SINCE: today(self.clock.now())}
        if present is None:
            await self._create(data)
        elif not is_date((present.get("data") or {}).get(SINCE, "")):
            await self.client.update("configmaps", {**present, "data": data}, NAMESPACE)

    async def _create(self, data: dict[str, str]) -> None:
        waited = self.clock.monotonic() - self._created
        if waited < CREATION_INTERVAL:
            self.queue.add_after(NAME, CREATION_INTERVAL - waited)
            return
        self._created = self.clock.monotonic()
        metadata = {"name": NAME, "namespace": NAMESPACE}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        await self.client.create("configmaps", body, NAMESPACE)
