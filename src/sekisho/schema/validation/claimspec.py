"""The spec of a PersistentVolumeClaim, in a claim and in the templates that embed one."""

from __future__ import annotations

from dataclasses import dataclass

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, forbidden, invalid, not_supported, required
from sekisho.api.objectmeta import validate_annotations, validate_label_selector, validate_labels
from sekisho.api.quantity import Quantity
from sekisho.api.types import Object
from sekisho.schema.validation.common import checked, problems, quantity_positive

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")

_SINGLE = "ReadWriteOncePod"


@dataclass(frozen=True, slots=True)
class ClaimOptions:
    """What the stored claim already breaks."""

    invalid_selector_values: bool = False
    any_data_source_group: bool = False


def validate_claim_template(template: Object, path: Path, options: ClaimOptions) -> ErrorList:
    """A template in a pod's ephemeral volume: of the metadata only labels and annotations."""
    metadata: Object = template.get("metadata") or {}
    at = path.child("metadata")
    errors = validate_annotations(metadata.get("annotations"), at.child("annotations"))
    errors += validate_labels(metadata.get("labels"), at.child("labels"))
    errors += [
        forbidden(at.child(_meta_field(field)), "cannot be set")
        for field, value in metadata.items()
        if value and field not in ("labels", "annotations")
    ]
    return errors + validate_claim_spec(template.get("spec") or {}, path.child("spec"), options)


def _meta_field(field: str) -> str:
    """The name that upstream derives from Go's: only the first letter becomes small."""
    return "uID" if field == "uid" else field


def validate_claim_spec(spec: Object, path: Path, options: ClaimOptions) -> ErrorList:
    modes: list[str] = spec.get("accessModes") or []
    errors: ErrorList = []
    if not modes:
        errors.append(required(path.child("accessModes"), "at least 1 access mode is required"))
    selector = spec.get("selector")
    if selector is not None:
        tolerant = options.invalid_selector_values
        errors += validate_label_selector(selector, path.child("selector"), allow_invalid_values=tolerant)
    errors += validate_access_modes(modes, path.child("accessModes"))
    errors += _validate_storage(spec, path.child("resources").key("storage"))
    class_name = spec.get("storageClassName")
    if class_name:
        errors += checked(path.child("storageClassName"), class_name, names.dns1123_subdomain)
    volume_mode = spec.get("volumeMode")
    if volume_mode is not None and volume_mode not in VOLUME_MODES:
        errors.append(not_supported(path.child("volumeMode"), volume_mode, VOLUME_MODES))
    errors += _validate_data_sources(spec, path, options)
    attributes = spec.get("volumeAttributesClassName")
    if attributes:
        errors += checked(path.child("volumeAttributesClassName"), attributes, names.dns1123_subdomain)
    return errors


def validate_access_modes(modes: list[str], path: Path) -> ErrorList:
    errors = [not_supported(path, mode, ACCESS_MODES) for mode in modes if mode not in ACCESS_MODES]
    if _SINGLE in modes and any(mode in ACCESS_MODES and mode != _SINGLE for mode in modes):
        errors.append(forbidden(path, "may not use ReadWriteOncePod with other access modes"))
    return errors


def _validate_storage(spec: Object, path: Path) -> ErrorList:
    amount = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    return [required(path)] if amount is None else quantity_positive(path, Quantity.parse(amount))


def _validate_data_sources(spec: Object, path: Path, options: ClaimOptions) -> ErrorList:
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    errors: ErrorList = []
    if source is not None:
        errors += _validate_data_source(source, path.child("dataSource"), options)
    if reference is not None:
        errors += _validate_data_source(reference, path.child("dataSourceRef"), options)
        namespace = reference.get("namespace")
        if namespace:
            at = path.child("dataSourceRef", "namespace")
            errors += problems(at, namespace, names.dns1123_label(namespace))
    if source is None or reference is None:
        return errors
    if reference.get("namespace"):
        errors.append(invalid(path, {}, "may not be specified when dataSourceRef.namespace is specified"))
    elif any(source.get(field) != reference.get(field) for field in ("apiGroup", "kind", "name")):
        errors.append(invalid(path, {}, "must match dataSourceRef"))
    return errors


def _validate_data_source(source: Object, path: Path, options: ClaimOptions) -> ErrorList:
    errors = [required(path.child(field)) for field in ("name", "kind") if not source.get(field)]
    group, kind = source.get("apiGroup") or "", source.get("kind", "")
    if not group and kind != "PersistentVolumeClaim":
        detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        errors.append(invalid(path, kind, detail))
    if group and not options.any_data_source_group:
        errors += checked(path.child("apiGroup"), group, names.dns1123_subdomain)
    return errors
