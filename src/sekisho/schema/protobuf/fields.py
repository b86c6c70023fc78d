"""Which message a kind is, and what a message's fields are called in JSON.

Two tables are read: the fields of upstream's .proto files (number, name, label, type), and the fields of
the Go structs behind them, which tell the nullable fields from those that gogo writes even when zero. Both
are kept as text, a message an entry, and parsed when a message is compiled: a run touches few of them.

Protobuf and JSON differ in places, all told here: embedded structs are messages of their own in protobuf and
inline in JSON, `Verbs` and `ExtraValue` are messages around what JSON shows as a list, and some names differ.
"""

from __future__ import annotations

import functools
import importlib.resources
import re
from dataclasses import dataclass

import orjson

from sekisho.api.types import GroupVersionKind

META = "k8s.io.apimachinery.pkg.apis.meta.v1."
SCALARS = frozenset({"string", "bool", "int32", "int64", "double", "bytes"})

_PACKAGES = {
    "": "k8s.io.api.core",
    "admission.k8s.io": "k8s.io.api.admission",
    "admissionregistration.k8s.io": "k8s.io.api.admissionregistration",
    "apidiscovery.k8s.io": "k8s.io.api.apidiscovery",
    "apiextensions.k8s.io": "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions",
    "apiregistration.k8s.io": "k8s.io.kube_aggregator.pkg.apis.apiregistration",
    "apps": "k8s.io.api.apps",
    "authentication.k8s.io": "k8s.io.api.authentication",
    "authorization.k8s.io": "k8s.io.api.authorization",
    "autoscaling": "k8s.io.api.autoscaling",
    "batch": "k8s.io.api.batch",
    "certificates.k8s.io": "k8s.io.api.certificates",
    "coordination.k8s.io": "k8s.io.api.coordination",
    "discovery.k8s.io": "k8s.io.api.discovery",
    "events.k8s.io": "k8s.io.api.events",
    "extensions": "k8s.io.api.extensions",
    "flowcontrol.apiserver.k8s.io": "k8s.io.api.flowcontrol",
    "imagepolicy.k8s.io": "k8s.io.api.imagepolicy",
    "internal.apiserver.k8s.io": "k8s.io.api.apiserverinternal",
    "meta.k8s.io": "k8s.io.apimachinery.pkg.apis.meta",
    "networking.k8s.io": "k8s.io.api.networking",
    "node.k8s.io": "k8s.io.api.node",
    "policy": "k8s.io.api.policy",
    "rbac.authorization.k8s.io": "k8s.io.api.rbac",
    "resource.k8s.io": "k8s.io.api.resource",
    "scheduling.k8s.io": "k8s.io.api.scheduling",
    "storage.k8s.io": "k8s.io.api.storage",
    "storagemigration.k8s.io": "k8s.io.api.storagemigration",
}
"""Group -> the package of its messages, without the version."""

_EMBEDDED = frozenset(
    {
        ("volumeSource", "VolumeSource"),
        ("persistentVolumeSource", "PersistentVolumeSource"),
        ("handler", "ProbeHandler"),
        ("handler", "Handler"),
        ("ephemeralContainerCommon", "EphemeralContainerCommon"),
        ("localObjectReference", "LocalObjectReference"),
        ("ingressRuleValue", "IngressRuleValue"),
        ("ruleWithOperations", "RuleWithOperations"),
        ("rule", "Rule"),
        ("deviceConfiguration", "DeviceConfiguration"),
    }
)

_NAMES = {
    "uID": "uid",
    "aPIGroup": "apiGroup",
    "Webhooks": "webhooks",
    "Name": "name",
    "Expression": "expression",
    "jSONSchemas": "JSONSchemas",
}

