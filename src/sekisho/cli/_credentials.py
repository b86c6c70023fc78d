"""The folder that a container of a Pod has: token, ca.crt and namespace, with the token replaced in time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from sekisho.api.time import parse_time
from sekisho.cli import _home
from sekisho.cli._api import AdminClient
from sekisho.cli._errors import CommandError

LIFETIME = 3607
"""Seconds: the lifetime that a kubelet asks for."""
REFRESH = 0.8
"""The part of a token's life after which it is replaced, as a kubelet does."""
RETRY = 10.0
"""Seconds until another attempt, when the cluster does not answer."""


class Credentials:
    """Files are replaced in one step: a reader sees the old token or the new one."""

    def __init__(
        self, folder: Path, client: AdminClient, namespace: str, account: str, pod: str | None
    ) -> None:
        self._folder = folder
        self._client = client
        self._namespace = namespace
        self._path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        self._pod = pod
        self._bound: dict[str, object] | None = None

    def write(self, ca: bytes) -> float:
        """Fill the folder; seconds until the token is to be renewed. Raises CommandError."""
        _home.write_private(self._folder / "ca.crt", ca)
        _home.write_private(self._folder / "namespace", self._namespace.encode())
        if self._pod:
            pod = self._client.get(f"/api/v1/namespaces/{self._namespace}/pods/{self._pod}")
            self._bound = {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": self._pod,
                "uid": pod["metadata"]["uid"],
            }
        return self.renew()

    def renew(self) -> float:
        """Put a fresh token into place; seconds until the next time. Raises CommandError."""
        spec: dict[str, object] = {"expirationSeconds": LIFETIME}
        if self._bound:
            spec["boundObjectRef"] = self._bound
        status = self._client.post(self._path, {"spec": spec})["status"]
        _home.write_private(self._folder / "token", str(status["token"]).encode())
        return (parse_time(status["expirationTimestamp"]) - time.time()) * REFRESH

    def keep_fresh(self, first: float, wait: Callable[[float], bool], warn: Callable[[str], None]) -> None:
        """Renew until `wait(seconds)` says that it is over. What fails is told once, and tried again."""
        seconds, failed = first, False
        while not wait(seconds):
            try:
                seconds, failed = self.renew(), False
            except CommandError as error:
                if not failed:
                    warn(f"the token could not be renewed: {error.message}")
                seconds, failed = RETRY, True
