"""Pods: the views of the object. Binding and eviction have files of their own."""

from __future__ import annotations

from typing import Any

from sekisho.api import names
from sekisho.api.addresses import ip_warnings
from sekisho.api.field import ErrorList, Path
from sekisho.api.types import GroupVersionKind, Object
from sekisho.registry.kinds.podbinding import BindingSubresource
from sekisho.registry.kinds.podeviction import EvictionSubresource
from sekisho.registry.kinds.podprepare import (
    drop_disabled_fields,
    initial_status,
    merge_label_keys,
    settle_apparmor,
)
from sekisho.registry.strategy import Context, StatusStrategy, Strategy
from sekisho.schema.builtin import builtin_types
from sekisho.schema.defaults.pod import set_defaults_pod
from sekisho.schema.qos import compute_pod_qos
from sekisho.schema.resources import ResourceInfo
from sekisho.schema.validation.options import FOR_POD, PodOptions
from sekisho.schema.validation.pod import validate_pod_create
from sekisho.schema.validation.podresize import validate_pod_resize
from sekisho.schema.validation.podstatus import validate_pod_status_update
from sekisho.schema.validation.podupdate import validate_ephemeral_containers_update, validate_pod_update
from sekisho.schema.validation.podwarnings import pod_warnings
from sekisho.schema.validation.tolerance import options_for_update

__all__ = [
    "BindingSubresource",
    "EphemeralContainersStrategy",
    "EvictionSubresource",
    "PodStatusStrategy",
    "PodStrategy",
    "ResizeStrategy",
]

_POD = GroupVersionKind("", "v1", "Pod")
_ENDED = ("Succeeded", "Failed")
_KEPT_METADATA = ("labels", "annotations", "finalizers", "ownerReferences")


class PodStrategy(Strategy):
    field_labels = frozenset(
        (
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "spec.host",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        )
    )
    repeats_metadata_check = False
    """Its update validation does that itself, in its own order."""

    def default(self, obj: Object) -> None:
        set_defaults_pod(obj)

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        obj["status"] = initial_status(ctx, obj)
        drop_disabled_fields(obj["spec"])
        merge_label_keys(obj)
        settle_apparmor(ctx, obj)

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_pod_create(obj, FOR_POD)

    def warnings_on_create(self, ctx: Context, obj: Object) -> list[str]:
        warnings = pod_warnings(obj)
        problems = names.dns1123_label(obj["metadata"]["name"])
        if problems:
            text = (
                "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior;"
                f" a DNS label is recommended: [{' '.join(problems)}]"
            )
            warnings.insert(0, text)
        return warnings

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        new["status"] = old.get("status", {})
        drop_disabled_fields(new["spec"], old["spec"])

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_pod_update(new, old, _options(old))

    def grace_period(self, ctx: Context, obj: Object, asked: int | None) -> int | None:
        """None asked for means the pod's own; what no kubelet holds goes at once."""
        spec: Object = obj["spec"]
        if not spec.get("nodeName") or obj.get("status", {}).get("phase") in _ENDED:
            return 0
        period: int = spec.get("terminationGracePeriodSeconds", 0) if asked is None else asked
        return period if period >= 0 else 1

    def field_alias(self, label: str) -> str:
        return "spec.nodeName" if label == "spec.host" else label

    def fields(self, obj: Object) -> dict[str, str]:
        spec: Object = obj.get("spec") or {}
        status: Object = obj.get("status") or {}
        addresses: list[Object] = status.get("podIPs") or []
        return {
            "spec.nodeName": spec.get("nodeName", ""),
            "spec.restartPolicy": spec.get("restartPolicy", ""),
            "spec.schedulerName": spec.get("schedulerName", ""),
            "spec.serviceAccountName": spec.get("serviceAccountName", ""),
            "spec.hostNetwork": "true" if spec.get("hostNetwork") else "false",
            "status.phase": status.get("phase", ""),
            "status.podIP": addresses[0].get("ip", "") if addresses else "",
            "status.podIPs": "",
            "status.nominatedNodeName": status.get("nominatedNodeName", ""),
        }


def _options(old: Object) -> PodOptions:
    return options_for_update(old["spec"], old["metadata"], is_pod=True)


