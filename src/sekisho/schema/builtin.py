"""The types of the built-in kinds, put together from two descriptions of upstream's API.

`data/go-fields.json` says how Go's structs order, name and tag their fields; `data/schema-hints.json` what the
OpenAPI definitions that kubernetes-validate carries add: what is required, how lists merge, which patch strategies
apply. A kind's types are built when somebody asks for them. The definitions themselves, with their prose, are
read for OpenAPI documents only; their package is never imported, it pulls in a validator that nothing here uses.
"""

from __future__ import annotations

import functools
import importlib.util
import pkgutil
from pathlib import Path
from typing import Any

import orjson

from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema.types import Field, Kind, Type

VERSION = "1.36"
META = "io.k8s.apimachinery.pkg.apis.meta.v1"
EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1"

_OPAQUE = {
    f"{META}.Time": Kind.TIME,
    f"{META}.MicroTime": Kind.MICRO_TIME,
    f"{META}.Duration": Kind.DURATION,
    f"{META}.FieldsV1": Kind.FIELDS_V1,
    "io.k8s.apimachinery.pkg.api.resource.Quantity": Kind.QUANTITY,
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": Kind.INT_OR_STRING,
    "io.k8s.apimachinery.pkg.runtime.RawExtension": Kind.RAW_OBJECT,
    f"{EXTENSIONS}.JSON": Kind.ANY,
    f"{EXTENSIONS}.JSONSchemaPropsOrBool": Kind.SCHEMA_OR_BOOL,
    f"{EXTENSIONS}.JSONSchemaPropsOrArray": Kind.SCHEMA_OR_ARRAY,
    f"{EXTENSIONS}.JSONSchemaPropsOrStringArray": Kind.SCHEMA_OR_STRINGS,
}
"""Go types that read and write JSON themselves. By value they are structs: omitempty never drops them."""

_SCALARS = {
    "string": Kind.STRING,
    "bool": Kind.BOOLEAN,
    "int": Kind.INTEGER,
    "int32": Kind.INTEGER,
    "int64": Kind.INTEGER,
    "uint8": Kind.INTEGER,
    "byte": Kind.INTEGER,
    "float64": Kind.NUMBER,
    "any": Kind.ANY,
}
_STRUCTS = frozenset({Kind.OBJECT, *_OPAQUE.values()})

_PACKAGES = {
    "": "io.k8s.api.core",
    "apiextensions.k8s.io": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
    "apiregistration.k8s.io": "io.k8s.kube-aggregator.pkg.apis.apiregistration",
    "meta.k8s.io": "io.k8s.apimachinery.pkg.apis.meta",
}
_GROUPS = frozenset(
    {
        "admission.k8s.io",
        "admissionregistration.k8s.io",
        "apidiscovery.k8s.io",
        "apps",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
    }
)
_EVERY_GROUP = frozenset(
    {
        "CreateOptions",
        "DeleteOptions",
        "GetOptions",
        "ListOptions",
        "PatchOptions",
        "UpdateOptions",
        "WatchEvent",
    }
)
"""meta/v1 kinds that upstream registers in every group and version."""
_UNVERSIONED = frozenset({"Status", "APIVersions", "APIGroup", "APIGroupList", "APIResourceList"})
_TYPE_META = [["kind", "string", "o"], ["apiVersion", "string", "o"]]


def _package(group: str, version: str) -> str | None:
    if group in _PACKAGES:
        return f"{_PACKAGES[group]}.{version}"
    if group in _GROUPS:
        return f"io.k8s.api.{group.partition('.')[0]}.{version}"
    return None


def is_builtin_group(group: str) -> bool:
    """Whether the group is one of upstream's own; all others are those of custom resources."""
    return group in _PACKAGES or group in _GROUPS


