"""Serving the OpenAPI documents: the index and the documents of version 3, and the one of version 2.

Nothing is built before it is asked for, and what is kept is compressed: the documents together are many
megabytes, and most servers are never asked for most of them. A document's hash is therefore one of what it is
made from and with, not of its bytes, so that the index need not build them all.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import importlib.resources
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from importlib.metadata import version
from typing import NamedTuple

import orjson

from sekisho import __version__
from sekisho.api.clock import Clock
from sekisho.api.encoding import encode
from sekisho.api.types import Object
from sekisho.schema.resources import ResourceInfo
from sekisho.server.negotiation import parse_accept
from sekisho.server.openapi import gnostic, v2, v3
from sekisho.server.openapi.custom import CustomKind, custom_kinds
from sekisho.server.openapi.routes import (
    OPENID_CONFIGURATION_ROUTE,
    OPENID_KEYS_ROUTE,
    VERSION_ROUTE,
    Route,
    group_route,
    resource_routes,
    resources_route,
    versions_route,
)
from sekisho.server.request import Headers, Request, Response

V3_PREFIX = "/openapi/v3/"
_JSON = "application/json"
_YEAR = 365 * 24 * 3600
_V2_GZIP_THRESHOLD = 1400
_V3_GZIP_THRESHOLD = 128 * 1024


class _Form(NamedTuple):
    """A document as bytes, compressed, and how many they are."""

    data: bytes
    size: int


@dataclass(slots=True)
class _Document:
    """A document that is built when it is first asked for."""

    build: Callable[[], Object]
    to_protobuf: Callable[[Object], bytes]
    etag: str
    modified: float
    forms: dict[str, _Form] = field(default_factory=dict)

    def form(self, media_type: str) -> _Form:
        if media_type not in self.forms:
            if media_type == _JSON:
                data = encode(self.build())
            else:
                data = self.to_protobuf(orjson.loads(gzip.decompress(self.form(_JSON).data)))
            self.forms[media_type] = _Form(gzip.compress(data, 6, mtime=0), len(data))
        return self.forms[media_type]


class OpenAPI:
    """The OpenAPI endpoints of one server.

    `resources` are the built-in ones; custom kinds are told with `set_definitions` whenever they change, but for
    those of `own`, definitions of the same form that are always there.
    The handlers answer `/openapi/v2`, `/openapi/v3` and everything below `/openapi/v3/`.
    """

    def __init__(
        self, resources: Iterable[ResourceInfo], clock: Clock, own: Iterable[Object] = ()
    ) -> None:
        self._clock = clock
        self._sources = _sources(resources)
        self._own = [kind for definition in own for kind in custom_kinds(definition)]
        self._kinds = list(self._own)
        self._documents: dict[str, _Document] = {}
        self._v2: _Document | None = None
        self._stale = True

    def set_definitions(self, definitions: Iterable[Object]) -> None:
        """Takes the CustomResourceDefinitions that are served now, in place of those told before."""
        told = [kind for definition in definitions for kind in custom_kinds(definition)]
        self._kinds = [*self._own, *told]
        self._stale = True

    def _current(self) -> dict[str, _Document]:
        """The version 3 documents by path. Those whose sources are as they were stay as they are."""
        if self._stale:
            for path, source in self._sources.items():
                if path not in self._documents:
                    self._documents[path] = self._document(path, source.fingerprint(), source.document)
            self._take_custom()
            self._v2 = None
            self._stale = False
        return self._documents

    def _take_custom(self) -> None:
        grouped: dict[str, list[CustomKind]] = {}
        for kind in self._kinds:
            path = f"apis/{kind.gvk.group}/{kind.gvk.version}"
            if path not in self._sources:
                grouped.setdefault(path, []).append(kind)
        for path in self._documents.keys() - self._sources.keys() - grouped.keys():
            del self._documents[path]
        for path, kinds in grouped.items():
            document = self._document(path, repr(kinds), functools.partial(v3.custom_document, kinds))
            known = self._documents.get(path)
            if known is None or known.etag != document.etag:
                self._documents[path] = document

    def _document(self, name: str, source: str, build: Callable[[], Object]) -> _Document:
        digest = hashlib.sha512(f"{_makers()} {name} {source}".encode()).hexdigest().upper()
        to_protobuf = gnostic.encode_v2 if name == "v2" else gnostic.encode_v3
        return _Document(build, to_protobuf, digest, self._clock.now())

    def _v2_document(self) -> _Document:
        self._current()
        if self._v2 is None:
            kinds = list(self._kinds)
            source = "".join(source.fingerprint() for source in self._sources.values()) + repr(kinds)
            self._v2 = self._document("v2", source, lambda: v2.document(self._builtin_routes(), kinds))
        return self._v2

    def _builtin_routes(self) -> list[Route]:
        return [route for source in self._sources.values() for route in source.routes()]

    async def v2(self, request: Request) -> Response:
        accepted = {
            _JSON: _JSON,
            "application/com.github.proto-openapi.spec.v2@v1.0+protobuf": gnostic.V2_CONTENT_TYPE,
            gnostic.V2_CONTENT_TYPE: gnostic.V2_CONTENT_TYPE,
        }
        media_type = _accepted(request, accepted)
        if not media_type:
            return Response(406, b"", b"", [(b"vary", b"Accept")])
        return _serve(request, self._v2_document(), media_type, [], _V2_GZIP_THRESHOLD)

    async def v3_index(self, request: Request) -> Response:
        """The paths of all documents; upstream's aggregator sends the JSON as plain text."""
        documents = self._current()
        paths = {path: {"serverRelativeURL": _url(path, documents[path])} for path in sorted(documents)}
        return Response(200, orjson.dumps({"paths": paths}), b"text/plain; charset=utf-8")

    async def v3_document(self, request: Request) -> Response:
        """One document. With its hash in the query it may be kept for ever; with an old one it has moved."""
        path = request.path.removeprefix(V3_PREFIX)
        document = self._current().get(path)
        if document is None:
            return Response(404, b"", b"")
        accepted = {
            _JSON: _JSON,
            gnostic.V3_CONTENT_TYPE: gnostic.V3_CONTENT_TYPE,
            "application/com.github.proto-openapi.spec.v3@v1.0+protobuf": gnostic.V3_CONTENT_TYPE,
        }
        media_type = _accepted(request, accepted)
        if not media_type:
            return Response(406, b"", b"", [(b"vary", b"Accept")])
        wanted = request.query.get("hash", [""])[0]
        if wanted and wanted != document.etag:
            location = (b"location", _url(path, document).encode())
            return Response(301, b"", media_type.encode(), [(b"vary", b"Accept"), _etag(document), location])
        headers = self._immutable() if wanted else []
        return _serve(request, document, media_type, headers, _V3_GZIP_THRESHOLD)

    def _immutable(self) -> Headers:
        expires = formatdate(self._clock.now() + _YEAR, usegmt=True).replace("GMT", "UTC")
        return [(b"cache-control", b"public, immutable"), (b"expires", expires.encode())]


