"""Jobs (pkg/apis/batch/validation): create, and what updates check once more."""

from __future__ import annotations

from dataclasses import dataclass

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, invalid, not_supported, required, too_long
from sekisho.api.labels import selector_from_label_selector
from sekisho.api.objectmeta import validate_label_selector
from sekisho.api.types import Object
from sekisho.schema.validation import goform
from sekisho.schema.validation.jobpolicies import (
    validate_pod_failure_policy,
    validate_pod_replacement_policy,
    validate_success_policy,
)
from sekisho.schema.validation.options import FOR_TEMPLATE, PodOptions
from sekisho.schema.validation.pod import validate_pod_template_spec
from sekisho.schema.validation.podwarnings import template_warnings
from sekisho.schema.validation.workload import (
    MISMATCH,
    parsed_selector,
    template_labels,
    validate_counts,
)

CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
JOB_NAME = "batch.kubernetes.io/job-name"
LEGACY_CONTROLLER_UID = "controller-uid"
LEGACY_JOB_NAME = "job-name"

_SPEC = Path("spec")
_MODES = ("NonIndexed", "Indexed")
_LONGEST_MANAGER = 63
_MOST_PODS = 100_000
"""Of an Indexed Job: at once, and that may fail."""
_MANY = 100_000
"""Completions from which on the failures of indexes must be limited."""
_MOST_OF_MANY = 10_000
_RESTART_POLICIES = ("OnFailure", "Never")


@dataclass(frozen=True, slots=True)
class JobOptions:
    """Where an update is more lenient than a create."""

    pod: PodOptions = FOR_TEMPLATE
    invalid_selector_values: bool = False
    prefixed_labels: bool = True
    """Whether the template must have the labels with a domain, which came with 1.27."""
    mutable_template: bool = False
    """Whether scheduling directives and resources may change: the Job is suspended and has no pods."""


def validate_job(obj: Object, options: JobOptions) -> ErrorList:
    metadata, spec = obj["metadata"], obj["spec"]
    errors = _validate_generated_selector(metadata, spec, options)
    errors += validate_job_spec(spec, options)
    completions = spec.get("completions") or 0
    if is_indexed(spec) and completions > 0:
        name = metadata.get("name", "")
        last = f"{name}-{completions - 1}"
        if names.dns1123_label(last):
            detail = f"will not able to create pod with invalid DNS label: {last}"
            errors.append(invalid(Path("metadata.name"), name, detail))
    return errors


def is_indexed(spec: Object) -> bool:
    return spec.get("completionMode") == "Indexed"


def _validate_generated_selector(metadata: Object, spec: Object, options: JobOptions) -> ErrorList:
    """The labels that the server generates, which a client may have given other values."""
    if spec.get("manualSelector") or spec.get("selector") is None:
        return []
    uid, name = metadata.get("uid", ""), metadata.get("name", "")
    errors = [] if uid else [required(Path("metadata.uid"))]
    expected = {LEGACY_CONTROLLER_UID: uid, LEGACY_JOB_NAME: name}
    if options.prefixed_labels:
        expected |= {CONTROLLER_UID: uid, JOB_NAME: name}
    labels = template_labels(spec.get("template") or {}) or {}
    at = _SPEC.child("template", "metadata", "labels")
    for key, value in expected.items():
        if key not in labels:
            errors.append(required(at.key(key), f"must be '{value}'"))
        elif labels[key] != value:
            errors.append(invalid(at.key(key), labels, f"must be '{value}'"))
    selector = parsed_selector(spec["selector"])
    if selector is not None and not selector.matches(expected):
        errors.append(invalid(_SPEC.child("selector"), spec["selector"], "`selector` not auto-generated"))
    return errors


def validate_job_spec(spec: Object, options: JobOptions) -> ErrorList:
    errors = validate_job_template_spec(spec, _SPEC, options.pod)
    selector, at = spec.get("selector"), _SPEC.child("selector")
    if selector is None:
        errors.append(required(at))
    else:
        errors += validate_label_selector(selector, at, options.invalid_selector_values)
    labels = template_labels(spec.get("template") or {})
    try:
        matches = selector_from_label_selector(selector).matches(labels)
    except ValueError:
        return errors
    if not matches:
        errors.append(invalid(_SPEC.child("template", "metadata", "labels"), labels, MISMATCH))
    return errors


