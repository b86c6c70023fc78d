from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState

from sekisho.server import httpprotocol
from sekisho.server.httpprotocol import TAKEOVER, HttpProtocol
from sekisho.server.reaper import Reaper

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"


class Wire(asyncio.Transport):
    """The transport's side of a connection: keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.writes = 0
        self.closed = self.aborted = self.paused = False
        self.protocol: asyncio.BaseProtocol | None = None

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 7) if name in ("sockname", "peername") else default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data
        self.writes += 1

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol


class Application:
    """Answers every request with what it saw; `gate`, when set, is waited for before the answer."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Any]] = []
        self.bodies: list[bytes | None] = []
        self.gate: asyncio.Event | None = None
        self.disconnects = 0
        self.headers: list[tuple[bytes, bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        if scope["path"] == "/fails":
            raise RuntimeError("as asked")
        if scope["path"] == "/silent":
            return
        if scope["path"] == "/unread":
            await answer(send, b"unread")
            return
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.disconnects += 1
                self.bodies.append(None)
                return
            body += message["body"]
            more = message["more_body"]
        self.bodies.append(body)
        if scope["path"] == "/stream":
            await self.stream(receive, send)
            return
        if self.gate is not None:
            await self.gate.wait()
        await answer(send, b"%b %b" % (scope["method"].encode(), body), self.headers)

    async def stream(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        assert (await receive())["type"] == "http.disconnect"
        self.disconnects += 1
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def answer(send: Any, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 200, "headers": [length, *(headers or [])]})
    await send({"type": "http.response.body", "body": body})


class Connection:
    def __init__(self) -> None:
        self.app = Application()
        self.wire = Wire()
        self.state = ServerState()
        self.reaper = Reaper()
        loop = asyncio.get_running_loop()
        self.protocol = HttpProtocol(self.app, self.state, self.reaper, loop, {})
        self.protocol.connection_made(self.wire)

    async def send(self, data: bytes) -> bytes:
        """What is answered at once."""
        before = len(self.wire.sent)
        self.protocol.data_received(data)
        await settle()
        return self.wire.sent[before:]

    def close(self) -> None:
        self.protocol.connection_lost(None)


async def settle() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


def run(test: Callable[[Connection], Any]) -> None:
    async def with_connection() -> None:
        connection = Connection()
        try:
            await test(connection)
        finally:
            connection.close()
            await settle()
            assert not connection.state.tasks
            assert not connection.state.connections

    asyncio.run(with_connection())


def code(response: bytes) -> int:
    return int(response.split()[1])


def test_an_answer_leaves_in_one_write_and_keeps_the_connection() -> None:
    async def test(c: Connection) -> None:
        first = await c.send(GET)
        assert first.startswith(b"HTTP/1.1 200 OK\r\n")
        assert first.endswith(b"\r\n\r\nGET ")
        assert c.wire.writes == 1
        assert code(await c.send(GET)) == 200
        assert not c.wire.closed

    run(test)


@pytest.mark.parametrize("method", ["FETCH", "get", "PROPFIND", "CONNECT", "A", "x-y~z", "PRI", "M-SEARCH"])
@pytest.mark.parametrize("cut", [0, 1, 3])
def test_methods_that_the_parser_does_not_know_reach_the_application(method: str, cut: int) -> None:
    async def test(c: Connection) -> None:
        data = f"{method} /a?b=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi".encode()
        if cut:
            assert await c.send(data[:cut]) == b""
        answered = await c.send(data[cut:])
        assert answered.endswith(f"{method} hi".encode())
        assert c.app.scopes[0]["method"] == method
        assert (await c.send(GET)).endswith(b"GET ")

    run(test)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"G{T / HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01 garbage\r\n\r\n", 400),
        (b"nothing-of-http\r\n", 400),
        (b"x" * 2000, 400),
        (b"GET /a HTTP/1.1\r\n\r\n", 400),
        (b"GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * (1024 * 1024 + 5000), 431),
        (b"GET /" + b"y" * (1024 * 1024 + 5000), 431),
    ],
)
def test_what_is_no_request_is_answered_and_the_connection_ends(data: bytes, expected: int) -> None:
    async def test(c: Connection) -> None:
        answered = b"".join([await c.send(data[i : i + 16384]) for i in range(0, len(data), 16384)])
        assert code(answered) == expected
        assert b"\r\nconnection: close\r\n" in answered
        assert await c.send(GET) == b""
        assert c.protocol.deadline <= c.protocol.loop.time() + httpprotocol.DISCARD_SECONDS
        c.protocol.expire()
        assert c.wire.closed
        assert not c.app.bodies

    run(test)


