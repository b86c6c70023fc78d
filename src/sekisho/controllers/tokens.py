"""tokens controller: fills token Secrets, removes those whose ServiceAccount is gone, and in the era of
automatic token Secrets makes one for every ServiceAccount.

Runs as the controller manager itself, as upstream's does.
"""

from __future__ import annotations

import base64
from typing import NamedTuple

from sekisho.api.clock import Clock
from sekisho.api.random import RandomSource
from sekisho.api.status import StatusError
from sekisho.api.types import Object
from sekisho.controllers.controller import Controller
from sekisho.credentials.keys import SigningKey
from sekisho.credentials.tokens import Ref, sign_legacy
from sekisho.registry.client import Client
from sekisho.registry.kinds.secrets import SERVICE_ACCOUNT_NAME, SERVICE_ACCOUNT_TOKEN, SERVICE_ACCOUNT_UID

MAX_BASE = 58


class _Account(NamedTuple):
    namespace: str
    name: str
    uid: str


class _Secret(NamedTuple):
    namespace: str
    name: str


class TokensController(Controller):
    workers = 5

    def __init__(
        self,
        client: Client,
        clock: Clock,
        random: RandomSource,
        key: SigningKey,
        root_ca: str,
        automatic: bool,
    ) -> None:
        super().__init__(client, clock)
        self._random = random
        self._key = key
        self._root_ca = base64.b64encode(root_ca.encode()).decode()
        self._automatic = automatic
        self._accounts = self.informer("serviceaccounts")
        self._secrets = self.informer("secrets", field_selector=f"type={SERVICE_ACCOUNT_TOKEN}")
        self._accounts.on_change(self._account_changed)
        self._secrets.on_change(self._secret_changed)

    def _account_changed(self, new: Object | None, old: Object | None) -> None:
        metadata = (new or old or {})["metadata"]
        if new is None or self._automatic:
            self.queue.add(_Account(metadata["namespace"], metadata["name"], metadata["uid"]))

    def _secret_changed(self, new: Object | None, old: Object | None) -> None:
        obj = new or old or {}
        metadata = obj["metadata"]
        if new is not None:
            self.queue.add(_Secret(metadata["namespace"], metadata["name"]))
            return
        account = self._account_of(obj)
        if account is not None and any(s.get("name") == metadata["name"] for s in account.get("secrets", ())):
            self.queue.add(
                _Account(metadata["namespace"], account["metadata"]["name"], account["metadata"]["uid"])
            )

    def _account_of(self, secret: Object) -> Object | None:
        """The ServiceAccount a token Secret names, if it is the one it was made for."""
        metadata = secret["metadata"]
        annotations = metadata.get("annotations", {})
        account = self._accounts.get(metadata["namespace"], annotations.get(SERVICE_ACCOUNT_NAME, ""))
        uid = annotations.get(SERVICE_ACCOUNT_UID)
        if account is None or (uid and uid != account["metadata"]["uid"]):
            return None
        return account

    async def reconcile(self, key: _Account | _Secret) -> None:
        if isinstance(key, _Secret):
            await self._sync_secret(key)
        else:
            await self._sync_account(key)

    async def _sync_account(self, key: _Account) -> None:
        account = await self.client.find("serviceaccounts", key.name, key.namespace)
        if account is None or account["metadata"]["uid"] != key.uid:
            await self._delete_secrets(key)
            return
        if "deletionTimestamp" in account["metadata"]:
            return
        account = await self._drop_missing(account)
        if self._automatic and not self._has_token(account):
            await self._make_token(account)

    async def _delete_secrets(self, key: _Account) -> None:
        for secret in self._secrets.in_namespace(key.namespace):
            annotations = secret["metadata"].get("annotations", {})
            same_name = annotations.get(SERVICE_ACCOUNT_NAME) == key.name
            if same_name and annotations.get(SERVICE_ACCOUNT_UID, key.uid) == key.uid:
                await self._delete(secret)

    async def _drop_missing(self, account: Object) -> Object:
        """Remove names of token Secrets that are gone from the account's list."""
        namespace = account["metadata"]["namespace"]
        secrets = account.get("secrets", [])
        kept = [s for s in secrets if await self.client.find("secrets", s.get("name", ""), namespace)]
        if kept == secrets:
            return account
        return await self.client.update("serviceaccounts", {**account, "secrets": kept}, namespace)

    def _has_token(self, account: Object) -> bool:
        namespace = account["metadata"]["namespace"]
        for reference in account.get("secrets", ()):
            secret = self._secrets.get(namespace, reference.get("name", ""))
            if secret is not None and self._account_of(secret) is not None:
                return True
        return False

    async def _make_token(self, account: Object) -> None:
        metadata = account["metadata"]
        name = f"{metadata['name']}-token-"[:MAX_BASE] + self._random.suffix()
        secret: Object = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "namespace": metadata["namespace"],
                "annotations": {
                    SERVICE_ACCOUNT_NAME: metadata["name"],
                    SERVICE_ACCOUNT_UID: metadata["uid"],
                },
            },
            "type": SERVICE_ACCOUNT_TOKEN,
            "data": self._data(account, name),
        }
        try:
            created = await self.client.create("secrets", secret, metadata["namespace"])
        except StatusError as error:
            if error.code == 403:
                return  # the namespace is on its way out
            raise
        try:
            secrets = [*account.get("secrets", ()), {"name": name}]
            await self.client.update(
                "serviceaccounts", {**account, "secrets": secrets}, metadata["namespace"]
            )
        except StatusError:
            await self._delete(created)
            raise

    def _data(self, account: Object, secret_name: str) -> dict[str, str]:
        metadata = account["metadata"]
        namespace = metadata["namespace"]
        token = sign_legacy(self._key, namespace, secret_name, Ref(metadata["name"], metadata["uid"]))
        return {
            "ca.crt": self._root_ca,
            "namespace": base64.b64encode(namespace.encode()).decode(),
            "token": base64.b64encode(token.encode()).decode(),
        }

    async def _sync_secret(self, key: _Secret) -> None:
        secret = await self.client.find("secrets", key.name, key.namespace)
        if secret is None or secret.get("type") != SERVICE_ACCOUNT_TOKEN:
            return
        annotations = secret["metadata"].get("annotations", {})
        name = annotations.get(SERVICE_ACCOUNT_NAME, "")
        account = await self.client.find("serviceaccounts", name, key.namespace) if name else None
        uid = annotations.get(SERVICE_ACCOUNT_UID)
        if account is None or (uid and uid != account["metadata"]["uid"]):
            await self._delete(secret)
            return
        data = secret.get("data") or {}
        wanted = self._data(account, key.name)
        filled = {
            "ca.crt": wanted["ca.crt"],
            "namespace": data.get("namespace") or wanted["namespace"],
            "token": data.get("token") or wanted["token"],
        }
        marks = {SERVICE_ACCOUNT_NAME: name, SERVICE_ACCOUNT_UID: account["metadata"]["uid"]}
        if filled.items() <= data.items() and marks.items() <= annotations.items():
            return
        metadata = {**secret["metadata"], "annotations": {**annotations, **marks}}
        await self.client.update(
            "secrets", {**secret, "metadata": metadata, "data": {**data, **filled}}, key.namespace
        )

    async def _delete(self, secret: Object) -> None:
        metadata = secret["metadata"]
        try:
            await self.client.delete("secrets", metadata["name"], metadata["namespace"], uid=metadata["uid"])
        except StatusError as error:
            if error.code not in (404, 409):
                raise
