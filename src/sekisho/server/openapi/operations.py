"""What both versions of the documents make of routes alike: ids, tags, paths, and parameters in common."""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.server.openapi.parameters import Parameter
from sekisho.server.openapi.routes import Route

METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
"""Operations of a path in the order that documents list them."""

INFO = {"title": "Kubernetes", "version": "1.36"}
SECURITY_SCHEME = {
    "description": "Bearer Token authentication",
    "type": "apiKey",
    "name": "authorization",
    "in": "header",
}
UNAUTHORIZED = (401, "Unauthorized")

_VERBS = ("get", "log", "read", "replace", "patch", "delete", "watch", "connect", "proxy", "list", "create")


def identifier(text: str, capitalized: bool) -> str:
    """Letters, digits and underscores of a text, with a capital after everything left out."""
    out = []
    for position, char in enumerate(text):
        if char.isalpha() or char == "_" or (position and char.isdigit()):
            out.append(char.upper() if capitalized else char)
            capitalized = False
        else:
            capitalized = True
    return "".join(out)


def operation_id(route: Route) -> str:
    """The operation's name with group and version after its verb: `listCoreV1NamespacedPod`."""
    verb = next(v for v in _VERBS if route.operation.startswith(v))
    group, version = _group_version(route.path)
    middle = identifier(group, True) + identifier(version, True)
    return verb + middle + identifier(route.operation[len(verb) :], True)


def tags(route: Route) -> list[str]:
    group, version = _group_version(route.path)
    if not group:
        return [identifier(route.path.strip("/").split("/")[0], False)]
    tag = identifier(group, False)
    return [f"{tag}_{identifier(version, False)}" if version else tag]


def _group_version(path: str) -> tuple[str, str]:
    """(group without `.k8s.io`, version) of a path below /api or /apis; the core group is called core."""
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        parts = ["apis", "core", *parts[1:]]
    if parts[0] != "apis" or len(parts) < 2:
        return "", ""
    return parts[1].removesuffix(".k8s.io"), parts[2] if len(parts) > 2 else ""


def by_path(routes: Iterable[Route]) -> dict[str, list[Route]]:
    """Routes by path, paths sorted."""
    found: dict[str, list[Route]] = {}
    for route in routes:
        found.setdefault(route.path, []).append(route)
    return dict(sorted(found.items()))


def split_parameters(routes: list[Route]) -> tuple[list[Parameter], list[list[Parameter]]]:
    """(parameters that all routes of a path share, what each has besides), sorted by name and place."""
    shared = set.intersection(*({_key(p) for p in route.parameters} for route in routes))
    common = {_key(p): p for route in routes for p in route.parameters if _key(p) in shared}
    own = [sorted((p for p in r.parameters if _key(p) not in shared), key=_key) for r in routes]
    return sorted(common.values(), key=_key), own


def _key(parameter: Parameter) -> tuple[str, str]:
    return parameter.name, parameter.location
