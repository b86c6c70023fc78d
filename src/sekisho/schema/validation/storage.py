"""Validation of StorageClasses, VolumeAttributesClasses and VolumeAttachments, as upstream's
pkg/apis/storage/validation."""

from __future__ import annotations

from typing import Any

from sekisho.api import names
from sekisho.api.field import (
    ErrorList,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)
from sekisho.api.objectmeta import validate_label_name
from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema.validation.common import IMMUTABLE, checked, immutable, qualified_name_errors
from sekisho.schema.validation.gostruct import internal_form
from sekisho.schema.validation.podwarnings import label_warning
from sekisho.schema.validation.volumesource import validate_csi, validate_csi_driver

_ATTACHMENT = GroupVersionKind("storage.k8s.io", "v1", "VolumeAttachment")
_MOST_PARAMETERS = 512
_MOST_PARAMETER_BYTES = 256 * 1024
_LONGEST_MESSAGE = 1024
_MOST_METADATA_BYTES = 256 * 1024
_RECLAIM_POLICIES = ("Delete", "Retain")
_BINDING_MODES = ("Immediate", "WaitForFirstConsumer")
_ONE_SOURCE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"


def validate_storage_class(storage_class: Object) -> ErrorList:
    errors = _driver_errors(Path("provisioner"), storage_class.get("provisioner", ""))
    errors += _parameter_errors(storage_class.get("parameters") or {})
    policy, mode = storage_class.get("reclaimPolicy"), storage_class.get("volumeBindingMode")
    if policy and policy not in _RECLAIM_POLICIES:
        errors.append(not_supported(Path("reclaimPolicy"), policy, _RECLAIM_POLICIES))
    if mode not in _BINDING_MODES:
        errors.append(not_supported(Path("volumeBindingMode"), mode, _BINDING_MODES))
    return errors + _topology_errors(storage_class.get("allowedTopologies") or [])


def validate_storage_class_update(new: Object, old: Object) -> ErrorList:
    errors = validate_storage_class(new)
    for field, zero in (
        ("parameters", {}),
        ("provisioner", ""),
        ("reclaimPolicy", ""),
        ("volumeBindingMode", ""),
    ):
        errors += immutable(Path(field), new.get(field) or zero, old.get(field) or zero)
    return errors


def storage_class_warnings(storage_class: Object) -> list[str]:
    """Topologies by labels that nodes have lost."""
    warnings = []
    for i, term in enumerate(storage_class.get("allowedTopologies") or ()):
        for j, expression in enumerate(term.get("matchLabelExpressions") or ()):
            text = label_warning(expression.get("key", ""))
            if text:
                path = Path("allowedTopologies").index(i).child("matchLabelExpressions").index(j).child("key")
                warnings.append(f"{path}: {text}")
    return warnings


def _driver_errors(path: Path, driver: str) -> ErrorList:
    return qualified_name_errors(path, driver.lower()) if driver else [required(path)]


def _parameter_errors(parameters: Object) -> ErrorList:
    path = Path("parameters")
    if len(parameters) > _MOST_PARAMETERS:
        return [too_long(path, _MOST_PARAMETERS)]
    errors: ErrorList = [invalid(path, "", "field can not be empty.")] if "" in parameters else []
    if (
        sum(len(key.encode()) + len(value.encode()) for key, value in parameters.items())
        > _MOST_PARAMETER_BYTES
    ):
        errors.append(too_long(path, _MOST_PARAMETER_BYTES))
    return errors


def _topology_errors(terms: list[Object]) -> ErrorList:
    """Upstream compares each term with those before it and, by a slip that has become its behaviour, with
    as many empty ones as there are terms."""
    errors: ErrorList = []
    seen: list[dict[str, Any]] = [{} for _ in terms]
    for i, term in enumerate(terms):
        path = Path("allowedTopologies").index(i).child("matchLabelExpressions")
        expressions: dict[str, Any] = {}
        for j, expression in enumerate(term.get("matchLabelExpressions") or ()):
            key = expression.get("key", "")
            errors += _topology_expression_errors(expression, path.index(j))
            if key in expressions:
                errors.append(duplicate(path.index(j).child("key"), key))
            expressions[key] = set(expression.get("values") or ())
        errors += [duplicate(path, "") for other in seen if other == expressions]
        seen.append(expressions)
    return errors


