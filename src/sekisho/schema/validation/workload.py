"""What the workloads with a pod template have in common: selectors, templates, counts in their status."""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.api import names
from sekisho.api.field import ErrorList, FieldError, Path, forbidden, invalid, not_supported, required
from sekisho.api.labels import Selector, selector_from_label_selector
from sekisho.api.objectmeta import validate_label_selector
from sekisho.api.types import Object
from sekisho.schema.validation.common import not_negative
from sekisho.schema.validation.options import PodOptions
from sekisho.schema.validation.pod import validate_pod_template_spec
from sekisho.schema.validation.podwarnings import template_warnings

MISMATCH = "`selector` does not match template `labels`"

_ABOVE_REPLICAS = "cannot be greater than status.replicas"


def invalid_bare(path: Path, detail: str) -> FieldError:
    """An Invalid that shows no value, only why."""
    return FieldError(str(path), "FieldValueInvalid", f"Invalid value: {detail}")


def template_labels(template: Object) -> Object | None:
    return (template.get("metadata") or {}).get("labels") or None


def label_mismatch(selector: Selector, template: Object, path: Path) -> ErrorList:
    """A template that its own workload would not select; `path` is the template's."""
    labels = template_labels(template)
    if selector.empty or selector.matches(labels):
        return []
    return [invalid(path.child("metadata", "labels"), labels, MISMATCH)]


def parsed_selector(selector: Object | None) -> Selector | None:
    """The selector, None when it has errors. An absent one selects nothing."""
    try:
        return selector_from_label_selector(selector)
    except ValueError:
        return None


def validate_required_selector(selector: Object | None, path: Path, kind: str) -> ErrorList:
    """A selector that must be there and must not be empty; `kind` is the word for the workload."""
    if selector is None:
        return [required(path)]
    errors = validate_label_selector(selector, path)
    if is_empty(selector):
        errors.append(invalid(path, selector, f"empty selector is invalid for {kind}"))
    return errors


def is_empty(selector: Object) -> bool:
    return not selector.get("matchLabels") and not selector.get("matchExpressions")


def validate_lasting_template(template: Object, path: Path, kind: str, options: PodOptions) -> ErrorList:
    """The template of pods that are restarted for ever."""
    errors = validate_pod_template_spec(template, path, options)
    return errors + validate_lasting(template.get("spec") or {}, path.child("spec"), kind)


def validate_lasting(spec: Object, path: Path, kind: str) -> ErrorList:
    """Neither end nor deadline. `kind` is the controller that the message names."""
    errors: ErrorList = []
    if spec.get("restartPolicy") != "Always":
        errors.append(not_supported(path.child("restartPolicy"), spec.get("restartPolicy", ""), ("Always",)))
    if spec.get("activeDeadlineSeconds") is not None:
        detail = f"activeDeadlineSeconds in {kind} is not Supported"
        errors.append(forbidden(path.child("activeDeadlineSeconds"), detail))
    return errors


def validate_counts(holder: Object, fields: Iterable[str], path: Path) -> ErrorList:
    """Numbers that must not be negative; absent ones are fine."""
    errors: ErrorList = []
    for field in fields:
        errors += not_negative(path.child(field), holder.get(field) or 0)
    return errors


def validate_parts(status: Object, fields: Iterable[str], path: Path) -> ErrorList:
    """Counts of pods of which there cannot be more than replicas."""
    replicas = status.get("replicas", 0)
    return [
        invalid(path.child(field), status[field], _ABOVE_REPLICAS)
        for field in fields
        if status.get(field, 0) > replicas
    ]


def validate_available(status: Object, path: Path, ready: str) -> ErrorList:
    """Pods that are available are ready; `ready` is what the message calls the other field."""
    available = status.get("availableReplicas", 0)
    if available <= status.get("readyReplicas", 0):
        return []
    return [invalid(path.child("availableReplicas"), available, f"cannot be greater than {ready}")]


def validate_collision_count(new: Object, old: Object, path: Path) -> ErrorList:
    """The count of hash collisions only grows."""
    before, after = old.get("collisionCount"), new.get("collisionCount")
    if before is None or (after is not None and after >= before):
        return []
    return [invalid(path.child("collisionCount"), after or 0, "cannot be decremented")]


def workload_warnings(name: str, template: Object, path: Path) -> list[str]:
    """For a new workload: its name, from which those of pods are made, and its template at `path`."""
    return name_warnings(name) + template_warnings(template, path)


def name_warnings(name: str) -> list[str]:
    messages = names.dns1123_label(name)
    if not messages:
        return []
    text = (
        "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior;"
        f" a DNS label is recommended: [{' '.join(messages)}]"
    )
    return [text]