def validate_job_template_spec(spec: Object, path: Path, options: PodOptions) -> ErrorList:
    """All but the selector: what Jobs and the templates of CronJobs have in common."""
    fields = (
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    )
    errors = validate_counts(spec, fields, path)
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        errors.append(required(path.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified"))
    manager = spec.get("managedBy")
    if manager is not None:
        errors += names.domain_prefixed_path_errors(path.child("managedBy"), manager)
        if len(manager.encode()) > _LONGEST_MANAGER:
            errors.append(too_long(path.child("managedBy"), _LONGEST_MANAGER))
    errors += _validate_completion_mode(spec, path)
    if spec.get("podFailurePolicy") is not None:
        errors += validate_pod_failure_policy(spec, path.child("podFailurePolicy"))
    policy, at = spec.get("successPolicy"), path.child("successPolicy")
    if policy is not None and is_indexed(spec):
        errors += validate_success_policy(spec, at)
    elif policy is not None:
        errors.append(invalid(at, goform.success_policy(policy), "requires indexed completion mode"))
    errors += validate_pod_replacement_policy(spec, path.child("podReplacementPolicy"))
    template: Object = spec.get("template") or {}
    errors += validate_pod_template_spec(template, path.child("template"), options)
    return errors + _validate_restart_policy(spec, path.child("template", "spec", "restartPolicy"))


def _validate_completion_mode(spec: Object, path: Path) -> ErrorList:
    mode = spec.get("completionMode")
    errors: ErrorList = []
    if mode is not None and mode not in _MODES:
        errors.append(not_supported(path.child("completionMode"), mode, _MODES))
    if mode == "Indexed":
        return errors + _validate_indexed(spec, path)
    if mode in (None, "NonIndexed"):
        errors += [
            invalid(path.child(field), spec[field], "requires indexed completion mode")
            for field in ("backoffLimitPerIndex", "maxFailedIndexes")
            if spec.get(field) is not None
        ]
    return errors


def _validate_indexed(spec: Object, path: Path) -> ErrorList:
    completions, parallelism = spec.get("completions"), spec.get("parallelism") or 0
    failures = spec.get("maxFailedIndexes")
    at, of_failures = path.child("parallelism"), path.child("maxFailedIndexes")
    errors: ErrorList = []
    if completions is None:
        errors.append(required(path.child("completions"), "when completion mode is Indexed"))
    if parallelism > _MOST_PODS:
        detail = f"must be less than or equal to {_MOST_PODS} when completion mode is Indexed"
        errors.append(invalid(at, parallelism, detail))
    if completions is not None and failures is not None and failures > completions:
        errors.append(invalid(of_failures, failures, "must be less than or equal to completions"))
    if failures is not None and failures > _MOST_PODS:
        errors.append(invalid(of_failures, failures, f"must be less than or equal to {_MOST_PODS}"))
    if (completions or 0) <= _MANY or spec.get("backoffLimitPerIndex") is None:
        return errors
    if failures is None:
        errors.append(required(of_failures, f"must be specified when completions is above {_MANY}"))
    limit = (
        f"must be less than or equal to {_MOST_OF_MANY} when completions are above {_MANY} and used with backoff"
        " limit per index"
    )
    if parallelism > _MOST_OF_MANY:
        errors.append(invalid(at, parallelism, limit))
    if failures is not None and failures > _MOST_OF_MANY:
        errors.append(invalid(of_failures, failures, limit))
    return errors


def _validate_restart_policy(spec: Object, path: Path) -> ErrorList:
    """Pods of Jobs end. `Always` is what the default makes of nothing, so the message asks for a value."""
    policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy", "")
    if policy in ("", "Always"):
        return [required(path, 'valid values: "OnFailure", "Never"')]
    if policy not in _RESTART_POLICIES:
        return [not_supported(path, policy, _RESTART_POLICIES)]
    if spec.get("podFailurePolicy") is not None and policy != "Never":
        return [invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    return []


def job_spec_warnings(spec: Object, path: Path) -> list[str]:
    """For the spec at `path`: of a Job, or of a CronJob's template."""
    warnings: list[str] = []
    many = (spec.get("completions") or 0) > _MANY and (spec.get("parallelism") or 0) > _MOST_OF_MANY
    if is_indexed(spec) and many:
        warnings.append(
            f"{path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than"
            " 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
        )
    return warnings + template_warnings(spec.get("template") or {}, path.child("template"))
