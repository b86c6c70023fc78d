"""Acting as somebody else: reads the Impersonate headers, asks whether the caller may, and swaps the user."""

from __future__ import annotations

from sekisho.api.types import Authorizer
from sekisho.authn.impersonation import Impersonator
from sekisho.server.app import Filter
from sekisho.server.filters.authorization import attributes_of
from sekisho.server.request import Handler, Request, Response


def impersonation(authorizer: Authorizer) -> Filter:
    impersonator = Impersonator(authorizer)

    def wrap(handler: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            if any(name.startswith(b"impersonate-") for name, _ in request.headers):
                result = await impersonator.impersonate(request.headers, attributes_of(request))
                if request.passage is not None:
                    request.passage.impersonated(result.user, result.constraint)
                request.user = result.user
                request.headers = list(result.headers)
            return await handler(request)

        return handle

    return wrap
