"""Configuration files of the API server: YAML documents with a kind, decoded strictly into plain dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sekisho.api.goformat import quote
from sekisho.schema.body import parse_yaml, strict_text
from sekisho.schema.decode import decode
from sekisho.schema.types import Field, Kind, Type

GROUP = "apiserver.config.k8s.io"
STRING = Type("", Kind.STRING, "string")
BOOL = Type("", Kind.BOOLEAN, "bool")
ANY = Type("", Kind.ANY, "runtime.RawExtension")


class ConfigFileError(ValueError):
    """A document that is not what it should be; the text is upstream's."""


def list_of(element: Type) -> Type:
    return Type("", Kind.LIST, f"[]{element.go_name}", element=element)


def struct(go_name: str, **fields: Type) -> Type:
    """A struct whose fields know whether they were given. A `_` in a name stands for `-`."""
    made = {}
    for index, (given, type_) in enumerate(fields.items()):
        name = given.replace("_", "-")
        made[name] = Field(name, type_, pointer=True, index=index)
    return Type("", Kind.OBJECT, f"v1.{go_name}", made)


def document(kind: str, **fields: Type) -> Type:
    """A whole document: a struct with kind and apiVersion."""
    return struct(kind, kind=STRING, apiVersion=STRING, **fields)


def load(data: bytes, type_: Type, kind: str, api_versions: Sequence[str]) -> dict[str, Any]:
    """Decode YAML or JSON; unknown and repeated fields are errors. Raises ConfigFileError."""
    try:
        value, problems = parse_yaml(data)
        _check_kind(value, kind, api_versions)
        decoded, unknown = decode(type_, value)
    except ConfigFileError:
        raise
    except Exception as error:
        raise ConfigFileError(str(error)) from None
    problems = [*problems, *(p for p in unknown if p not in problems)]
    if problems:
        raise ConfigFileError(f"strict decoding error: {strict_text(problems)}")
    found: dict[str, Any] = decoded
    return found


def _check_kind(value: Any, wanted: str, api_versions: Sequence[str]) -> None:
    if not isinstance(value, dict):
        raise ConfigFileError("couldn't get version/kind; the configuration is no mapping")
    kind, api_version = value.get("kind"), value.get("apiVersion")
    if not kind:
        raise ConfigFileError("Object 'Kind' is missing in the configuration")
    if not api_version:
        raise ConfigFileError("Object 'apiVersion' is missing in the configuration")
    if kind != wanted or api_version not in api_versions:
        raise ConfigFileError(
            f"no kind {quote(str(kind))} is registered for version {quote(str(api_version))}"
        )
