"""The OpenAPI 2 document: everything in one, with parameters that operations share put together.

kubectl up to 1.26 reads it to validate and explain; newer ones fall back on it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

import orjson

from sekisho.api.goformat import html_escape
from sekisho.api.types import Object
from sekisho.server.openapi import custom
from sekisho.server.openapi.definitions import V2_PREFIX, Definitions
from sekisho.server.openapi.operations import (
    INFO,
    METHODS,
    SECURITY_SCHEME,
    UNAUTHORIZED,
    by_path,
    operation_id,
    split_parameters,
    tags,
)
from sekisho.server.openapi.parameters import Parameter
from sekisho.server.openapi.routes import STRING, Reply, Route
from sekisho.server.openapi.v3 import schema_names

_UNSHARED = frozenset({"name", "fieldValidation", "dryRun"})
"""Parameters that stay where they are: kubectl looks for them in the operations."""

_FNV_OFFSET, _FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3


def document(builtin: Iterable[Route], kinds: Iterable[custom.CustomKind] = ()) -> Object:
    """The document of all routes, built-in and custom."""
    kinds = list(kinds)
    routes = [*builtin, *(route for kind in kinds for route in custom.routes(kind))]
    own = {name: schema for kind in kinds for name, schema in custom.schemas(kind, v3=False).items()}
    needed = schema_names(routes) - own.keys() | custom.REFERENCES
    shared = SharedParameters()
    paths = {path: _path_item(members, shared) for path, members in by_path(routes).items()}
    return {
        "swagger": "2.0",
        "info": INFO,
        "paths": paths,
        "definitions": dict(sorted((own | Definitions(v3=False).closure(needed)).items())),
        "parameters": shared.found(),
        "securityDefinitions": {"BearerToken": SECURITY_SCHEME},
        "security": [{"BearerToken": []}],
    }


class SharedParameters:
    """Gathers parameters and gives references to them, named by their mark or a hash of what they say."""

    def __init__(self) -> None:
        self._by_text: dict[bytes, tuple[str, Object]] = {}

    def share(self, parameter: Object, mark: str = "") -> Object:
        """The parameter itself where it must stand in the operation, else a reference to it."""
        location, name = parameter["in"], parameter["name"]
        if location in ("query", "path") and name in _UNSHARED:
            return parameter
        if location == "body" and not parameter["schema"]["$ref"].startswith(
            V2_PREFIX + "io.k8s.apimachinery"
        ):
            return parameter
        text = html_escape(orjson.dumps(parameter))
        if text not in self._by_text:
            self._by_text[text] = (f"{name}-{mark or _hash(text)}", parameter)
        return {"$ref": f"#/parameters/{self._by_text[text][0]}"}

    def found(self) -> Object:
        return dict(sorted(self._by_text.values()))


def _hash(text: bytes) -> str:
    """FNV-1 of 64 bits, its first six bytes in URL-safe base64: how upstream names shared parameters."""
    value = _FNV_OFFSET
    for byte in text:
        value = (value * _FNV_PRIME) & 0xFFFFFFFFFFFFFFFF ^ byte
    return base64.urlsafe_b64encode(value.to_bytes(8, "big")[:6]).decode()


def _path_item(routes: list[Route], shared: SharedParameters) -> Object:
    common, own = split_parameters(routes)
    operations = {
        route.method.lower(): _operation(route, parameters, shared)
        for route, parameters in zip(routes, own, strict=True)
    }
    item: Object = {method: operations[method] for method in METHODS if method in operations}
    if common:
        item["parameters"] = [shared.share(_parameter(p), p.mark) for p in common]
    return item


def _operation(route: Route, parameters: list[Parameter], shared: SharedParameters) -> Object:
    drawn = [(_parameter(p), p.mark) for p in parameters]
    if route.body:
        drawn.append((_body(route), ""))
        drawn.sort(key=lambda d: (d[0]["name"], d[0]["in"]))
    out: Object = {
        "description": route.text,
        "consumes": list(route.consumes),
        "produces": list(route.produces),
        "schemes": ["https"],
        "tags": tags(route),
        "operationId": operation_id(route),
    }
    if drawn:
        out["parameters"] = [shared.share(p, mark) for p, mark in drawn]
    replies = {str(reply.code): _response(reply) for reply in route.replies}
    code, text = UNAUTHORIZED
    replies[str(code)] = {"description": text}
    out["responses"] = dict(sorted(replies.items()))
    if route.gvk is not None:
        out["x-kubernetes-action"] = route.action
        out["x-kubernetes-group-version-kind"] = {
            "group": route.gvk.group,
            "kind": route.gvk.kind,
            "version": route.gvk.version,
        }
    return out


def _parameter(parameter: Parameter) -> Object:
    out: Object = {
        "uniqueItems": True,
        "type": parameter.type,
        "description": parameter.text,
        "name": parameter.name,
        "in": parameter.location,
    }
    if parameter.required:
        out["required"] = True
    return out


def _body(route: Route) -> Object:
    out: Object = {"name": "body", "in": "body"}
    if route.body_required:
        out["required"] = True
    out["schema"] = {"$ref": V2_PREFIX + route.body}
    return out


def _response(reply: Reply) -> Object:
    schema = {"type": "string"} if reply.schema == STRING else {"$ref": V2_PREFIX + reply.schema}
    return {"description": reply.text, "schema": schema}
