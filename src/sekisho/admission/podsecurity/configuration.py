"""PodSecurityConfiguration: what unlabelled namespaces get, and who is exempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sekisho.admission.podsecurity.policy import (
    DEFAULT,
    MODES,
    LevelVersion,
    Policy,
    parse_level,
    parse_version,
)
from sekisho.api import names
from sekisho.api.field import ErrorList, Path, duplicate, invalid
from sekisho.api.goformat import aggregate
from sekisho.schema.configfile import STRING, ConfigFileError, document, list_of, load, struct

KIND = "PodSecurityConfiguration"
API_VERSIONS = tuple(f"pod-security.admission.config.k8s.io/{v}" for v in ("v1", "v1beta1", "v1alpha1"))
_LISTS = ("namespaces", "runtimeClasses", "usernames")
_MODE_FIELDS = {name: STRING for mode in MODES for name in (mode, f"{mode}_version")}
_TYPE = document(
    KIND,
    defaults=struct("PodSecurityDefaults", **_MODE_FIELDS),
    exemptions=struct("PodSecurityExemptions", **dict.fromkeys(_LISTS, list_of(STRING))),
)


@dataclass(frozen=True, slots=True)
class Config:
    """As read; without a file nothing is enforced and nobody is exempt."""

    defaults: Policy = DEFAULT
    namespaces: frozenset[str] = frozenset()
    usernames: frozenset[str] = frozenset()
    runtime_classes: frozenset[str] = frozenset()


def parse(data: bytes) -> Config:
    """Raises ConfigFileError with everything that is wrong."""
    found = load(data, _TYPE, KIND, API_VERSIONS)
    defaults, exempt = found.get("defaults") or {}, found.get("exemptions") or {}
    errors: ErrorList = []
    modes = [_mode(defaults, mode, errors) for mode in MODES]
    lists = {name: exempt.get(name) or () for name in _LISTS}
    errors += _list_errors("namespaces", lists["namespaces"], names.dns1123_label)
    errors += _list_errors("runtimeClasses", lists["runtimeClasses"], names.dns1123_subdomain)
    errors += _list_errors("usernames", lists["usernames"], _username)
    if errors:
        raise ConfigFileError(aggregate(map(str, errors)))
    return Config(
        Policy(*modes),
        frozenset(lists["namespaces"]),
        frozenset(lists["usernames"]),
        frozenset(lists["runtimeClasses"]),
    )


def _mode(defaults: Mapping[str, Any], mode: str, errors: ErrorList) -> LevelVersion:
    path = Path("defaults")
    text, version_text = defaults.get(mode) or "privileged", defaults.get(f"{mode}-version") or "latest"
    level, version = parse_level(text), parse_version(version_text)
    if level is None:
        errors.append(invalid(path.child(mode), text, "must be one of privileged, baseline, restricted"))
    if version is None:
        errors.append(invalid(path.child(f"{mode}-version"), version_text, 'must be "latest" or "v1.x"'))
    if level is None or version is None:
        return LevelVersion()
    return LevelVersion(level, version)


def _username(text: str) -> list[str]:
    return [] if text else ["username must not be empty"]


def _list_errors(field: str, values: Sequence[str], check: Callable[[str], list[str]]) -> ErrorList:
    errors: ErrorList = []
    for i, value in enumerate(values):
        path = Path("exemptions").child(field).index(i)
        problems = check(value)
        if problems:
            errors.append(invalid(path, value, ", ".join(problems)))
        elif value in values[:i]:
            errors.append(duplicate(path, value))
    return errors
