"""Leaves a passage of every request in the ring: who, what, by which rule, with which answer, how long.

It stands inside the filter that turns errors into responses, so that it sees each refusal as it was raised.
"""

from __future__ import annotations

from sekisho.api.clock import Clock
from sekisho.api.status import StatusError
from sekisho.explain.passages import PassageLog
from sekisho.server.app import Filter
from sekisho.server.request import Handler, Request, Response

FAULT = 500


def passages(log: PassageLog, clock: Clock) -> Filter:
    now = clock.monotonic

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
            passage.warnings = request.warnings
            request.passage = passage
            start = now()
            code = 0
            try:
                response = await handler(request)
                code = response.code
            except StatusError as error:
                passage.refused(error)
                code = error.code
                raise
            except Exception:
                code = FAULT
                raise
            finally:
                passage.finish(code, now() - start)
            return response

        return handle

    return wrap