def test_the_target_is_decoded() -> None:
    async def test(c: Connection) -> None:
        await c.send(b"GET /a%2Fb%C3%BC%ff?x=%zz#y HTTP/1.1\r\nHost: x\r\n\r\n")
        await c.send(b"GET https://x.example.com/abs?q HTTP/1.1\r\nHost: x\r\n\r\n")
        await c.send(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
        assert [(s["path"], s["query_string"]) for s in c.app.scopes] == [
            ("/a/bü�", b"x=%zz#y"),
            ("/abs", b"q"),
            ("*", b""),
        ]

    run(test)


def test_requests_sent_ahead_are_answered_in_order() -> None:
    async def test(c: Connection) -> None:
        c.app.gate = asyncio.Event()
        assert await c.send(GET + b"PUT /b HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nz" + GET) == b""
        assert len(c.app.scopes) == 1
        assert c.wire.paused
        c.app.gate.set()
        for _ in range(4):
            await settle()
        assert [s["method"] for s in c.app.scopes] == ["GET", "PUT", "GET"]
        assert c.app.bodies == [b"", b"z", b""]
        assert not c.wire.paused

    run(test)


def test_a_large_body_waits_for_the_application() -> None:
    async def test(c: Connection) -> None:
        c.app.gate = asyncio.Event()
        await c.send(GET)
        size = 300_000
        head = b"PUT /b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
        c.protocol.data_received(head + b"z" * 100_000)
        assert c.wire.paused
        c.app.gate.set()
        for _ in range(4):
            await settle()
        assert not c.wire.paused
        c.protocol.data_received(b"z" * 200_000)
        for _ in range(4):
            await settle()
        assert c.app.bodies[1] == b"z" * size

    run(test)


def test_chunks_and_trailers() -> None:
    async def test(c: Connection) -> None:
        head = b"PUT /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        answered = await c.send(head + b"2\r\nab\r\n1\r\nc\r\n0\r\nX-Trailer: y\r\n\r\n")
        assert answered.endswith(b"PUT abc")
        assert (b"x-trailer", b"y") not in c.app.scopes[0]["headers"]
        assert code(await c.send(GET)) == 200

    run(test)


def test_chunks_that_are_all_frame_and_no_body_end_the_request() -> None:
    async def test(c: Connection) -> None:
        head = b"PUT /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        await c.send(head)
        answered = b""
        for _ in range(80):
            answered += await c.send(b"1;" + b"e" * 16000 + b"\r\nx\r\n")
        assert code(answered) == 400
        assert c.app.bodies == [None]

    run(test)


def test_a_broken_body_is_a_bad_request() -> None:
    async def test(c: Connection) -> None:
        answered = await c.send(b"PUT /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        assert code(answered) == 400
        assert c.app.disconnects == 1

    run(test)


def test_garbage_behind_a_request_does_not_spoil_its_answer() -> None:
    async def test(c: Connection) -> None:
        c.app.gate = asyncio.Event()
        await c.send(GET + b"{{{{ garbage\r\n\r\n")
        c.app.gate.set()
        await settle()
        assert c.wire.sent.startswith(b"HTTP/1.1 200 OK")
        assert c.wire.sent.count(b"HTTP/1.1") == 1
        assert c.wire.closed

    run(test)


def test_continue_is_said_when_the_body_is_wanted() -> None:
    async def test(c: Connection) -> None:
        head = b"PUT /b HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
        assert await c.send(head) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert code(await c.send(b"x")) == 200
        unread = head.replace(b"/b", b"/unread")
        assert code(await c.send(unread)) == 200

    run(test)


def test_a_body_that_nobody_reads_is_read_to_its_end_within_bounds() -> None:
    async def test(c: Connection) -> None:
        head = b"PUT /unread HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        assert code(await c.send(head % 1000 + b"x" * 100)) == 200
        await c.send(b"x" * 900)
        assert code(await c.send(GET)) == 200
        assert code(await c.send(head % 10_000_000)) == 200
        for _ in range(20):
            await c.send(b"x" * 16384)
        assert c.protocol.deadline <= c.protocol.loop.time() + httpprotocol.DISCARD_SECONDS

    run(test)


def test_a_client_that_closes_its_half_gets_its_answer() -> None:
    async def test(c: Connection) -> None:
        c.app.gate = asyncio.Event()
        await c.send(GET)
        assert c.protocol.eof_received() is True
        c.app.gate.set()
        await settle()
        assert code(c.wire.sent) == 200
        assert c.wire.closed

    run(test)


def test_a_stream_ends_when_the_client_closes_its_half() -> None:
    async def test(c: Connection) -> None:
        await c.send(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        assert c.wire.sent.endswith(b"3\r\none\r\n")
        assert c.protocol.eof_received() is True
        await settle()
        assert c.app.disconnects == 1
        assert c.wire.sent.endswith(b"0\r\n\r\n")
        assert c.wire.closed

    run(test)


def test_a_client_that_leaves_before_its_request_is_whole() -> None:
    async def test(c: Connection) -> None:
        await c.send(b"PUT /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
        assert c.protocol.eof_received() is False
        c.protocol.connection_lost(None)
        await settle()
        assert c.app.bodies == [None]

    run(test)


def test_an_application_that_fails_is_answered_for(caplog: pytest.LogCaptureFixture) -> None:
    async def test(c: Connection) -> None:
        for path in (b"/fails", b"/silent"):
            connection = Connection()
            answered = await connection.send(GET.replace(b"/a", path))
            assert code(answered) == 500
            assert connection.wire.closed
            connection.close()

    run(test)
    assert "as asked" in caplog.text


def test_a_header_with_a_line_break_never_leaves(caplog: pytest.LogCaptureFixture) -> None:
    async def test(c: Connection) -> None:
        c.app.headers = [(b"x", b"a\r\nset-cookie: b")]
        answered = await c.send(GET)
        assert code(answered) == 500
        assert b"set-cookie" not in answered

    run(test)


def test_old_clients_and_those_that_close() -> None:
    async def test(c: Connection) -> None:
        old = await c.send(b"GET /stream HTTP/1.0\r\n\r\n")
        assert b"transfer-encoding" not in old
        assert b"connection: close\r\n" in old
        other = Connection()
        assert b"connection: close\r\n" in await other.send(GET[:-2] + b"Connection: close\r\n\r\n")
        assert other.wire.closed
        other.close()

    run(test)


def test_head_has_no_body() -> None:
    async def test(c: Connection) -> None:
        answered = await c.send(GET.replace(b"GET", b"HEAD"))
        assert b"content-length: 5\r\n" in answered
        assert answered.endswith(b"\r\n\r\n")
        assert code(await c.send(GET)) == 200

    run(test)


def test_time_limits() -> None:
    async def test(c: Connection) -> None:
        now = c.protocol.loop.time()
        assert now + 30 < c.protocol.deadline <= now + httpprotocol.HEAD_SECONDS + 1
        await c.send(GET[:10])
        assert c.protocol.deadline <= now + httpprotocol.HEAD_SECONDS + 1
        await c.send(GET[10:])
        assert now + 80 < c.protocol.deadline <= now + httpprotocol.IDLE_SECONDS + 1
        c.app.gate = asyncio.Event()
        await c.send(GET)
        assert c.protocol.deadline == float("inf")
        c.app.gate.set()
        await settle()
        c.protocol.expire()
        assert c.wire.closed
        assert not c.wire.aborted
        c.protocol.expire()
        assert c.wire.aborted

    run(test)


def test_shutdown_lets_a_request_end() -> None:
    async def test(c: Connection) -> None:
        c.app.gate = asyncio.Event()
        await c.send(GET)
        c.protocol.shutdown()
        assert not c.wire.closed
        c.app.gate.set()
        await settle()
        assert b"connection: close" in c.wire.sent
        assert c.wire.closed
        idle = Connection()
        idle.protocol.shutdown()
        assert idle.wire.closed
        idle.close()

    run(test)


UPGRADE = b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n"


class Other(asyncio.Protocol):
    def __init__(self) -> None:
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data


def test_a_connection_can_be_taken_over() -> None:
    async def test(c: Connection) -> None:
        other = Other()

        async def application(scope: Any, receive: Any, send: Any) -> None:
            assert scope["extensions"][TAKEOVER](lambda transport: other) is other

        c.protocol._application = application
        await c.send(UPGRADE + b"first")
        assert other.received == b"first"
        assert c.wire.protocol is other
        assert c.wire.sent == b""
        assert not c.wire.closed

    run(test)


def test_an_upgrade_that_nobody_wants_is_an_ordinary_request() -> None:
    async def test(c: Connection) -> None:
        assert code(await c.send(UPGRADE + GET)) == 200
        await settle()
        assert len(c.app.scopes) == 2
        body = UPGRADE.replace(b"GET", b"PUT")[:-2] + b"Content-Length: 4\r\n\r\nbody"
        assert (await c.send(body + GET)).startswith(b"HTTP/1.1 200")
        await settle()
        assert c.app.bodies == [b"", b"", b"body", b""]
        assert TAKEOVER not in c.app.scopes[2]["extensions"]

    run(test)


PIECES = st.lists(
    st.sampled_from(
        [
            GET,
            b"GET /unread HTTP/1.1\r\nHost: x\r\n\r\n",
            b"FETCH /x HTTP/1.1\r\nHost: y\r\n\r\n",
            b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
            b"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"3\r\nabc\r\n",
            b"0\r\n\r\n",
            UPGRADE,
            b"\r\n",
            b"\x00\xff",
            b"HTTP/1.1 200 OK\r\n\r\n",
        ]
    )
    | st.binary(max_size=40),
    max_size=8,
)


@given(PIECES, st.integers(1, 200))
def test_no_bytes_make_it_fail(pieces: list[bytes], step: int) -> None:
    data = b"".join(pieces)

    async def test(c: Connection) -> None:
        for start in range(0, len(data), step):
            c.protocol.data_received(data[start : start + step])
            await settle()
        c.protocol.eof_received()
        await settle()

    run(test)
