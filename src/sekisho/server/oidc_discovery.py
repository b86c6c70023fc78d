"""The ServiceAccount issuer's discovery document and key set (RFC 8414, OpenID Connect Discovery 1.0).

Both are worked out once for a set of keys and answered as bytes. Upstream serves them outside the API
machinery: GET only, one media type each, cacheable for an hour.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from sekisho.api.status import route_method_not_allowed, route_not_acceptable
from sekisho.credentials.keys import KeyRing, VerificationKey

DOCUMENT_PATH = "/.well-known/openid-configuration"
JWKS_PATH = "/openid/v1/jwks"
CACHE_CONTROL = b"public, max-age=3600"


@dataclass(frozen=True, slots=True)
class Document:
    """One of the two answers."""

    content_type: str
    body: bytes

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [(b"content-type", self.content_type.encode()), (b"cache-control", CACHE_CONTROL)]


def issuer_problem(issuer: str) -> str:
    """Why an issuer has no discovery endpoints; empty when it has."""
    try:
        url = urllib.parse.urlsplit(issuer)
    except ValueError as error:
        return f"issuer URL is invalid: {error}"
    if url.scheme != "https":
        return f"issuer URL must use https scheme, got: {issuer}"
    if url.query or url.fragment or "?" in issuer or "#" in issuer:
        return f"issuer URL may not include a query or fragment: {issuer}"
    return ""


def jwks_uri_error(uri: str) -> str:
    """Start error of --service-account-jwks-uri; empty when it can be used."""
    if urllib.parse.urlsplit(uri).scheme != "https":
        return f"service-account-jwks-uri requires https scheme, parsed as: {uri}"
    return ""


def documents(
    issuer: str, keys: Sequence[VerificationKey], external_address: str, jwks_uri: str = ""
) -> dict[str, Document]:
    """Path to document; empty when the issuer cannot have any. `external_address` is host:port."""
    if issuer_problem(issuer) or not keys:
        return {}
    configuration = {
        "issuer": issuer,
        "jwks_uri": jwks_uri or f"https://{external_address}{JWKS_PATH}",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": sorted({key.alg for key in keys}),
    }
    key_set = {"keys": [key.jwk() for key in keys]}
    return {
        DOCUMENT_PATH: Document("application/json", orjson.dumps(configuration)),
        JWKS_PATH: Document("application/jwk-set+json", orjson.dumps(key_set)),
    }


class Documents:
    """What is served: worked out anew when the keys were rotated."""

    def __init__(self, issuer: str, ring: KeyRing, external_address: str, jwks_uri: str = "") -> None:
        self._issuer, self._address, self._jwks_uri = issuer, external_address, jwks_uri
        self._ring = ring
        self._keys: tuple[VerificationKey, ...] = ()
        self._made: dict[str, Document] = {}

    def paths(self) -> list[str]:
        return list(self.current())

    def current(self) -> Mapping[str, Document]:
        keys = self._ring.all()
        if keys is not self._keys:
            self._keys = keys
            self._made = documents(self._issuer, keys, self._address, self._jwks_uri)
        return self._made


def find(known: Mapping[str, Document], path: str) -> Document | None:
    """The document at a path, with or without a closing slash."""
    return known.get(path) or known.get(path.removesuffix("/"))


def answer(document: Document, method: str, accept: str) -> Document:
    """The document as it may be served. 405 and 406 as upstream's router answers them."""
    if method != "GET":
        raise route_method_not_allowed()
    if not _accepts(accept, document.content_type):
        raise route_not_acceptable((document.content_type,))
    return document


def _accepts(accept: str, content_type: str) -> bool:
    """go-restful's test: an exact type or `*/*`, parameters left out of account, wildcards of subtypes unknown."""
    offered: Iterable[str] = (part.split(";", 1)[0].strip() for part in accept.split(","))
    return not accept or any(part in (content_type, "*/*") for part in offered)
