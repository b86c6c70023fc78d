"""One request and its response on an HTTP/1.1 connection: what ASGI calls receive and send.

Head and body of a whole response leave in one write. Everything that costs a little for each request was left
out on purpose: no events, no regular expressions, no copy of the headers.
"""

from __future__ import annotations

import asyncio
import http
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sekisho.server.httpprotocol import HttpProtocol

logger = logging.getLogger("sekisho.server")

Message = MutableMapping[str, Any]
ASGIApplication = Callable[..., Awaitable[None]]

HIGH_WATER = 64 * 1024
"""Bytes of a body that may wait for the application before reading pauses."""
_JOIN = 64 * 1024
"""Bodies up to this size are copied behind their head, so that both leave in one write."""
_BODILESS = frozenset((204, 304))
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_STATUS = {int(s): b"HTTP/1.1 %d %b\r\n" % (s, s.phrase.encode()) for s in http.HTTPStatus}
_FAULT = b"Internal Server Error"


class Exchange:
    """`run` drives the application; the connection's protocol fills in the body and tells of the end."""

    __slots__ = (
        "_chunked",
        "_delivered",
        "_head",
        "_left",
        "_protocol",
        "_waiter",
        "body",
        "body_complete",
        "complete",
        "disconnected",
        "expects_continue",
        "keep_alive",
        "peer_gone",
        "scope",
        "started",
    )

    def __init__(
        self, protocol: HttpProtocol, scope: Message, keep_alive: bool, expects_continue: bool
    ) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self.expects_continue = expects_continue
        self.body = b""
        self.body_complete = False
        self.disconnected = False
        """Nothing can be sent any more."""
        self.peer_gone = False
        """Nothing more will be received; the client may still read."""
        self.started = False
        self.complete = False
        self._protocol = protocol
        self._delivered = False
        self._waiter: asyncio.Future[None] | None = None
        self._head: bytes | None = None
        self._chunked = False
        self._left = 0

    async def run(self, application: ASGIApplication) -> None:
        """Whatever the application does, the client gets an answer or sees the connection end."""
        try:
            await application(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            self._protocol.abandon(self)
        except Exception:
            logger.exception("%s %s failed", self.scope["method"], self.scope["path"])
            await self._fail()
        else:
            if not self.complete and not self.disconnected:
                logger.error("%s %s was left without an answer", self.scope["method"], self.scope["path"])
                await self._fail()

    async def _fail(self) -> None:
        if self.started or self.complete or self.disconnected:
            self._protocol.abandon(self)
            return
        self._head = None
        self.keep_alive = False
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(_FAULT))]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": _FAULT})

    # The application's side

    async def receive(self) -> Message:
        """The next piece of the body, or that nothing more will come from the client."""
        if self.expects_continue and not (self.started or self.body or self.body_complete):
            self._protocol.transport.write(_CONTINUE)
        self.expects_continue = False
        while not (self.disconnected or self.complete):
            if self.body or (self.body_complete and not self._delivered):
                body, self.body = self.body, b""
                self._delivered = self.body_complete
                self._protocol.resume_reading()
                return {"type": "http.request", "body": body, "more_body": not self.body_complete}
            if self.peer_gone:
                break
            await self._wake()
        return {"type": "http.disconnect"}

    async def _wake(self) -> None:
        self._waiter = self._protocol.loop.create_future()
        await self._waiter

    async def send(self, message: Message) -> None:
        protocol = self._protocol
        if protocol.write_paused and not self.disconnected:
            await protocol.drained()
        if self.disconnected:
            return
        if self._head is None and not self.started:
            self._begin(message)
            return
        if self.complete:
            raise RuntimeError("the response is complete already")
        self._write(message.get("body", b""), message.get("more_body", False))

    def _begin(self, message: Message) -> None:
        status: int = message["status"]
        headers: list[tuple[bytes, bytes]] = message["headers"]
        self._left = -1
        lines = []
        for name, value in headers:
            if name == b"content-length":
                self._left = int(value)
            elif name == b"connection" and value == b"close":
                self.keep_alive = False
                continue
            lines.append(b"%b: %b\r\n" % (name, value))
        if self._left < 0 and status not in _BODILESS:
            self._chunked = self.scope["http_version"] == "1.1"
            if self._chunked:
                lines.append(b"transfer-encoding: chunked\r\n")
            else:
                self.keep_alive = False
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        head = b"".join(lines)
        if head.count(b"\n") != len(lines):
            raise ValueError("a header of the response has a line break")
        line = _STATUS.get(status) or b"HTTP/1.1 %d \r\n" % status
        self._head = b"%b%b%b\r\n" % (line, self._protocol.date_line(), head)
        if status in _BODILESS or self.scope["method"] == "HEAD":
            self._left = 0
            self._chunked = False

    def _write(self, body: bytes, more: bool) -> None:
        transport = self._protocol.transport
        head = self._head or b""
        if self.scope["method"] == "HEAD":
            body = b""
        if self._chunked:
            if body:
                body = b"%x\r\n%b\r\n" % (len(body), body)
            if not more:
                body += b"0\r\n\r\n"
        elif self._left >= 0:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise ValueError("a body has another length than was said")
        self.started = True
        self._head = None
        if head and len(body) <= _JOIN:
            transport.write(head + body)
        else:
            if head:
                transport.write(head)
            if body:
                transport.write(body)
        if not more:
            self.complete = True
            self._protocol.response_complete(self)

    # The protocol's side

    def feed(self, data: bytes) -> None:
        """A piece of the body has come."""
        self.body = self.body + data if self.body else data
        self.wake()

    def wake(self) -> None:
        """Have `receive` look again."""
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)
