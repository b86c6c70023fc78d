"""What a CustomResourceDefinition adds to the documents: the routes and the schemas of its served versions.

Follows the builder of upstream's apiextensions-apiserver, whose routes tell less than those of built-in kinds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sekisho.api.types import GroupVersionKind, Object
from sekisho.server.openapi.definitions import GVK, V2_PREFIX, V3_PREFIX, ordered
from sekisho.server.openapi.parameters import NAMESPACE, PRETTY, name_of, options
from sekisho.server.openapi.routes import (
    DELETE_OPTIONS,
    META,
    PATCH,
    STATUS,
    Reply,
    Route,
    article,
)

REFERENCES = frozenset({META + "ObjectMeta", META + "ListMeta"})
"""Built-in definitions that the schemas of every custom kind refer to."""

INFO = {"title": "Kubernetes CRD Swagger", "version": "v0.1.0"}

_MEDIA_TYPES = ("application/json", "application/yaml")
_PATCH_TYPES = ("application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml")
_SCALE = "io.k8s.api.autoscaling.v1.Scale"
_CONVENTIONS = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
_API_VERSION = (
    "APIVersion defines the versioned schema of this representation of an object. Servers should convert "
    "recognized schemas to the latest internal value, and may reject unrecognized values. More info: "
    f"{_CONVENTIONS}#resources"
)
_KIND = (
    "Kind is a string value representing the REST resource this object represents. Servers may infer this from "
    "the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: "
    f"{_CONVENTIONS}#types-kinds"
)
_EMBEDDED_API_VERSION = (
    "apiVersion defines the versioned schema of this representation of an object. "
    f"More info: {_CONVENTIONS}#resources"
)
_EMBEDDED_KIND = (
    "kind is a string value representing the type of this object. In CamelCase. "
    f"More info: {_CONVENTIONS}#types-kinds"
)
_METADATA = f"Standard object's metadata. More info: {_CONVENTIONS}#metadata"
_LIST_METADATA = f"Standard list metadata. More info: {_CONVENTIONS}#types-kinds"

_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_V2_LEFT_OUT = ("allOf", "oneOf", "anyOf", "not")
_DROPPED = ("id", "$schema", "$ref", "definitions", "dependencies", "patternProperties", "additionalItems")


@dataclass(frozen=True, slots=True)
class CustomKind:
    """One served version of a custom kind, as its definition tells it."""

    gvk: GroupVersionKind
    list_kind: str
    plural: str
    namespaced: bool
    schema: Object | None
    preserves_unknown: bool
    status: bool
    scale: bool
    selectable: tuple[str, ...] = ()

    @property
    def model(self) -> str:
        return model_name(self.gvk)

    @property
    def list_model(self) -> str:
        return model_name(self.gvk._replace(kind=self.list_kind))


def custom_kinds(definition: Object) -> Iterator[CustomKind]:
    """The served versions of a CustomResourceDefinition object."""
    spec = definition["spec"]
    names = spec["names"]
    for version in spec["versions"]:
        if not version["served"]:
            continue
        subresources = version.get("subresources", {})
        yield CustomKind(
            gvk=GroupVersionKind(spec["group"], version["name"], names["kind"]),
            list_kind=names.get("listKind") or f"{names['kind']}List",
            plural=names["plural"],
            namespaced=spec["scope"] == "Namespaced",
            schema=version.get("schema", {}).get("openAPIV3Schema"),
            preserves_unknown=bool(spec.get("preserveUnknownFields")),
            status="status" in subresources,
            scale="scale" in subresources,
            selectable=tuple(f["jsonPath"].lstrip(".") for f in version.get("selectableFields", ())),
        )


def model_name(gvk: GroupVersionKind) -> str:
    """A custom kind's definition is named by its group turned round: `com.example.stable.v1.CronTab`."""
    return ".".join([*reversed(gvk.group.split(".")), gvk.version, gvk.kind])


