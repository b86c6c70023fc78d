"""Every path that is served, and what answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from prometheus_client import CollectorRegistry

from sekisho.api.types import Authorizer
from sekisho.registry.registry import Registry
from sekisho.server.handlers import reviews, system
from sekisho.server.handlers.resources import ResourceHandler
from sekisho.server.request import Handler
from sekisho.server.routes import Routes


class Status(Protocol):
    """What health checks ask of the running server."""

    ready: bool


async def _fine() -> str | None:
    return None


def routes(registry: Registry, authorizer: Authorizer, status: Status) -> Routes:
    reviews.install(registry)
    exact: dict[str, Handler] = {"/version": system.version}
    prefixes: dict[str, Handler] = {}
    for name in ("healthz", "livez", "readyz"):
        health = system.Health(name, _checks(name, status))
        exact[f"/{name}"] = health.all
        prefixes[f"/{name}/"] = health.one
    exact["/metrics"] = system.Metrics(CollectorRegistry())
    exact["/"] = system.Index([*exact, "/api", "/apis"])
    groups = {group for group, _, _ in registry.resources}
    return Routes(ResourceHandler(registry, authorizer), dict.fromkeys(groups), exact, prefixes)


def _checks(name: str, status: Status) -> list[system.Check]:
    checks: list[system.Check] = [("ping", _fine), ("log", _fine), ("etcd", _fine)]
    if name == "readyz":
        checks += [("etcd-readiness", _fine), ("informer-sync", _ready(status))]
    checks.append(("poststarthook/rbac/bootstrap-roles", _fine))
    if name == "readyz":
        checks.append(("shutdown", _fine))
    return checks


def _ready(status: Status) -> Callable[[], Awaitable[str | None]]:
    async def check() -> str | None:
        return None if status.ready else "the server is starting or stopping"

    return check
