"""--admission-control-config-file: what each admission plugin is set up with.

An AdmissionConfiguration names plugins, each with its configuration in place or in a file of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import orjson

from sekisho.api.goformat import quote
from sekisho.schema.configfile import (
    ANY,
    GROUP,
    STRING,
    ConfigFileError,
    document,
    list_of,
    load,
    struct,
)

KIND = "AdmissionConfiguration"
API_VERSIONS = (f"{GROUP}/v1", "apiserver.k8s.io/v1", "apiserver.k8s.io/v1alpha1")
_TYPE = document(
    KIND, plugins=list_of(struct("AdmissionPluginConfiguration", name=STRING, path=STRING, configuration=ANY))
)


class AdmissionConfigError(ValueError):
    """A configuration that the server cannot start with."""


def read(path: Path | None, known: Collection[str]) -> Mapping[str, bytes]:
    """Each plugin's configuration as YAML or JSON text. Raises AdmissionConfigError, also for a plugin that is
    not `known`."""
    if path is None:
        return {}
    try:
        found = load(path.read_bytes(), _TYPE, KIND, API_VERSIONS)
    except OSError as error:
        why = f"open {path}: {(error.strerror or str(error)).lower()}"
        raise AdmissionConfigError(
            f"unable to read admission control configuration from {quote(str(path))} [{why}]"
        )
    except ConfigFileError as error:
        raise AdmissionConfigError(
            f"unable to read admission control configuration from {quote(str(path))} [{error}]"
        )
    out: dict[str, bytes] = {}
    for plugin in found.get("plugins") or ():
        name = plugin.get("name", "")
        if name not in known:
            raise AdmissionConfigError(f"unknown admission plugin in {path}: {quote(name)}")
        text = _text(plugin, path.parent)
        if text is not None:
            out.setdefault(name, text)
    return out


def _text(plugin: Mapping[str, object], folder: Path) -> bytes | None:
    """What stands in place counts before the file, whose path is relative to the configuration's."""
    if plugin.get("configuration") is not None:
        return orjson.dumps(plugin["configuration"])
    if not plugin.get("path"):
        return None
    file = folder / str(plugin["path"])
    try:
        return file.read_bytes()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise AdmissionConfigError(f"couldn't open admission plugin configuration {file}: {why}")
