"""Where containers mount volumes and attach block devices."""

from __future__ import annotations

from sekisho.api.field import ErrorList, Path, forbidden, invalid, not_found, not_supported, required
from sekisho.api.types import Object
from sekisho.schema.validation.common import local_path, no_backsteps
from sekisho.schema.validation.volume import Volumes

_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE = ("Disabled", "Enabled", "IfPossible")


def validate_volume_mounts(container: Object, volumes: Volumes, path: Path) -> ErrorList:
    """Mounts of a container; some of upstream's errors name the list instead of the mount."""
    mounts = container.get("volumeMounts")
    if not mounts:
        return []
    devices = {
        device.get("name", ""): device.get("devicePath", "")
        for device in container.get("volumeDevices") or ()
    }
    seen: set[str] = set()
    errors: ErrorList = []
    for i, mount in enumerate(mounts):
        name, target = mount.get("name", ""), mount.get("mountPath", "")
        if name not in volumes or not target or target in seen or devices:
            errors += _validate_target(name, target, volumes, devices, seen, path.index(i))
        seen.add(target)
        errors += _validate_options(mount, container, path, i)
    return errors


def _validate_target(
    name: str, target: str, volumes: Volumes, devices: dict[str, str], seen: set[str], path: Path
) -> ErrorList:
    errors: ErrorList = []
    if not name:
        errors.append(required(path.child("name")))
    if name not in volumes:
        errors.append(not_found(path.child("name"), name))
    if not target:
        errors.append(required(path.child("mountPath")))
    if target in seen:
        errors.append(invalid(path.child("mountPath"), target, "must be unique"))
    if name in devices:
        errors.append(invalid(path.child("name"), name, "must not already exist in volumeDevices"))
    if target in devices.values():
        detail = "must not already exist as a path in volumeDevices"
        errors.append(invalid(path.child("mountPath"), target, detail))
    return errors


def _validate_options(mount: Object, container: Object, path: Path, index: int) -> ErrorList:
    errors: ErrorList = []
    below, expression = mount.get("subPath"), mount.get("subPathExpr")
    if below:
        errors += local_path(path.child("subPath"), below)
    if expression:
        if below:
            at = path.index(index).child("subPathExpr")
            errors.append(invalid(at, expression, "subPathExpr and subPath are mutually exclusive"))
        errors += local_path(path.child("subPathExpr"), expression)
    propagation, recursive = mount.get("mountPropagation"), mount.get("recursiveReadOnly")
    if propagation is not None:
        errors += _validate_propagation(propagation, container, path.child("mountPropagation"))
    if recursive is not None:
        errors += _validate_recursive(mount, recursive, path.child("recursiveReadOnly"))
    return errors


def _validate_propagation(propagation: str, container: Object, path: Path) -> ErrorList:
    if propagation not in _PROPAGATIONS:
        return [not_supported(path, propagation, _PROPAGATIONS)]
    privileged = (container.get("securityContext") or {}).get("privileged")
    if propagation == "Bidirectional" and not privileged:
        return [forbidden(path, "Bidirectional mount propagation is available only to privileged containers")]
    return []


def _validate_recursive(mount: Object, recursive: str, path: Path) -> ErrorList:
    if recursive not in _RECURSIVE:
        return [not_supported(path, recursive, _RECURSIVE)]
    errors: ErrorList = []
    if recursive != "Disabled":
        if not mount.get("readOnly"):
            errors.append(forbidden(path, "may only be specified when readOnly is true"))
        if mount.get("mountPropagation") not in (None, "None"):
            detail = "may only be specified when mountPropagation is None or not specified"
            errors.append(forbidden(path, detail))
    return errors


def validate_volume_devices(container: Object, volumes: Volumes, path: Path) -> ErrorList:
    """Raw block devices: only claims can be attached so."""
    devices = container.get("volumeDevices")
    if not devices:
        return []
    mounts = {
        mount.get("name", ""): mount.get("mountPath", "") for mount in container.get("volumeMounts") or ()
    }
    names: set[str] = set()
    targets: set[str] = set()
    errors: ErrorList = []
    for i, device in enumerate(devices):
        name, target = device.get("name", ""), device.get("devicePath", "")
        errors += _validate_device(name, target, volumes.get(name), names, targets, path.index(i))
        if not no_backsteps(path, target):
            targets.add(target)
        if name in mounts:
            detail = "must not already exist in volumeMounts"
            errors.append(invalid(path.index(i).child("name"), name, detail))
        if target in mounts.values():
            detail = "must not already exist as a path in volumeMounts"
            errors.append(invalid(path.index(i).child("devicePath"), target, detail))
        if name:
            names.add(name)
    return errors


def _validate_device(
    name: str, target: str, volume: Object | None, names: set[str], targets: set[str], path: Path
) -> ErrorList:
    errors: ErrorList = []
    if not name:
        errors.append(required(path.child("name")))
    if name in names:
        errors.append(invalid(path.child("name"), name, "must be unique"))
    if volume is None:
        errors.append(not_found(path.child("name"), name))
    elif volume.get("persistentVolumeClaim") is None and volume.get("ephemeral") is None:
        detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
        errors.append(invalid(path.child("name"), name, detail))
    if not target:
        errors.append(required(path.child("devicePath")))
    if target in targets:
        errors.append(invalid(path.child("devicePath"), target, "must be unique"))
    if no_backsteps(path, target):
        errors.append(invalid(path.child("devicePath"), target, "can not contain backsteps ('..')"))
    return errors
