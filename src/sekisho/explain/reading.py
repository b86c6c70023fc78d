"""Objects from manifests: YAML or JSON text, several documents, lists, the output of kubectl get -o yaml."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from sekisho.api.rbac import KINDS
from sekisho.api.rbacaggregation import resolved
from sekisho.api.types import Object

SUFFIXES = (".yaml", ".yml", ".json")


class ManifestError(ValueError):
    """Text that is no manifest; says where."""


def objects_of(text: str, source: str = "-") -> list[Object]:
    """All objects of a text, those inside lists included. `source` is for the error. Raises ManifestError."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        documents = list(yaml.load_all(text, Loader=loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{source}, line {mark.line + 1}" if mark is not None else source
        raise ManifestError(f"{where}: {getattr(error, 'problem', None) or 'not YAML'}")
    return [obj for document in documents for obj in _flatten(document, source)]


def _flatten(document: Any, source: str) -> Iterator[Object]:
    if document is None:
        return
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        raise ManifestError(f"{source}: a document without a kind")
    if document["kind"].endswith("List") and isinstance(document.get("items"), list):
        kind = document["kind"].removesuffix("List")
        for item in document["items"]:
            if isinstance(item, dict):
                yield from _flatten(item if "kind" in item else {"kind": kind, **item}, source)
        return
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        if document["kind"] in KINDS:
            raise ManifestError(f"{source}: {document['kind']} without a name")
        return
    yield document


def read(paths: Iterable[Path]) -> list[Object]:
    """The objects of files, and of all YAML and JSON files below folders, in order of their names."""
    return [obj for path in paths for file in _files(path) for obj in _read_file(file)]


def sources(paths: Iterable[Path], namespace: str = "default") -> dict[tuple[str, str, str], str]:
    """The file of each object by kind, namespace and name (as `placed` has them), for reports about files."""
    return {
        (obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]): str(file)
        for path in paths
        for file in _files(path)
        for obj in placed(_read_file(file), namespace)
    }


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(p for p in path.rglob("*") if p.is_file() and p.suffix in SUFFIXES)


def _read_file(path: Path) -> list[Object]:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not text"
        raise ManifestError(f"{path}: {why.lower()}")
    return objects_of(text, str(path))


def placed(objects: Iterable[Object], namespace: str = "default") -> list[Object]:
    """As a cluster would hold them: namespaced RBAC objects get a namespace, aggregating roles their rules."""
    out = []
    for obj in objects:
        metadata = obj["metadata"]
        if obj["kind"] in ("Role", "RoleBinding", "ServiceAccount") and not metadata.get("namespace"):
            obj = {**obj, "metadata": {**metadata, "namespace": namespace}}
        out.append(obj)
    return resolved(out)
