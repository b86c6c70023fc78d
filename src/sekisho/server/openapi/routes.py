"""The routes that upstream's API installer makes of a resource, with all that OpenAPI tells about them.

Both versions of the documents are drawn from these routes. Order, names and descriptions follow the installer:
the collection first, then the object, and the old watch paths beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sekisho.api.types import GroupVersionKind
from sekisho.schema.builtin import builtin_types
from sekisho.schema.resources import ResourceInfo
from sekisho.server.negotiation import MEDIA_TYPES, STREAM_TYPES
from sekisho.server.openapi.parameters import NAMESPACE, PRETTY, SUBPATH, Parameter, name_of, options

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
STATUS, PATCH, DELETE_OPTIONS = META + "Status", META + "Patch", META + "DeleteOptions"
STRING = "string"

ANY = ("*/*",)
WATCHABLE = MEDIA_TYPES + tuple(f"{t};stream=watch" for t in STREAM_TYPES)
PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)

_CONNECT_METHODS = {
    "exec": ("GET", "POST"),
    "attach": ("GET", "POST"),
    "portforward": ("GET", "POST"),
    "proxy": ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
}

_DELETED_OBJECT = frozenset(
    {
        ("", "persistentvolumeclaims"),
        ("", "persistentvolumes"),
        ("", "pods"),
        ("", "podtemplates"),
        ("", "resourcequotas"),
        ("", "serviceaccounts"),
        ("", "services"),
        ("resource.k8s.io", "deviceclasses"),
        ("resource.k8s.io", "resourceclaims"),
        ("resource.k8s.io", "resourceclaimtemplates"),
        ("resource.k8s.io", "resourceslices"),
        ("storage.k8s.io", "csidrivers"),
        ("storage.k8s.io", "csinodes"),
        ("storage.k8s.io", "storageclasses"),
        ("storage.k8s.io", "volumeattachments"),
        ("storage.k8s.io", "volumeattributesclasses"),
    }
)
"""Resources whose DELETE answers with the object instead of a Status."""


class Reply(NamedTuple):
    """`schema` is a definition's name, or `string`."""

    code: int
    text: str
    schema: str


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. `body` is a definition's name, or empty; `gvk` is None outside of resources."""

    path: str
    method: str
    operation: str
    text: str
    replies: tuple[Reply, ...]
    action: str = ""
    gvk: GroupVersionKind | None = None
    parameters: tuple[Parameter, ...] = ()
    body: str = ""
    body_required: bool = True
    consumes: tuple[str, ...] = ANY
    produces: tuple[str, ...] = MEDIA_TYPES


def definition(gvk: GroupVersionKind) -> str:
    """The name of a built-in kind's definition."""
    return builtin_types().for_kind(gvk).name


def article(noun: str) -> str:
    """The noun with its article, as upstream's descriptions have it: none before plurals."""
    if noun.endswith("s") and not noun.endswith("ss"):
        return noun
    return ("an " if noun[0].lower() in "aeiou" else "a ") + noun


def root(group: str, version: str) -> str:
    return f"/apis/{group}/{version}/" if group else f"/api/{version}/"


def resource_routes(info: ResourceInfo) -> Iterator[Route]:
    """Every route of a built-in resource, its subresources and its old watch paths."""
    yield from _Target(info, "").routes()
    for name in info.subresources:
        yield from _Target(info, name).routes()


