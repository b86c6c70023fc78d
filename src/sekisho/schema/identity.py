"""The kinds that Sekisho adds to the API and stores: revocations of credentials.

Their types are put together here by hand, as the built-in ones are from upstream's definitions; `DEFINITION`
describes the kind to OpenAPI in the form of a CustomResourceDefinition.
"""

from __future__ import annotations

import functools

from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema.builtin import META, builtin_types
from sekisho.schema.resources import ResourceInfo, storage_version_hash
from sekisho.schema.types import Field, Kind, Type

GROUP = "identity.sekisho.dev"
VERSION = "v1"
REVOCATION = GroupVersionKind(GROUP, VERSION, "Revocation")
TARGETS = ("certificateSerial", "credentialID", "tokenID", "user", "serviceAccount")
"""The fields of a Revocation's spec of which one says what is revoked."""

REVOCATIONS = ResourceInfo(
    group=GROUP,
    version=VERSION,
    resource="revocations",
    kind=REVOCATION.kind,
    namespaced=False,
    verbs=("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"),
    singular="revocation",
    storage_gvk=REVOCATION,
    key_prefix=f"{GROUP}/revocations",
    storage_version_hash=storage_version_hash(REVOCATION),
)


def own_resources() -> tuple[ResourceInfo, ...]:
    return (REVOCATIONS,)


def _text(description: str, **more: object) -> Object:
    return {"type": "string", "description": description, **more}


_SPEC: Object = {
    "type": "object",
    "description": "What is revoked, by exactly one of its fields but for the reason, and why. It cannot be changed.",
    "properties": {
        "certificateSerial": _text(
            "Serial number of a client certificate, or of a front proxy's, in hexadecimal digits."
        ),
        "credentialID": _text(
            "What a user's extra authentication.kubernetes.io/credential-id says: X509SHA256=... of a "
            "certificate, JTI=... of a token."
        ),
        "tokenID": _text("The claim jti of a ServiceAccount's token."),
        "user": _text("A user, with every credential that proves it."),
        "serviceAccount": {
            "type": "object",
            "description": "A ServiceAccount, with every token of it, those of the future included.",
            "properties": {
                "namespace": _text("Its namespace."),
                "name": _text("Its name."),
            },
            "required": ["namespace", "name"],
        },
        "reason": _text("Why, for whoever reads it later."),
    },
}
_STATUS: Object = {
    "type": "object",
    "description": "What the server noted when it was made.",
    "properties": {
        "revokedBy": {
            "type": "object",
            "description": "Who revoked.",
            "properties": {
                "username": _text("The user's name."),
                "uid": _text("The user's uid."),
                "groups": {
                    "type": "array",
                    "description": "The user's groups.",
                    "items": {"type": "string"},
                    "x-kubernetes-list-type": "atomic",
                },
            },
        }
    },
}
DEFINITION: Object = {
    "spec": {
        "group": GROUP,
        "scope": "Cluster",
        "names": {"kind": REVOCATION.kind, "plural": REVOCATIONS.resource},
        "versions": [
            {
                "name": VERSION,
                "served": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "description": "A credential, or all credentials of somebody, that the server refuses although "
                        "they are good.",
                        "properties": {"spec": _SPEC, "status": _STATUS},
                        "required": ["spec"],
                    }
                },
            }
        ],
    }
}


@functools.cache
def revocation_type() -> Type:
    """One per process: types never change."""
    string = Type("", Kind.STRING, "string")
    properties = {
        "spec": _object("RevocationSpec", _SPEC, string),
        "status": _object("RevocationStatus", _STATUS, string),
    }
    root = Type(_name("Revocation"), Kind.OBJECT, "v1.Revocation")
    members = {
        "kind": string,
        "apiVersion": string,
        "metadata": builtin_types().definition(f"{META}.ObjectMeta"),
        **properties,
    }
    for index, (name, type_) in enumerate(members.items()):
        root.fields[name] = Field(
            name, type_, required=name == "spec", always=name in ("metadata", "spec"), index=index
        )
    return root


def _name(kind: str) -> str:
    return f"dev.sekisho.identity.{VERSION}.{kind}"


def _object(kind: str, schema: Object, string: Type) -> Type:
    """The type of an object schema of the definition above: objects, strings, and lists of strings."""
    made = Type(_name(kind), Kind.OBJECT, f"v1.{kind}")
    for index, (name, member) in enumerate(schema["properties"].items()):
        type_ = string
        if member["type"] == "object":
            type_ = _object(name[0].upper() + name[1:], member, string)
        elif member["type"] == "array":
            type_ = Type("", Kind.LIST, "[]string", element=string, list_type="atomic")
        pointer = type_.kind is Kind.OBJECT
        required = name in schema.get("required", ())
        made.fields[name] = Field(name, type_, required=required, pointer=pointer, index=index)
    return made
