"""HTTP/1.1 on one connection: httptools parses, an ASGI application answers, uvicorn's server keeps the listener.

It takes the place of uvicorn's own protocol, for what that does not do and an API server needs: methods that
the parser does not know, bounds and time limits for slow or endless requests, clients that close their half
first, and connections that are handed on to another protocol (ASGI extension `sekisho.takeover`). Refusals of
what is no HTTP are worded as Go's server words them.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.server import ServerState

from sekisho.server.exchange import HIGH_WATER, ASGIApplication, Exchange
from sekisho.server.reaper import NEVER, Reaper
from sekisho.server.requesttarget import BadTarget, parse_target

logger = logging.getLogger("sekisho.server")

TAKEOVER = "sekisho.takeover"
"""Key in `scope["extensions"]` of requests that ask for another protocol: a function that is given a factory,
called with the transport, of the asyncio protocol that the connection belongs to from then on."""

HEAD_SECONDS = 32.0
"""How long the head of a request may take; upstream's ReadHeaderTimeout."""
IDLE_SECONDS = 90.0
LINGER_SECONDS = 30.0
"""How long what was written may take to leave once the connection is to be closed, and how long the rest of a
request may take to come once it was answered."""
MAX_HEAD = 1024 * 1024 + 4096
DISCARD_SECONDS = 0.5
"""How long a client may go on sending before a connection that was refused is closed."""
DRAIN = 256 * 1024
"""Bytes of a body that is not wanted any more which are read to keep the connection usable."""
_FRAMING = 1024 * 1024
"""Bytes beside its payload that a chunked body may have, above eight times its payload."""

_METHODS = (b"GET ", b"PUT ", b"POST ", b"PATCH ", b"DELETE ", b"HEAD ", b"OPTIONS ")
_STAND_IN = b"GET"
_MAX_METHOD = 1024
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_ERROR_HEADERS = b"\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\r\n"

BAD_REQUEST = b"400 Bad Request"
NO_HOST = b"400 Bad Request: missing required Host header"
MANY_HOSTS = b"400 Bad Request: too many Host headers"
HEAD_TOO_LARGE = b"431 Request Header Fields Too Large"
OTHER_VERSION = b"505 HTTP Version Not Supported: unsupported protocol version"

MakeProtocol = Callable[[asyncio.Transport], asyncio.Protocol]


class Refused(Exception):
    """Ends the parsing of a request; the parser passes it on as an error of its own."""