class TypeSet:
    """All built-in types, built on demand and then shared. Nothing that was handed out changes any more."""

    def __init__(self, structs: dict[str, Any], named: dict[str, str], hints: dict[str, Object]) -> None:
        self._structs = structs
        self._named = named
        self._hints = hints
        self._packages = frozenset(name.rpartition(".")[0] for name in structs)
        self._types: dict[tuple[str, ...], Type] = {}

    def definition(self, name: str) -> Type:
        """The type of a definition, such as `io.k8s.api.core.v1.PodSpec`. Raises KeyError."""
        if name not in self._structs and name not in self._named and name not in _OPAQUE:
            raise KeyError(name)
        return self._type(name, "", {})

    def for_kind(self, kind: GroupVersionKind) -> Type:
        """The type of a kind that upstream's scheme registers, options and Status too. Raises KeyError."""
        name = self._kind_name(kind)
        if name is None:
            raise KeyError(kind)
        return self._type(name, "", {})

    def has_kind(self, kind: GroupVersionKind) -> bool:
        """Whether upstream's scheme knows the kind."""
        return self._kind_name(kind) is not None

    def _kind_name(self, kind: GroupVersionKind) -> str | None:
        package = _package(kind.group, kind.version)
        if package is None:
            return None
        name = f"{package}.{kind.kind}"
        if name in self._structs and self._structs[name][:2] == _TYPE_META:
            return None if kind.kind == "TypeMeta" else name
        unversioned = kind.kind in _UNVERSIONED and (kind.group, kind.version) == ("", "v1")
        if unversioned or (kind.kind in _EVERY_GROUP and package in self._packages):
            return f"{META}.{kind.kind}"
        return None

    def _type(self, text: str, package: str, hints: Object) -> Type:
        """The type of a Go expression read inside `package`; `hints` are those of the field."""
        text = text.lstrip("*")
        if text.startswith("."):
            text = package + text
        list_type = hints.get("list_type", "")
        map_type = hints.get("map_type", "")
        keys = hints.get("list_map_keys", ())
        memo = (text, package if "[" in text else "", list_type, map_type, *keys)
        found = self._types.get(memo)
        if found is None:
            found = self._types[memo] = Type("", Kind.ANY)
            self._fill(found, text, package)
            found.list_type, found.list_map_keys = list_type, tuple(keys)
            found.map_type = map_type or found.map_type
        return found

    def _fill(self, type_: Type, text: str, package: str) -> None:
        type_.go_name = go_name(text, package)
        if text.startswith("[]"):
            type_.kind = Kind.BYTES if text == "[]byte" else Kind.LIST
            type_.element = self._type(text[2:], package, {})
        elif text.startswith("map["):
            type_.kind = Kind.MAP
            type_.element = self._type(text[text.index("]") + 1 :], package, {})
        elif text in _SCALARS:
            type_.kind = _SCALARS[text]
            type_.format = text if type_.kind is Kind.INTEGER else ""
        elif text in self._named:
            self._fill(type_, self._named[text], text.rpartition(".")[0])
            type_.name, type_.go_name = text, go_name(text, package)
        elif text in _OPAQUE:
            type_.name, type_.kind = text, _OPAQUE[text]
            if type_.kind in (Kind.SCHEMA_OR_BOOL, Kind.SCHEMA_OR_ARRAY, Kind.SCHEMA_OR_STRINGS):
                type_.element = self._type(f"{EXTENSIONS}.JSONSchemaProps", "", {})
        else:
            type_.name, type_.kind = text, Kind.OBJECT
            hints = self._hints.get(text, {})
            type_.map_type = hints.get("map_type", "")
            type_.fields.update(self._fields(text, hints))

    def _fields(self, name: str, hints: Object) -> dict[str, Field]:
        package = name.rpartition(".")[0]
        required, extensions = hints.get("required", ()), hints.get("fields", {})
        fields = {}
        for index, (json_name, text, *flags) in enumerate(self._structs[name]):
            more = extensions.get(json_name, {})
            type_ = self._type(text, package, more)
            pointer = text.startswith("*")
            tag = flags[0] if flags else ""
            strategy = more.get("patch_strategy", "")
            fields[json_name] = Field(
                name=json_name,
                type=type_,
                required=json_name in required,
                always="z" not in tag and ("o" not in tag or (type_.kind in _STRUCTS and not pointer)),
                pointer=pointer,
                patch_strategy=tuple(strategy.split(",")) if strategy else (),
                patch_merge_key=more.get("patch_merge_key", ""),
                default=more.get("default"),
                index=index,
            )
        return fields


def go_name(text: str, package: str) -> str:
    """A type expression as Go prints it: `[]io.k8s.api.core.v1.Container` -> `[]v1.Container`."""
    for prefix in ("[]", "*"):
        if text.startswith(prefix):
            return prefix + go_name(text[len(prefix) :], package)
    if text.startswith("map["):
        key, _, element = text[4:].partition("]")
        return f"map[{go_name(key, package)}]{go_name(element, package)}"
    if text.startswith("."):
        text = package + text
    if text == "byte":
        return "uint8"
    return ".".join(text.split(".")[-2:]) if text.startswith("io.k8s.") else text


def _definitions_path() -> Path:
    spec = importlib.util.find_spec("kubernetes_validate")
    if spec is None or spec.origin is None:
        raise ImportError("kubernetes-validate is not installed")
    return Path(spec.origin).parent / f"kubernetes-json-schema/v{VERSION}.0-local/_definitions.json"


def data_file(name: str) -> bytes:
    """A file of this package's data folder."""
    data = pkgutil.get_data("sekisho.schema", f"data/{name}")
    if data is None:
        raise FileNotFoundError(name)
    return data


def raw_definitions() -> dict[str, Object]:
    """The OpenAPI definitions with their descriptions, by name. Read anew on each call and not kept here:
    they are about 5 MB in memory."""
    definitions: dict[str, Object] = orjson.loads(_definitions_path().read_bytes())["$defs"]
    return definitions


@functools.cache
def builtin_types() -> TypeSet:
    """The types of Kubernetes 1.36, one set per process: they never change."""
    go = orjson.loads(data_file("go-fields.json"))
    return TypeSet(go["structs"], go["named"], orjson.loads(data_file("schema-hints.json")))
