"""Validation of what all objects share: ObjectMeta on create and update, labels, annotations, LabelSelector.

Follows k8s.io/apimachinery/pkg/api/validation and pkg/apis/meta/v1/validation: the order of errors is
upstream's, except that maps, whose order is random there, are walked in the order they come in. Most built-in
kinds also want finalizers to be qualified (pkg/apis/core/validation); custom resources only warn about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sekisho.api import field, names
from sekisho.api.field import ErrorList, Path
from sekisho.api.goformat import quote
from sekisho.api.types import GroupVersionKind, Object

IMMUTABLE = "field is immutable"
ANNOTATIONS_LIMIT = 256 * 1024
FIELD_MANAGER_LIMIT = 128
SUBRESOURCE_LIMIT = 256

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"
STANDARD_FINALIZERS = frozenset(("kubernetes", ORPHAN, FOREGROUND))

_BANNED_OWNERS = frozenset((GroupVersionKind("", "v1", "Event"),))
_OWNER_FIELDS = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")


def validate_object_meta(
    meta: Object,
    namespaced: bool,
    name_errors: Callable[[str], list[str]],
    path: Path,
    *,
    kube_finalizers: bool = True,
) -> ErrorList:
    """Metadata of a new object whose name has been generated.

    `name_errors` says what is wrong with a name; a generateName is shown to it with its trailing dash masked.
    `kube_finalizers` is false for custom resources and the few kinds that check finalizers generically.
    """
    errors: ErrorList = []
    prefix = meta.get("generateName", "")
    if prefix:
        problems = name_errors(names.mask_trailing_dash(prefix))
        errors += [field.invalid(path.child("generateName"), prefix, text) for text in problems]
    name = meta.get("name", "")
    if name:
        errors += [field.invalid(path.child("name"), name, text) for text in name_errors(name)]
    else:
        errors.append(field.required(path.child("name"), "name or generateName is required"))
    errors += _namespace_errors(meta.get("namespace", ""), namespaced, path.child("namespace"))
    generation = meta.get("generation", 0)
    if generation < 0:
        errors.append(field.invalid(path.child("generation"), generation, names.NOT_NEGATIVE))
    errors += validate_labels(meta.get("labels"), path.child("labels"))
    errors += validate_annotations(meta.get("annotations"), path.child("annotations"))
    errors += validate_owner_references(meta.get("ownerReferences"), path.child("ownerReferences"))
    errors += validate_finalizers(meta.get("finalizers"), path.child("finalizers"))
    errors += validate_managed_fields(meta.get("managedFields"), path.child("managedFields"))
    if kube_finalizers:
        errors += validate_kube_finalizers(meta.get("finalizers"), path.child("finalizers"))
    return errors


def _namespace_errors(namespace: str, namespaced: bool, path: Path) -> ErrorList:
    if not namespaced:
        return [field.forbidden(path, "not allowed on this type")] if namespace else []
    if not namespace:
        return [field.required(path)]
    return [field.invalid(path, namespace, text) for text in names.dns1123_label(namespace)]


_IMMUTABLE_TEXTS = ("name", "namespace", "uid")
_IMMUTABLE_POINTERS = ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")


def validate_object_meta_update(
    new: Object, old: Object, path: Path, *, kube_finalizers: bool = True
) -> ErrorList:
    """Metadata of an update, after what an update silently restores has been restored.

    Whether a resourceVersion must be given is decided before, by the kind.
    """
    errors: ErrorList = []
    if old.get("deletionTimestamp"):
        errors += _new_finalizer_errors(new, old, path.child("finalizers"))
    generation = new.get("generation", 0)
    if generation < old.get("generation", 0):
        errors.append(field.invalid(path.child("generation"), generation, "must not be decremented"))
    for key in _IMMUTABLE_TEXTS:
        errors += validate_immutable(new.get(key, ""), old.get(key, ""), path.child(key))
    for key in _IMMUTABLE_POINTERS:
        errors += validate_immutable(new.get(key), old.get(key), path.child(key))
    errors += validate_labels(new.get("labels"), path.child("labels"))
    errors += validate_annotations(new.get("annotations"), path.child("annotations"))
    errors += validate_owner_references(new.get("ownerReferences"), path.child("ownerReferences"))
    errors += validate_managed_fields(new.get("managedFields"), path.child("managedFields"))
    if kube_finalizers:
        errors += validate_kube_finalizers(new.get("finalizers"), path.child("finalizers"))
    return errors


def _new_finalizer_errors(new: Object, old: Object, path: Path) -> ErrorList:
    added = sorted(set(new.get("finalizers") or ()) - set(old.get("finalizers") or ()))
    if not added:
        return []
    listed = "[]string{" + ", ".join(map(quote, added)) + "}"
    detail = f"no new finalizers can be added if the object is being deleted, found new finalizers {listed}"
    return [field.forbidden(path, detail)]


def validate_immutable(new: Any, old: Any, path: Path) -> ErrorList:
    """Refuse any difference."""
    return [] if new == old else [field.invalid(path, new, IMMUTABLE)]


def validate_label_name(name: str, path: Path) -> ErrorList:
    return [field.invalid(path, name, text) for text in names.qualified_name(name)]


def validate_labels(labels: Mapping[str, str] | None, path: Path) -> ErrorList:
    """Keys and values of labels; all errors name the map itself."""
    errors: ErrorList = []
    for key, value in (labels or {}).items():
        errors += validate_label_name(key, path)
        errors += [field.invalid(path, value, text) for text in names.label_value(value)]
    return errors


def validate_annotations(annotations: Mapping[str, str] | None, path: Path) -> ErrorList:
    """Keys, in which case does not matter, and the size of all together (256 KiB)."""
    if not annotations:
        return []
    errors: ErrorList = []
    for key in annotations:
        errors += [field.invalid(path, key, text) for text in names.qualified_name(key.lower())]
    if _size(annotations.keys()) + _size(annotations.values()) > ANNOTATIONS_LIMIT:
        errors.append(field.too_long(path, ANNOTATIONS_LIMIT))
    return errors


def _size(texts: Iterable[str]) -> int:
    return sum(len(t) if t.isascii() else len(t.encode(errors="replace")) for t in texts)


def validate_owner_references(references: list[Object] | None, path: Path) -> ErrorList:
    """Each reference complete, none to an Event, at most one controller. Paths have no index, as in 1.36."""
    errors: ErrorList = []
    controller = ""
    for reference in references or ():
        errors += _owner_errors(reference, path)
        if not reference.get("controller"):
            continue
        name = f"{reference.get('kind', '')}/{reference.get('name', '')}"
        if not controller:
            controller = name
            continue
        detail = (
            "Only one reference can have Controller set to true."
            f' Found "true" in references for {controller} and {name}'
        )
        errors.append(field.invalid(path, [_owner_value(r) for r in references or ()], detail))
    return errors


def _owner_errors(reference: Object, path: Path) -> ErrorList:
    errors: ErrorList = []
    api_version, kind = reference.get("apiVersion", ""), reference.get("kind", "")
    group, _, version = api_version.rpartition("/")
    if not version or "/" in group:
        group = version = ""
        errors.append(field.invalid(path.child("apiVersion"), api_version, "version must not be empty"))
    for key in ("kind", "name", "uid"):
        if not reference.get(key):
            errors.append(field.invalid(path.child(key), "", "must not be empty"))
    owner = GroupVersionKind(group, version, kind)
    if owner in _BANNED_OWNERS:
        detail = f"{owner} is disallowed from being an owner"
        errors.append(field.invalid(path, _owner_value(reference), detail))
    return errors


def _owner_value(reference: Object) -> Object:
    """The reference as Go's JSON shows it: the four texts always, in struct order."""
    value: Object = {key: reference.get(key, "") for key in _OWNER_FIELDS[:4]}
    value.update((key, reference[key]) for key in _OWNER_FIELDS[4:] if reference.get(key) is not None)
    return value


