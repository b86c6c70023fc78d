"""Our HTTP protocol behind our TLS: the class to give to uvicorn as `http`."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from sekisho.server.httpprotocol import HttpProtocol
from sekisho.server.reaper import Reaper
from sekisho.server.tls import PeerInfo, ServerTLS
from sekisho.server.tlsprotocol import TLSProtocol

PEER = "sekisho.peer"
"""Key of `scope["state"]` under which requests find the connection's PeerInfo."""


class PeerHttpProtocol(HttpProtocol):
    """Puts what TLS knows of the peer into each request's scope (ASGI TLS extension)."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer: PeerInfo | None = transport.get_extra_info("peer_info")
        if peer is not None:
            self.extensions = {"tls": peer.extension}
            self.app_state = {**self.app_state, PEER: peer}
        super().connection_made(transport)


def protocol_class(tls: ServerTLS) -> type[asyncio.Protocol]:
    """A protocol class that terminates TLS with `tls`, for uvicorn.Config(http=...)."""
    reaper = Reaper()

    class UvicornTLS(TLSProtocol):
        def __init__(
            self,
            config: Config,
            server_state: ServerState,
            app_state: dict[str, Any],
            _loop: asyncio.AbstractEventLoop | None = None,
        ) -> None:
            loop = _loop or asyncio.get_running_loop()
            self._state = server_state
            application = config.loaded_app

            def make() -> PeerHttpProtocol:
                return PeerHttpProtocol(application, server_state, reaper, loop, app_state)

            super().__init__(tls, make, loop)

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self._state.connections.add(self)  # type: ignore[arg-type]
            super().connection_made(transport)

        def handshake_done(self) -> None:
            self._state.connections.discard(self)

        def connection_lost(self, exc: Exception | None) -> None:
            self._state.connections.discard(self)
            super().connection_lost(exc)

        def shutdown(self) -> None:
            """uvicorn is stopping: a request may end, a handshake is not waited for."""
            if self.inner is None and self._raw is not None:
                self._raw.abort()

    return UvicornTLS