class _Target:
    """A resource or one of its subresources while its routes are made."""

    def __init__(self, info: ResourceInfo, subresource: str) -> None:
        self.info = info
        self.subresource = subresource
        if subresource:
            sub = info.subresources[subresource]
            self.verbs = frozenset(sub.verbs)
            self.gvk = sub.gvk
        else:
            self.verbs = frozenset(info.verbs)
            self.gvk = GroupVersionKind(info.group, info.version, info.kind)
        self.connects = _CONNECT_METHODS.get(subresource, ())
        self.schema = STRING if self.connects or subresource == "log" else definition(self.gvk)
        self.namespaced = "Namespaced" if info.namespaced else ""

    def routes(self) -> Iterator[Route]:
        item = [NAMESPACE] if self.info.namespaced else []
        collection = ("namespaces/{namespace}/" if self.info.namespaced else "") + self.info.resource
        path = f"{collection}/{{name}}"
        if self.subresource:
            path = collection = f"{path}/{self.subresource}"
        named = [*item, name_of(self.gvk.kind)]
        yield from self._collection(collection, named if self.subresource else item)
        if self.connects:
            yield from self._connect(path, named)
        else:
            yield from self._item(path, named)
        if self.info.namespaced and not self.subresource:
            yield from self._everywhere()

    def _route(
        self,
        method: str,
        path: str,
        verb: str,
        text: str,
        replies: tuple[Reply, ...],
        action: str,
        parameters: Iterable[Parameter],
        suffix: str = "",
        body: str = "",
        body_required: bool = True,
        consumes: tuple[str, ...] = ANY,
        produces: tuple[str, ...] = MEDIA_TYPES,
        namespaced: str | None = None,
    ) -> Route:
        scope = self.namespaced if namespaced is None else namespaced
        name = f"{verb}{scope}{self.info.kind}{self.subresource.capitalize()}{suffix}"
        return Route(
            path=root(self.info.group, self.info.version) + path,
            method=method,
            operation=name,
            text=text,
            replies=replies,
            action=action,
            gvk=self.gvk,
            parameters=tuple(parameters),
            body=body,
            body_required=body_required,
            consumes=consumes,
            produces=produces,
        )

    def _of(self, noun: str) -> str:
        """`status of the specified Pod`, or the noun alone for the resource itself."""
        return f"{self.subresource} of {noun}" if self.subresource else noun

    def _ok(self, *codes: int) -> tuple[Reply, ...]:
        texts = {200: "OK", 201: "Created", 202: "Accepted"}
        return tuple(Reply(code, texts[code], self.schema) for code in codes)

    def _collection(self, path: str, scope: list[Parameter]) -> Iterator[Route]:
        if "list" in self.verbs:
            yield self._list(path, scope, "", self.namespaced)
        if "create" in self.verbs and not self.connects:
            yield self._route(
                "POST",
                path,
                "create",
                "create " + self._of(article(self.info.kind)),
                self._ok(200, 201, 202),
                "post",
                (PRETTY, *options("CreateOptions"), *scope),
                body=self.schema,
            )
        if "deletecollection" in self.verbs:
            listing = options("ListOptions", "watch", "allowWatchBookmarks")
            deleting = options("DeleteOptions")
            yield self._route(
                "DELETE",
                path,
                "deletecollection",
                f"delete collection of {self.info.kind}",
                (Reply(200, "OK", STATUS),),
                "deletecollection",
                (PRETTY, *deleting, *listing, *scope),
                body=DELETE_OPTIONS,
                body_required=False,
            )
        if "watch" in self.verbs and "list" in self.verbs:
            yield self._watch_list(path, scope, "", self.namespaced)

    def _list(self, path: str, scope: list[Parameter], suffix: str, namespaced: str) -> Route:
        listed = "list or watch" if "watch" in self.verbs else "list"
        return self._route(
            "GET",
            path,
            "list",
            f"{listed} objects of kind {self.info.kind}",
            (Reply(200, "OK", definition(self.gvk._replace(kind=self.info.list_kind))),),
            "list",
            (PRETTY, *options("ListOptions"), *scope),
            suffix=suffix,
            namespaced=namespaced,
            produces=WATCHABLE,
        )

    def _watch_list(self, path: str, scope: list[Parameter], suffix: str, namespaced: str) -> Route:
        return self._route(
            "GET",
            f"watch/{path}",
            "watch",
            f"watch individual changes to a list of {self.info.kind}. "
            "deprecated: use the 'watch' parameter with a list operation instead.",
            (Reply(200, "OK", META + "WatchEvent"),),
            "watchlist",
            (PRETTY, *options("ListOptions"), *scope),
            suffix="List" + suffix,
            namespaced=namespaced,
            produces=WATCHABLE,
        )

    def _item(self, path: str, named: list[Parameter]) -> Iterator[Route]:
        specified = self._of(f"the specified {self.info.kind}")
        if "get" in self.verbs:
            log = self.subresource == "log"
            yield self._route(
                "GET",
                path,
                "read",
                f"read {specified}",
                self._ok(200),
                "get",
                (PRETTY, *(options("PodLogOptions") if log else ()), *named),
                produces=("text/plain", *MEDIA_TYPES) if log else MEDIA_TYPES,
            )
        if "update" in self.verbs:
            yield self._route(
                "PUT",
                path,
                "replace",
                f"replace {specified}",
                self._ok(200, 201),
                "put",
                (PRETTY, *options("UpdateOptions"), *named),
                body=self.schema,
            )
        if "patch" in self.verbs:
            yield self._route(
                "PATCH",
                path,
                "patch",
                f"partially update {specified}",
                self._ok(200, 201),
                "patch",
                (PRETTY, *options("PatchOptions"), *named),
                body=PATCH,
                consumes=PATCH_TYPES,
            )
        if "delete" in self.verbs:
            yield self._delete(path, named)
        if "watch" in self.verbs:
            yield self._watch(path, named)

    def _delete(self, path: str, named: list[Parameter]) -> Route:
        whole = (self.info.group, self.info.resource) in _DELETED_OBJECT
        answer = self.schema if whole else STATUS
        return self._route(
            "DELETE",
            path,
            "delete",
            "delete " + self._of(article(self.info.kind)),
            (Reply(200, "OK", answer), Reply(202, "Accepted", answer)),
            "delete",
            (PRETTY, *options("DeleteOptions"), *named),
            body=DELETE_OPTIONS,
            body_required=False,
        )

    def _watch(self, path: str, named: list[Parameter]) -> Route:
        return self._route(
            "GET",
            f"watch/{path}",
            "watch",
            f"watch changes to an object of kind {self.info.kind}. deprecated: use the 'watch' parameter with a "
            "list operation instead, filtered to a single item with the 'fieldSelector' parameter.",
            (Reply(200, "OK", META + "WatchEvent"),),
            "watch",
            (PRETTY, *options("ListOptions"), *named),
            produces=WATCHABLE,
        )

    def _connect(self, path: str, named: list[Parameter]) -> Iterator[Route]:
        paths = [(path, "", named)]
        if self.subresource == "proxy":
            paths.append((path + "/{path}", "WithPath", [*named, SUBPATH]))
        for at, suffix, parameters in paths:
            for method in self.connects:
                yield self._route(
                    method,
                    at,
                    "connect" + method.capitalize(),
                    f"connect {method} requests to {self._of(self.info.kind)}",
                    (Reply(200, "OK", STRING),),
                    "connect",
                    (*options(self.gvk.kind), *parameters),
                    suffix=suffix,
                    produces=ANY,
                )

    def _everywhere(self) -> Iterator[Route]:
        if "list" in self.verbs:
            yield self._list(self.info.resource, [], "ForAllNamespaces", "")
            if "watch" in self.verbs:
                yield self._watch_list(self.info.resource, [], "ForAllNamespaces", "")


