"""Updates of Pods: of the little that may change, and of ephemeral containers (KEP-277)."""

from __future__ import annotations

import difflib
from typing import Any

import orjson

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, forbidden, invalid, required
from sekisho.api.goformat import quote
from sekisho.api.types import Object
from sekisho.schema.validation.affinity import validate_narrowed_node_affinity
from sekisho.schema.validation.container import untrimmed_image
from sekisho.schema.validation.options import PodOptions
from sekisho.schema.validation.pod import validate_pod_again
from sekisho.schema.validation.podannotations import validate_annotation_changes, validate_pod_annotations
from sekisho.schema.validation.podspec import MIRROR
from sekisho.schema.validation.tolerations import validate_added_tolerations, validate_lifted_gates

_METADATA = Path("metadata")
_SPEC = Path("spec")
_LONGEST_DEADLINE = 2**31 - 1
_UPDATABLE = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def validate_pod_update(new: Object, old: Object, options: PodOptions) -> ErrorList:
    errors = validate_pod_again(new, old, options)
    errors += validate_pod_annotation_update(new, old, options)
    spec, before = new["spec"], old["spec"]
    for field in ("containers", "initContainers"):
        found, resized = _validate_images(spec.get(field) or [], before.get(field) or [], _SPEC.child(field))
        errors += found
        if resized:
            return errors
    found, wrong = _validate_deadline(spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds"))
    errors += found
    if wrong:
        return errors
    errors += validate_added_tolerations(
        spec.get("tolerations") or [], before.get("tolerations") or [], _SPEC.child("tolerations"), options
    )
    errors += validate_lifted_gates(
        spec.get("schedulingGates") or [], before.get("schedulingGates") or [], _SPEC.child("schedulingGates")
    )
    return errors if spec == before else errors + _validate_remainder(spec, before)


def validate_pod_annotation_update(new: Object, old: Object, options: PodOptions) -> ErrorList:
    annotations: Object = new["metadata"].get("annotations") or {}
    before: Object = old["metadata"].get("annotations") or {}
    if not annotations and not before:
        return []
    at = _METADATA.child("annotations")
    errors = validate_annotation_changes(annotations, before, at)
    return errors + validate_pod_annotations(annotations, new.get("spec") or {}, at, options)


def _validate_images(new: list[Object], old: list[Object], path: Path) -> tuple[ErrorList, bool]:
    """The errors, and whether the number of containers differs: then nothing further is looked at."""
    if len(new) != len(old):
        return [forbidden(path, "pod updates may not add or remove containers")], True
    errors: ErrorList = []
    for i, container in enumerate(new):
        if not container.get("image"):
            errors.append(required(path.index(i).child("image")))
        errors += untrimmed_image(container, path.index(i))
    return errors, False


def _validate_deadline(new: int | None, old: int | None) -> tuple[ErrorList, bool]:
    """A deadline may come and shrink. Also whether that ends the checks, as it does upstream for all but
    a deadline that is taken away."""
    at = _SPEC.child("activeDeadlineSeconds")
    if new is None:
        if old is None:
            return [], False
        return [invalid(at, None, "must not update from a positive integer to nil value")], False
    if not 0 <= new <= _LONGEST_DEADLINE:
        return [invalid(at, new, names.range_error(0, _LONGEST_DEADLINE))], True
    if old is not None and old < new:
        return [invalid(at, new, "must be less than or equal to previous value")], True
    return [], False


def _validate_remainder(new: Object, old: Object) -> ErrorList:
    """With everything that may change put back, the specs must be equal."""
    spec = dict(new)
    for field in ("containers", "initContainers"):
        if spec.get(field):
            pairs = zip(spec[field], old[field], strict=True)
            spec[field] = [_with_field(container, before, "image") for container, before in pairs]
    for field in ("activeDeadlineSeconds", "schedulingGates", "tolerations"):
        spec = _with_field(spec, old, field)
    if old.get("terminationGracePeriodSeconds", 0) < 0 and spec.get("terminationGracePeriodSeconds") == 1:
        spec = _with_field(spec, old, "terminationGracePeriodSeconds")
    errors: ErrorList = []
    if old.get("schedulingGates"):
        spec, errors = _put_back_gated(spec, old)
    if spec != old:
        text = f"pod updates may not change fields other than {_UPDATABLE}\n{difference(old, spec)}"
        errors.append(forbidden(_SPEC, text))
    return errors


def _put_back_gated(spec: Object, old: Object) -> tuple[Object, ErrorList]:
    """While a pod is gated (KEP-3838) its choice of nodes may become narrower."""
    errors: ErrorList = []
    selector, before = spec.get("nodeSelector") or {}, old.get("nodeSelector") or {}
    if any(selector.get(key) != value for key, value in before.items()):
        detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        errors.append(invalid(_SPEC.child("nodeSelector"), selector or None, detail))
    spec = _with_field(spec, old, "nodeSelector")
    affinity, old_affinity = spec.get("affinity"), old.get("affinity")
    wanted, stored = (affinity or {}).get("nodeAffinity"), (old_affinity or {}).get("nodeAffinity")
    if wanted != stored:
        errors += validate_narrowed_node_affinity(wanted, stored, _SPEC.child("affinity", "nodeAffinity"))
        munged = _with_field(affinity or {}, old_affinity or {}, "nodeAffinity")
        spec = {**spec, "affinity": munged}
        if not munged and old_affinity is None:
            del spec["affinity"]
    return spec, errors


def _with_field(new: Object, old: Object, field: str) -> Object:
    """`new` with one field as in `old`."""
    if new.get(field) == old.get(field) and (field in new) == (field in old):
        return new
    out = {key: value for key, value in new.items() if key != field}
    if field in old:
        out[field] = old[field]
    return out


def difference(old: Any, new: Any) -> str:
    """What changed, for people: a unified diff of both in JSON."""
    before, after = (
        orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
        .decode()
        .splitlines(keepends=True)
        for value in (old, new)
    )
    lines = list(difflib.unified_diff(before, after))
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines[2:])


def validate_ephemeral_containers_update(new: Object, old: Object, options: PodOptions) -> ErrorList:
    """The ephemeralcontainers subresource: those that are there neither go nor change, in any order."""
    errors = validate_pod_again(new, old, options)
    errors += validate_pod_annotation_update(new, old, options)
    if MIRROR in (old["metadata"].get("annotations") or ()):
        return [forbidden(Path("[]"), "static pods do not support ephemeral containers")]
    present = {
        container.get("name", ""): container for container in new["spec"].get("ephemeralContainers") or ()
    }
    for container in old["spec"].get("ephemeralContainers") or ():
        name = container.get("name", "")
        at = _SPEC.child("ephemeralContainers")
        about = f"existing ephemeral containers {quote(name)}"
        if name not in present:
            errors.append(forbidden(at, f"{about} may not be removed\n"))
        elif present[name] != container:
            diff = difference(container, present[name])
            errors.append(forbidden(at, f"{about} may not be changed\n{diff}"))
    return errors
