"""Which groups, versions and resources there are: the classic documents, and all of it in one.

Documents are made when the set of served versions changes and kept as bytes. Clients that can read the
aggregated form (`...;as=APIGroupDiscoveryList` in Accept) ask for `/api` and `/apis` only; others follow the
classic ones from group to version.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sekisho.api import status
from sekisho.api.encoding import encode
from sekisho.api.types import GroupVersion, GroupVersionKind, Object
from sekisho.schema.resources import ResourceInfo, SubresourceInfo, builtin_groups, builtin_resources
from sekisho.server import negotiation
from sekisho.server.negotiation import JSON, Form, parse_accept, serializer_for
from sekisho.server.request import Headers, Request, Response
from sekisho.server.responding import GZIP_THRESHOLD, is_pretty, respond

AGGREGATED = ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
CUSTOM_GROUP_PRIORITY, CUSTOM_VERSION_PRIORITY = 1000, 100
CURRENT, STALE = "Current", "Stale"

_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")
_STABILITY = {None: 0, "beta": 1, "alpha": 2}


@dataclass(frozen=True, slots=True)
class ServedVersion:
    """One version of a group with its ranks and resources.

    Versions of aggregated API servers carry `remote`: the resources of the aggregated form as that server told
    them, and have no `resources`; their classic list is the remote server's to give. `freshness` is `Stale`
    while it cannot be reached.
    """

    group: str
    version: str
    group_priority: int
    version_priority: int
    resources: tuple[ResourceInfo, ...] = ()
    custom: bool = False
    remote: tuple[Object, ...] | None = None
    freshness: str = CURRENT

    @property
    def group_version(self) -> GroupVersion:
        return GroupVersion(self.group, self.version)


def builtin_versions(resources: Iterable[ResourceInfo] | None = None) -> list[ServedVersion]:
    """The built-in groups' versions with upstream's priorities; by default all that upstream serves."""
    by_version: dict[tuple[str, str], list[ResourceInfo]] = {}
    for info in builtin_resources() if resources is None else resources:
        by_version.setdefault((info.group, info.version), []).append(info)
    return [
        ServedVersion(group.name, version, group.priority, rank, tuple(by_version[group.name, version]))
        for group in builtin_groups()
        for version, rank in group.versions
        if (group.name, version) in by_version
    ]


def custom_versions(resources: Iterable[ResourceInfo]) -> list[ServedVersion]:
    """Versions of custom resources; all custom groups rank alike."""
    by_version: dict[tuple[str, str], list[ResourceInfo]] = {}
    for info in resources:
        by_version.setdefault((info.group, info.version), []).append(info)
    return [
        ServedVersion(
            group, version, CUSTOM_GROUP_PRIORITY, CUSTOM_VERSION_PRIORITY, tuple(members), custom=True
        )
        for (group, version), members in by_version.items()
    ]


def version_rank(version: str) -> tuple[int, int, int, int, str]:
    """Sorts versions as Kubernetes does: stable before beta before alpha, high numbers first, others last."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return 1, 0, 0, 0, version
    return 0, _STABILITY[match[2]], -int(match[1]), -int(match[3] or 0), ""


def ordered(versions: Iterable[ServedVersion]) -> dict[str, list[ServedVersion]]:
    """Versions by group, both in the order of discovery. Of two with one name the first is kept."""
    unique: dict[GroupVersion, ServedVersion] = {}
    for served in versions:
        unique.setdefault(served.group_version, served)
    groups: dict[str, list[ServedVersion]] = {}
    for served in unique.values():
        groups.setdefault(served.group, []).append(served)
    for members in groups.values():
        members.sort(key=lambda v: (-v.version_priority, version_rank(v.version)))
    ranked = sorted(groups.items(), key=lambda item: (-max(v.group_priority for v in item[1]), item[0]))
    return dict(ranked)


