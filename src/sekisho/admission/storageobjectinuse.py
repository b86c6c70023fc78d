"""StorageObjectInUseProtection: volumes, claims and attributes classes are born with the finalizer that keeps
them while they are used."""

from __future__ import annotations

from sekisho.admission.interface import AdmissionRequest, Operation, Plugin

FINALIZERS = {
    ("", "persistentvolumes"): "kubernetes.io/pv-protection",
    ("", "persistentvolumeclaims"): "kubernetes.io/pvc-protection",
    ("storage.k8s.io", "volumeattributesclasses"): "kubernetes.io/vac-protection",
}


class StorageObjectInUseProtection(Plugin):
    name = "StorageObjectInUseProtection"
    may_change = frozenset(("persistentvolumeclaims", "persistentvolumes"))

    async def admit(self, request: AdmissionRequest) -> None:
        finalizer = FINALIZERS.get((request.info.group, request.info.resource))
        if finalizer is None or request.object is None or request.subresource:
            return
        if request.operation is not Operation.CREATE:
            return
        metadata = request.object["metadata"]
        present = metadata.get("finalizers") or []
        if finalizer not in present:
            metadata["finalizers"] = [*present, finalizer]
