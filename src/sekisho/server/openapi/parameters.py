"""Parameters of operations, and texts that the definitions lack.

Upstream turns the fields of ListOptions, PodExecOptions and so on into parameters. What they mean is said in
`data/` in words of our own, or read from kubernetes-validate where that says it. The version 2 document names
shared parameters after a hash of upstream's texts; clients see these names, so they stand in `data/`, too. So do
the texts of four things that every client's documents show alike: `shared` and `definitions` in `texts.json`.
"""

from __future__ import annotations

import functools
import importlib.resources
from typing import Any, NamedTuple

import orjson

from sekisho.schema.builtin import raw_definitions

QUERY, PATH = "query", "path"


class Parameter(NamedTuple):
    """A parameter in the query or the path; what a body holds is the route's own business."""

    name: str
    location: str
    text: str
    type: str = "string"
    mark: str = ""
    """What follows the name where operations share it; a hash of the parameter when empty."""

    @property
    def required(self) -> bool:
        return self.location == PATH


class _Texts(NamedTuple):
    definitions: dict[str, str]
    parameters: dict[str, tuple[Parameter, ...]]


def _data(name: str) -> Any:
    return orjson.loads(
        importlib.resources.files("sekisho.server.openapi").joinpath("data", name).read_bytes()
    )


@functools.cache
def _texts() -> _Texts:
    raw = _data("texts.json")
    common = raw["shared"] | _delete_option_texts()
    options = {
        kind: tuple(_option(row, common) for row in rows) for kind, rows in raw["parameters"].items()
    }
    return _Texts(raw["definitions"], options)


def _delete_option_texts() -> dict[str, str]:
    fields = raw_definitions()["io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"]["properties"]
    return {name: field["description"] for name, field in fields.items() if "description" in field}


def _option(row: list[str], common: dict[str, str]) -> Parameter:
    """A row is name, type, mark and, for texts that are not common to many options, the text."""
    name, type_, mark, *text = row
    return Parameter(name, QUERY, text[0] if text else common[name], type_, mark)


def definition_texts() -> dict[str, str]:
    """Descriptions of definitions that come without one."""
    return _texts().definitions


@functools.cache
def enums() -> dict[str, dict[str, str]]:
    """The named types that are enumerations: each value with what it means, which may be empty."""
    found: dict[str, dict[str, str]] = _data("enums.json")
    return found


def options(kind: str, *left_out: str) -> tuple[Parameter, ...]:
    """The query parameters that an option kind stands for; none for kinds that have no options."""
    return tuple(p for p in _texts().parameters.get(kind, ()) if p.name not in left_out)


PRETTY = Parameter(
    "pretty",
    QUERY,
    "If 'true', then the output is pretty printed. Defaults to 'false' unless the user-agent indicates a "
    "browser or command-line HTTP tool (curl and wget).",
)
NAMESPACE = Parameter("namespace", PATH, "object name and auth scope, such as for teams and projects")
SUBPATH = Parameter("path", PATH, "path to the resource")


def name_of(kind: str) -> Parameter:
    return Parameter("name", PATH, f"name of the {kind}")
