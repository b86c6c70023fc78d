"""Updates of Jobs: nearly nothing of the spec may change once pods could be there."""

from __future__ import annotations

from typing import Any

from sekisho.api.field import ErrorList, Path, invalid
from sekisho.api.objectmeta import has_invalid_label_value, validate_immutable
from sekisho.api.types import Object
from sekisho.schema.validation import goform
from sekisho.schema.validation.common import IMMUTABLE
from sekisho.schema.validation.gopodform import pod_template
from sekisho.schema.validation.job import (
    CONTROLLER_UID,
    JOB_NAME,
    JobOptions,
    is_indexed,
    validate_job_spec,
)
from sekisho.schema.validation.tolerance import options_for_update
from sekisho.schema.validation.workload import template_labels

_SPEC = Path("spec")
_SCHEDULING = ("nodeSelector", "tolerations", "schedulingGates")


def job_options_for_update(old: Object) -> JobOptions:
    """What an update of this stored Job may do."""
    spec: Object = old["spec"]
    template: Object = spec.get("template") or {}
    labels = template_labels(template) or {}
    status: Object = old.get("status") or {}
    paused = "startTime" not in status or _is_suspended(status)
    return JobOptions(
        pod=options_for_update(template.get("spec") or {}, template.get("metadata") or {}, is_pod=False),
        invalid_selector_values=has_invalid_label_value(spec.get("selector")),
        prefixed_labels=JOB_NAME in labels and CONTROLLER_UID in labels,
        mutable_template=bool(spec.get("suspend")) and paused and not status.get("active"),
    )


def _is_suspended(status: Object) -> bool:
    return any(
        condition.get("type") == "Suspended" and condition.get("status") == "True"
        for condition in status.get("conditions") or ()
    )


def validate_job_update(new: Object, old: Object, options: JobOptions) -> ErrorList:
    spec, before = new["spec"], old["spec"]
    errors = validate_job_spec(spec, options)
    errors += _validate_completions(spec, before)
    errors += validate_immutable(spec.get("selector"), before.get("selector"), _SPEC.child("selector"))
    errors += _validate_template(spec, before, options)
    errors += _unchanged(spec, before, "completionMode")
    errors += _unchanged(spec, before, "podFailurePolicy", goform.pod_failure_policy)
    errors += _unchanged(spec, before, "backoffLimitPerIndex")
    errors += _unchanged(spec, before, "managedBy")
    return errors + _unchanged(spec, before, "successPolicy", goform.success_policy)


def _unchanged(new: Object, old: Object, field: str, form: goform.Form | None = None) -> ErrorList:
    if new.get(field) == old.get(field):
        return []
    value = form(new.get(field)) if form else new.get(field)
    return [invalid(_SPEC.child(field), value, IMMUTABLE)]


def _validate_completions(new: Object, old: Object) -> ErrorList:
    """Those of Indexed Jobs may change together with the parallelism (KEP-3715)."""
    completions, at = new.get("completions"), _SPEC.child("completions")
    if not is_indexed(new):
        return validate_immutable(completions, old.get("completions"), at)
    if completions in (None, old.get("completions")) or completions == new.get("parallelism"):
        return []
    return [invalid(at, completions, "can only be modified in tandem with spec.parallelism")]


def _validate_template(new: Object, old: Object, options: JobOptions) -> ErrorList:
    template, before = new.get("template") or {}, old.get("template") or {}
    if options.mutable_template:
        before = _with_mutable_parts(before, template)
    if template == before:
        return []
    return [invalid(_SPEC.child("template"), pod_template(template), IMMUTABLE)]


def _with_mutable_parts(old: Object, new: Object) -> Object:
    """The old template with what may change of it taken from the new one: labels, annotations, scheduling
    directives (KEP-2926), and the resources of containers (KEP-5440)."""
    spec, wanted = dict(old.get("spec") or {}), new.get("spec") or {}
    for field in _SCHEDULING:
        _take(spec, wanted, field)
    for field in ("containers", "initContainers"):
        if len(spec.get(field) or ()) == len(wanted.get(field) or ()) and spec.get(field):
            pairs = zip(spec[field], wanted[field], strict=True)
            spec[field] = [_with(container, other, "resources") for container, other in pairs]
    affinity, wanted_affinity = spec.get("affinity"), wanted.get("affinity")
    if affinity is not None or wanted_affinity is not None:
        merged = _with(affinity or {}, wanted_affinity or {}, "nodeAffinity")
        spec["affinity"] = merged
        if not merged and wanted_affinity is None:
            del spec["affinity"]
    metadata = dict(old.get("metadata") or {})
    for field in ("labels", "annotations"):
        _take(metadata, new.get("metadata") or {}, field)
    return {**old, "metadata": metadata, "spec": spec}


def _with(target: Object, source: Object, field: str) -> Object:
    out = dict(target)
    _take(out, source, field)
    return out


def _take(target: dict[str, Any], source: Object, field: str) -> None:
    if field in source:
        target[field] = source[field]
    else:
        target.pop(field, None)