@functools.cache
def _makers() -> str:
    """A digest of the code and the texts that documents are made with: another release, other documents."""
    digest = hashlib.sha512(f"{__version__} {version('kubernetes-validate')}".encode())
    package = importlib.resources.files("sekisho.server.openapi")
    for folder in (package, package.joinpath("data")):
        for file in sorted(folder.iterdir(), key=lambda f: f.name):
            if file.is_file():
                digest.update(file.read_bytes())
    return digest.hexdigest()


@dataclass(slots=True)
class _Source:
    """What a document of version 3 is made from: routes of its own, and resources."""

    own: Route
    group_version: tuple[str, str] | None = None
    resources: list[ResourceInfo] = field(default_factory=list)

    def fingerprint(self) -> str:
        return repr(self)

    def routes(self) -> Iterator[Route]:
        yield self.own
        for info in self.resources:
            yield from resource_routes(info)

    def document(self) -> Object:
        return v3.document(self.routes(), self.group_version)


def _sources(resources: Iterable[ResourceInfo]) -> dict[str, _Source]:
    """The sources of the documents by their paths below /openapi/v3/."""
    found = {
        ".well-known/openid-configuration": _Source(OPENID_CONFIGURATION_ROUTE),
        "api": _Source(versions_route("/api/")),
        "apis": _Source(versions_route("/apis/")),
        "openid/v1/jwks": _Source(OPENID_KEYS_ROUTE),
        "version": _Source(VERSION_ROUTE),
    }
    for info in resources:
        base = f"apis/{info.group}" if info.group else "api"
        if base not in found:
            found[base] = _Source(group_route(info.group))
        path = f"{base}/{info.version}"
        if path not in found:
            own = resources_route(info.group, info.version)
            found[path] = _Source(own, (info.group, info.version))
        found[path].resources.append(info)
    return found


def _url(path: str, document: _Document) -> str:
    return f"{V3_PREFIX}{path}?hash={document.etag}"


def _etag(document: _Document) -> tuple[bytes, bytes]:
    return b"etag", f'"{document.etag}"'.encode()


def _accepted(request: Request, offered: dict[str, str]) -> str:
    """The media type to answer with: the first that a clause of Accept takes, or none."""
    for clause in parse_accept(request.header(b"accept") or "*/*"):
        for media_type, answered in offered.items():
            if clause.media_type in (media_type, "application/*", "*/*", "*"):
                return answered
    return ""


def _serve(
    request: Request, document: _Document, media_type: str, headers: Headers, threshold: int
) -> Response:
    modified = formatdate(document.modified, usegmt=True)
    headers = [*headers, (b"vary", b"Accept"), _etag(document), (b"last-modified", modified.encode())]
    if _unchanged(request, document):
        return Response(304, b"", b"", headers)
    form = document.form(media_type)
    if form.size > threshold and _takes_gzip(request):
        headers += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
        return Response(200, form.data, media_type.encode(), headers)
    return Response(200, gzip.decompress(form.data), media_type.encode(), headers)


def _takes_gzip(request: Request) -> bool:
    return any(token.strip() == "gzip" for token in request.header(b"accept-encoding").split(","))


def _unchanged(request: Request, document: _Document) -> bool:
    """Whether the client has this state already: by tag, or, where it names none, by time."""
    tags = request.header(b"if-none-match")
    if tags:
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return "*" in known or f'"{document.etag}"' in known
    since = request.header(b"if-modified-since")
    if not since:
        return False
    try:
        return int(document.modified) <= parsedate_to_datetime(since).timestamp()
    except ValueError:
        return False