_SCHEMA_NAMES = {"schema": "$schema", "ref": "$ref"}


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of a message.

    `name` is JSON's, `go_name` is what error texts call it. `type` is a scalar's name or a full message name;
    `key` is set for maps. `inline` marks an embedded message whose fields stand in the parent's JSON object.
    `zero` tells that gogo writes the field even when nothing is set.
    """

    number: int
    name: str
    go_name: str
    label: str
    type: str
    key: str = ""
    inline: bool = False
    zero: bool = False


def message_name(gvk: GroupVersionKind) -> str | None:
    """The full message name of a kind; None for kinds that have no protobuf form (custom resources, Table).

    Option kinds, Status, WatchEvent and the like are registered in every group version and are meta/v1's.
    """
    messages = _messages()
    package = _PACKAGES.get(gvk.group)
    name = f"{package}.{gvk.version}.{gvk.kind}"
    if package and name in messages:
        return name
    meta = META + gvk.kind
    return meta if gvk.kind in _EVERYWHERE and meta in messages else None


_EVERYWHERE = frozenset(
    {
        "Status",
        "WatchEvent",
        "ListOptions",
        "GetOptions",
        "DeleteOptions",
        "CreateOptions",
        "UpdateOptions",
        "PatchOptions",
        "PartialObjectMetadata",
        "PartialObjectMetadataList",
        "APIVersions",
        "APIGroup",
        "APIGroupList",
        "APIResourceList",
    }
)


@functools.cache
def message_fields(message: str) -> tuple[FieldSpec, ...]:
    """A message's fields in the order of their numbers, which is the order that gogo writes them in.

    Raises KeyError for a message that does not exist.
    """
    package = message.rsplit(".", 1)[0]
    nullable = _zero_fields(message)
    specs = [_spec(message, package, row, nullable) for row in orjson.loads(_messages()[message])]
    return tuple(sorted(specs, key=lambda spec: spec.number))


def _spec(message: str, package: str, row: list[str | int], zero: frozenset[str]) -> FieldSpec:
    number, proto_name, label = int(row[0]), str(row[1]), str(row[2])
    type_ = _resolve(package, str(row[-1]))
    inline = (proto_name, type_.rsplit(".", 1)[-1]) in _EMBEDDED
    name = _json_name(message, proto_name)
    return FieldSpec(
        number=number,
        name=name,
        go_name=proto_name[0].upper() + proto_name[1:],
        label=label,
        type=type_,
        key=str(row[3]) if label == "map" else "",
        inline=inline,
        zero=label == "one" and (inline or name in zero),
    )


def _resolve(package: str, type_: str) -> str:
    """Names without a dot are scalars, or messages of the same package."""
    return type_ if type_ in SCALARS or "." in type_ else f"{package}.{type_}"


def _json_name(message: str, proto_name: str) -> str:
    if message.endswith(".JSONSchemaProps"):
        if proto_name.startswith("xKubernetes"):
            return re.sub(r"(?<!^)([A-Z])", lambda m: "-" + m[1].lower(), proto_name)
        return _SCHEMA_NAMES.get(proto_name, proto_name)
    return _NAMES.get(proto_name, proto_name)


@functools.cache
def _messages() -> dict[str, bytes]:
    return {name: orjson.dumps(rows) for name, rows in orjson.loads(_data("protobuf-fields.json")).items()}


@functools.cache
def _structs() -> tuple[dict[str, bytes], dict[str, str]]:
    tables = orjson.loads(_data("go-fields.json"))
    return {name: orjson.dumps(rows) for name, rows in tables["structs"].items()}, tables["named"]


def _data(file: str) -> bytes:
    return importlib.resources.files("sekisho.schema").joinpath("data", file).read_bytes()


def _zero_fields(message: str) -> frozenset[str]:
    """JSON names of the fields that are neither pointers, lists, maps nor bytes in Go."""
    structs, named = _structs()
    struct = "io.k8s." + message.removeprefix("k8s.io.").replace("_", "-")
    rows = structs.get(struct)
    if rows is None:
        return frozenset()
    package = struct.rsplit(".", 1)[0]
    found = set()
    for name, type_, *_ in orjson.loads(rows):
        full = package + type_ if type_.startswith(".") else type_
        if not named.get(full, full).startswith(("*", "[]", "map[")):
            found.add(name)
    return frozenset(found)
