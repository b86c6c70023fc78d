"""One HTTP request on its way through the chain, and what comes back: small classes, filled in by the filters."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from typing import Any

from sekisho.api import status
from sekisho.api.types import UserInfo
from sekisho.server.requestinfo import RequestInfo
from sekisho.server.requesttarget import parse_query

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

MAX_BODY_BYTES = 3 * 1024 * 1024


class ClientDisconnected(Exception):
    """The client went away before its request was complete."""


class Request:
    """Filters fill in `audit_id`, `info`, `user`; handlers read them and add warnings."""

    __slots__ = (
        "_body",
        "_query",
        "annotations",
        "audit",
        "audit_id",
        "headers",
        "identity",
        "info",
        "method",
        "passage",
        "path",
        "query_string",
        "receive",
        "received",
        "scope",
        "user",
        "warnings",
    )

    user: UserInfo
    info: RequestInfo

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query_string: bytes = scope["query_string"]
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.audit_id = ""
        self.received = 0.0
        self.warnings: list[str] = []
        self.annotations: dict[str, str] = {}
        self.passage: Any = None
        self.audit: Any = None
        """What becomes the audit event; None when there will be none."""
        self.identity: Any = None
        """What was proved, while `user` may be another one by impersonation."""
        self._query: dict[str, list[str]] | None = None
        self._body: bytes | None = None

    @property
    def query(self) -> dict[str, list[str]]:
        if self._query is None:
            self._query = parse_query(self.query_string) if self.query_string else {}
        return self._query

    def header(self, name: bytes) -> str:
        """The first value of a header (lower-case name), or the empty text."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return ""

    async def body(self) -> bytes:
        """The whole body. 413 above upstream's limit."""
        if self._body is None:
            chunks = []
            size = 0
            while True:
                message = await self.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnected
                chunk = message.get("body", b"")
                if chunk:
                    size += len(chunk)
                    if size > MAX_BODY_BYTES:
                        raise status.request_entity_too_large(f"limit is {MAX_BODY_BYTES}")
                    chunks.append(chunk)
                if not message.get("more_body"):
                    break
            self._body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        return self._body

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)


Headers = list[tuple[bytes, bytes]]


class Response:
    """A status code, headers, and a body: bytes, or a stream that is flushed piece by piece."""

    __slots__ = ("_ends", "body", "code", "headers", "stream")

    def __init__(
        self,
        code: int,
        body: bytes = b"",
        content_type: bytes = b"application/json",
        headers: Headers | None = None,
        stream: AsyncGenerator[bytes, None] | None = None,
    ) -> None:
        self.code = code
        self.body = body
        self.headers: Headers = [(b"content-type", content_type)] if content_type else []
        if headers:
            self.headers += headers
        self.stream = stream
        self._ends: tuple[Callable[[], None], ...] = ()

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have `callback` called once when a stream is over, however it ended and even if it never began."""
        self._ends += (callback,)

    def end(self) -> None:
        ends, self._ends = self._ends, ()
        for callback in ends:
            callback()


def text(code: int, body: str) -> Response:
    """Plain text as Go's http.Error writes it."""
    return Response(
        code, body.encode(), b"text/plain; charset=utf-8", [(b"x-content-type-options", b"nosniff")]
    )


Handler = Callable[[Request], Awaitable[Response]]
