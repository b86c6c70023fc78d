"""Pods and pod templates: create, and the checks of update that concern the whole object.

`validate_pod_create` and `validate_pod_template_spec` are the entrances; updates of Pods are in `podupdate`,
the status in `podstatus`, resizing in `podresize`. The caller brings the options: `options.FOR_POD` for a new
Pod, `options.FOR_TEMPLATE` for a new workload, `tolerance.options_for_update` for an update of either.
"""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, forbidden, not_supported, required
from sekisho.api.objectmeta import (
    validate_annotations,
    validate_labels,
    validate_object_meta,
    validate_object_meta_update,
)
from sekisho.api.types import Object
from sekisho.schema.validation.container import untrimmed_image
from sekisho.schema.validation.options import PodOptions
from sekisho.schema.validation.podannotations import (
    validate_annotations_match_fields,
    validate_pod_annotations,
)
from sekisho.schema.validation.podspec import validate_pod_spec

_METADATA = Path("metadata")
_SPEC = Path("spec")


def validate_pod_create(pod: Object, options: PodOptions) -> ErrorList:
    """All but the metadata that every kind has: the registry has checked it."""
    spec: Object = pod.get("spec") or {}
    errors = validate_pod_content(pod, options)
    if spec.get("ephemeralContainers"):
        errors.append(forbidden(_SPEC.child("ephemeralContainers"), "cannot be set on create"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        detail = "cannot be set until all schedulingGates have been cleared"
        errors.append(forbidden(_SPEC.child("nodeName"), detail))
    return errors + validate_annotations_match_fields(pod["metadata"], spec, _SPEC)


def validate_pod_again(new: Object, old: Object, options: PodOptions) -> ErrorList:
    """What all updates check: the change of the metadata, and everything as if the Pod were new."""
    errors = validate_object_meta_update(new["metadata"], old["metadata"], _METADATA)
    errors += validate_object_meta(new["metadata"], True, names.dns1123_subdomain, _METADATA)
    return errors + validate_pod_content(new, options)


def validate_pod_content(pod: Object, options: PodOptions) -> ErrorList:
    """What create and all updates check: annotations and spec."""
    metadata: Object = pod["metadata"]
    spec: Object = pod.get("spec") or {}
    errors: ErrorList = []
    annotations = metadata.get("annotations")
    if annotations:
        errors += validate_pod_annotations(annotations, spec, _METADATA.child("annotations"), options)
    errors += validate_pod_spec(spec, metadata, _SPEC, options)
    if not spec.get("serviceAccountName"):
        errors += _tokens_without_account(spec)
    for field in ("containers", "initContainers"):
        for i, container in enumerate(spec.get(field) or ()):
            image = container.get("image", "")
            if image[:1].isspace() or image[-1:].isspace():
                errors += untrimmed_image(container, _SPEC.child(field).index(i))
    return errors


def _tokens_without_account(spec: Object) -> ErrorList:
    return [
        forbidden(
            _SPEC.child("volumes")
            .index(i)
            .child("projected", "sources")
            .index(j)
            .child("serviceAccountToken"),
            "must not be specified when serviceAccountName is not set",
        )
        for i, volume in enumerate(spec.get("volumes") or ())
        for j, source in enumerate((volume.get("projected") or {}).get("sources") or ())
        if source.get("serviceAccountToken") is not None
    ]


def validate_pod_template_spec(template: Object, path: Path, options: PodOptions) -> ErrorList:
    """The template of a workload; `path` is the template's (`spec.template`)."""
    metadata: Object = template.get("metadata") or {}
    spec: Object = template.get("spec") or {}
    errors = validate_labels(metadata.get("labels"), path.child("labels"))
    errors += validate_annotations(metadata.get("annotations"), path.child("annotations"))
    if metadata.get("annotations"):
        errors += validate_pod_annotations(metadata["annotations"], spec, path.child("annotations"), options)
    errors += validate_pod_spec(spec, None, path.child("spec"), options)
    errors += validate_annotations_match_fields(metadata, spec, path.child("spec"))
    if spec.get("ephemeralContainers"):
        at = path.child("spec", "ephemeralContainers")
        errors.append(forbidden(at, "ephemeral containers not allowed in pod template"))
    return errors


def validate_pod_binding(binding: Object) -> ErrorList:
    """What the scheduler posts: the node."""
    target: Object = binding.get("target") or {}
    errors: ErrorList = []
    if target.get("kind", "") not in ("", "Node"):
        errors.append(not_supported(Path("target.kind"), target["kind"], ("Node", "<empty>")))
    if not target.get("name"):
        errors.append(required(Path("target.name")))
    return errors
