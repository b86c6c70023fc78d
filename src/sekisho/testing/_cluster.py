"""The handle that tests hold: a cluster on a thread of its own, stopped when the test is over."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import threading
from collections.abc import Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from sekisho import cluster as clusters
from sekisho.api.clock import Clock
from sekisho.config import Config
from sekisho.credentials.certificates import issue_client
from sekisho.testing._identity import Identity, make

T = TypeVar("T")

ADMIN_GROUP = "system:masters"


class Cluster:
    """A cluster for tests: in memory, on a free port of 127.0.0.1. Use it as a context manager.

    Keyword arguments are those of `sekisho.config.Config` (`token_secrets="manual"`, `node="simulated"`,
    `authorization_mode=("RBAC",)`, ...). `clock` may be a `VirtualClock`.
    """

    def __init__(self, *, clock: Clock | None = None, **options: Any) -> None:
        options.setdefault("secure_port", 0)
        options.setdefault("store", "memory")
        self._config = Config(**options)
        self._clock = clock
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._inner: clusters.Cluster | None = None
        self._identities: list[Identity] = []
        self._made = 0

    def start(self) -> Self:
        """Returns when the API is ready. Raises what the start raised."""
        self._folder = tempfile.TemporaryDirectory(prefix="sekisho-")
        self._loop = _new_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sekisho", daemon=True)
        self._thread.start()
        try:
            self._inner = self.run(self._make())
        except BaseException:
            self.stop()
            raise
        return self

    async def _make(self) -> clusters.Cluster:
        cluster = clusters.Cluster(self._config, self._clock)
        await cluster.start()
        return cluster

    def stop(self) -> None:
        """Stop the server and remove every file. Harmless when repeated."""
        for identity in self._identities:
            identity.close()
        self._identities.clear()
        if self._loop is not None and self._thread is not None:
            if self._inner is not None:
                self.run(self._inner.stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
        self._inner = self._loop = self._thread = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the cluster's loop and wait for it."""
        if self._loop is None:
            work.close()
            raise RuntimeError("the cluster is not started")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    @property
    def inner(self) -> clusters.Cluster:
        """The running parts; to be touched on its loop only (`run`)."""
        if self._inner is None:
            raise RuntimeError("the cluster is not started")
        return self._inner

    @property
    def url(self) -> str:
        return self.inner.url

    @property
    def folder(self) -> Path:
        """A temporary folder that goes with the cluster."""
        if self._folder is None:
            raise RuntimeError("the cluster is not started")
        return Path(self._folder.name)

    def kubeconfig(self) -> Path:
        """A kubeconfig whose user may do everything (`kubernetes-admin` in `system:masters`)."""
        return self.admin().kubeconfig

    def admin(self) -> Identity:
        return self.user("kubernetes-admin", groups=[ADMIN_GROUP])

    def user(self, name: str, groups: Sequence[str] = (), lifetime: float = 3600.0) -> Identity:
        """A user proved by a client certificate of the cluster's CA, with no rights but those bound to it."""
        inner = self.inner
        now = inner.clock.now()
        pair = issue_client(inner.pki.authority(), name, list(groups), now, lifetime)
        return self._add(name, certificate=pair.certificate, key=pair.key or b"")

    def service_account(self, account: str, expiration_seconds: int = 3600) -> Identity:
        """The ServiceAccount `namespace/name`, made if it is missing, with a bound token."""
        namespace, _, name = account.partition("/")
        token = self.run(self._token(namespace, name, expiration_seconds))
        return self._add(f"system:serviceaccount:{namespace}:{name}", token=token, namespace=namespace)

    def anonymous(self) -> Identity:
        """Nobody in particular: trusts the cluster, shows no credential."""
        return self._add("system:anonymous")

    def with_token(self, token: str) -> Identity:
        """Whoever a bearer token stands for."""
        return self._add("bearer", token=token)

    async def _token(self, namespace: str, name: str, seconds: int) -> str:
        client = self.inner.client
        if await client.find("namespaces", namespace) is None:
            await client.create("namespaces", {"metadata": {"name": namespace}})
        if await client.find("serviceaccounts", name, namespace) is None:
            await client.create("serviceaccounts", {"metadata": {"name": name}}, namespace)
        request = {"spec": {"expirationSeconds": seconds}}
        answer = await client.create("serviceaccounts", request, namespace, name, "token")
        return str(answer["status"]["token"])

    def _add(self, name: str, **credentials: Any) -> Identity:
        self._made += 1
        identity = make(
            self.folder / f"identity-{self._made}",
            f"sekisho-{self._config.name}",
            self.url,
            self.inner.pki.ca.certificate,
            name=name,
            **credentials,
        )
        self._identities.append(identity)
        return identity


def _new_loop() -> asyncio.AbstractEventLoop:
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop.new_event_loop()
    return asyncio.new_event_loop()
