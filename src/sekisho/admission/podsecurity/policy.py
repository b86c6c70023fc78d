"""Levels, versions and the policy that a namespace's labels make."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import NamedTuple

from sekisho.api.field import ErrorList, FieldError, Path, invalid

PREFIX = "pod-security.kubernetes.io/"
MODES = ("enforce", "audit", "warn")
LATEST = -1
"""The version `latest`; others are the minor of `v1.<minor>`."""
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]*)")


class Level(enum.StrEnum):
    PRIVILEGED = "privileged"
    BASELINE = "baseline"
    RESTRICTED = "restricted"

    @property
    def strictness(self) -> int:
        return _STRICTNESS[self]


_STRICTNESS = {Level.PRIVILEGED: 0, Level.BASELINE: 1, Level.RESTRICTED: 2}


class LevelVersion(NamedTuple):
    """What one mode wants; prints as `baseline:latest` or `restricted:v1.30`."""

    level: Level = Level.PRIVILEGED
    version: int = LATEST

    def __str__(self) -> str:
        return f"{self.level.value}:{'latest' if self.version == LATEST else f'v1.{self.version}'}"


class Policy(NamedTuple):
    enforce: LevelVersion = LevelVersion()
    audit: LevelVersion = LevelVersion()
    warn: LevelVersion = LevelVersion()

    @property
    def privileged(self) -> bool:
        return all(mode.level is Level.PRIVILEGED for mode in self)

    def __str__(self) -> str:
        """Without the modes that allow everything: `enforce=baseline:latest, warn=restricted:v1.30`."""
        shown = zip(MODES, self, strict=True)
        return ", ".join(f"{mode}={lv}" for mode, lv in shown if lv.level is not Level.PRIVILEGED)


DEFAULT = Policy()


def parse_level(text: str) -> Level | None:
    try:
        return Level(text)
    except ValueError:
        return None


def parse_version(text: str) -> int | None:
    if text == "latest":
        return LATEST
    match = _VERSION.fullmatch(text)
    return int(match[1]) if match else None


def policy_of(labels: Mapping[str, str], defaults: Policy = DEFAULT) -> tuple[Policy, ErrorList]:
    """The policy of a namespace, and what is wrong with its labels.

    A bad level enforces `restricted`, but audits and warns of nothing; a bad version is the latest.
    Without a label of its own, warning follows an enforced level that is stricter than its default.
    """
    errors: ErrorList = []
    modes: dict[str, LevelVersion] = {}
    for mode, default in zip(MODES, defaults, strict=True):
        fallback = Level.RESTRICTED if mode == "enforce" else Level.PRIVILEGED
        level, version = default
        text = labels.get(PREFIX + mode)
        if text is not None:
            parsed = parse_level(text)
            level = parsed if parsed is not None else fallback
            if parsed is None:
                errors.append(_bad(mode, text, "must be one of privileged, baseline, restricted"))
        text = labels.get(f"{PREFIX}{mode}-version")
        if text is not None:
            number = parse_version(text)
            version = number if number is not None else LATEST
            if number is None:
                errors.append(_bad(f"{mode}-version", text, 'must be "latest" or "v1.x"'))
        modes[mode] = LevelVersion(level, version)
    return Policy(modes["enforce"], modes["audit"], _warned(labels, modes["enforce"], modes["warn"])), errors


def _warned(labels: Mapping[str, str], enforced: LevelVersion, warned: LevelVersion) -> LevelVersion:
    labelled = parse_level(labels.get(f"{PREFIX}enforce", "")) is not None
    if f"{PREFIX}warn" in labels or not labelled or enforced.level.strictness <= warned.level.strictness:
        return warned
    version = warned.version if f"{PREFIX}warn-version" in labels else enforced.version
    return LevelVersion(enforced.level, version)


def _bad(label: str, value: str, detail: str) -> FieldError:
    return invalid(Path("metadata").child("labels").key(PREFIX + label), value, detail)
