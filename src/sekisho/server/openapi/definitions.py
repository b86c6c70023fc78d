"""The definitions of built-in types as OpenAPI 2 and OpenAPI 3 show them.

kubernetes-validate's definitions are upstream's with changes for a JSON Schema validator: optional values may
be null, kinds are enumerated, references point into `$defs`. Those are undone here. Version 3 documents differ
from version 2 in how references stand beside other keys, in three types, and in showing the zero values that
Go writes as defaults.

Only what a document refers to is converted, and nothing is kept: documents are cached as bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sekisho.api.types import Object
from sekisho.schema.builtin import builtin_types, raw_definitions
from sekisho.schema.types import Field, Kind
from sekisho.server.openapi.parameters import definition_texts, enums

V2_PREFIX, V3_PREFIX = "#/definitions/", "#/components/schemas/"
GVK = "x-kubernetes-group-version-kind"

_RAW_PREFIX = "#/$defs/"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_ONE_OF = {
    _INT_OR_STRING: [{"type": "integer"}, {"type": "string"}],
    _QUANTITY: [{"type": "string"}, {"type": "number"}],
}
_CROSS_REGISTERED = frozenset({"WatchEvent", "DeleteOptions"})

_KEY_ORDER = (
    "description",
    "type",
    "nullable",
    "format",
    "title",
    "default",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "multipleOf",
    "enum",
    "maxProperties",
    "minProperties",
    "required",
    "items",
    "allOf",
    "oneOf",
    "anyOf",
    "not",
    "properties",
    "additionalProperties",
    "example",
    "externalDocs",
    "$ref",
)
_RANK = {key: rank for rank, key in enumerate(_KEY_ORDER)}

_CORE = "io.k8s.api.core.v1."
_RBD = {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"}
_SCALE_IO = {"storageMode": "ThinProvisioned", "fsType": "xfs"}
_DEFAULTS: dict[str, Object] = {
    "io.k8s.api.autoscaling.v1.ScaleSpec": {"replicas": 0},
    _CORE + "AzureDiskVolumeSource": {
        "cachingMode": "ReadWrite",
        "fsType": "ext4",
        "kind": "Shared",
        "readOnly": False,
    },
    _CORE + "ContainerPort": {"protocol": "TCP"},
    _CORE + "FileKeySelector": {"optional": False},
    _CORE + "GRPCAction": {"service": ""},
    _CORE + "ISCSIPersistentVolumeSource": {"iscsiInterface": "default"},
    _CORE + "ISCSIVolumeSource": {"iscsiInterface": "default"},
    _CORE + "LocalObjectReference": {"name": ""},
    _CORE + "RBDPersistentVolumeSource": _RBD,
    _CORE + "RBDVolumeSource": _RBD,
    _CORE + "ReplicationControllerSpec": {"minReadySeconds": 0, "replicas": 1},
    _CORE + "ScaleIOPersistentVolumeSource": _SCALE_IO,
    _CORE + "ScaleIOVolumeSource": _SCALE_IO,
    _CORE + "ServicePort": {"protocol": "TCP"},
    "io.k8s.api.resource.v1.DeviceToleration": {"operator": "Equal"},
}
"""Defaults that upstream marks in its types; all others of version 3 are zero values."""
_EMBEDS_LOCAL_REFERENCE = tuple(
    _CORE + name
    for name in (
        "ConfigMapEnvSource",
        "ConfigMapKeySelector",
        "ConfigMapProjection",
        "ConfigMapVolumeSource",
        "SecretEnvSource",
        "SecretKeySelector",
        "SecretProjection",
    )
)


class Definitions:
    """Converts definitions by name, together with all that they refer to."""

    def __init__(self, v3: bool) -> None:
        self._v3 = v3
        self._raw = raw_definitions()
        self._types = builtin_types()

    def closure(self, names: Iterable[str], group_version: tuple[str, str] | None = None) -> Object:
        """The named definitions and those they need, sorted.

        With a group and version, kinds that are registered everywhere name only these and the core group's,
        as upstream's documents of one group and version do.
        """
        found: Object = {}
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = self._definition(name, group_version)
                waiting.extend(_references(self._raw[name]))
        return dict(sorted(found.items()))

    def everything(self) -> Object:
        return self.closure(self._raw)

    def _definition(self, name: str, group_version: tuple[str, str] | None) -> Object:
        out = self._convert(self._raw[name])
        if name in _ONE_OF:
            self._one_of(name, out)
        if name in definition_texts():
            out["description"] = definition_texts()[name]
        self._add_enums(name, out)
        if self._v3:
            self._add_defaults(name, out)
        if group_version is not None:
            _scope_kinds(out, *group_version)
        return _ordered(out)

    def _one_of(self, name: str, out: Object) -> None:
        """Types that take a text or a number: version 2 can only say text."""
        if self._v3:
            out["oneOf"] = _ONE_OF[name]
        else:
            del out["oneOf"]
            out["type"] = "string"
        if name == _INT_OR_STRING:
            out["format"] = "int-or-string"

    def _convert(self, raw: Object) -> Object:
        out: Object = {}
        for key, value in raw.items():
            if key == "type":
                out[key] = value if isinstance(value, str) else value[0]
            elif key == "properties":
                out[key] = {k: self._convert(v) for k, v in sorted(value.items())}
            elif key in ("items", "additionalProperties"):
                out[key] = self._convert(value)
            elif key == "$ref":
                out[key] = self._reference(value)
            elif key != "enum":
                out[key] = value
        return _ordered(self._wrapped(out) if self._v3 else out)

    def _reference(self, raw: str) -> str:
        return (V3_PREFIX if self._v3 else V2_PREFIX) + raw.removeprefix(_RAW_PREFIX)

    @staticmethod
    def _wrapped(schema: Object) -> Object:
        """Version 3 ignores what stands beside a reference, so the reference moves into allOf."""
        if "$ref" in schema and len(schema) > 1:
            schema["allOf"] = [{"$ref": schema.pop("$ref")}]
        return schema

    def _add_enums(self, name: str, out: Object) -> None:
        """The values of enumerations, in the schema and, for fields of such a type, in words."""
        fields = self._fields(name)
        for key, schema in out.get("properties", {}).items():
            if key not in fields:
                continue
            type_ = fields[key].type
            if type_.element is not None and type_.element.name in enums():
                element = "items" if "items" in schema else "additionalProperties"
                values = sorted(enums()[type_.element.name])
                schema[element] = _ordered({**schema[element], "enum": values})
            elif type_.name in enums():
                described = _with_values(schema.get("description", ""), enums()[type_.name])
                values = sorted(enums()[type_.name])
                out["properties"][key] = _ordered({**schema, "description": described, "enum": values})

    def _fields(self, name: str) -> dict[str, Field]:
        try:
            return self._types.definition(name).fields
        except KeyError:
            return {}

    def _add_defaults(self, name: str, out: Object) -> None:
        defaults = self._defaults(name, out)
        for key, schema in out.get("properties", {}).items():
            if key in defaults:
                out["properties"][key] = _ordered(self._wrapped({**schema, "default": defaults[key]}))

    def _defaults(self, name: str, out: Object) -> Object:
        """Zero values that Go writes for fields never set, and what upstream marks."""
        fields = self._fields(name)
        if not fields:
            # Of version.Info no Go struct is known. Its required fields are texts.
            return dict.fromkeys(out.get("required", ()), "")
        zeros = {key: zero for key, field in fields.items() if (zero := _zero(field)) is not None}
        marked = {"name": ""} if name in _EMBEDS_LOCAL_REFERENCE else _DEFAULTS.get(name, {})
        return zeros | marked


def _with_values(description: str, values: dict[str, str]) -> str:
    lines = [f' - `"{value}"` {values[value]}'.rstrip() for value in sorted(values)]
    return "\n".join([f"{description}\n\nPossible enum values:".lstrip("\n"), *lines])


def _zero(field: Field) -> Any:
    """What Go writes for the field when it was never set, if it writes anything."""
    if field.pointer:
        return None
    if field.type.kind is Kind.OBJECT:
        return {}
    if not field.always:
        return None
    zeros: dict[Kind, Any] = {Kind.STRING: "", Kind.INTEGER: 0, Kind.NUMBER: 0, Kind.BOOLEAN: False}
    return zeros.get(field.type.kind)


def _scope_kinds(schema: Object, group: str, version: str) -> None:
    kinds = schema.get(GVK, ())
    if len(kinds) > 1 and kinds[0]["kind"] in _CROSS_REGISTERED:
        wanted = ((group, version), ("", "v1"))
        schema[GVK] = [k for k in kinds if (k["group"], k["version"]) in wanted]


def _ordered(schema: Object) -> Object:
    """Keys as upstream writes them: its struct's first, extensions last and sorted."""
    return {key: schema[key] for key in sorted(schema, key=lambda k: (_RANK.get(k, 99), k))}


def _references(raw: Any) -> list[str]:
    if isinstance(raw, dict):
        own = raw.get("$ref")
        found = [own.removeprefix(_RAW_PREFIX)] if isinstance(own, str) else []
        return found + [name for value in raw.values() for name in _references(value)]
    return [name for value in raw for name in _references(value)] if isinstance(raw, list) else []


def ordered(schema: Object) -> Object:
    """The order of keys, for schemas that do not come from the definitions."""
    return _ordered(schema)