def discovery_route(path: str, what: str, text: str, kind: str) -> Route:
    """A discovery document: `what` it gets (APIGroup), answered with the meta/v1 `kind`."""
    reply = Reply(200, "OK", META + kind)
    return Route(path, "GET", "get" + what, text, (reply,), consumes=MEDIA_TYPES)


def versions_route(path: str) -> Route:
    kind = "APIVersions" if path == "/api/" else "APIGroupList"
    return discovery_route(path, "APIVersions", "get available API versions", kind)


def group_route(group: str) -> Route:
    return discovery_route(f"/apis/{group}/", "APIGroup", "get information of a group", "APIGroup")


def resources_route(group: str, version: str) -> Route:
    return discovery_route(root(group, version), "APIResources", "get available resources", "APIResourceList")


JSON_ONLY = ("application/json",)

VERSION_ROUTE = Route(
    "/version/",
    "GET",
    "getCodeVersion",
    "get the version information for this server",
    (Reply(200, "OK", "io.k8s.apimachinery.pkg.version.Info"),),
    consumes=JSON_ONLY,
    produces=JSON_ONLY,
)
OPENID_CONFIGURATION_ROUTE = Route(
    "/.well-known/openid-configuration/",
    "GET",
    "getServiceAccountIssuerOpenIDConfiguration",
    "get service account issuer OpenID configuration, also known as the 'OIDC discovery doc'",
    (Reply(200, "OK", STRING),),
    produces=JSON_ONLY,
)
OPENID_KEYS_ROUTE = Route(
    "/openid/v1/jwks/",
    "GET",
    "getServiceAccountIssuerOpenIDKeyset",
    "get service account issuer OpenID JSON Web Key Set (contains public token verification keys)",
    (Reply(200, "OK", STRING),),
    produces=("application/jwk-set+json",),
)