class PodStatusStrategy(StatusStrategy):
    """What kubelet and scheduler report."""

    reset_on_main = (("spec",), ("metadata", "deletionTimestamp"), ("metadata", "ownerReferences"))
    repeats_metadata_check = False

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        super().prepare_for_update(ctx, new, old)
        _restore_metadata(new, old, ("ownerReferences",))
        status = new.setdefault("status", {})
        before: Object = old.get("status") or {}
        if not status.get("qosClass"):
            status["qosClass"] = before.get("qosClass") or compute_pod_qos(new["spec"])
        if "nodeAllocatableResourceClaimStatuses" not in before:
            status.pop("nodeAllocatableResourceClaimStatuses", None)
        _keep_observed_generations(status, before)

    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_pod_status_update(new, old, _options(old))

    def warnings_on_update(self, ctx: Context, new: Object, old: Object) -> list[str]:
        status: Object = new.get("status") or {}
        warnings: list[str] = []
        for field in ("podIPs", "hostIPs"):
            for i, item in enumerate(status.get(field) or ()):
                warnings += ip_warnings(Path("status").child(field).index(i).child("ip"), item.get("ip", ""))
        return warnings


def _keep_observed_generations(status: Object, before: Object) -> None:
    """Writers that do not know observedGeneration (KEP-5067) do not take it away."""
    if not status.get("observedGeneration") and before.get("observedGeneration"):
        status["observedGeneration"] = before["observedGeneration"]
    known: dict[str, int] = {
        condition.get("type", ""): condition["observedGeneration"]
        for condition in before.get("conditions") or ()
        if condition.get("observedGeneration")
    }
    if known:
        for condition in status.get("conditions") or ():
            kind = condition.get("type", "")
            if not condition.get("observedGeneration") and kind in known:
                condition["observedGeneration"] = known[kind]


def _restore_metadata(new: Object, old: Object, fields: tuple[str, ...]) -> None:
    metadata, before = new["metadata"], old["metadata"]
    for field in fields:
        if field in before:
            metadata[field] = before[field]
        else:
            metadata.pop(field, None)


class _SpecView(StatusStrategy):
    """A subresource that takes one part of the spec and restores all else, the metadata too."""

    repeats_metadata_check = False
    writes: frozenset[str] = frozenset()
    """The fields of the spec that it takes."""

    def __init__(self, info: ResourceInfo, main: Strategy) -> None:
        super().__init__(info, main)
        spec = builtin_types().for_kind(_POD).fields["spec"].type
        others = (("spec", field) for field in spec.fields if field not in self.writes)
        self.reset_on_main = (("status",), *(("metadata", field) for field in _KEPT_METADATA), *others)

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        sent: Object = new.get("spec") or {}
        super().prepare_for_update(ctx, new, old)
        new["status"] = old.get("status", {})
        new["spec"] = self.changed_spec(sent, old["spec"])
        _restore_metadata(new, old, _KEPT_METADATA)
        drop_disabled_fields(new["spec"], old["spec"])
        if new["spec"] != old["spec"]:
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1

    def changed_spec(self, sent: Object, old: Object) -> Object:
        raise NotImplementedError


class EphemeralContainersStrategy(_SpecView):
    """Debugging containers (KEP-277), which only come."""

    writes = frozenset(("ephemeralContainers",))

    def changed_spec(self, sent: Object, old: Object) -> Object:
        spec = dict(old)
        if sent.get("ephemeralContainers"):
            spec["ephemeralContainers"] = sent["ephemeralContainers"]
        else:
            spec.pop("ephemeralContainers", None)
        return spec

    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_ephemeral_containers_update(new, old, _options(old))


class ResizeStrategy(_SpecView):
    """Resources of containers and of the pod (KEP-1287)."""

    writes = frozenset(("containers", "initContainers", "resources"))

    def changed_spec(self, sent: Object, old: Object) -> Object:
        spec = dict(old)
        for field in ("initContainers", "containers"):
            containers = _resized(sent.get(field) or [], old.get(field) or [])
            if containers:
                spec[field] = containers
            else:
                spec.pop(field, None)
        _take(spec, sent, "resources")
        return spec

    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_pod_resize(new, old, _options(old))


def _resized(sent: list[Object], old: list[Object]) -> list[Any]:
    """The stored containers with resources and resize policies as sent; others are left for validation to
    refuse."""
    if [c.get("name") for c in sent] != [c.get("name") for c in old]:
        return sent
    out = []
    for container, before in zip(sent, old, strict=True):
        merged = dict(before)
        _take(merged, container, "resources")
        _take(merged, container, "resizePolicy")
        out.append(merged)
    return out


def _take(target: Object, source: Object, field: str) -> None:
    if field in source:
        target[field] = source[field]
    else:
        target.pop(field, None)
