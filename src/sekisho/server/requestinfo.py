"""What a URL asks for: the Kubernetes path grammar, read the way upstream's RequestInfo resolver reads it.

Authorization, admission and routing all work on this; nothing later looks at the path of a resource again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sekisho.api import names

_VERBS = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_NAMESPACE_SUBRESOURCES = ("status", "finalize")
LONG_RUNNING_VERBS = frozenset(("watch", "proxy"))
LONG_RUNNING_SUBRESOURCES = frozenset(("attach", "exec", "proxy", "log", "portforward"))


class UnreadablePath(ValueError):
    """A path such as `/api/v1/watch` from which no kind can be told."""


@dataclass(slots=True)
class RequestInfo:
    """A parsed request. For non-resource requests only `verb`, `path` are set."""

    verb: str
    path: str
    resource_request: bool = False
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    parts: Sequence[str] = ()
    """The path from the resource on."""
    verb_in_path: bool = False
    """The old `/watch/` and `/proxy/` prefixes."""

    @property
    def long_running(self) -> bool:
        return self.verb in LONG_RUNNING_VERBS or (
            self.resource_request and self.subresource in LONG_RUNNING_SUBRESOURCES
        )


def parse(method: str, path: str, query: Mapping[str, Sequence[str]]) -> RequestInfo:
    """Read method, decoded path and query. Raises UnreadablePath."""
    parts = path.strip("/").split("/")
    info = RequestInfo(verb=method.lower(), path=path)
    if len(parts) < 3 or parts[0] not in ("api", "apis"):
        return info
    if parts[0] == "apis":
        if len(parts) < 4:
            return info
        info.group = parts[1]
        rest = parts[2:]
    else:
        rest = parts[1:]
    info.resource_request = True
    info.version = rest[0]
    rest = rest[1:]
    if rest[0] in ("watch", "proxy"):
        if len(rest) < 2:
            raise UnreadablePath(f"unable to determine kind and namespace from url, {path}")
        info.verb = rest[0]
        info.verb_in_path = True
        rest = rest[1:]
    else:
        info.verb = _VERBS.get(method, "")
    if rest[0] == "namespaces" and len(rest) > 1:
        info.namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    info.parts = rest
    info.resource = rest[0]
    if len(rest) > 1:
        info.name = rest[1]
    if len(rest) > 2 and info.verb != "proxy":
        info.subresource = rest[2]
    if not info.name:
        _collection_verb(info, query)
    return info


def _collection_verb(info: RequestInfo, query: Mapping[str, Sequence[str]]) -> None:
    if info.verb == "get":
        values = query.get("watch")
        watching = bool(values) and values[0] != "0" and values[0].lower() != "false"  # type: ignore[index]
        info.verb = "watch" if watching else "list"
    elif info.verb == "delete":
        info.verb = "deletecollection"
        return
    if info.verb in ("list", "watch") and "fieldSelector" in query:
        name = _exact_name(query["fieldSelector"][0])
        if name and not names.path_segment(name):
            info.name = name


def _exact_name(selector: str) -> str:
    for term in selector.split(","):
        for prefix in ("metadata.name==", "metadata.name="):
            if term.startswith(prefix):
                return term[len(prefix) :]
    return ""
