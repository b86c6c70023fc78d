"""OpenAPI 3 documents: one a group and version, as kube-apiserver serves them below /openapi/v3."""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.api.types import Object
from sekisho.server.openapi import custom
from sekisho.server.openapi.definitions import V3_PREFIX, Definitions
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


def document(routes: Iterable[Route], group_version: tuple[str, str] | None = None) -> Object:
    """The document of built-in routes; `group_version` is set for those of resources."""
    routes = list(routes)
    out: Object = {"openapi": "3.0.0", "info": INFO, "paths": paths(routes), "components": {}}
    schemas = Definitions(v3=True).closure(schema_names(routes), group_version)
    if schemas:
        out["components"]["schemas"] = schemas
    out["components"]["securitySchemes"] = {"BearerToken": SECURITY_SCHEME}
    return out


def custom_document(kinds: Iterable[custom.CustomKind]) -> Object:
    """The document of a custom group and version."""
    kinds = list(kinds)
    routes = [route for kind in kinds for route in custom.routes(kind)]
    own = {name: schema for kind in kinds for name, schema in custom.schemas(kind, v3=True).items()}
    needed = schema_names(routes) - own.keys() | custom.REFERENCES
    schemas = own | Definitions(v3=True).closure(needed)
    return {
        "openapi": "3.0.0",
        "info": custom.INFO,
        "paths": paths(routes),
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def schema_names(routes: Iterable[Route]) -> set[str]:
    """The definitions that routes take and give."""
    names = {reply.schema for route in routes for reply in route.replies}
    names.update(route.body for route in routes)
    return names - {STRING, ""}


def paths(routes: Iterable[Route]) -> Object:
    return {path: _path_item(members) for path, members in by_path(routes).items()}


def _path_item(routes: list[Route]) -> Object:
    common, own = split_parameters(routes)
    operations = {
        route.method.lower(): _operation(route, parameters)
        for route, parameters in zip(routes, own, strict=True)
    }
    item: Object = {method: operations[method] for method in METHODS if method in operations}
    if common:
        item["parameters"] = [_parameter(p) for p in common]
    return item


def _operation(route: Route, parameters: list[Parameter]) -> Object:
    out: Object = {"tags": tags(route), "description": route.text, "operationId": operation_id(route)}
    if parameters:
        out["parameters"] = [_parameter(p) for p in parameters]
    if route.body:
        out["requestBody"] = _request_body(route)
    replies = {str(r.code): _response(r, route.produces) for r in route.replies}
    code, text = UNAUTHORIZED
    replies[str(code)] = {"description": text}
    out["responses"] = dict(sorted(replies.items()))
    if route.gvk is not None:
        out["x-kubernetes-action"] = route.action
        out["x-kubernetes-group-version-kind"] = {
            "group": route.gvk.group,
            "version": route.gvk.version,
            "kind": route.gvk.kind,
        }
    return out


def _parameter(parameter: Parameter) -> Object:
    out: Object = {"name": parameter.name, "in": parameter.location, "description": parameter.text}
    if parameter.required:
        out["required"] = True
    out["schema"] = {"type": parameter.type, "uniqueItems": True}
    return out


def _request_body(route: Route) -> Object:
    out: Object = {"content": _content(route.body, route.consumes)}
    if route.body_required:
        out["required"] = True
    return out


def _response(reply: Reply, produces: tuple[str, ...]) -> Object:
    return {"description": reply.text, "content": _content(reply.schema, produces)}


def _content(schema: str, media_types: tuple[str, ...]) -> Object:
    return {media_type: {"schema": _schema(schema)} for media_type in sorted(media_types)}


def _schema(name: str) -> Object:
    return {"type": "string"} if name == STRING else {"$ref": V3_PREFIX + name}
