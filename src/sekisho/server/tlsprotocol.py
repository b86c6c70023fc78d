"""A TLS connection: OpenSSL over memory buffers, between the socket's transport and an HTTP protocol.

An asyncio protocol that wraps the HTTP protocol of the server and hands it a transport of plain text.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from OpenSSL import SSL

from sekisho.server.tls import PeerInfo, ServerTLS, peer_info

HANDSHAKE_TIMEOUT = 10.0
"""Seconds a client has from connecting to the end of the handshake."""
RECORD = 16384
"""The most plain text one TLS record carries."""
_RECORD_OVERHEAD = 64
_HTTP_STARTS = (b"GET /", b"HEAD ", b"POST ", b"PUT /", b"OPTIO", b"PATCH", b"DELET")
_HTTP_ON_TLS = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"

ProtocolFactory = Callable[[], asyncio.Protocol]


class PlainTransport(asyncio.Transport):
    """The plain-text side of a TLS connection, as the HTTP protocol sees it."""

    def __init__(self, owner: TLSProtocol, raw: asyncio.Transport) -> None:
        super().__init__()
        self._owner = owner
        self._raw = raw
        self._closing = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The socket's, plus `sslcontext` (true, so that the scheme is https) and `peer_info`."""
        if name == "peer_info":
            return self._owner.peer
        if name == "sslcontext":
            return self._owner.tls
        return self._raw.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._owner.inner = protocol  # type: ignore[assignment]

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._owner.inner or self._owner

    def is_closing(self) -> bool:
        return self._closing or self._raw.is_closing()

    def close(self) -> None:
        """Send what is written, say goodbye, and close once it is sent."""
        if not self._closing:
            self._closing = True
            self._owner.close_gracefully()

    def abort(self) -> None:
        self._closing = True
        self._raw.abort()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._closing and data:
            self._owner.send(bytes(data))

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return False

    def is_reading(self) -> bool:
        return not self._owner.reading_paused

    def pause_reading(self) -> None:
        self._owner.pause_reading()

    def resume_reading(self) -> None:
        self._owner.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._raw.set_write_buffer_limits(high, low)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._raw.get_write_buffer_limits()

    def get_write_buffer_size(self) -> int:
        return self._raw.get_write_buffer_size()


class TLSProtocol(asyncio.Protocol):
    """One connection: OpenSSL between the socket and an HTTP protocol that is made after the handshake."""

    def __init__(
        self, tls: ServerTLS, make_inner: ProtocolFactory, loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        self.tls = tls
        self.peer = PeerInfo()
        self.inner: asyncio.Protocol | None = None
        self.reading_paused = False
        self._make_inner = make_inner
        self._loop = loop or asyncio.get_running_loop()
        self._connection = SSL.Connection(tls.context, None)
        self._connection.set_accept_state()
        self._server_certificate = tls.server_certificate
        self._raw: asyncio.Transport | None = None
        self._plain: PlainTransport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._first = True

    # The socket's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._raw = transport  # type: ignore[assignment]
        self._plain = PlainTransport(self, self._raw)  # type: ignore[arg-type]
        self._timer = self._loop.call_later(HANDSHAKE_TIMEOUT, self._too_slow)

    def _too_slow(self) -> None:
        if self._raw is not None:
            self._raw.abort()

    def data_received(self, data: bytes) -> None:
        if self._first:
            self._first = False
            if data.startswith(_HTTP_STARTS):
                self._refuse_plain_http()
                return
        try:
            self._connection.bio_write(data)
            if self.inner is None and not self._handshake():
                return
            if not self.reading_paused:
                self._read()
        except SSL.Error:
            self._fail()

    def _refuse_plain_http(self) -> None:
        if self._raw is not None:
            self._raw.write(_HTTP_ON_TLS)
            self._raw.close()

    def _handshake(self) -> bool:
        """One step; true once it is done and the HTTP protocol has its transport."""
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            self._flush()
            return False
        self._flush()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.peer = peer_info(self._connection, self._server_certificate)
        if self._plain is None or self._plain.is_closing():
            return False
        self.inner = self._make_inner()
        self.handshake_done()
        self.inner.connection_made(self._plain)
        return True

    def handshake_done(self) -> None:
        """For subclasses: the HTTP protocol exists and is about to be told of its connection."""

    def _read(self) -> None:
        """Hand on all plain text that has arrived, until the HTTP protocol asks to pause."""
        connection, plain = self._connection, self._plain
        if plain is None:
            return
        try:
            while not self.reading_paused and self.inner is not None and not plain.is_closing():
                self.inner.data_received(connection.recv(RECORD))
        except SSL.WantReadError:
            return
        except SSL.ZeroReturnError:
            self._peer_said_goodbye()

    def _peer_said_goodbye(self) -> None:
        """The peer sends no more, but may wait for an answer."""
        if self._plain is not None and not self.eof_received():
            self._plain.close()

    def _fail(self) -> None:
        """A broken peer: the alert that OpenSSL has prepared is all it gets."""
        if self._raw is not None and not self._raw.is_closing():
            self._flush()
            self._raw.close()

    def eof_received(self) -> bool:
        return self.inner is not None and bool(self.inner.eof_received())

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._plain is not None:
            self._plain._closing = True
        inner, self.inner = self.inner, None
        if inner is not None:
            inner.connection_lost(exc)

    def pause_writing(self) -> None:
        if self.inner is not None:
            self.inner.pause_writing()

    def resume_writing(self) -> None:
        if self.inner is not None:
            self.inner.resume_writing()

    # The HTTP protocol's side, through PlainTransport

    def send(self, data: bytes) -> None:
        """Encrypt and send at once: the HTTP protocol writes head and body of an answer together."""
        try:
            sent = self._connection.send(data)  # pyOpenSSL takes one record at a time
            if sent < len(data):
                rest = memoryview(data)
                while sent < len(data):
                    sent += self._connection.send(rest[sent:])
        except SSL.Error:
            self._fail()
            return
        self._flush(len(data))

    def _flush(self, plain: int = RECORD) -> None:
        """Move what OpenSSL has for the peer to the socket. `plain`: how much text it was just given."""
        if self._raw is None or self._raw.is_closing():
            return
        size = plain + (plain // RECORD + 2) * _RECORD_OVERHEAD
        try:
            while True:
                data = self._connection.bio_read(size)
                self._raw.write(data)
                if len(data) < size:
                    return
        except SSL.WantReadError:
            return

    def close_gracefully(self) -> None:
        """Send the close alert, and close the socket behind it."""
        with contextlib.suppress(SSL.Error):
            self._connection.shutdown()
        self._flush()
        if self._raw is not None:
            self._raw.close()

    def pause_reading(self) -> None:
        if not self.reading_paused:
            self.reading_paused = True
            if self._raw is not None and not self._raw.is_closing():
                self._raw.pause_reading()

    def resume_reading(self) -> None:
        if not self.reading_paused:
            return
        self.reading_paused = False
        if self._raw is not None and not self._raw.is_closing():
            self._raw.resume_reading()
        # What OpenSSL still holds is handed on from the loop: the caller is inside its own request.
        self._loop.call_soon(self._read_rest)

    def _read_rest(self) -> None:
        if self.reading_paused or self.inner is None:
            return
        try:
            self._read()
        except SSL.Error:
            self._fail()
