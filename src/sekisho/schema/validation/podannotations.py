"""Annotations that configured pods once and are still checked: seccomp, AppArmor, deletion cost, mirrors."""

from __future__ import annotations

import json
import re

from sekisho.api.field import ErrorList, Path, forbidden, invalid
from sekisho.api.goformat import quote
from sekisho.api.types import Object
from sekisho.schema.podwalk import containers, containers_with_paths
from sekisho.schema.validation.common import local_path
from sekisho.schema.validation.options import PodOptions
from sekisho.schema.validation.podspec import MIRROR
from sekisho.schema.validation.tolerations import validate_tolerations

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
TOLERATIONS = "scheduler.alpha.kubernetes.io/tolerations"
SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"

_RUNTIME_PROFILES = ("runtime/default", "docker/default")
_LOCALHOST = "localhost/"
_INTEGER = re.compile("-[0-9]+|0|[1-9][0-9]*")


def is_deletion_cost(text: str) -> bool:
    """A 32-bit integer without plus sign and leading zeros."""
    return bool(_INTEGER.fullmatch(text)) and -(2**31) <= int(text) < 2**31


def validate_pod_annotations(annotations: Object, spec: Object, path: Path, options: PodOptions) -> ErrorList:
    """Of a Pod or a template. Most have none of these: then nothing is done."""
    errors: ErrorList = []
    for key, value in annotations.items():
        if key == MIRROR and not spec.get("nodeName"):
            detail = "must set spec.nodeName if mirror pod annotation is set"
            errors.append(invalid(path.key(key), value, detail))
    if annotations.get(TOLERATIONS):
        errors += _validate_tolerations(annotations[TOLERATIONS], path, options)
    cost = annotations.get(DELETION_COST)
    if cost is not None and not options.invalid_deletion_cost and not is_deletion_cost(cost):
        errors.append(invalid(path.key(DELETION_COST), cost, "must be a 32bit integer"))
    if SECCOMP_POD in annotations:
        errors += _validate_seccomp(annotations[SECCOMP_POD], path.child(SECCOMP_POD))
    for key, value in annotations.items():
        if key.startswith(SECCOMP_CONTAINER):
            errors += _validate_seccomp(value, path.child(key))
    for key, value in annotations.items():
        if key.startswith(APPARMOR):
            errors += _validate_apparmor(key, value, spec, path.key(key))
    return errors


def _validate_tolerations(text: str, path: Path, options: PodOptions) -> ErrorList:
    try:
        tolerations = json.loads(text)
    except ValueError as error:
        return [invalid(path, TOLERATIONS, str(error))]
    if not isinstance(tolerations, list) or not all(isinstance(item, dict) for item in tolerations):
        detail = "json: cannot unmarshal into Go value of type []core.Toleration"
        return [invalid(path, TOLERATIONS, detail)]
    return validate_tolerations(tolerations, path.child(TOLERATIONS), options)


def _validate_seccomp(profile: str, path: Path) -> ErrorList:
    if profile in _RUNTIME_PROFILES or profile == "unconfined":
        return []
    if profile.startswith(_LOCALHOST):
        return local_path(path, profile.removeprefix(_LOCALHOST))
    return [invalid(path, profile, "must be a valid seccomp profile")]


def _validate_apparmor(key: str, profile: str, spec: Object, path: Path) -> ErrorList:
    errors: ErrorList = []
    name = key.removeprefix(APPARMOR)
    if all(container.get("name") != name for container in containers(spec)):
        errors.append(invalid(path, name, "container not found"))
    if profile not in ("", "runtime/default", "unconfined") and not profile.startswith(_LOCALHOST):
        errors.append(invalid(path, profile, f"invalid AppArmor profile name: {quote(profile)}"))
    return errors


def validate_annotations_match_fields(metadata: Object, spec: Object, path: Path) -> ErrorList:
    """Where a profile is given by field and by annotation, both must say the same. `path` is the spec's."""
    annotations = metadata.get("annotations")
    if not annotations:
        return []
    return _seccomp_differences(annotations, spec, path) + _apparmor_differences(annotations, spec, path)


def _seccomp_differences(annotations: Object, spec: Object, path: Path) -> ErrorList:
    errors: ErrorList = []
    profile = (spec.get("securityContext") or {}).get("seccompProfile")
    if profile is not None and SECCOMP_POD in annotations:
        at = path.child("securityContext", "seccompProfile")
        errors += _difference(profile, annotations[SECCOMP_POD], at, "seccomp", _RUNTIME_PROFILES)
    for container, where in containers_with_paths(spec, path):
        profile = (container.get("securityContext") or {}).get("seccompProfile")
        written = annotations.get(SECCOMP_CONTAINER + container.get("name", ""))
        if profile is not None and written is not None:
            at = where.child("securityContext", "seccompProfile")
            errors += _difference(profile, written, at, "seccomp", _RUNTIME_PROFILES)
    return errors


def _apparmor_differences(annotations: Object, spec: Object, path: Path) -> ErrorList:
    if (spec.get("os") or {}).get("name") == "windows":
        return []
    errors: ErrorList = []
    common = (spec.get("securityContext") or {}).get("appArmorProfile")
    for container, where in containers_with_paths(spec, path):
        profile = (container.get("securityContext") or {}).get("appArmorProfile") or common
        written = annotations.get(APPARMOR + container.get("name", ""))
        if profile is not None and written is not None:
            at = where.child("securityContext", "appArmorProfile")
            errors += _difference(profile, written, at, "apparmor", ("runtime/default",))
    return errors


def _difference(profile: Object, written: str, path: Path, kind: str, defaults: tuple[str, ...]) -> ErrorList:
    """How a profile's field and annotation differ."""
    other_type = [forbidden(path.child("type"), f"{kind} type in annotation and field must match")]
    match profile.get("type"):
        case "Unconfined":
            return [] if written == "unconfined" else other_type
        case "RuntimeDefault":
            return [] if written in defaults else other_type
        case "Localhost":
            if not written.startswith(_LOCALHOST):
                return other_type
            if written.removeprefix(_LOCALHOST) != profile.get("localhostProfile"):
                detail = f"{kind} profile in annotation and field must match"
                return [forbidden(path.child("localhostProfile"), detail)]
    return []


def validate_annotation_changes(new: Object, old: Object, path: Path) -> ErrorList:
    """AppArmor and mirror annotations neither come nor go nor change."""
    errors: ErrorList = []
    for key, value in old.items():
        if new.get(key) != value:
            errors += _frozen(key, "remove or update", path)
    for key in new:
        if key not in old:
            errors += _frozen(key, "add", path)
    return errors


def _frozen(key: str, verb: str, path: Path) -> ErrorList:
    if key.startswith(APPARMOR):
        return [forbidden(path.key(key), f"may not {verb} AppArmor annotations")]
    if key == MIRROR:
        return [forbidden(path.key(key), f"may not {verb} mirror pod annotation")]
    return []