def validate_finalizers(finalizers: list[str] | None, path: Path) -> ErrorList:
    """Qualified names, and not both of the two that say what becomes of dependents."""
    errors: ErrorList = []
    for finalizer in finalizers or ():
        errors += [field.invalid(path, finalizer, text) for text in names.qualified_name(finalizer)]
    if finalizers and ORPHAN in finalizers and FOREGROUND in finalizers:
        detail = f"finalizer {ORPHAN} and {FOREGROUND} cannot be both set"
        errors.append(field.invalid(path, finalizers, detail))
    return errors


def validate_kube_finalizers(finalizers: list[str] | None, path: Path) -> ErrorList:
    """The rule of most built-in kinds: a finalizer without a domain must be one of the standard ones."""
    detail = "name is neither a standard finalizer name nor is it fully qualified"
    return [
        field.invalid(path.index(i), finalizer, detail)
        for i, finalizer in enumerate(finalizers or ())
        if "/" not in finalizer and finalizer not in STANDARD_FINALIZERS
    ]


def finalizer_warnings(new: Object, old: Object | None, path: Path) -> list[str]:
    """Warnings about a custom resource's finalizers that this write adds."""
    added = set(new.get("finalizers") or ())
    if old is not None:
        added -= set(old.get("finalizers") or ())
    warnings = []
    for finalizer in sorted(added):
        warnings += [f"{path}: {quote(finalizer)}: {text}" for text in names.qualified_name(finalizer)]
        if "/" not in finalizer and finalizer not in STANDARD_FINALIZERS:
            slash = " including a path (/)" if "." in finalizer else ""
            warnings.append(
                f"{path}: {quote(finalizer)}: prefer a domain-qualified finalizer name{slash}"
                " to avoid accidental conflicts with other finalizer writers"
            )
    return warnings


