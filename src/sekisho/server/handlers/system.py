"""Paths that are no resources: the index, version, health, metrics."""

from __future__ import annotations

import platform
from collections.abc import Awaitable, Callable, Sequence

import orjson
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from sekisho.api import status
from sekisho.server import negotiation
from sekisho.server.request import Request, Response

KUBERNETES_VERSION = "v1.36.2"
GIT_VERSION = f"{KUBERNETES_VERSION}+sekisho"

Check = tuple[str, Callable[[], Awaitable[str | None]]]
"""A health check: its name, and a coroutine that gives None or what is wrong."""

HEALTH_HEADERS = [(b"x-content-type-options", b"nosniff")]


def version_object() -> dict[str, str]:
    """What /version tells; minors are those of the emulated Kubernetes."""
    major, minor, _ = KUBERNETES_VERSION[1:].split(".")
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": GIT_VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": f"python{platform.python_version()}",
        "compiler": platform.python_implementation().lower(),
        "platform": f"{platform.system().lower()}/{_machine()}",
    }


def _machine() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


async def version(request: Request) -> Response:
    if request.method != "GET":
        raise status.route_method_not_allowed()
    negotiation.check_route(request.header(b"accept"), (negotiation.JSON,))
    return Response(200, orjson.dumps(version_object(), option=orjson.OPT_INDENT_2))


class Index:
    """`/`: the sorted list of paths."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._body = orjson.dumps({"paths": sorted(paths)}, option=orjson.OPT_INDENT_2)

    async def __call__(self, request: Request) -> Response:
        return Response(200, self._body)


class Health:
    """/healthz, /livez or /readyz with their checks, verbose and one by one, as upstream prints them."""

    def __init__(self, name: str, checks: Sequence[Check]) -> None:
        self._name = name
        self._checks = checks

    async def all(self, request: Request) -> Response:
        excluded = set(request.query.get("exclude", ()))
        lines = []
        failed = False
        for name, check in self._checks:
            if name in excluded:
                excluded.discard(name)
                lines.append(f"[+]{name} excluded: ok\n")
                continue
            error = await check()
            failed = failed or error is not None
            lines.append(f"[-]{name} failed: reason withheld\n" if error else f"[+]{name} ok\n")
        if excluded:
            listed = ",".join(f'"{e}"' for e in sorted(excluded))
            lines.append(f"warn: some health checks cannot be excluded: no matches for {listed}\n")
        if failed:
            return _health(500, "".join(lines) + f"{self._name} check failed\n")
        if "verbose" in request.query:
            return _health(200, "".join(lines) + f"{self._name} check passed\n")
        return _health(200, "ok")

    async def one(self, request: Request) -> Response:
        wanted = request.path.split("/", 2)[2]
        for name, check in self._checks:
            if name == wanted:
                error = await check()
                return _health(500, f"internal server error: {error}\n") if error else _health(200, "ok")
        return Response(404, b"404 page not found\n", b"text/plain; charset=utf-8", list(HEALTH_HEADERS))


def _health(code: int, body: str) -> Response:
    return Response(code, body.encode(), b"text/plain; charset=utf-8", list(HEALTH_HEADERS))


class Metrics:
    """/metrics in Prometheus' text form."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    async def __call__(self, request: Request) -> Response:
        body = generate_latest(self._registry)
        return Response(200, body, b"text/plain; version=0.0.4; charset=utf-8")
