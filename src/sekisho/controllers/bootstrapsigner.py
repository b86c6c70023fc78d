"""bootstrap-signer: signs the kubeconfig in ConfigMap kube-public/cluster-info with every bootstrap token that is meant
for that, so that a joining node can tell from its token whether the ConfigMap is genuine.
"""

from __future__ import annotations

from sekisho.api.clock import Clock
from sekisho.api.types import Object
from sekisho.controllers.controller import Controller
from sekisho.credentials import bootstrap_tokens
from sekisho.registry.client import Client

NAMESPACE = "kube-public"
NAME = "cluster-info"


class BootstrapSigner(Controller):
    account = "bootstrap-signer"

    def __init__(self, client: Client, clock: Clock) -> None:
        super().__init__(client, clock)
        self._config_maps = self.informer("configmaps", NAMESPACE, f"metadata.name={NAME}")
        self._secrets = self.informer(
            "secrets", bootstrap_tokens.NAMESPACE, f"type={bootstrap_tokens.SECRET_TYPE}"
        )
        self._config_maps.on_change(self._changed)
        self._secrets.on_change(self._changed)

    def _changed(self, new: Object | None, old: Object | None) -> None:
        self.queue.add(NAME)

    async def reconcile(self, key: str) -> None:
        info = self._config_maps.get(NAMESPACE, NAME)
        if info is None:
            return
        now = self.clock.now()
        usable = (bootstrap_tokens.signing_secret(secret, now) for secret in self._secrets)
        data = info.get("data") or {}
        signed = bootstrap_tokens.signed_data(data, [token for token in usable if token is not None])
        if signed != data:
            await self.client.update("configmaps", {**info, "data": dict(sorted(signed.items()))}, NAMESPACE)
