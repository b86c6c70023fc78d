from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
import uvloop
from uvicorn.server import ServerState

from sekisho.credentials import pki
from sekisho.credentials.certificates import KeyPair, issue_client
from sekisho.server import tlsprotocol
from sekisho.server.tls import ServerTLS
from sekisho.server.uvicorn_tls import PEER, protocol_class

PKI = pki.create(pki.ServingNames(), 1_700_000_000.0)
SERVING = pki.create(pki.ServingNames(), time.time())
OTHER = pki.create(pki.ServingNames(), 1_700_000_000.0)
BIG = b"0123456789abcdef" * 200_000


async def application(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        body += message["body"]
        if not message["more_body"]:
            break
    if scope["path"] == "/big":
        answer = BIG
    elif scope["path"] == "/echo":
        answer = body
    else:
        peer = scope["state"][PEER]
        answer = json.dumps(
            {
                "scheme": scope["scheme"],
                "client": scope["client"][0],
                "chain": None if peer.chain is None else [len(c) for c in peer.chain],
                **{k: v for k, v in scope["extensions"]["tls"].items() if k != "server_cert"},
            }
        ).encode()
    headers = [(b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


class Running:
    def __init__(self, port: int, tls: ServerTLS, state: ServerState) -> None:
        self.port, self.tls, self.state = port, tls, state

    def client_context(self, pair: KeyPair | None = None, folder: Path | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=SERVING.ca.certificate.decode())
        if pair is not None and folder is not None:
            (folder / "pair.pem").write_bytes(pair.certificate + (pair.key or b""))
            context.load_cert_chain(folder / "pair.pem")
        return context

    async def get(
        self, path: str = "/", context: ssl.SSLContext | None = None, **more: Any
    ) -> httpx.Response:
        async with httpx.AsyncClient(verify=context or self.client_context()) as client:
            return await client.request(
                more.pop("method", "GET"), f"https://localhost:{self.port}{path}", **more
            )


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[Running]:
    tls = ServerTLS(SERVING.apiserver.certificate, SERVING.apiserver.key or b"", [SERVING.ca.certificate])
    config = uvicorn.Config(application, http=protocol_class(tls), lifespan="off", log_level="critical")
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: config.http_protocol_class(config=config, server_state=state, app_state={}),  # type: ignore[call-arg]
        "127.0.0.1",
        0,
    )
    try:
        yield Running(server.sockets[0].getsockname()[1], tls, state)
    finally:
        server.close()
        for connection in list(state.connections):
            connection.shutdown()
        for _ in range(200):
            if not state.connections:
                break
            await asyncio.sleep(0.005)
        assert not state.connections


def run(test: Callable[[Running], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(20), running() as server:
            await test(server)

    for factory in (asyncio.new_event_loop, uvloop.new_event_loop):
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(main())


def test_without_a_certificate() -> None:
    async def check(server: Running) -> None:
        told = (await server.get()).json()
        assert told["scheme"] == "https"
        assert told["client"] == "127.0.0.1"
        assert told["chain"] is None
        assert told["client_cert_chain"] == []
        assert told["client_cert_name"] is None
        assert told["tls_version"] == 0x0304
        assert told["cipher_suite"] in (0x1301, 0x1302, 0x1303)

    run(check)


@pytest.mark.parametrize(
    "pair",
    [
        PKI.admin,
        OTHER.admin,
        PKI.apiserver,
        issue_client(PKI.authority(), "alice", ("dev",), now=1_000_000_000.0),
        issue_client(PKI.authority(), "", now=1_900_000_000.0),
    ],
    ids=["known", "unknown authority", "for servers", "expired", "of the future without a name"],
)
def test_any_certificate_reaches_the_application(pair: KeyPair, tmp_path: Path) -> None:
    async def check(server: Running) -> None:
        told = (await server.get(context=server.client_context(pair, tmp_path))).json()
        assert told["chain"] == [len(ssl.PEM_cert_to_DER_cert(pair.certificate.decode()))]
        assert told["client_cert_chain"][0].strip() == pair.certificate.decode().strip()

    run(check)


def test_intermediates_come_along(tmp_path: Path) -> None:
    async def check(server: Running) -> None:
        pair = KeyPair(PKI.admin.certificate + PKI.ca.certificate, PKI.admin.key)
        told = (await server.get(context=server.client_context(pair, tmp_path))).json()
        assert len(told["chain"]) == 2
        assert told["client_cert_name"] == "CN=kubernetes-admin,O=system:masters"

    run(check)


def test_tls_1_2_and_not_less() -> None:
    async def check(server: Running) -> None:
        context = server.client_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        assert (await server.get(context=context)).json()["tls_version"] == 0x0303
        old = server.client_context()
        old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(httpx.ConnectError):
            await server.get(context=old)

    run(check)


@pytest.mark.parametrize("offered", [["h2", "http/1.1"], ["http/1.1"], ["h2"], []])
def test_alpn(offered: list[str]) -> None:
    async def check(server: Running) -> None:
        context = server.client_context()
        if offered:
            context.set_alpn_protocols(offered)
        reader, writer = await asyncio.open_connection("localhost", server.port, ssl=context)
        chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        assert chosen == ("http/1.1" if "http/1.1" in offered else None)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()

    run(check)


def test_large_bodies_both_ways() -> None:
    async def check(server: Running) -> None:
        assert (await server.get("/big")).content == BIG
        assert (await server.get("/echo", method="POST", content=BIG)).content == BIG

    run(check)


def test_keep_alive_and_pipelining() -> None:
    async def check(server: Running) -> None:
        reader, writer = await asyncio.open_connection("localhost", server.port, ssl=server.client_context())
        for _ in range(3):
            writer.write(b"GET /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi" * 5)
            for _ in range(5):
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200")
                assert await reader.readexactly(2) == b"hi"
        writer.close()

    run(check)


def test_a_slow_reader_gets_everything() -> None:
    async def check(server: Running) -> None:
        reader, writer = await asyncio.open_connection(
            "localhost", server.port, ssl=server.client_context(), limit=1024
        )
        writer.write(b"GET /big HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        got = 0
        while got < len(BIG):
            got += len(await reader.read(1000 if got < 50_000 else 65536))
            if got < 50_000:
                await asyncio.sleep(0)
        assert got == len(BIG)
        writer.close()

    run(check)


@pytest.mark.parametrize("step", [1, 3, 100])
def test_bytes_may_come_in_any_pieces(step: int) -> None:
    async def check(server: Running) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = server.client_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

        async def flush() -> None:
            data = outgoing.read()
            for i in range(0, len(data), step):
                writer.write(data[i : i + step])
                await writer.drain()
                await asyncio.sleep(0)

        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                await flush()
                incoming.write(await reader.read(65536))
        client.write(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello")
        await flush()
        answer = b""
        while b"hello" not in answer:
            incoming.write(await reader.read(65536))
            try:
                answer += client.read(65536)
            except ssl.SSLWantReadError:
                continue
        writer.close()

    run(check)


@pytest.mark.parametrize(
    "garbage", [b"\x00" * 50, b"\x16\x03\x01\x40\x01" + b"\xff" * 600, bytes(range(256)) * 300]
)
def test_garbage_is_hung_up_on(garbage: bytes) -> None:
    async def check(server: Running) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(garbage)
        with contextlib.suppress(ConnectionResetError):
            await reader.read()
        writer.close()
        assert (await server.get()).status_code == 200

    run(check)


def test_plain_http_gets_upstreams_answer() -> None:
    async def check(server: Running) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        answer = await reader.read()
        assert answer == b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
        writer.close()

    run(check)


def test_half_a_handshake_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tlsprotocol, "HANDSHAKE_TIMEOUT", 0.05)

    async def check(server: Running) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"\x16\x03\x01\x02\x00\x01")
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()

    run(check)


def test_resets_leave_nothing_behind() -> None:
    async def check(server: Running) -> None:
        for stage in range(3):
            raw = socket.create_connection(("127.0.0.1", server.port))
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            raw.setblocking(False)
            if stage:
                reader, writer = await asyncio.open_connection(
                    sock=raw, ssl=server.client_context(), server_hostname="localhost"
                )
                if stage == 2:
                    writer.write(b"GET /big HTTP/1.1\r\nhost: x\r\n\r\n")
                    await reader.readexactly(100)
                writer.transport.abort()
            raw.close()
        assert (await server.get()).status_code == 200

    run(check)


def test_goodbye_is_said_on_close() -> None:
    async def check(server: Running) -> None:
        reader, writer = await asyncio.open_connection("localhost", server.port, ssl=server.client_context())
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert b"200 OK" in await reader.read()  # a missing close_notify would raise
        writer.close()

    run(check)


def test_a_session_is_never_resumed() -> None:
    async def check(server: Running) -> None:
        context = server.client_context()

        def twice() -> bool:
            session = None
            for _ in range(2):
                with (
                    socket.create_connection(("127.0.0.1", server.port)) as raw,
                    context.wrap_socket(raw, server_hostname="localhost", session=session) as wrapped,
                ):
                    wrapped.sendall(b"GET /echo HTTP/1.1\r\nhost: x\r\n\r\n")
                    wrapped.recv(1000)
                    session, reused = wrapped.session, wrapped.session_reused
            return bool(reused)

        assert not await asyncio.to_thread(twice)

    run(check)


def test_the_certificate_changes_without_a_restart() -> None:
    async def check(server: Running) -> None:
        async def served() -> bytes:
            _, writer = await asyncio.open_connection("localhost", server.port, ssl=server.client_context())
            der: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.close()
            return der

        before = await served()
        names = pki.ServingNames()
        renewed = pki.new_leaf("apiserver", SERVING.authority(), names, time.time())
        server.tls.load(renewed.certificate, renewed.key or b"")
        assert await served() != before
        with pytest.raises(ValueError, match="cannot be used"):
            server.tls.load(renewed.certificate, SERVING.apiserver.key or b"")
        assert (await server.get()).status_code == 200

    run(check)
