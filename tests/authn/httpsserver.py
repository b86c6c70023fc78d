"""A small HTTPS server that answers JSON, for webhooks; it asks for a client certificate of its authority."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from sekisho.credentials import pki

Answer = dict[str, Any] | tuple[int, dict[str, Any]]
"""A body, or a status code and a body."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are their own affair."""


class HttpsServer:
    """`answer` is given each request's body; `seen` keeps bodies, paths and headers."""

    def __init__(self, folder: Path, answer: Callable[[dict[str, Any]], Answer]) -> None:
        self.answer = answer
        self.seen: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.pki = pki.create(pki.ServingNames(), time.time())
        self.folder = folder
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.socket = self._context().wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def _context(self) -> ssl.SSLContext:
        names = {"tls.pem": self.pki.apiserver, "client.crt": self.pki.admin}
        for name, pair in names.items():
            (self.folder / name).write_bytes(pair.certificate + (pair.key or b""))
        (self.folder / "client.key").write_bytes(self.pki.admin.key or b"")
        (self.folder / "webhook-ca.crt").write_bytes(self.pki.ca.certificate)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.folder / "webhook-ca.crt")
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(self.folder / "tls.pem")
        return context

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.seen.append(body)
                outer.paths.append(self.path)
                outer.headers.append({k.lower(): v for k, v in self.headers.items()})
                found = outer.answer(body)
                code, value = found if isinstance(found, tuple) else (200, found)
                data = json.dumps(value).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler

    def kubeconfig(self, path: str = "/review", **user: Any) -> Path:
        """Where this server is, and with which client certificate."""
        cluster = {"server": self.url + path, "certificate-authority": "webhook-ca.crt"}
        client = {"client-certificate": "client.crt", "client-key": "client.key", **user}
        config = {
            "current-context": "w",
            "contexts": [{"name": "w", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": client}],
        }
        file = self.folder / "webhook-kubeconfig"
        file.write_text(yaml.safe_dump(config))
        return file

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def https_server(folder: Path, answer: Callable[[dict[str, Any]], Answer]) -> Iterator[HttpsServer]:
    server = HttpsServer(folder, answer)
    try:
        yield server
    finally:
        server.stop()