class HttpProtocol(asyncio.Protocol):
    """Requests are answered one after the other; those that a client sends ahead wait unread."""

    def __init__(
        self,
        application: ASGIApplication,
        state: ServerState,
        reaper: Reaper,
        loop: asyncio.AbstractEventLoop,
        app_state: dict[str, Any],
    ) -> None:
        self.loop = loop
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self.deadline = NEVER
        self.write_paused = False
        self._application = application
        self._server = state
        self._reaper = reaper
        self.app_state = app_state
        self.extensions: dict[str, Any] = {}
        self._server_address: tuple[str, int] | None = None
        self._client_address: tuple[str, int] | None = None
        self._scheme = "http"
        self._drain: asyncio.Future[None] | None = None
        self._reading_paused = False
        self._exchange: Exchange | None = None
        self._waiting: deque[Exchange] = deque()
        self._held = b""
        self._refusal = b""
        self._upgrading = False
        self._resuming = False
        self._discarding = False
        self._default_headers: list[tuple[bytes, bytes]] = []
        self._date_line = b""
        self._new_parser()

    def _new_parser(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        # Answers the first of two requests even if it closes the connection.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._in_message = False
        self._in_head = False
        self._method = b""

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self._server_address = _address(transport.get_extra_info("sockname"))
        self._client_address = _address(transport.get_extra_info("peername"))
        if transport.get_extra_info("sslcontext"):
            self._scheme = "https"
        self._server.connections.add(self)  # type: ignore[arg-type]
        self._reaper.watch(self)
        self.deadline = self.loop.time() + HEAD_SECONDS

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._reaper.forget(self)
        for exchange in (self._exchange, *self._waiting):
            if exchange is not None:
                exchange.disconnected = True
                exchange.wake()
        self._waiting.clear()
        self.resume_writing()
        self._held = b""

    def eof_received(self) -> bool:
        """The client sends no more, but may wait for its answer: true keeps its half open."""
        exchange = self._exchange
        if exchange is None or exchange.complete or not exchange.body_complete:
            self.close()
            return False
        exchange.keep_alive = False
        exchange.peer_gone = True
        exchange.wake()
        return True

    def pause_writing(self) -> None:
        self.write_paused = True

    def resume_writing(self) -> None:
        self.write_paused = False
        if self._drain is not None and not self._drain.done():
            self._drain.set_result(None)
        self._drain = None

    async def drained(self) -> None:
        """Wait until the client has read enough, or has gone."""
        if self._drain is None:
            self._drain = self.loop.create_future()
        await asyncio.shield(self._drain)

    def pause_reading(self) -> None:
        if not self._reading_paused:
            self._reading_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self._reading_paused and not self._waiting and not self._upgrading:
            self._reading_paused = False
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self._upgrading or self._discarding:
            self._hold(data)
            return
        if not self._in_message and (self._held or not data.startswith(_METHODS)):
            data = self._foreign_method(data)
            if not data:
                return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgraded(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            if not isinstance(error.__context__, Refused | BadTarget | None):
                logger.error("a request could not be taken in", exc_info=error)
            self._refuse(self._refusal or BAD_REQUEST)
        else:
            if self._in_message:
                self._check_size(len(data))

    def _check_size(self, size: int) -> None:
        """A request is still on its way: is it within its bounds?"""
        self._raw += size
        if self._in_head:
            if self._raw > MAX_HEAD:
                self._refuse(HEAD_TOO_LARGE)
        elif self._raw > 8 * self._payload + _FRAMING:
            self._refuse(BAD_REQUEST)

    def _foreign_method(self, data: bytes) -> bytes:
        """What to feed for a request whose method the parser may not know: the method is put aside. Nothing
        while the method has not come whole."""
        data = (self._held + data).lstrip(b"\r\n")
        self._held = b""
        if not data or data.startswith(_METHODS):
            return data
        method, space, _ = data[:_MAX_METHOD].partition(b" ")
        if not space and len(data) < _MAX_METHOD and b"\n" not in data:
            self._held = data
            return b""
        if not space or not _TOKEN.match(method):
            self._refuse(BAD_REQUEST)
            return b""
        self._method = method
        return _STAND_IN + data[len(method) :]

    # The parser's side

    def on_message_begin(self) -> None:
        self._in_message = True
        if self._resuming:
            return
        self._in_head = True
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._hosts = 0
        self._expects_continue = False
        self._raw = self._payload = 0
        exchange = self._exchange
        if exchange is None or exchange.complete:
            self.deadline = self.loop.time() + HEAD_SECONDS

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer: nobody asks for these
        name = name.lower()
        if name == b"host":
            self._hosts += 1
        elif name == b"expect":
            self._expects_continue = value.lower() == b"100-continue"
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._resuming:
            self._resuming = False
            return
        self._in_head = False
        parser = self._parser
        version: str = parser.get_http_version()
        self._refusal = self._problem(version)
        if self._refusal:
            raise Refused
        path, raw_path, query = parse_target(self._url)
        method, self._method = self._method or parser.get_method(), b""
        extensions = self.extensions
        upgrade = parser.should_upgrade()
        if upgrade and not _framing(self._headers):
            extensions = {**extensions, TAKEOVER: self._take_over}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version,
            "method": method.decode("ascii"),
            "scheme": self._scheme,
            "path": path,
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": self._headers,
            "server": self._server_address,
            "client": self._client_address,
            "state": self.app_state,
            "extensions": extensions,
        }
        keep_alive = version == "1.1" and (upgrade or parser.should_keep_alive())
        self._accept(Exchange(self, scope, keep_alive, self._expects_continue))

    def _problem(self, version: str) -> bytes:
        if version == "1.1":
            return b"" if self._hosts == 1 else MANY_HOSTS if self._hosts else NO_HOST
        return b"" if version == "1.0" else OTHER_VERSION

    def _accept(self, exchange: Exchange) -> None:
        self.deadline = NEVER
        before = self._exchange
        if before is None or before.complete:
            self._start(exchange)
            return
        self._waiting.append(exchange)
        self.pause_reading()

    def _start(self, exchange: Exchange) -> None:
        self._exchange = exchange
        task = self.loop.create_task(exchange.run(self._application))
        tasks = self._server.tasks
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def _latest(self) -> Exchange | None:
        """The exchange whose request is being read."""
        return self._waiting[-1] if self._waiting else self._exchange

    def on_body(self, body: bytes) -> None:
        self._payload += len(body)
        exchange = self._latest()
        if exchange is None:
            return
        if exchange.complete:
            if self._payload > DRAIN:
                self._discard()
            return
        exchange.feed(body)
        if len(exchange.body) > HIGH_WATER:
            self.pause_reading()

    def on_message_complete(self) -> None:
        self._in_message = False
        exchange = self._latest()
        if exchange is None or (self._parser.should_upgrade() and _framing(self._headers)):
            return
        exchange.body_complete = True
        exchange.wake()
        if exchange.complete:
            self.deadline = self.loop.time() + IDLE_SECONDS

    # Other protocols

    def _upgraded(self, rest: bytes) -> None:
        """The parser stops behind the head of a request that asks for another protocol.

        One with a body stays HTTP: a new parser is told how long the body is. For others, what follows waits
        until the application has taken the connection over, or has answered without."""
        framing = _framing(self._headers)
        if framing:
            self._new_parser()
            self._resuming = True
            self.data_received(b"POST / HTTP/1.1\r\nhost: -\r\n" + framing + b"\r\n" + rest)
        else:
            self._upgrading = True
            self._hold(rest)

    def _hold(self, data: bytes) -> None:
        if self._discarding:
            return
        self._held += data
        if len(self._held) > HIGH_WATER:
            self.pause_reading()

    def _take_over(self, make: MakeProtocol) -> asyncio.Protocol:
        """Hand the connection to another protocol, together with what the client sent ahead."""
        exchange = self._exchange
        if exchange is None or exchange.started or self.transport.is_closing():
            raise ConnectionResetError("the connection cannot be taken over any more")
        protocol = make(self.transport)
        self._server.connections.discard(self)
        self._reaper.forget(self)
        exchange.complete = True
        self._upgrading = False
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        held, self._held = self._held, b""
        if held:
            protocol.data_received(held)
        self.resume_reading()
        return protocol

    # The end of an exchange, and of the connection

    def date_line(self) -> bytes:
        """The headers that the server adds to each response: the date, renewed every second."""
        headers = self._server.default_headers
        if headers is not self._default_headers:
            self._default_headers = headers
            self._date_line = b"".join([b"%b: %b\r\n" % header for header in headers])
        return self._date_line

    def response_complete(self, exchange: Exchange) -> None:
        self._server.total_requests += 1
        if not exchange.keep_alive:
            if exchange.body_complete:
                self.close()
            else:
                self._discard()
        elif self._waiting:
            self._start(self._waiting.popleft())
            self.resume_reading()
        else:
            seconds = IDLE_SECONDS if exchange.body_complete else LINGER_SECONDS
            self.deadline = self.loop.time() + seconds
            if self._upgrading:
                self._stay_with_http()
            self.resume_reading()

    def _stay_with_http(self) -> None:
        self._upgrading = False
        self._new_parser()
        held, self._held = self._held, b""
        if held:
            self.loop.call_soon(self.data_received, held)

    def abandon(self, exchange: Exchange) -> None:
        """The application has failed half-way: the client is to notice that the answer is not whole."""
        exchange.disconnected = exchange.complete = True
        self.transport.abort()

    def _refuse(self, problem: bytes) -> None:
        """Answer what is no request, behind the answers to the requests before it."""
        exchange = self._latest()
        if exchange is not None and not exchange.complete:
            exchange.keep_alive = False
            if exchange.body_complete:
                self._discard()
                self.deadline = NEVER
                return
            exchange.disconnected = True
            exchange.wake()
            if exchange.started or exchange is not self._exchange:
                self._discard()
                return
        line = problem.partition(b"\n")[0]
        length = b"\r\ncontent-length: %d" % len(problem)
        self.transport.write(b"HTTP/1.1 " + line + length + _ERROR_HEADERS + problem)
        self._discard()

    def _discard(self) -> None:
        """Close, but not at once: a client that still sends would lose the answer to a reset connection."""
        self._discarding = True
        self._waiting.clear()
        self.resume_reading()
        self.deadline = self.loop.time() + DISCARD_SECONDS

    def close(self) -> None:
        """Close once everything is sent, but do not wait for ever for a client that does not read."""
        self.transport.close()
        self.deadline = self.loop.time() + LINGER_SECONDS

    def expire(self) -> None:
        """The deadline is over."""
        if self.transport.is_closing():
            self.transport.abort()
        else:
            self.close()

    def shutdown(self) -> None:
        """The server stops: a request that runs is answered, nothing else is begun."""
        exchange = self._exchange
        if exchange is None or exchange.complete:
            self.close()
        else:
            exchange.keep_alive = False


def _address(value: Any) -> tuple[str, int] | None:
    return (str(value[0]), int(value[1])) if isinstance(value, tuple | list) else None


def _framing(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The headers that tell how long a body is; nothing when there is none."""
    told = [
        b"%b: %b\r\n" % (name, value)
        for name, value in headers
        if name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0"))
    ]
    return b"".join(told)
