"""Reads the path into a RequestInfo, and the deadline that `?timeout=` may lower."""

from __future__ import annotations

import asyncio

from sekisho.api import status
from sekisho.api.time import parse_go_duration
from sekisho.server import requestinfo
from sekisho.server.app import Filter
from sekisho.server.request import Handler, Request, Response, text

REQUEST_TIMEOUT = 60.0
WRITE_TIMEOUT = 34.0
WRITES = frozenset(("create", "update", "patch", "delete", "deletecollection"))


def request_info() -> Filter:
    def wrap(handler: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            try:
                request.info = requestinfo.parse(request.method, request.path, request.query)
            except requestinfo.UnreadablePath as error:
                uri = request.path
                return text(500, f'Internal Server Error: "{uri}": failed to create RequestInfo: {error}\n')
            return await handler(request)

        return handle

    return wrap


def deadline() -> Filter:
    """504 for what takes too long; streams and other long-running requests have no deadline."""

    def wrap(handler: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            if request.info.long_running:
                return await handler(request)
            seconds = _seconds(request)
            try:
                async with asyncio.timeout(seconds):
                    return await handler(request)
            except TimeoutError:
                raise status.timeout(
                    "request did not complete within requested timeout - context deadline exceeded"
                )

        return handle

    return wrap


def _seconds(request: Request) -> float:
    limit = WRITE_TIMEOUT if request.info.verb in WRITES else REQUEST_TIMEOUT
    if not request.query_string or "timeout" not in request.query:
        return limit
    given = request.query["timeout"][0]
    if not given:
        return limit
    try:
        seconds = parse_go_duration(given)
    except ValueError as error:
        raise status.bad_request(f"invalid timeout specified in the request URL - {error}")
    return seconds if 0 < seconds < limit else limit
