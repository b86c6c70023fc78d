from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sekisho.credentials import pki
from sekisho.credentials.certificates import KeyPair
from sekisho.credentials.outgoing import CallError, HttpCaller, OutgoingError, target_of, tls_context

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
        assert not caught.value.lost
        await call.close()

    run(SERVING.apiserver, tmp_path, check)


KUBECONFIG = """
current-context: w
contexts: [{name: w, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: 'https://w:1/review', certificate-authority: ca.crt}}]
users: [{name: u, user: {token: t, client-certificate: c.crt, client-key: c.key}}]
"""


def kubeconfig(folder: Path, text: str) -> Path:
    (folder / "ca.crt").write_bytes(SERVING.ca.certificate)
    (folder / "c.crt").write_bytes(SERVING.admin.certificate)
    (folder / "c.key").write_bytes(SERVING.admin.key or b"")
    path = folder / "webhook.yaml"
    path.write_text(text)
    return path


def test_a_kubeconfig_names_the_server(tmp_path: Path) -> None:
    target = target_of(kubeconfig(tmp_path, KUBECONFIG), 3)
    assert (target.url, target.token()) == ("https://w:1/review", "t")
    assert isinstance(target.caller, HttpCaller)
    assert target.caller.timeout == 3
    target = target_of(kubeconfig(tmp_path, KUBECONFIG.replace("token: t", "token: t, tokenFile: f")))
    with pytest.raises(CallError, match="cannot read the token file"):
        target.token()
    for text in ("one", "two"):
        (tmp_path / "f").write_text(f"{text}\n")
        assert target.token() == text


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("current-context: nope", 'invalid configuration: context "nope" does not exist'),
        ("", "invalid configuration: no configuration has been provided"),
        ("a: b: c", "error loading config file .*not YAML"),
        (KUBECONFIG.replace("cluster: c,", "cluster: x,"), 'cluster "x" does not exist'),
        (KUBECONFIG.replace("server: 'https://w:1/review', ", ""), 'no server found for cluster "c"'),
        (KUBECONFIG.replace("ca.crt", "none"), "unable to read certificate-authority none: no such file"),
        (KUBECONFIG.replace("-authority: ca.crt", "-authority: c.key"), "unable to load TLS certificates"),
        (KUBECONFIG.replace("client-key: ", "client-key-data: "), "client-key is not base64"),
    ],
)
def test_kubeconfigs_that_are_no_good(tmp_path: Path, text: str, error: str) -> None:
    with pytest.raises(OutgoingError, match=error):
        target_of(kubeconfig(tmp_path, text))


def test_a_kubeconfig_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutgoingError, match=r"stat .*absent: no such file or directory"):
        target_of(tmp_path / "absent")


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
