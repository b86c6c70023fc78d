"""Parameters of operations, and the option kinds whose fields are query parameters.

Upstream turns the fields of ListOptions, PodExecOptions and so on into parameters. Their documentation is part
of the wire format (shared parameters of the version 2 document are named after a hash of it), so the texts of
upstream's API documentation stand in `data/texts.json`, beside those of two types that the definitions lack.
"""

from __future__ import annotations

import functools
import importlib.resources
from typing import NamedTuple

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


@functools.cache
def _texts() -> _Texts:
    data = importlib.resources.files("sekisho.server.openapi").joinpath("data/texts.json").read_bytes()
    raw = orjson.loads(data)
    options = {
        kind: tuple(Parameter(name, QUERY, text, type_) for name, type_, text in rows)
        for kind, rows in raw["parameters"].items()
    }
    return _Texts(raw["definitions"], options)


def definition_texts() -> dict[str, str]:
    """Descriptions of definitions that come without one."""
    return _texts().definitions


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
