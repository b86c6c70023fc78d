"""legacy-service-account-token-cleaner: token Secrets that were made automatically and that nobody has used for long
are first marked invalid, and deleted when nobody has missed them for as long again
(pkg/controller/serviceaccount/legacy_serviceaccount_token_cleaner.go). Secrets made by hand are never touched.
"""

from __future__ import annotations

from sekisho.api.clock import Clock
from sekisho.api.status import StatusError
from sekisho.api.time import parse_time
from sekisho.api.types import Object
from sekisho.authn.serviceaccount import INVALID_SINCE, LAST_USED
from sekisho.controllers.controller import Controller
from sekisho.controllers.legacytokentracking import NAME, NAMESPACE, SINCE, is_date, today
from sekisho.registry.client import Client
from sekisho.registry.kinds.secrets import (
    SERVICE_ACCOUNT_NAME,
    SERVICE_ACCOUNT_TOKEN,
    SERVICE_ACCOUNT_UID,
)
from sekisho.schema.podrefs import pod_secrets

DAY = 24 * 3600.0
PERIOD = 365 * DAY
"""Default of --legacy-service-account-token-clean-up-period."""


class LegacyTokenCleaner(Controller):
    """`period`: seconds without use after which a Secret is marked, and after which a marked one goes."""

    account = "legacy-service-account-token-cleaner"

    def __init__(self, client: Client, clock: Clock, period: float = PERIOD) -> None:
        super().__init__(client, clock)
        self._period = period
        self._accounts = self.informer("serviceaccounts")
        self._secrets = self.informer("secrets")
        self._pods = self.informer("pods")

    async def started(self) -> None:
        self.queue.add("")

    async def reconcile(self, key: str) -> None:
        """One look at all Secrets, once a day."""
        try:
            await self._clean()
        finally:
            self.queue.add_after("", DAY)

    async def _clean(self) -> None:
        now = self.clock.now()
        tracking = await self.client.find("configmaps", NAME, NAMESPACE)
        since = (tracking.get("data") or {}).get(SINCE, "") if tracking is not None else ""
        if not is_date(since) or now < parse_time(f"{since}T00:00:00Z") + DAY + self._period:
            return
        for secret in self._secrets:
            if secret.get("type") == SERVICE_ACCOUNT_TOKEN and self._is_unused(secret, now):
                await self._retire(secret, now)

    def _is_unused(self, secret: Object, now: float) -> bool:
        """Old, not used for long, made automatically, and in no pod."""
        metadata = secret["metadata"]
        labels = metadata.get("labels") or {}
        if parse_time(metadata["creationTimestamp"]) >= now - self._period or "deletionTimestamp" in metadata:
            return False
        used = labels.get(LAST_USED)
        if used is not None and (not is_date(used) or used >= today(now - self._period)):
            return False
        account = self._account_of(secret)
        if account is None or all(r.get("name") != metadata["name"] for r in account.get("secrets") or ()):
            return False
        pods = self._pods.in_namespace(metadata["namespace"])
        return all(metadata["name"] not in pod_secrets(pod["spec"]) for pod in pods)

    def _account_of(self, secret: Object) -> Object | None:
        metadata = secret["metadata"]
        annotations = metadata.get("annotations") or {}
        account = self._accounts.get(metadata["namespace"], annotations.get(SERVICE_ACCOUNT_NAME, ""))
        uid = annotations.get(SERVICE_ACCOUNT_UID)
        return account if account is not None and uid in ("", None, account["metadata"]["uid"]) else None

    async def _retire(self, secret: Object, now: float) -> None:
        metadata = secret["metadata"]
        name, namespace = metadata["name"], metadata["namespace"]
        marked = (metadata.get("labels") or {}).get(INVALID_SINCE, "")
        try:
            if not is_date(marked):
                patch = {"metadata": {"uid": metadata["uid"], "labels": {INVALID_SINCE: today(now)}}}
                await self.client.patch("secrets", name, patch, namespace)
            elif marked < today(now - self._period):
                version = metadata["resourceVersion"]
                await self.client.delete("secrets", name, namespace, resource_version=version)
        except StatusError as error:
            if error.code not in (404, 409):
                raise
