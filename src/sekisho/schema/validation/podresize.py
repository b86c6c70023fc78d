"""Resizing a Pod in place (KEP-1287, KEP-5419): only cpu and memory change, and nothing is taken away."""

from __future__ import annotations

from typing import Any

from sekisho.api.field import ErrorList, Path, forbidden, invalid
from sekisho.api.types import Object
from sekisho.schema.podwalk import is_sidecar
from sekisho.schema.qos import compute_pod_qos, pod_qos
from sekisho.schema.validation.options import PodOptions
from sekisho.schema.validation.pod import validate_pod_again
from sekisho.schema.validation.podspec import MIRROR

_SPEC = Path("spec")
_WHOLE = Path("[]")
_ONLY_COMPUTE = "only cpu and memory resources are mutable"
_RESIZABLE = ("cpu", "memory")


def validate_pod_resize(new: Object, old: Object, options: PodOptions) -> ErrorList:
    errors = validate_pod_again(new, old, options)
    spec, before = new["spec"], old["spec"]
    if MIRROR in (old["metadata"].get("annotations") or ()):
        return [forbidden(_WHOLE, "static pods cannot be resized")]
    if (before.get("os") or {}).get("name") == "windows":
        return [forbidden(_WHOLE, "windows pods cannot be resized")]
    if pod_qos(old) != compute_pod_qos(spec):
        quality = (new.get("status") or {}).get("qosClass", "")
        errors.append(invalid(_SPEC, quality, "Pod QOS Class may not change as a result of resizing"))
    if not _node_can_resize(old):
        errors.append(forbidden(_SPEC, "Pod running on node without support for resize"))
    munged = dict(spec)
    if _has_pod_level(spec) or _has_pod_level(before):
        errors += _validate_pod_level(spec, before, munged)
    misplaced = _validate_order(spec, before)
    if misplaced:
        return errors + misplaced
    errors += _validate_removals(spec, before)
    errors += _validate_containers(munged, before)
    errors += _validate_init_containers(munged, before)
    if not errors and munged != before:
        errors.append(forbidden(_SPEC, _ONLY_COMPUTE))
    return errors


def _node_can_resize(pod: Object) -> bool:
    """A kubelet that can resize reports the resources of running containers."""
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if (status.get("state") or {}).get("running") is not None:
            return status.get("resources") is not None
    return True


def _has_pod_level(spec: Object) -> bool:
    resources = spec.get("resources") or {}
    return bool(resources.get("requests") or resources.get("limits"))


def _validate_pod_level(spec: Object, old: Object, munged: Object) -> ErrorList:
    """Resources of the pod as a whole; puts cpu and memory back in `munged`."""
    resources, before = spec.get("resources"), old.get("resources")
    at = _SPEC.child("resources")
    if before is not None and resources is None:
        return [forbidden(at, "pod-level resources cannot be removed")]
    errors: ErrorList = []
    for field in ("requests", "limits"):
        if _removed(resources, before, field):
            detail = f"pod-level resource {field} cannot be removed"
            errors.append(forbidden(at.child(field), detail))
    kept = _with_compute_of(resources or {}, before or {})
    if resources is None or (before is None and not kept):
        munged.pop("resources", None)
    else:
        munged["resources"] = kept
    if munged.get("resources") != before:
        errors.append(forbidden(_SPEC, "only cpu and memory resources are mutable at pod-level"))
    return errors


def _validate_order(spec: Object, old: Object) -> ErrorList:
    errors: ErrorList = []
    for field in ("containers", "initContainers"):
        now, then = spec.get(field) or [], old.get(field) or []
        if len(now) != len(then):
            errors.append(forbidden(_SPEC.child(field), f"{field} may not be added or removed on resize"))
            continue
        for i, (container, before) in enumerate(zip(now, then, strict=True)):
            if container.get("name") != before.get("name"):
                at = _SPEC.child(field).index(i).child("name")
                errors.append(forbidden(at, f"{field} may not be renamed or reordered on resize"))
    return errors


def _validate_removals(spec: Object, old: Object) -> ErrorList:
    errors: ErrorList = []
    for field in ("initContainers", "containers"):
        pairs = zip(spec.get(field) or [], old.get(field) or [], strict=True)
        for i, (container, before) in enumerate(pairs):
            at = _SPEC.child(field).index(i).child("resources")
            for part in ("requests", "limits"):
                if _removed(container.get("resources"), before.get("resources"), part):
                    errors.append(forbidden(at.child(part), f"resource {part} cannot be removed"))
    return errors


def _removed(new: Object | None, old: Object | None, field: str) -> bool:
    """Whether an amount has gone from one of the two lists."""
    now, then = (new or {}).get(field) or {}, (old or {}).get(field) or {}
    return bool(then.keys() - now.keys())


def _validate_containers(munged: Object, old: Object) -> ErrorList:
    errors: ErrorList = []
    kept: list[Any] = []
    for container, before in zip(munged.get("containers") or [], old.get("containers") or [], strict=True):
        kept.append(_munge(container, before))
        if kept[-1] != before:
            errors.append(forbidden(_SPEC, _ONLY_COMPUTE))
    munged["containers"] = kept
    return errors


def _validate_init_containers(munged: Object, old: Object) -> ErrorList:
    pairs = list(zip(munged.get("initContainers") or [], old.get("initContainers") or [], strict=True))
    if not pairs:
        return []
    errors: ErrorList = []
    kept: list[Any] = []
    for i, (container, before) in enumerate(pairs):
        at = _SPEC.child("initContainers").index(i)
        kept.append(_munge(container, before))
        if kept[-1] != before:
            detail = "only cpu and memory resources for init or sidecar containers are mutable"
            errors.append(forbidden(at, detail))
        if container != before and not is_sidecar(container):
            detail = "non-sidecar init containers with a resize policy of RestartContainer cannot be resized"
            policies = container.get("resizePolicy") or ()
            errors += [
                forbidden(at, detail) for p in policies if p.get("restartPolicy") == "RestartContainer"
            ]
    munged["initContainers"] = kept
    return errors


def _munge(container: Object, old: Object) -> Object:
    """The container with cpu and memory as they were. Claims are left out, as upstream forgets them."""
    resources = _with_compute_of(container.get("resources") or {}, old.get("resources") or {})
    resources.pop("claims", None)
    return {**container, "resources": resources}


def _with_compute_of(new: Object, old: Object) -> Object:
    out = dict(new)
    for field in ("limits", "requests"):
        amounts = {name: amount for name, amount in (new.get(field) or {}).items() if name not in _RESIZABLE}
        before: Object = old.get(field) or {}
        amounts.update({name: before[name] for name in _RESIZABLE if name in before})
        if amounts:
            out[field] = amounts
        else:
            out.pop(field, None)
    return out