def _topology_expression_errors(expression: Object, path: Path) -> ErrorList:
    values = expression.get("values") or []
    errors: ErrorList = [] if values else [required(path.child("values"))]
    for i, value in enumerate(values):
        if value in values[:i]:
            errors.append(duplicate(path.child("values").index(i), value))
    return errors + validate_label_name(expression.get("key", ""), path.child("key"))


def validate_volume_attributes_class(attributes: Object) -> ErrorList:
    errors = _driver_errors(Path("driverName"), attributes.get("driverName", ""))
    parameters = attributes.get("parameters") or {}
    errors += _parameter_errors(parameters)
    if not parameters:
        errors.append(required(Path("parameters"), "must contain at least one key/value pair"))
    return errors


def validate_volume_attributes_class_update(new: Object, old: Object) -> ErrorList:
    errors: ErrorList = [
        forbidden(Path(field), f"updates to {field} are forbidden.")
        for field, zero in (("driverName", ""), ("parameters", {}))
        if (new.get(field) or zero) != (old.get(field) or zero)
    ]
    return errors + validate_volume_attributes_class(new)


def validate_volume_attachment_create(attachment: Object) -> ErrorList:
    errors = validate_volume_attachment(attachment)
    name = ((attachment.get("spec") or {}).get("source") or {}).get("persistentVolumeName")
    if name is not None:
        errors += checked(Path("spec.source.persistentVolumeName"), name, names.dns1123_subdomain)
    return errors


def validate_volume_attachment(attachment: Object) -> ErrorList:
    spec: Object = attachment.get("spec") or {}
    path = Path("spec")
    errors = validate_csi_driver(spec.get("attacher", ""), path.child("attacher"))
    errors += _source_errors(spec.get("source") or {}, path.child("source"))
    errors += checked(path.child("nodeName"), spec.get("nodeName", ""), names.dns1123_subdomain)
    return errors + _status_errors(attachment.get("status") or {})


def validate_volume_attachment_update(new: Object, old: Object) -> ErrorList:
    errors = validate_volume_attachment(new)
    if (new.get("spec") or {}) != (old.get("spec") or {}):
        shown = internal_form(_ATTACHMENT, ("spec",), new.get("spec"))
        errors.append(invalid(Path("spec"), shown, IMMUTABLE))
    return errors


def _source_errors(source: Object, path: Path) -> ErrorList:
    inline, name = source.get("inlineVolumeSpec"), source.get("persistentVolumeName")
    if inline is None and name is None:
        return [required(path, _ONE_SOURCE)]
    if inline is not None and name is not None:
        return [forbidden(path, _ONE_SOURCE)]
    if inline is not None:
        return _inline_errors(inline, path.child("inlineVolumeSpec"))
    if not name:
        return [required(path.child("persistentVolumeName"), "must specify non empty persistentVolumeName")]
    return []


def _inline_errors(spec: Object, path: Path) -> ErrorList:
    """A volume that a pod's inline volume was translated to; only CSI has those."""
    errors: ErrorList = [
        forbidden(path.child(field), "may not be specified in the context of inline volumes")
        for field in ("claimRef", "capacity")
        if spec.get(field)
    ]
    if spec.get("csi") is None:
        errors.append(required(path.child("csi"), "has to be specified in the context of inline volumes"))
    if not spec.get("accessModes"):
        errors.append(required(path.child("accessModes")))
    if spec.get("csi") is not None:
        errors += validate_csi(spec["csi"], path.child("csi"))
    return errors


def _status_errors(status: Object) -> ErrorList:
    path = Path("status")
    errors: ErrorList = []
    metadata = status.get("attachmentMetadata") or {}
    if sum(len(key.encode()) + len(value.encode()) for key, value in metadata.items()) > _MOST_METADATA_BYTES:
        errors.append(too_long(path.child("attachmentMetadata"), _MOST_METADATA_BYTES))
    for field in ("attachError", "detachError"):
        errors += _volume_error_errors(status.get(field) or {}, path.child(field))
    return errors


def _volume_error_errors(error: Object, path: Path) -> ErrorList:
    errors: ErrorList = []
    if len(error.get("message", "").encode()) > _LONGEST_MESSAGE:
        errors.append(too_long(path.child("message"), _MOST_METADATA_BYTES))
    code = error.get("errorCode")
    if code is not None and code < 0:
        errors.append(invalid(path.child("errorCode"), code, names.range_error(0, 2**31 - 1)))
    return errors
