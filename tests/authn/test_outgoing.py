from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sekisho.authn.outgoing import CallError, HttpCaller, tls_context
from sekisho.credentials import pki
from sekisho.credentials.certificates import KeyPair

SERVING = pki.create(pki.ServingNames(), time.time())
OTHER = pki.create(pki.ServingNames(), time.time())


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    path = head.split(b" ")[1]
    if path == b"/moved":
        writer.write(
            b"HTTP/1.1 302 Found\r\nlocation: /here\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
    elif path == b"/slow":
        await asyncio.sleep(5)
    elif path == b"/huge":
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + b"x" * 4_000_000)
    else:
        body = b"token" if b"authorization" in head.lower() else path
        writer.write(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=5\r\nconnection: close\r\n\r\n" + body)
    writer.close()


def run(pair: KeyPair, folder: Path, test: Callable[[str], Awaitable[None]]) -> None:
    async def main() -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        (folder / "pair.pem").write_bytes(pair.certificate + (pair.key or b""))
        context.load_cert_chain(folder / "pair.pem")
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
        async with server:
            await test(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")

    asyncio.run(main())


def test_calls_over_tls(tmp_path: Path) -> None:
    async def check(url: str) -> None:
        call = HttpCaller(tls_context(SERVING.ca.certificate.decode()), timeout=0.3)
        found = await call("GET", f"{url}/a")
        assert (found.status, found.body, found.headers["cache-control"]) == (200, b"/a", "max-age=5")
        assert (await call("GET", f"{url}/moved")).body == b"/here"
        moved = await call("GET", f"{url}/moved", headers={"Authorization": "Bearer x"})
        assert moved.status == 302, "a credential is not carried elsewhere"
        for path, text in (("/slow", "timed out"), ("/huge", "too large")):
            with pytest.raises(CallError, match=text):
                await call("GET", url + path)
        with pytest.raises(CallError, match=r"GET http://127\.0\.0\.1:1/") as caught:
            await call("GET", "http://127.0.0.1:1/")
        assert caught.value.lost
        await call.close()

    run(SERVING.apiserver, tmp_path, check)


def test_another_authority_is_not_trusted(tmp_path: Path) -> None:
    async def check(url: str) -> None:
        call = HttpCaller(tls_context(SERVING.ca.certificate.decode()))
        with pytest.raises(CallError):
            await call("GET", url)
        unchecked = HttpCaller(tls_context(verify=False))
        assert (await unchecked("GET", f"{url}/a")).status == 200
        await call.close()
        await unchecked.close()

    run(OTHER.apiserver, tmp_path, check)
