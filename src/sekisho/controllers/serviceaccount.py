"""serviceaccount controller: every active namespace has the ServiceAccount `default`, again after deletion."""

from __future__ import annotations

from sekisho.api.clock import Clock
from sekisho.api.status import StatusError
from sekisho.api.types import Object
from sekisho.controllers.controller import Controller
from sekisho.registry.client import Client

DEFAULT = "default"


class ServiceAccountController(Controller):
    account = "service-account-controller"

    def __init__(self, client: Client, clock: Clock) -> None:
        super().__init__(client, clock)
        self._namespaces = self.informer("namespaces")
        self._accounts = self.informer("serviceaccounts")
        self._namespaces.on_change(self._namespace_changed)
        self._accounts.on_change(self._account_changed)

    def _namespace_changed(self, new: Object | None, old: Object | None) -> None:
        if new is not None:
            self.queue.add(new["metadata"]["name"])

    def _account_changed(self, new: Object | None, old: Object | None) -> None:
        if new is None and old is not None:
            self.queue.add(old["metadata"]["namespace"])

    async def reconcile(self, key: str) -> None:
        namespace = self._namespaces.get("", key)
        if namespace is None or namespace["status"].get("phase") != "Active":
            return
        if self._accounts.get(key, DEFAULT) is not None:
            return
        account: Object = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": DEFAULT, "namespace": key},
        }
        try:
            await self.client.create("serviceaccounts", account, key)
        except StatusError as error:
            if error.reason != "AlreadyExists" and not _terminating(error):
                raise


def _terminating(error: StatusError) -> bool:
    causes = (error.details or {}).get("causes", [])
    return any(c.get("reason") == "NamespaceTerminating" for c in causes)
