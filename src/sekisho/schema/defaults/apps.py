"""Defaults of the workloads that keep pods running: the apps group and ReplicationController."""

from __future__ import annotations

from sekisho.api.types import Object
from sekisho.schema.defaults.pod import set_defaults_pod_template_spec
from sekisho.schema.defaults.volume import set_defaults_claim_spec

_REVISIONS = 10
"""How many old revisions are kept."""


def set_defaults_deployment(obj: Object) -> None:
    spec = _spec(obj)
    spec.setdefault("replicas", 1)
    strategy = spec.setdefault("strategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", _REVISIONS)
    spec.setdefault("progressDeadlineSeconds", 600)


def set_defaults_replica_set(obj: Object) -> None:
    _spec(obj).setdefault("replicas", 1)


def set_defaults_replication_controller(obj: Object) -> None:
    """The template's labels serve as selector and as the controller's own labels where these are absent."""
    spec = obj.setdefault("spec", {})
    template = spec.get("template")
    labels: Object = {}
    if template is not None:
        set_defaults_pod_template_spec(template)
        labels = (template.get("metadata") or {}).get("labels") or {}
    if labels:
        if not spec.get("selector"):
            spec["selector"] = dict(labels)
        if not obj["metadata"].get("labels"):
            obj["metadata"]["labels"] = dict(labels)
    spec.setdefault("replicas", 1)


def set_defaults_daemon_set(obj: Object) -> None:
    spec = _spec(obj)
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", _REVISIONS)


def set_defaults_stateful_set(obj: Object) -> None:
    """A strategy that is named without parameters gets none, one that is not named at all does."""
    spec = _spec(obj)
    claims = spec.get("volumeClaimTemplates")
    if claims:
        spec["volumeClaimTemplates"] = [_claim(claim) for claim in claims]
    if not spec.get("podManagementPolicy"):
        spec["podManagementPolicy"] = "OrderedReady"
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})
    if strategy["type"] == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        strategy["rollingUpdate"].setdefault("partition", 0)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    for field in ("whenDeleted", "whenScaled"):
        if not retention.get(field):
            retention[field] = "Retain"
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", _REVISIONS)


def _claim(claim: Object) -> Object:
    """A claim template, which upstream writes out as a complete claim."""
    spec, status = claim.get("spec") or {}, claim.get("status") or {}
    set_defaults_claim_spec(spec)
    if not status.get("phase"):
        status["phase"] = "Pending"
    return {
        "kind": "PersistentVolumeClaim",
        "apiVersion": "v1",
        "metadata": claim.get("metadata") or {},
        "spec": spec,
        "status": status,
    }


def _spec(obj: Object) -> Object:
    """The spec, with its template's defaults."""
    spec: Object = obj.setdefault("spec", {})
    set_defaults_pod_template_spec(spec.setdefault("template", {}))
    return spec
