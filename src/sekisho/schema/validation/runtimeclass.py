"""Validation of RuntimeClasses, as upstream's pkg/apis/node/validation."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, duplicate
from sekisho.api.objectmeta import validate_labels
from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema.validation.common import immutable, required_name
from sekisho.schema.validation.gostruct import internal_form
from sekisho.schema.validation.options import FOR_POD
from sekisho.schema.validation.podwarnings import label_warning
from sekisho.schema.validation.resources import validate_container_resources
from sekisho.schema.validation.tolerations import validate_tolerations

_KIND = GroupVersionKind("node.k8s.io", "v1", "RuntimeClass")
_SCHEDULING = Path("scheduling")


def validate_runtime_class(runtime_class: Object) -> ErrorList:
    errors = required_name(Path("handler"), runtime_class.get("handler", ""), names.dns1123_label)
    overhead = runtime_class.get("overhead")
    if overhead is not None:
        limits = {"limits": overhead.get("podFixed") or {}}
        errors += validate_container_resources(limits, (), Path("overhead"), FOR_POD)
    scheduling = runtime_class.get("scheduling")
    if scheduling is not None:
        errors += validate_labels(scheduling.get("nodeSelector"), _SCHEDULING.child("nodeSelector"))
        errors += _toleration_errors(scheduling.get("tolerations") or [], _SCHEDULING.child("tolerations"))
    return errors


def validate_runtime_class_update(new: Object, old: Object) -> ErrorList:
    errors = validate_runtime_class(new)
    return errors + immutable(Path("handler"), new.get("handler", ""), old.get("handler", ""))


def runtime_class_warnings(runtime_class: Object) -> list[str]:
    """A node selector by labels that nodes have lost."""
    selector = (runtime_class.get("scheduling") or {}).get("nodeSelector") or {}
    path = _SCHEDULING.child("nodeSelector")
    return [f"{path.key(key)}: {label_warning(key)}" for key in selector if label_warning(key)]


def _toleration_errors(tolerations: list[Object], path: Path) -> ErrorList:
    errors = validate_tolerations(tolerations, path, FOR_POD)
    seen: set[tuple[str, ...]] = set()
    for i, toleration in enumerate(tolerations):
        key = tuple(toleration.get(field, "") for field in ("key", "operator", "value", "effect"))
        if key in seen:
            errors.append(
                duplicate(path.index(i), internal_form(_KIND, ("scheduling", "tolerations"), toleration))
            )
        seen.add(key)
    return errors
