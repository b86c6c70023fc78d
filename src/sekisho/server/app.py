"""The ASGI application: one request in, through the chain, one response out.

The chain is a list of filters, outermost first; each is given the next handler and returns its own. Nothing
here knows about Kubernetes but the headers that every response carries.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from sekisho.server.request import ClientDisconnected, Handler, Receive, Request, Response, Scope

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Filter = Callable[[Handler], Handler]
WebSocketHandler = Callable[[Scope, Receive, Send], Awaitable[None]]


def chain(filters: Sequence[Filter], handler: Handler) -> Handler:
    """The handler wrapped in the filters, the first outermost."""
    return functools.reduce(lambda inner, wrap: wrap(inner), reversed(filters), handler)


class Application:
    """The ASGI callable that uvicorn drives."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._streams: dict[asyncio.Task[None], Any] = {}
        self.refused: Callable[[Any], bool] = lambda identity: False
        """Whether an identity that was proved may no longer be used; asked when a stream begins, too, because it
        may have changed since the request was let in."""

    def stop_streams(self) -> None:
        """End every stream cleanly: clients see the end of their watch, not a broken connection."""
        for sender in list(self._streams):
            sender.cancel()

    def end_refused_streams(self) -> None:
        """End the streams of those whose identity is `refused` by now."""
        for sender, identity in list(self._streams.items()):
            if self.refused(identity):
                sender.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            response = await self._handler(request)
        except ClientDisconnected:
            return
        headers = response.headers
        headers.append((b"audit-id", request.audit_id.encode("latin-1", "replace")))
        for text in _trimmed(request.warnings):
            headers.append((b"warning", b'299 - "' + _quoted(text) + b'"'))
        if response.stream is None:
            await _send_whole(request, response, send)
        else:
            try:
                await self._send_stream(request, response, receive, send)
            finally:
                response.end()

    async def _send_stream(self, request: Request, response: Response, receive: Receive, send: Send) -> None:
        """Headers go out at once, each piece as it comes; the stream ends early when the client goes away."""
        if response.stream is None:
            raise TypeError("a streamed response needs a stream")
        await send({"type": "http.response.start", "status": response.code, "headers": response.headers})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        sender = asyncio.ensure_future(_pump(response.stream, send))
        listener = asyncio.ensure_future(_disconnected(receive))
        self._streams[sender] = request.identity
        if self.refused(request.identity):
            sender.cancel()
        try:
            await asyncio.wait((sender, listener), return_when=asyncio.FIRST_COMPLETED)
            if not listener.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            if sender.done() and not sender.cancelled():
                sender.result()
        finally:
            del self._streams[sender]
            listener.cancel()
            sender.cancel()
            await asyncio.gather(sender, listener, return_exceptions=True)


async def _send_whole(request: Request, response: Response, send: Send) -> None:
    response.headers.append((b"content-length", b"%d" % len(response.body)))
    await send({"type": "http.response.start", "status": response.code, "headers": response.headers})
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else response.body})


async def _pump(stream: AsyncGenerator[bytes, None], send: Send) -> None:
    async with contextlib.aclosing(stream):
        async for piece in stream:
            await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    """Until the client has gone. A body it still sends is not looked at."""
    while (await receive())["type"] != "http.disconnect":
        pass


MAX_WARNINGS = 4096
MAX_WARNING = 256


def _trimmed(warnings: list[str]) -> list[str]:
    """Upstream's bound: past 4096 characters in all, each is cut to 256 and the rest dropped."""
    if not warnings or sum(map(len, warnings)) <= MAX_WARNINGS:
        return warnings
    out: list[str] = []
    total = 0
    for text in warnings:
        cut = text[:MAX_WARNING]
        if total + len(cut) > MAX_WARNINGS:
            break
        total += len(cut)
        out.append(cut)
    return out


def _quoted(text: str) -> bytes:
    printable = "".join(c if c.isprintable() else " " for c in text)
    return printable.replace("\\", "\\\\").replace('"', '\\"').encode()
