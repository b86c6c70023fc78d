"""Validation of ControllerRevisions, as upstream's pkg/apis/apps/validation."""

from __future__ import annotations

from typing import Any

from sekisho.api.field import ErrorList, Path, invalid, required
from sekisho.api.types import Object
from sekisho.schema.validation.common import immutable, not_negative

_DATA = Path("data")


def validate_controller_revision(revision: Object) -> ErrorList:
    """The data is an object, which only its controller understands."""
    errors = not_negative(Path("revision"), revision.get("revision", 0))
    return errors + _data_errors(revision.get("data"))


def _data_errors(data: Any) -> ErrorList:
    if data is None:
        return [required(_DATA, "data is mandatory")]
    if not isinstance(data, dict):
        return [invalid(_DATA, "<value omitted>", "must be a valid JSON object")]
    return []


def validate_controller_revision_update(new: Object, old: Object) -> ErrorList:
    errors = not_negative(Path("revision"), new.get("revision", 0))
    return errors + immutable(_DATA, new.get("data"), old.get("data"))
