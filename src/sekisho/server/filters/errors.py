"""Outermost: the Audit-Id, the headers of every response, and errors turned into responses.

A StatusError raised anywhere inside becomes its Status; anything else is a fault of ours, logged with its
traceback and answered as upstream answers a panic.
"""

from __future__ import annotations

import asyncio
import logging

from sekisho.api.clock import Clock
from sekisho.api.random import RandomSource
from sekisho.api.status import StatusError
from sekisho.server import responding
from sekisho.server.app import Filter
from sekisho.server.request import ClientDisconnected, Handler, Request, Response, text

logger = logging.getLogger("sekisho.server")

NO_CACHE = (b"cache-control", b"no-cache, private")


def errors(clock: Clock, random: RandomSource) -> Filter:
    def wrap(handler: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            request.received = clock.now()
            request.audit_id = request.header(b"audit-id") or random.uuid()
            try:
                response = await handler(request)
            except StatusError as error:
                response = responding.respond_error(request, error)
            except (ClientDisconnected, asyncio.CancelledError):
                raise
            except Exception:
                logger.exception("%s %s failed", request.method, request.path)
                response = text(
                    500, "This request caused apiserver to panic. Look in the logs for details.\n"
                )
            if not any(name == b"cache-control" for name, _ in response.headers):
                response.headers.append(NO_CACHE)
            return response

        return handle

    return wrap
