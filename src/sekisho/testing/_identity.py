"""Somebody who can call the cluster: a kubeconfig for command lines and client libraries, an httpx client."""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from sekisho.credentials.kubeconfig import Context


@dataclass(slots=True)
class Identity:
    """`kubeconfig` is a file of its own with one context; `client` sends as this identity, keep-alive."""

    name: str
    url: str
    kubeconfig: Path
    ca: Path
    certificate: Path | None = None
    key: Path | None = None
    token: str = field(default="", repr=False)
    _client: httpx.Client | None = field(default=None, repr=False)

    def ssl_context(self) -> ssl.SSLContext:
        """Trusts this cluster alone, and presents the identity's certificate if it has one."""
        context = ssl.create_default_context(cafile=str(self.ca))
        if self.certificate is not None and self.key is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    @property
    def client(self) -> httpx.Client:
        if self._client is None:
            self._client = httpx.Client(
                base_url=self.url, verify=self.ssl_context(), headers=self.headers(), timeout=30
            )
        return self._client

    def async_client(self) -> httpx.AsyncClient:
        """A new asynchronous client; the caller closes it."""
        return httpx.AsyncClient(
            base_url=self.url, verify=self.ssl_context(), headers=self.headers(), timeout=30
        )

    def close(self) -> None:
        if self._client is not None:
            self._client.close()


def make(
    folder: Path,
    context_name: str,
    url: str,
    ca: bytes,
    *,
    name: str,
    certificate: bytes = b"",
    key: bytes = b"",
    token: str = "",
    namespace: str = "",
) -> Identity:
    """Write the files of one identity into `folder`, readable by their owner only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    context = Context(
        context_name,
        url,
        ca=ca,
        client_certificate=certificate,
        client_key=key,
        token=token,
        namespace=namespace,
    )
    identity = Identity(name, url, folder / "kubeconfig", folder / "ca.crt", token=token)
    _write(identity.kubeconfig, context.render())
    _write(identity.ca, ca)
    if certificate:
        identity.certificate, identity.key = folder / "tls.crt", folder / "tls.key"
        _write(identity.certificate, certificate)
        _write(identity.key, key)
    return identity


def _write(path: Path, data: bytes) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    path.touch(mode=0o600)
    path.write_bytes(data)