def routes(kind: CustomKind) -> Iterator[Route]:
    base = f"/apis/{kind.gvk.group}/{kind.gvk.version}/"
    path = base + ("namespaces/{namespace}/" if kind.namespaced else "") + kind.plural
    if kind.namespaced:
        everywhere = f"list{kind.gvk.kind}ForAllNamespaces"
        yield _route(kind, base + kind.plural, "GET", "list", "list", kind.list_model, operation=everywhere)
    yield _route(kind, path, "GET", "list", "list", kind.list_model)
    yield _route(kind, path, "POST", "post", "create", kind.model, body=kind.model)
    yield _route(kind, path, "DELETE", "deletecollection", "deletecollection", STATUS)
    item = path + "/{name}"
    yield from _written(kind, item, kind.model, "")
    yield _route(kind, item, "DELETE", "delete", "delete", STATUS, body=DELETE_OPTIONS)
    if kind.status:
        yield from _written(kind, item + "/status", kind.model, "status")
    if kind.scale:
        yield from _written(kind, item + "/scale", _SCALE, "scale")


def _written(kind: CustomKind, path: str, schema: str, subresource: str) -> Iterator[Route]:
    yield _route(kind, path, "GET", "get", "read", schema, subresource)
    yield _route(kind, path, "PUT", "put", "replace", schema, subresource, body=schema)
    yield _route(kind, path, "PATCH", "patch", "patch", schema, subresource, body=PATCH)


_OPTIONS = {
    "get": "GetOptions",
    "list": "ListOptions",
    "deletecollection": "ListOptions",
    "put": "UpdateOptions",
    "patch": "PatchOptions",
    "post": "CreateOptions",
    "delete": "DeleteOptions",
}
_FURTHER = {
    "post": ((201, "Created"), (202, "Accepted")),
    "delete": ((202, "Accepted"),),
    "put": ((201, "Created"),),
}


def _route(
    kind: CustomKind,
    path: str,
    method: str,
    action: str,
    verb: str,
    schema: str,
    subresource: str = "",
    body: str = "",
    operation: str = "",
) -> Route:
    scope = "Namespaced" if kind.namespaced else ""
    parameters = [PRETTY, *options(_OPTIONS[action])]
    if "{namespace}" in path:
        parameters.append(NAMESPACE)
    if "{name}" in path:
        parameters.append(name_of(kind.gvk.kind))
    replies = [Reply(200, "OK", schema)]
    replies += [Reply(code, text, schema) for code, text in _FURTHER.get(action, ())]
    return Route(
        path=path,
        method=method,
        operation=operation or f"{verb}{scope}{kind.gvk.kind}{subresource.capitalize()}",
        text=_text(verb, kind.gvk.kind, subresource),
        replies=tuple(replies),
        action=action,
        gvk=kind.gvk,
        parameters=tuple(parameters),
        body=body,
        body_required=body != DELETE_OPTIONS,
        consumes=_PATCH_TYPES if method == "PATCH" else _MEDIA_TYPES,
        produces=_MEDIA_TYPES,
    )


def _text(verb: str, kind: str, subresource: str) -> str:
    of = f"{subresource} of " if subresource else ""
    if verb == "list":
        return f"list objects of kind {kind}"
    if verb == "deletecollection":
        return f"delete collection of {kind}"
    if verb in ("create", "delete"):
        return f"{verb} {of}{article(kind)}"
    return f"{'partially update' if verb == 'patch' else verb} {of}the specified {kind}"


def schemas(kind: CustomKind, v3: bool) -> Object:
    """The definitions of a kind and of its list."""
    return {kind.model: _object_schema(kind, v3), kind.list_model: _list_schema(kind, v3)}


def _object_schema(kind: CustomKind, v3: bool) -> Object:
    raw = kind.schema
    if raw is None:
        out: Object = {"type": "object"}
    elif not v3 and (raw.get("x-kubernetes-preserve-unknown-fields") or kind.preserves_unknown):
        out = {"type": "object"}
    else:
        out = _convert(raw, v3)
        properties = out.setdefault("properties", {})
        properties["apiVersion"] = _described(_API_VERSION)
        properties["kind"] = _described(_KIND)
        properties["metadata"] = _metadata("ObjectMeta", _METADATA, v3)
        out["properties"] = dict(sorted(properties.items()))
    out[GVK] = [kind.gvk._asdict()]
    return ordered(_selectable(out, kind))


