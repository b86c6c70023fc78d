"""root-ca-cert-publisher: ConfigMap `kube-root-ca.crt` in every namespace, kept as it should be."""

from __future__ import annotations

from sekisho.api.clock import Clock
from sekisho.api.status import StatusError
from sekisho.api.types import Object
from sekisho.controllers.controller import Controller
from sekisho.registry.client import Client

NAME = "kube-root-ca.crt"
DESCRIPTION = "kubernetes.io/description"
DESCRIPTION_TEXT = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of "
    "Kubernetes clusters."
)


class RootCAPublisher(Controller):
    account = "root-ca-cert-publisher"

    def __init__(self, client: Client, clock: Clock, root_ca: str) -> None:
        super().__init__(client, clock)
        self._data = {"ca.crt": root_ca}
        self._namespaces = self.informer("namespaces")
        self._config_maps = self.informer("configmaps", field_selector=f"metadata.name={NAME}")
        self._namespaces.on_change(self._namespace_changed)
        self._config_maps.on_change(self._config_map_changed)

    def _namespace_changed(self, new: Object | None, old: Object | None) -> None:
        if new is not None and new["status"].get("phase") == "Active":
            self.queue.add(new["metadata"]["name"])

    def _config_map_changed(self, new: Object | None, old: Object | None) -> None:
        obj = new or old
        if obj is not None:
            self.queue.add(obj["metadata"]["namespace"])

    async def reconcile(self, key: str) -> None:
        namespace = self._namespaces.get("", key)
        if namespace is None or namespace["status"].get("phase") != "Active":
            return
        present = self._config_maps.get(key, NAME)
        if present is None:
            await self._create(key)
            return
        annotations = present["metadata"].get("annotations", {})
        if present.get("data") == self._data and annotations.get(DESCRIPTION):
            return
        metadata = {**present["metadata"], "annotations": {**annotations, DESCRIPTION: DESCRIPTION_TEXT}}
        await self.client.update("configmaps", {**present, "metadata": metadata, "data": self._data}, key)

    async def _create(self, namespace: str) -> None:
        obj: Object = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": NAME,
                "namespace": namespace,
                "annotations": {DESCRIPTION: DESCRIPTION_TEXT},
            },
            "data": self._data,
        }
        try:
            await self.client.create("configmaps", obj, namespace)
        except StatusError as error:
            if error.reason != "AlreadyExists" and error.code not in (403, 404):
                raise
