"""HTTP requests that the server makes: to identity providers, and to the webhooks that kubeconfigs describe.

httpx is imported on use: most clusters never ask anybody.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import ssl
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sekisho.api.goformat import quote
from sekisho.credentials import kubeconfig
from sekisho.credentials.kubeconfig import KubeconfigError

MAX_ANSWER = 3 * 1024 * 1024
TIMEOUT = 30.0
CONNECTIONS = 32
"""To one server at a time; further calls wait for one of them."""
PATIENCE = 1.0
"""Seconds that calls under way get when everything stops."""
JSON_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


class CallError(Exception):
    """A request that got no usable answer. `lost`: the connection broke under way, so that another try may help;
    `timeout`: the time was up."""

    def __init__(self, text: str, lost: bool = False, timeout: bool = False) -> None:
        super().__init__(text)
        self.lost = lost
        self.timeout = timeout


class OutgoingError(ValueError):
    """A kubeconfig that cannot be used; the text is for the operator."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""


class Caller(Protocol):
    """Sends one request; tests put their own in place."""

    async def __call__(
        self, method: str, url: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer: ...


def tls_context(ca: str = "", verify: bool = True) -> ssl.SSLContext:
    """A client context. `ca` is PEM text; without it the host's roots count.

    Like Go's, it does not ask for an AKI in the server's certificate (VERIFY_X509_STRICT).
    """
    context = ssl.create_default_context(cadata=ca or None)
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def load_client_pair(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Show this client certificate (PEM). Python's ssl reads files only: one is there while this runs."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(f"{certificate}\n{key}".encode())
        file.flush()
        context.load_cert_chain(file.name)


@dataclass(slots=True)
class HttpCaller:
    """Requests over kept connections; answers are cut off at three megabytes.

    Proxies come from the environment as Go reads it (this machine's own addresses are never proxied), unless
    `proxy` names one. `server_name` is what the server's certificate must be for, where that is not the URL's
    host.
    """

    context: ssl.SSLContext | None = None
    timeout: float = TIMEOUT
    auth: tuple[str, str] | None = None
    proxy: str | None = None
    server_name: str | None = None
    _client: Any = None
    _running: set[asyncio.Future[Answer]] = field(default_factory=set)

    async def __call__(
        self, method: str, url: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """CallError with a text that holds no credential. A credential is not carried to where a redirect leads.

        A call goes on when its caller is cancelled: a handshake that is cut off would leave its connection open
        (httpcore closes it for exceptions only), and an answer that comes later may serve the next caller.
        """
        call = asyncio.ensure_future(self._send(method, url, body, headers))
        self._running.add(call)
        call.add_done_callback(self._finished)
        return await asyncio.shield(call)

    def _finished(self, call: asyncio.Future[Answer]) -> None:
        self._running.discard(call)
        if not call.cancelled():
            call.exception()  # the caller has it; without a caller nobody needs it

    async def _send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str] | None
    ) -> Answer:
        import httpx

        client = self._client or self._connect()
        extensions = {"sni_hostname": self.server_name} if self.server_name else {}
        sent = client.stream(
            method,
            url,
            content=body,
            headers=dict(headers or {}),
            follow_redirects=method == "GET" and not headers,
            extensions=extensions,
        )
        try:
            async with sent as response:
                chunks, size = [], 0
                async for chunk in response.aiter_bytes():
                    size += len(chunk)
                    if size > MAX_ANSWER:
                        raise CallError(f"{method} {url}: the answer is too large")
                    chunks.append(chunk)
                return Answer(response.status_code, b"".join(chunks), dict(response.headers))
        except httpx.TimeoutException:
            raise CallError(f"{method} {url}: timed out", timeout=True) from None
        except httpx.TransportError as error:
            lost = isinstance(error, httpx.ReadError | httpx.WriteError | httpx.RemoteProtocolError)
            raise CallError(f"{method} {url}: {error or type(error).__name__}", lost) from None
        except httpx.InvalidURL as error:
            raise CallError(f"{method} {url}: {error}") from None

    def _connect(self) -> Any:
        import httpx

        verify: ssl.SSLContext | bool = self.context if self.context is not None else True
        here: dict[str, Any] = dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]"))
        self._client = httpx.AsyncClient(
            verify=verify,
            timeout=self.timeout,
            auth=self.auth,
            proxy=self.proxy,
            mounts=None if self.proxy else here,
            limits=httpx.Limits(max_connections=CONNECTIONS),
        )
        return self._client

    async def close(self) -> None:
        """Calls that are under way get a moment to end."""
        if self._running:
            await asyncio.wait(self._running, timeout=PATIENCE)
        for call in self._running:
            call.cancel()
        if self._client is not None:
            await self._client.aclose()
            self._client = None


