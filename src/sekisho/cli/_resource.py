"""What people call a resource, made into what RBAC calls it: `po`, `deploy`, `deployments.apps/scale`, `/metrics`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import click

from sekisho.api.types import Attributes, UserInfo
from sekisho.cli._api import ApiClient
from sekisho.cli._errors import CommandError

VERBS = frozenset(
    (
        *("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "*"),
        *("use", "bind", "escalate", "impersonate", "approve", "sign", "attest"),
    )
)
PATH_VERBS = frozenset(("get", "put", "post", "head", "options", "delete", "patch", "*"))
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


@dataclass(frozen=True, slots=True)
class Known:
    """One resource as discovery tells it, with all its names in lower case."""

    group: str
    resource: str
    namespaced: bool
    names: frozenset[str]


def _builtin() -> Iterable[Known]:
    from sekisho.schema.resources import builtin_resources

    for info in builtin_resources():
        names = {info.resource, info.singular or info.kind, info.kind, *info.short_names}
        yield Known(info.group, info.resource, info.namespaced, frozenset(n.lower() for n in names))


def _discovered(client: ApiClient) -> Iterable[Known]:
    """The groups of a cluster by its aggregated discovery; nothing where the server has none, or refuses."""
    try:
        found = client.get("/apis", _AGGREGATED)
    except CommandError:
        return
    for group in found.get("items") or ():
        for version in (group.get("versions") or ())[:1]:
            for resource in version.get("resources") or ():
                yield _of_discovery(group["metadata"]["name"], resource)


def _of_discovery(group: str, resource: dict[str, Any]) -> Known:
    kind = (resource.get("responseKind") or {}).get("kind", "")
    names = {
        resource["resource"],
        resource.get("singularResource", ""),
        kind,
        *resource.get("shortNames", ()),
    }
    return Known(
        group,
        resource["resource"],
        resource.get("scope") == "Namespaced",
        frozenset(n.lower() for n in names if n),
    )


@dataclass(slots=True)
class Resources:
    """Resources by name: the built-in ones, and those of the cluster that is asked, if one is."""

    client: ApiClient | None = None
    _known: list[Known] = field(default_factory=list)
    _asked: bool = False

    def find(self, name: str, group: str | None) -> Known | None:
        if not self._known:
            self._known = list(_builtin())
        found = self._search(name, group)
        if found is None and self.client is not None and not self._asked:
            self._asked = True
            self._known += _discovered(self.client)
            found = self._search(name, group)
        return found

    def _search(self, name: str, group: str | None) -> Known | None:
        wanted = name.lower()
        for known in self._known:
            if wanted in known.names and group in (None, known.group):
                return known
        return None


@dataclass(frozen=True, slots=True)
class Target:
    """What a question is about. `namespaced` None: nobody knows."""

    group: str = ""
    resource: str = ""
    subresource: str = ""
    path: str = ""
    namespaced: bool | None = None

    def attributes(self, user: UserInfo, verb: str, namespace: str = "", name: str = "") -> Attributes:
        if self.path:
            return Attributes(user, verb, resource_request=False, path=self.path)
        return Attributes(
            user,
            verb,
            namespace=namespace if self.namespaced is not False else "",
            api_group=self.group,
            api_version="*",
            resource=self.resource,
            subresource=self.subresource,
            name=name,
        )


def target_of(text: str, resources: Resources) -> Target:
    """`RESOURCE[.GROUP][/SUBRESOURCE]` or a path. What nobody knows is taken as it is written, with a note."""
    if text.startswith("/"):
        return Target(path=text, namespaced=False)
    combined, _, subresource = text.partition("/")
    name, dot, group = combined.partition(".")
    if not name:
        raise CommandError(f'"{text}" names no resource')
    if name == "*":
        return Target(group or "*", "*", subresource)
    known = resources.find(name, group if dot else None)
    if known is None and dot and "." in group:  # deployments.v1.apps, as kubectl takes it
        known = resources.find(name, group.partition(".")[2])
    if known is None:
        click.echo(f'note: no resource "{combined}" is known; it is taken as it is written', err=True)
        return Target(group, name, subresource)
    return Target(known.group, known.resource, subresource, namespaced=known.namespaced)


def check_verb(verb: str, target: Target) -> None:
    """A note about a verb that no request has."""
    if verb not in (PATH_VERBS if target.path else VERBS):
        click.echo(f'note: "{verb}" is not a known verb', err=True)
