"""token-cleaner: deletes bootstrap tokens whose time is over, at that time."""

from __future__ import annotations

from sekisho.api.clock import Clock
from sekisho.api.status import StatusError
from sekisho.api.time import parse_time
from sekisho.api.types import Object
from sekisho.controllers.controller import Controller
from sekisho.credentials import bootstrap_tokens
from sekisho.registry.client import Client


class TokenCleaner(Controller):
    account = "token-cleaner"

    def __init__(self, client: Client, clock: Clock) -> None:
        super().__init__(client, clock)
        self._secrets = self.informer(
            "secrets", bootstrap_tokens.NAMESPACE, f"type={bootstrap_tokens.SECRET_TYPE}"
        )
        self._secrets.on_change(self._changed)

    def _changed(self, new: Object | None, old: Object | None) -> None:
        if new is not None:
            self.queue.add(new["metadata"]["name"])

    async def reconcile(self, key: str) -> None:
        secret = self._secrets.get(bootstrap_tokens.NAMESPACE, key)
        if secret is None:
            return
        values, now = bootstrap_tokens.data(secret), self.clock.now()
        if bootstrap_tokens.expired(values, now):
            await self._delete(secret)
        elif values.get("expiration"):
            self.queue.add_after(key, max(parse_time(values["expiration"]) - now, 0) + 1)

    async def _delete(self, secret: Object) -> None:
        metadata = secret["metadata"]
        try:
            await self.client.delete("secrets", metadata["name"], metadata["namespace"], uid=metadata["uid"])
        except StatusError as error:
            if error.code not in (404, 409):
                raise
