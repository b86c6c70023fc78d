"""Who is calling: runs the authenticators, and lets nobody in whom one of them refused.

Every failure is the same 401; the reasons go to the passage log alone.
"""

from __future__ import annotations

from typing import Protocol

from sekisho.api import status
from sekisho.authn.interface import AuthnRequest, Identity, Outcome
from sekisho.server import responding
from sekisho.server.app import Filter
from sekisho.server.request import Handler, Request, Response
from sekisho.server.tls import PeerInfo
from sekisho.server.uvicorn_tls import PEER


class RequestAuthenticator(Protocol):
    async def authenticate(self, request: AuthnRequest) -> Outcome: ...


def authentication(authenticator: RequestAuthenticator) -> Filter:
    def wrap(handler: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            asked = AuthnRequest(
                request.headers, peer_chain(request), request.path, is_websocket_upgrade(request)
            )
            outcome = await authenticator.authenticate(asked)
            request.headers = list(asked.headers)
            for text in asked.warnings:
                request.warn(text)
            request.annotations.update(asked.annotations)
            if request.passage is not None:
                request.passage.authenticated(asked.trail, outcome)
            if not isinstance(outcome, Identity):
                return responding.respond_error(request, status.unauthorized())
            request.identity = outcome
            request.user = outcome.user
            return await handler(request)

        return handle

    return wrap


def peer_chain(request: Request) -> tuple[bytes, ...] | None:
    """The client's certificates as DER, leaf first, as the TLS layer left them in the scope."""
    peer: PeerInfo | None = request.scope["state"].get(PEER)
    return peer.chain if peer is not None else None


def is_websocket_upgrade(request: Request) -> bool:
    upgrade = request.header(b"upgrade")
    return upgrade.lower() == "websocket" and "upgrade" in request.header(b"connection").lower()
