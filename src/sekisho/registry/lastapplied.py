"""kubectl's way from client-side to server-side apply, over the last-applied-configuration annotation.

Both rules hold for the manager named `kubectl` only, as in upstream's managedfields package: another
manager's name opts out.
"""

from __future__ import annotations

from typing import Any

import orjson

from sekisho.api.goformat import html_escape
from sekisho.api.types import Object
from sekisho.schema import fieldset
from sekisho.schema.fieldset import FieldSet
from sekisho.schema.typed import TypedError, field_set
from sekisho.schema.typedcheck import problem
from sekisho.schema.typedcompare import compare
from sekisho.schema.types import Type

MANAGER = "kubectl"
ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
_ANNOTATIONS_LIMIT = 256 * 1024


def allowed_conflicts(type_: Type, api_version: str, live: Object) -> FieldSet | None:
    """The fields that the annotation says kubectl applied and that still have that value.

    None when there is no annotation, or none that can be read as an object of this version.
    """
    text = annotations_of(live).get(ANNOTATION)
    if not text or problem(type_, live):
        return None
    try:
        applied = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(applied, dict) or applied.get("apiVersion") != api_version or problem(type_, applied):
        return None
    try:
        comparison = compare(type_, applied, live)
        fields = field_set(type_, applied)
    except TypedError:
        return None
    for changed in (comparison.modified, comparison.added, comparison.removed):
        fields = fieldset.difference(fields, changed)
    return fields


def with_last_applied(obj: Object, config: Object) -> Object:
    """`obj` with the annotation, if it has one, saying what was applied; without it if that is too large."""
    annotations = annotations_of(obj)
    if not annotations.get(ANNOTATION):
        return obj
    annotations = {**annotations, ANNOTATION: _text(config)}
    if sum(len(k.encode()) + len(v.encode()) for k, v in annotations.items()) > _ANNOTATIONS_LIMIT:
        del annotations[ANNOTATION]
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}


def annotations_of(obj: Object) -> dict[str, str]:
    """The annotations, empty when they are absent or not what they should be."""
    metadata: Any = obj.get("metadata")
    found = metadata.get("annotations") if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


def _text(config: Object) -> str:
    """The configuration as kubectl writes it down: sorted, on one line, without the annotation itself."""
    if annotations_of(config):
        annotations = {k: v for k, v in annotations_of(config).items() if k != ANNOTATION}
        config = {**config, "metadata": {**config["metadata"], "annotations": annotations}}
    return html_escape(orjson.dumps(config, option=orjson.OPT_SORT_KEYS)).decode() + "\n"
