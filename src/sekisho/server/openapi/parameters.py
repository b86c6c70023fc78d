"""Parameters of operations, and texts that the definitions lack.

Upstream turns the fields of ListOptions, PodExecOptions and so on into parameters. Their documentation is part
of the wire format (shared parameters of the version 2 document are named after a hash of it, and `kubectl
explain` prints what enumerations mean), so texts of upstream's API documentation stand in `data/`.
"""

from __future__ import annotations

import functools
import importlib.resources
from typing import Any, NamedTuple

import orjson

QUERY, PATH = "query", "path"


class Parameter(NamedTuple):
    """A parameter in the query or the path; what a body holds is the route's own business."""

    name: str
    location: str
    text: str
    type: str = "string"

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
    options = {
        kind: tuple(Parameter(name, QUERY, text, type_) for name, type_, text in rows)
        for kind, rows in raw["parameters"].items()
    }
    return _Texts(raw["definitions"], options)


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
