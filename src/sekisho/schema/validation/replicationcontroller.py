"""ReplicationControllers (pkg/apis/core/validation), the ancestors of ReplicaSets."""

from __future__ import annotations

from sekisho.api.field import ErrorList, Path, required
from sekisho.api.labels import selector_from_labels
from sekisho.api.types import Object
from sekisho.schema.validation.common import not_negative
from sekisho.schema.validation.options import PodOptions
from sekisho.schema.validation.workload import label_mismatch, validate_lasting_template

_SPEC = Path("spec")


def validate_replication_controller(obj: Object, options: PodOptions) -> ErrorList:
    """The selector is a plain map of labels, and the template may not be left out."""
    spec: Object = obj.get("spec") or {}
    selector, template = spec.get("selector") or {}, spec.get("template")
    errors = not_negative(_SPEC.child("minReadySeconds"), spec.get("minReadySeconds", 0))
    if not selector:
        errors.append(required(_SPEC.child("selector")))
    if spec.get("replicas") is None:
        errors.append(required(_SPEC.child("replicas")))
    else:
        errors += not_negative(_SPEC.child("replicas"), spec["replicas"])
    path = _SPEC.child("template")
    if template is None:
        return [*errors, required(path)]
    errors += label_mismatch(selector_from_labels(selector), template, path)
    return errors + validate_lasting_template(template, path, "ReplicationController", options)