@dataclass(frozen=True, slots=True)
class Target:
    """The server that a kubeconfig names, and how to call it. `token` is asked for with each request."""

    url: str
    caller: Caller
    token: Callable[[], str] = str

    async def post(self, body: bytes) -> Answer:
        """Send JSON. Raises CallError."""
        headers = dict(JSON_HEADERS)
        token = self.token()
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return await self.caller("POST", self.url, body=body, headers=headers)

    async def close(self) -> None:
        if isinstance(self.caller, HttpCaller):
            await self.caller.close()


def target_of(path: Path, timeout: float = TIMEOUT) -> Target:
    """The cluster and user of a kubeconfig's current context, as webhooks of kube-apiserver are described.
    `timeout` is seconds for one call. Raises OutgoingError."""
    if not path.exists():
        raise OutgoingError(f"stat {path}: no such file or directory")
    try:
        data = kubeconfig.load([path])
    except KubeconfigError as error:
        raise OutgoingError(f"error loading config file {quote(str(path))}: {error}")
    current = data.get("current-context") or ""
    if not any(data[section] for section in kubeconfig.SECTIONS) and not current:
        raise OutgoingError("invalid configuration: no configuration has been provided")
    context = _named(data, "contexts", "context", current)
    cluster = _named(data, "clusters", "cluster", context.get("cluster", ""))
    user = _named(data, "users", "user", context["user"]) if context.get("user") else {}
    if not cluster.get("server"):
        raise OutgoingError(
            f"invalid configuration: no server found for cluster {quote(context.get('cluster', ''))}"
        )
    auth = (user["username"], user.get("password", "")) if user.get("username") else None
    caller = HttpCaller(
        context_of(cluster, user, path.parent),
        timeout,
        auth,
        cluster.get("proxy-url") or None,
        cluster.get("tls-server-name") or None,
    )
    return Target(cluster["server"], caller, _token(user, path.parent))


def _named(data: Mapping[str, Any], section: str, field: str, name: str) -> dict[str, Any]:
    for entry in data.get(section) or ():
        if entry["name"] == name:
            found: dict[str, Any] = entry.get(field) or {}
            return found
    raise OutgoingError(f"invalid configuration: {field} {quote(name)} does not exist")


def _token(user: Mapping[str, Any], folder: Path) -> Callable[[], str]:
    """A file counts before a token in the kubeconfig, and is read anew for each call: tokens in files change."""
    if not user.get("tokenFile"):
        token = str(user.get("token") or "")
        return lambda: token
    file: Path = folder / user["tokenFile"]

    def read() -> str:
        try:
            return file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CallError(
                f"cannot read the token file {file}: {getattr(error, 'strerror', None) or 'not text'}"
            )

    return read


def context_of(cluster: Mapping[str, Any], user: Mapping[str, Any], folder: Path) -> ssl.SSLContext:
    """TLS as a cluster and a user of a kubeconfig in `folder` describe it. Raises OutgoingError."""
    authority = _content(cluster, "certificate-authority", folder)
    certificate, key = _content(user, "client-certificate", folder), _content(user, "client-key", folder)
    try:
        context = tls_context(authority, verify=not cluster.get("insecure-skip-tls-verify"))
        if certificate and key:
            load_client_pair(context, certificate, key)
    except ssl.SSLError as error:
        raise OutgoingError(f"invalid configuration: unable to load TLS certificates: {error.reason}")
    return context


def _content(entry: Mapping[str, Any], field: str, folder: Path) -> str:
    """`<field>-data` in base64, or the file that `<field>` names, relative to the kubeconfig; empty for neither."""
    data = entry.get(f"{field}-data")
    try:
        if data:
            return base64.b64decode(data, validate=True).decode()
        return (folder / entry[field]).read_text() if entry.get(field) else ""
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise OutgoingError(f"invalid configuration: unable to read {field} {entry[field]}: {why}")
    except (binascii.Error, UnicodeDecodeError):
        raise OutgoingError(f"invalid configuration: {field} is not base64 of PEM text")
