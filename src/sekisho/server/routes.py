"""From a request that passed the chain to what answers it: resources by their grammar, the rest by path."""

from __future__ import annotations

from collections.abc import Mapping

from sekisho.api import status
from sekisho.server.discovery import Discovery
from sekisho.server.handlers.resources import ResourceHandler
from sekisho.server.request import Handler, Request, Response, text

NOT_FOUND = "404 page not found\n"


class Routes:
    """`exact` paths, `prefixes` (longest first), and resources for everything below /api and /apis. `own` answer for
    whole groups that the registry does not hold."""

    def __init__(
        self,
        resources: ResourceHandler,
        discovery: Discovery,
        groups: Mapping[str, object],
        exact: Mapping[str, Handler],
        prefixes: Mapping[str, Handler],
        own: Mapping[str, Handler],
    ) -> None:
        self._resources = resources
        self._discovery = discovery
        self._groups = groups
        self._own = own
        self._exact = exact
        self._prefixes = sorted(prefixes.items(), key=lambda item: -len(item[0]))

    async def handle(self, request: Request) -> Response:
        info = request.info
        if info.resource_request:
            own = self._own.get(info.group)
            if own is not None:
                return await own(request)
            if info.group and info.group not in self._groups:
                return text(404, NOT_FOUND)
            return await self._resources.handle(request)
        if self._discovery.serves(request.path):
            return await self._discovery.handle(request)
        handler = self._exact.get(request.path)
        if handler is not None:
            return await handler(request)
        for prefix, handler in self._prefixes:
            if request.path.startswith(prefix):
                return await handler(request)
        return self._unknown(request)

    def _unknown(self, request: Request) -> Response:
        parts = request.path.strip("/").split("/")
        served = len(parts) == 3 and (parts[1] in self._groups or parts[1] in self._own)
        known_group = served and parts[0] == "apis"
        if known_group or (len(parts) == 2 and parts[0] == "api"):
            raise status.route_not_found()
        return text(404, NOT_FOUND)
