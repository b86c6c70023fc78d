"""What the server settles in a Pod before it checks it: fields behind closed gates, status, selectors, AppArmor."""

from __future__ import annotations

from typing import Any

from sekisho.api.time import format_time
from sekisho.api.types import Object
from sekisho.registry.strategy import Context
from sekisho.schema.podwalk import containers
from sekisho.schema.qos import pod_qos
from sekisho.schema.validation.affinity import PREFERRED, REQUIRED
from sekisho.schema.validation.podannotations import APPARMOR

_GATED_SOURCES = ("clusterTrustBundle", "podCertificate")
_LOCALHOST = "localhost/"


def drop_disabled_fields(spec: Object, old: Object | None = None) -> None:
    """Take out what 1.36 has behind gates that are off, unless the stored spec already uses it."""
    before: Object = old or {}
    if "schedulingGroup" in spec and "schedulingGroup" not in before:
        del spec["schedulingGroup"]
    if not any("stopSignal" in (c.get("lifecycle") or ()) for c in containers(before)):
        for container in containers(spec):
            lifecycle = container.get("lifecycle")
            if lifecycle and lifecycle.pop("stopSignal", None) is not None and not lifecycle:
                del container["lifecycle"]
    for volume in spec.get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            for name in _GATED_SOURCES:
                if name in source and not _projects(before, name):
                    del source[name]


def _projects(spec: Object, name: str) -> bool:
    return any(
        name in source
        for volume in spec.get("volumes") or ()
        for source in (volume.get("projected") or {}).get("sources") or ()
    )


def initial_status(ctx: Context, pod: Object) -> Object:
    """Pending, with its quality of service; a gated pod (KEP-3838) also says why nobody schedules it."""
    status: Object = {"phase": "Pending"}
    if pod["spec"].get("schedulingGates"):
        status["conditions"] = [
            {
                "type": "PodScheduled",
                "status": "False",
                "lastProbeTime": None,
                "lastTransitionTime": format_time(ctx.clock.now()),
                "reason": "SchedulingGated",
                "message": "Scheduling is blocked due to non-empty scheduling gates",
            }
        ]
    status["qosClass"] = pod_qos(pod)
    return status


def merge_label_keys(pod: Object) -> None:
    """Write the pod's own labels that (mis)matchLabelKeys name into the selectors beside them (KEP-3633,
    KEP-3243)."""
    spec = pod["spec"]
    labels: Object = pod["metadata"].get("labels") or {}
    affinity: Object = spec.get("affinity") or {}
    for field in ("podAffinity", "podAntiAffinity"):
        terms: Object = affinity.get(field) or {}
        for term in terms.get(REQUIRED) or ():
            _merge_term(term, labels)
        for weighted in terms.get(PREFERRED) or ():
            _merge_term(weighted.get("podAffinityTerm") or {}, labels)
    for constraint in spec.get("topologySpreadConstraints") or ():
        _merge(constraint, "matchLabelKeys", "In", labels)


def _merge_term(term: Object, labels: Object) -> None:
    _merge(term, "matchLabelKeys", "In", labels)
    _merge(term, "mismatchLabelKeys", "NotIn", labels)


def _merge(holder: Object, field: str, operator: str, labels: Object) -> None:
    selector = holder.get("labelSelector")
    if selector is None:
        return
    added: list[Any] = [
        {"key": key, "operator": operator, "values": [labels[key]]}
        for key in holder.get(field) or ()
        if key in labels
    ]
    if added:
        present = selector.pop("matchExpressions", None) or []
        matched = selector.pop("matchLabels", None)
        if matched:
            selector["matchLabels"] = matched
        selector["matchExpressions"] = [*present, *added]


def settle_apparmor(ctx: Context, pod: Object) -> None:
    """Copy profiles that old annotations give into the fields, with a warning (KEP-24)."""
    spec = pod["spec"]
    annotations = pod["metadata"].get("annotations")
    if not annotations or (spec.get("os") or {}).get("name") == "windows":
        return
    common = (spec.get("securityContext") or {}).get("appArmorProfile")
    for container in containers(spec):
        key = APPARMOR + container.get("name", "")
        context: Object = container.get("securityContext") or {}
        if key not in annotations or context.get("appArmorProfile") is not None:
            continue
        profile = _profile(annotations[key])
        if profile is None or profile != common:
            ctx.warn(
                f'metadata.annotations[{key}]: deprecated since v1.30; use the "appArmorProfile" field instead'
            )
        if profile is not None and profile != common:
            container["securityContext"] = {**context, "appArmorProfile": profile}


def _profile(annotation: str) -> Object | None:
    """The field that says what the annotation says; None when the annotation says nothing good."""
    if annotation == "unconfined":
        return {"type": "Unconfined"}
    if annotation == "runtime/default":
        return {"type": "RuntimeDefault"}
    path = annotation.removeprefix(_LOCALHOST)
    if path and path != annotation:
        return {"type": "Localhost", "localhostProfile": path}
    return None