def _list_schema(kind: CustomKind, v3: bool) -> Object:
    plural = {
        "description": f"List of {kind.plural}. More info: {_CONVENTIONS}",
        "type": "array",
        "items": {"$ref": _prefix(v3) + kind.model},
    }
    out: Object = {
        "description": f"{kind.list_kind} is a list of {kind.gvk.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": _described(_API_VERSION),
            "items": plural,
            "kind": _described(_KIND),
            "metadata": _metadata("ListMeta", _LIST_METADATA, v3),
        },
        GVK: [kind.gvk._replace(kind=kind.list_kind)._asdict()],
    }
    return ordered(_selectable(out, kind))


def _selectable(schema: Object, kind: CustomKind) -> Object:
    if kind.selectable:
        schema["x-kubernetes-selectable-fields"] = [{"fieldPath": path} for path in kind.selectable]
    return schema


def _prefix(v3: bool) -> str:
    return V3_PREFIX if v3 else V2_PREFIX


def _described(text: str) -> Object:
    return {"description": text, "type": "string"}


def _metadata(name: str, text: str, v3: bool) -> Object:
    reference = {"$ref": f"{_prefix(v3)}{META}{name}"}
    return {"description": text, "allOf": [reference]} if v3 else {"description": text, **reference}


def _convert(raw: Any, v3: bool) -> Object:
    """A structural schema in OpenAPI's form, its shorthands unfolded; for version 2 without what it lacks."""
    schema = {key: value for key, value in raw.items() if key not in _DROPPED and value is not None}
    if schema.get("x-kubernetes-int-or-string") and not _says_int_or_string(schema):
        if "anyOf" in schema:
            schema["allOf"] = [{"anyOf": _INT_OR_STRING}, *schema.get("allOf", ())]
        else:
            schema["anyOf"] = _INT_OR_STRING
    if not v3:
        schema = _without_v3(schema)
    if "properties" in schema:
        schema["properties"] = {k: _convert(v, v3) for k, v in sorted(schema["properties"].items())}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            schema[key] = _convert(schema[key], v3)
    return ordered(_embedded(schema, v3))


def _says_int_or_string(schema: Object) -> bool:
    first = schema.get("allOf") or [{}]
    return _INT_OR_STRING in (schema.get("anyOf"), first[0].get("anyOf"))


def _without_v3(schema: Object) -> Object:
    """What version 2 cannot say, or what kubectl's reading of it stumbles over, is left out."""
    out = {key: value for key, value in schema.items() if key not in _V2_LEFT_OUT}
    unknown = bool(out.get("x-kubernetes-preserve-unknown-fields"))
    nullable = bool(out.pop("nullable", False))
    if nullable or unknown:
        out.pop("items", None)
        out.pop("properties", None)
    untyped = nullable or (unknown and out.get("type") == "object")
    if untyped or ("items" not in out and out.get("type") == "array"):
        out.pop("type", None)
    may_be_null = {k for k, v in out.get("properties", {}).items() if v.get("nullable")}
    required = [name for name in out.get("required", ()) if name not in may_be_null]
    additional = out.get("additionalProperties")
    if isinstance(additional, dict) and additional.get("nullable"):
        required = []
    out.pop("required", None)
    if required:
        out["required"] = required
    return out


def _embedded(schema: Object, v3: bool) -> Object:
    """An embedded resource has type and metadata of its own."""
    if not schema.get("x-kubernetes-embedded-resource"):
        return schema
    if not v3 and schema.get("x-kubernetes-preserve-unknown-fields"):
        return schema
    properties = {
        **schema.get("properties", {}),
        "apiVersion": _described(_EMBEDDED_API_VERSION),
        "kind": _described(_EMBEDDED_KIND),
        "metadata": _metadata("ObjectMeta", _METADATA, v3),
    }
    required = list(schema.get("required", ()))
    required += [name for name in ("kind", "apiVersion") if name not in required]
    return {**schema, "properties": dict(sorted(properties.items())), "required": required}
