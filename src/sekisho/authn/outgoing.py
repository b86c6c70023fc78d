"""HTTP requests that authenticators make: to identity providers and to token review webhooks.

httpx is imported on use: most clusters never ask anybody.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

MAX_ANSWER = 3 * 1024 * 1024


class CallError(Exception):
    """A request that got no usable answer. `lost` means the connection broke, so that another try may help."""

    def __init__(self, text: str, lost: bool = False) -> None:
        super().__init__(text)
        self.lost = lost


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


def tls_context(ca: str = "", certificate: str = "", key: str = "", verify: bool = True) -> ssl.SSLContext:
    """A client context. `ca` is PEM text, `certificate` and `key` are paths. Host roots without a CA.

    Like Go's, it does not ask for an AKI in the server's certificate (VERIFY_X509_STRICT).
    """
    context = ssl.create_default_context(cadata=ca or None)
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    if certificate:
        context.load_cert_chain(certificate, key or None)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class HttpCaller:
    """Requests over a kept connection; answers are cut off at three megabytes."""

    def __init__(
        self,
        context: ssl.SSLContext | None = None,
        timeout: float = 30.0,
        auth: tuple[str, str] | None = None,
    ) -> None:
        self._context = context
        self._timeout = timeout
        self._auth = auth
        self._client: Any = None

    async def __call__(
        self, method: str, url: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """CallError with a text that holds no credential."""
        import httpx

        if self._client is None:
            verify: ssl.SSLContext | bool = self._context if self._context is not None else True
            self._client = httpx.AsyncClient(verify=verify, timeout=self._timeout, auth=self._auth)
        follow = (
            method == "GET" and not headers
        )  # a credential goes where it was meant to go, and nowhere else
        sent = self._client.stream(
            method, url, content=body, headers=dict(headers or {}), follow_redirects=follow
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
            raise CallError(f"{method} {url}: timed out", lost=True) from None
        except httpx.TransportError as error:
            raise CallError(f"{method} {url}: {error or type(error).__name__}", lost=True) from None
        except httpx.InvalidURL as error:
            raise CallError(f"{method} {url}: {error}") from None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None
