"""PodTopologyLabels: a pod learns its zone and region from the node it is bound to (KEP-4742)."""

from __future__ import annotations

from sekisho.admission.interface import AdmissionRequest, Operation, Plugin
from sekisho.api.types import Object

LABELS = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


class PodTopologyLabels(Plugin):
    name = "PodTopologyLabels"
    may_change = frozenset(("bindings", "pods"))

    async def admit(self, request: AdmissionRequest) -> None:
        obj = request.object
        if obj is None or request.info.group or request.operation is not Operation.CREATE:
            return
        if (request.info.resource, request.subresource) in (("pods", "binding"), ("bindings", "")):
            target: Object = obj.get("target") or {}
            node = target.get("name") if target.get("kind", "Node") in ("", "Node") else ""
        elif (request.info.resource, request.subresource) == ("pods", ""):
            node = (obj.get("spec") or {}).get("nodeName")
        else:
            return
        found = request.lookup.get("nodes", "", node) if node else None
        labels = (found or {}).get("metadata", {}).get("labels", {})
        added = {key: labels[key] for key in LABELS if key in labels}
        if added:
            metadata = obj["metadata"]
            metadata["labels"] = dict(sorted({**metadata.get("labels", {}), **added}.items()))
