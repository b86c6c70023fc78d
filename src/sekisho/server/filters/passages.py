"""Leaves a passage of every request in the ring: who, what, by which rule, with which answer, how long."""

from __future__ import annotations

from sekisho.api.clock import Clock
from sekisho.explain.passages import PassageLog
from sekisho.server.app import Filter
from sekisho.server.request import Handler, Request, Response


def passages(log: PassageLog, clock: Clock) -> Filter:
    def wrap(handler: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            passage = log.begin(
                audit_id=request.audit_id,
                time=request.received,
                method=request.method,
                path=request.path,
                query=request.query_string,
                user_agent=request.header(b"user-agent"),
            )
            request.passage = passage
            start = clock.monotonic()
            response = await handler(request)
            passage.finish(response.code, clock.monotonic() - start)
            return response

        return handle

    return wrap