def api_versions(server_address: str) -> Object:
    """`/api`. This and `/api/v1` are older than apiVersion in discovery."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": server_address}],
    }


def api_group(versions: Sequence[ServedVersion]) -> Object:
    """One entry of `/apis`: its versions, the preferred one first."""
    listed = [{"groupVersion": str(v.group_version), "version": v.version} for v in versions]
    return {"name": versions[0].group, "versions": listed, "preferredVersion": dict(listed[0])}


def api_group_list(groups: Iterable[Sequence[ServedVersion]]) -> Object:
    entries = [api_group(versions) for versions in groups]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": entries}


def api_resource_list(served: ServedVersion) -> Object:
    """`/api/v1` or `/apis/<group>/<version>`: resources and subresources by name."""
    resources = [entry for info in served.resources for entry in _resource_entries(info, served.custom)]
    if not served.custom:
        resources.sort(key=lambda entry: entry["name"])
    out: Object = {"kind": "APIResourceList"}
    if served.group:
        out["apiVersion"] = "v1"
    return {**out, "groupVersion": str(served.group_version), "resources": resources}


def _resource_entries(info: ResourceInfo, custom: bool) -> list[Object]:
    entry: Object = {
        "name": info.resource,
        "singularName": info.singular,
        "namespaced": info.namespaced,
        "kind": info.kind,
        "verbs": list(info.verbs),
        **_names(info),
    }
    if info.storage_version_hash:
        entry["storageVersionHash"] = info.storage_version_hash
    return [entry, *(_subresource_entry(info, sub) for sub in _subresources(info, custom))]


def _subresource_entry(info: ResourceInfo, sub: SubresourceInfo) -> Object:
    entry: Object = {
        "name": f"{info.resource}/{sub.name}",
        "singularName": "",
        "namespaced": info.namespaced,
    }
    if (sub.gvk.group, sub.gvk.version) != info.group_version:
        entry["group"] = sub.gvk.group
        entry["version"] = sub.gvk.version
    return {**entry, "kind": sub.gvk.kind, "verbs": list(sub.verbs)}


def _subresources(info: ResourceInfo, custom: bool) -> list[SubresourceInfo]:
    """By name; those of custom resources in upstream's order, status before scale."""
    return [info.subresources[name] for name in sorted(info.subresources, reverse=custom)]


def _names(info: ResourceInfo) -> Object:
    out: Object = {}
    if info.short_names:
        out["shortNames"] = list(info.short_names)
    if info.categories:
        out["categories"] = list(info.categories)
    return out


def group_discovery_list(groups: Iterable[Sequence[ServedVersion]]) -> Object:
    """The aggregated form, apidiscovery.k8s.io/v2, of some groups."""
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [_group_discovery(versions) for versions in groups],
    }


def _group_discovery(versions: Sequence[ServedVersion]) -> Object:
    name = versions[0].group
    return {
        "metadata": {"name": name} if name else {},
        "versions": [_version_discovery(served) for served in versions],
    }


def _version_discovery(served: ServedVersion) -> Object:
    if served.remote is not None:
        resources = list(served.remote)
    else:
        infos = sorted(served.resources, key=lambda info: info.resource)
        resources = [_resource_discovery(info, served.custom) for info in infos]
    out: Object = {"version": served.version}
    if resources:
        out["resources"] = resources
    return {**out, "freshness": served.freshness}


def _resource_discovery(info: ResourceInfo, custom: bool) -> Object:
    out: Object = {
        "resource": info.resource,
        "responseKind": _response_kind(info.gvk, info, custom),
        "scope": "Namespaced" if info.namespaced else "Cluster",
        "singularResource": info.singular,
        "verbs": list(info.verbs),
        **_names(info),
    }
    subresources = [
        {
            "subresource": sub.name,
            "responseKind": _response_kind(sub.gvk, info, custom),
            "verbs": list(sub.verbs),
        }
        for sub in _subresources(info, custom)
    ]
    if subresources:
        out["subresources"] = subresources
    return out


def _response_kind(gvk: GroupVersionKind, info: ResourceInfo, custom: bool) -> Object:
    """Built-in kinds name group and version only where they are not those of the list."""
    own = (gvk.group, gvk.version) == info.group_version
    group, version = ("", "") if own and not custom else (gvk.group, gvk.version)
    return {"group": group, "version": version, "kind": gvk.kind}


@dataclass(slots=True)
class _Page:
    """One classic document. `strict` ones are routed by upstream's router: GET only, and its 406."""

    obj: Object
    data: bytes
    strict: bool


