"""Every path that is served, and what answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry

from sekisho.api.types import Authorizer
from sekisho.authn.gate import Gate
from sekisho.credentials.keys import KeyRing
from sekisho.credentials.tokenrequest import TokenIssuer
from sekisho.explain.passages import PassageLog
from sekisho.explain.policy import Policy
from sekisho.registry.registry import Registry
from sekisho.schema import identity
from sekisho.schema.builtin import is_builtin_group
from sekisho.server import oidc_discovery
from sekisho.server.discovery import Discovery, builtin_versions, custom_versions
from sekisho.server.handlers import connect, passages, reviews, system
from sekisho.server.handlers.resources import ResourceHandler
from sekisho.server.openapi import OpenAPI
from sekisho.server.request import Handler, Request, Response
from sekisho.server.routes import Routes


class Status(Protocol):
    """What health checks ask of the running server."""

    ready: bool


async def _fine() -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes lead to."""

    registry: Registry
    authorizer: Authorizer
    gate: Gate
    issuer: TokenIssuer
    keys: KeyRing
    status: Status
    address: str
    """host:port, as clients are told."""
    passages: PassageLog
    policy: Policy | None
    """Where explanations look for near misses."""
    jwks_uri: str = ""


def routes(parts: Parts) -> Routes:
    registry = parts.registry
    reviews.install(registry, parts.gate, parts.issuer)
    connect.install(registry)
    infos = [rest.info for rest in registry.resources.values() if is_builtin_group(rest.info.group)]
    added = custom_versions([passages.INFO, *identity.own_resources()])
    discovery = Discovery(parts.address, [*builtin_versions(infos), *added])
    openapi = OpenAPI(infos, registry.clock, [identity.DEFINITION])
    exact: dict[str, Handler] = {
        "/version": system.version,
        "/version/": system.version,
        "/openapi/v2": openapi.v2,
        "/openapi/v3": openapi.v3_index,
    }
    prefixes: dict[str, Handler] = {"/openapi/v3/": openapi.v3_document}
    for name in ("healthz", "livez", "readyz"):
        health = system.Health(name, _checks(name, parts.status))
        exact[f"/{name}"] = health.all
        prefixes[f"/{name}/"] = health.one
    exact["/metrics"] = system.Metrics(CollectorRegistry())
    published = oidc_discovery.Documents(parts.issuer.issuer, parts.keys, parts.address, parts.jwks_uri)
    for path in published.paths():
        exact[path] = exact[f"{path}/"] = _oidc(published, path)
    exact["/"] = system.Index([*exact, *discovery.paths()])
    groups = {group for group, _, _ in registry.resources}
    reader = passages.PassageHandler(parts.passages, parts.policy, registry.clock, registry.random)
    own = {passages.INFO.group: reader}
    handler = ResourceHandler(registry, parts.authorizer)
    return Routes(handler, discovery, dict.fromkeys(groups), exact, prefixes, own)


def _oidc(published: oidc_discovery.Documents, path: str) -> Handler:
    async def handle(request: Request) -> Response:
        found = oidc_discovery.answer(published.current()[path], request.method, request.header(b"accept"))
        cached = [(b"cache-control", oidc_discovery.CACHE_CONTROL)]
        return Response(200, found.body, found.content_type.encode(), cached)

    return handle


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
