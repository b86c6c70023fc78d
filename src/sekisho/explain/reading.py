"""Objects from manifests: YAML or JSON text, several documents, lists, the output of kubectl get -o yaml."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from sekisho.api.rbac import KINDS
from sekisho.api.rbacaggregation import resolved
from sekisho.api.types import Object

SUFFIXES = (".yaml", ".yml", ".json")
STDIN = Path("-")


_NAMESPACED = ("Role", "RoleBinding", "ServiceAccount")


class ManifestError(ValueError):
    """Text that is no manifest; says where."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object is written; `line` counts from 1."""

    file: str
    line: int


Key = tuple[str, str, str]
"""Kind, namespace and name of an object."""


def key_of(obj: Object) -> Key:
    metadata = obj["metadata"]
    return obj["kind"], metadata.get("namespace", ""), metadata["name"]


def objects_of(text: str, source: str = "-") -> list[Object]:
    """All objects of a text, those inside lists included. `source` is for the error. Raises ManifestError."""
    return [obj for obj, _ in located(text, source)]


def located(text: str, source: str = "-", strict: bool = True) -> list[tuple[Object, Place]]:
    """As `objects_of`, with where each is written. Unless `strict`, what has no kind is passed over."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        nodes = list(yaml.compose_all(text, Loader=loader))
        return [found for node in nodes if node is not None for found in _flatten(node, source, strict)]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{source}, line {mark.line + 1}" if mark is not None else source
        raise ManifestError(f"{where}: {getattr(error, 'problem', None) or 'not YAML'}")


def _flatten(node: yaml.Node, source: str, strict: bool, kind: str = "") -> Iterator[tuple[Object, Place]]:
    """`kind` is what an item of a list is when it does not say so itself."""
    document = SafeConstructor().construct_document(node)
    if document is None:
        return
    if isinstance(document, dict) and kind:
        document = {"kind": kind, **document}
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        if not strict:
            return
        raise ManifestError(f"{source}: a document without a kind")
    if document["kind"].endswith("List") and isinstance(document.get("items"), list):
        kind = document["kind"].removesuffix("List")
        for item in _items(node):
            yield from _flatten(item, source, strict, kind)
        return
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        if document["kind"] in KINDS:
            raise ManifestError(f"{source}: {document['kind']} without a name")
        return
    yield document, Place(source, node.start_mark.line + 1)


def _items(node: yaml.Node) -> list[yaml.Node]:
    """The mappings in the `items` of a list."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    items = next((value for key, value in pairs if key.value == "items"), None)
    return [item for item in getattr(items, "value", ()) if isinstance(item, yaml.MappingNode)]


def read(paths: Iterable[Path]) -> list[tuple[Object, Place]]:
    """The objects of files, and of all YAML and JSON files below folders, in order of their names; `-` is standard
    input. In folders, files that hold something else (the values of a chart) are passed over. Raises
    ManifestError."""
    return [found for path in paths for file in _files(path) for found in _read_file(file, file == path)]


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(p for p in path.rglob("*") if p.is_file() and p.suffix in SUFFIXES)


def _read_file(path: Path, strict: bool) -> list[tuple[Object, Place]]:
    try:
        text = sys.stdin.read() if path == STDIN else path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not text"
        raise ManifestError(f"{path}: {why.lower()}")
    return located(text, str(path), strict)


def placed(objects: Iterable[Object], namespace: str = "default") -> list[Object]:
    """As a cluster would hold them: namespaced RBAC objects get a namespace, aggregating roles their rules."""
    return resolved(in_namespace(obj, namespace) for obj in objects)


def in_namespace(obj: Object, namespace: str) -> Object:
    """The object with the namespace it is applied to, where it needs one and names none."""
    metadata = obj["metadata"]
    if obj["kind"] in _NAMESPACED and not metadata.get("namespace"):
        return {**obj, "metadata": {**metadata, "namespace": namespace}}
    return obj
