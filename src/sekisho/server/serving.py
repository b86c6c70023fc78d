"""Listening: uvicorn on a socket of ours, with TLS that lets every client certificate reach the application."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence

import uvicorn

from sekisho.credentials.certificates import KeyPair
from sekisho.server.app import Application
from sekisho.server.tls import ServerTLS
from sekisho.server.uvicorn_tls import protocol_class

STOP_SECONDS = 4
"""How long requests may take to finish when the server stops."""


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the process belongs to the command, or to a test."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Listener:
    """One TLS listener. `start` returns when connections are accepted."""

    def __init__(
        self, app: Application, sock: socket.socket, serving: KeyPair, client_authorities: Sequence[bytes]
    ) -> None:
        """`client_authorities` are PEM bundles. ValueError when certificate and key do not fit."""
        self._app = app
        self._sock = sock
        self.port: int = sock.getsockname()[1]
        self.tls = ServerTLS(serving.certificate, serving.key or b"", client_authorities)
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        config = uvicorn.Config(
            self._app,
            http=protocol_class(self.tls),
            interface="asgi3",
            lifespan="off",
            proxy_headers=False,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
            backlog=1024,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._sock]))
        while not self._server.started:
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0.001)

    async def stop(self) -> None:
        """Streams end at once, requests that run may finish, then connections close."""
        self._app.stop_streams()
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
        self._sock.close()