@dataclass(slots=True)
class _AggregatedPage:
    """One document of the aggregated form with its tag."""

    obj: Object
    data: bytes
    etag: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.etag = b'"' + hashlib.sha512(self.data).hexdigest().upper().encode() + b'"'


class Discovery:
    """The discovery endpoints of one server. `set_versions` says anew what is served.

    `versions` are looked through in order where two have one name, so aggregated ones go first, custom ones
    last. `server_address` is the host and port that clients are told at `/api`.
    """

    def __init__(self, server_address: str, versions: Iterable[ServedVersion] = ()) -> None:
        self._server_address = server_address
        self._pages: dict[str, _Page] = {}
        self._aggregated: dict[str, _AggregatedPage] = {}
        self.set_versions(versions)

    def set_versions(self, versions: Iterable[ServedVersion]) -> None:
        groups = ordered(versions)
        core = groups.pop("", [])
        pages = {
            "/api": _page(api_versions(self._server_address), True),
            "/apis": _page(api_group_list(groups.values()), False),
        }
        for served in (v for members in (core, *groups.values()) for v in members):
            if served.remote is None:
                base = f"/apis/{served.group}" if served.group else "/api"
                pages[f"{base}/{served.version}"] = _page(api_resource_list(served), not served.custom)
        for name, members in groups.items():
            group = {"kind": "APIGroup", "apiVersion": "v1", **api_group(members)}
            pages[f"/apis/{name}"] = _page(group, False)
        self._pages = pages
        self._aggregated = {
            "/api": _aggregated_page([core] if core else []),
            "/apis": _aggregated_page(groups.values()),
        }

    def paths(self) -> list[str]:
        """Every path there is a document at."""
        return list(self._pages)

    def serves(self, path: str) -> bool:
        """Whether a path, with or without a slash at its end, is one of a discovery document."""
        return path.rstrip("/") in self._pages

    async def handle(self, request: Request) -> Response:
        """Answers a path that `serves` knows. 405 and 406 as upstream has them there."""
        path = request.path.rstrip("/")
        page = self._pages[path]
        if page.strict and request.method != "GET":
            raise status.route_method_not_allowed()
        aggregated = self._aggregated.get(path)
        if aggregated is not None:
            form = aggregated_form(request.header(b"accept"))
            if form is not None:
                return _respond_aggregated(request, aggregated, form)
        form = _classic_form(request, page.strict)
        if form.media_type != JSON or is_pretty(request, form) or len(page.data) > GZIP_THRESHOLD:
            return respond(request, 200, page.obj, form)
        return Response(200, page.data)


def _page(obj: Object, strict: bool) -> _Page:
    return _Page(obj, encode(obj) + b"\n", strict)


def _aggregated_page(groups: Iterable[Sequence[ServedVersion]]) -> _AggregatedPage:
    obj = group_discovery_list(groups)
    return _AggregatedPage(obj, encode(obj) + b"\n")


def aggregated_form(accept: str) -> Form | None:
    """The serializer of the first clause that asks for the aggregated form; other clauses do not count."""
    for clause in parse_accept(accept) if accept else ():
        parameters = clause.parameters
        wanted = (parameters.get("g"), parameters.get("v"), parameters.get("as"))
        if wanted != ("apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList"):
            continue
        media_type = serializer_for(clause.media_type)
        if media_type:
            return Form(media_type, pretty=parameters.get("pretty") == "1")
    return None


def _classic_form(request: Request, strict: bool) -> Form:
    """The form of a classic document, which is never converted. Only strict paths meet upstream's router."""
    accept = request.header(b"accept")
    if strict:
        negotiation.check_route(accept)
    return negotiation.negotiate(accept, frozenset())


def _respond_aggregated(request: Request, page: _AggregatedPage, form: Form) -> Response:
    headers: Headers = [(b"etag", page.etag), (b"vary", b"Accept"), (b"cache-control", b"public")]
    if request.header(b"if-none-match").encode() == page.etag:
        return Response(304, b"", b"", headers)
    content_type = (form.media_type + AGGREGATED).encode()
    if form.media_type == JSON and not is_pretty(request, form) and len(page.data) <= GZIP_THRESHOLD:
        return Response(200, page.data, content_type, headers)
    response = respond(request, 200, page.obj, form, headers)
    response.headers[0] = (b"content-type", content_type)
    return response