def validate_field_manager(manager: str, path: Path) -> ErrorList:
    """At most 128 bytes, all of them printable."""
    errors: ErrorList = []
    encoded = manager.encode(errors="replace")
    if len(encoded) > FIELD_MANAGER_LIMIT:
        errors.append(field.too_long(path, FIELD_MANAGER_LIMIT))
    if manager.isprintable():
        return errors
    for i, c in enumerate(manager):
        if not c.isprintable():
            position = len(manager[:i].encode(errors="replace"))
            detail = f"invalid character U+{ord(c):04X} (at position {position})"
            errors.append(field.invalid(path, manager, detail))
    return errors


def validate_managed_fields(entries: list[Object] | None, path: Path) -> ErrorList:
    """Operation, type, manager and subresource of each entry; what the fields say is not looked at."""
    errors: ErrorList = []
    for i, entry in enumerate(entries or ()):
        here = path.index(i)
        operation = entry.get("operation", "")
        if operation not in ("Apply", "Update"):
            errors.append(field.invalid(here.child("operation"), operation, "must be `Apply` or `Update`"))
        fields_type = entry.get("fieldsType", "")
        if fields_type not in ("", "FieldsV1"):
            errors.append(field.invalid(here.child("fieldsType"), fields_type, "must be `FieldsV1`"))
        errors += validate_field_manager(entry.get("manager", ""), here.child("manager"))
        if _size((entry.get("subresource", ""),)) > SUBRESOURCE_LIMIT:
            errors.append(field.too_long(here.child("subresource"), SUBRESOURCE_LIMIT))
    return errors


def validate_label_selector(
    selector: Object | None,
    path: Path,
    allow_invalid_values: bool = False,
    *,
    allow_unknown_operators: bool = False,
) -> ErrorList:
    """A metav1.LabelSelector. Old objects may keep bad values, access reviews may name unknown operators."""
    if selector is None:
        return []
    errors = validate_labels(selector.get("matchLabels"), path.child("matchLabels"))
    for i, expression in enumerate(selector.get("matchExpressions") or ()):
        errors += validate_label_selector_requirement(
            expression,
            path.child("matchExpressions").index(i),
            allow_invalid_values,
            allow_unknown_operators=allow_unknown_operators,
        )
    return errors


def validate_label_selector_requirement(
    expression: Object,
    path: Path,
    allow_invalid_values: bool = False,
    *,
    allow_unknown_operators: bool = False,
) -> ErrorList:
    """A metav1.LabelSelectorRequirement: its operator, key and values."""
    errors = _operator_errors(expression, path, allow_unknown_operators)
    errors += validate_label_name(expression.get("key", ""), path.child("key"))
    if not allow_invalid_values:
        errors += _value_errors(expression, path.child("values"))
    return errors


def validate_field_selector_requirement(
    requirement: Object, path: Path, *, allow_unknown_operators: bool = False
) -> ErrorList:
    """A metav1.FieldSelectorRequirement: any key will do, values must suit the operator."""
    errors: ErrorList = []
    if not requirement.get("key"):
        errors.append(field.required(path.child("key"), "must be specified"))
    return errors + _operator_errors(requirement, path, allow_unknown_operators)


def _operator_errors(expression: Object, path: Path, allow_unknown: bool) -> ErrorList:
    operator, values = expression.get("operator", ""), expression.get("values")
    if operator in ("In", "NotIn"):
        detail = "must be specified when `operator` is 'In' or 'NotIn'"
        return [] if values else [field.required(path.child("values"), detail)]
    if operator in ("Exists", "DoesNotExist"):
        detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        return [field.forbidden(path.child("values"), detail)] if values else []
    if allow_unknown:
        return []
    return [field.invalid(path.child("operator"), operator, "not a valid selector operator")]


def _value_errors(expression: Object, path: Path) -> ErrorList:
    return [
        field.invalid(path.index(i), value, text)
        for i, value in enumerate(expression.get("values") or ())
        for text in names.label_value(value)
    ]


def has_invalid_label_value(selector: Object | None) -> bool:
    """Whether an expression of a stored selector has a bad value, which updates then may keep."""
    expressions = (selector or {}).get("matchExpressions") or ()
    return any(names.label_value(v) for e in expressions for v in e.get("values") or ())
