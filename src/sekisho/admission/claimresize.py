"""PersistentVolumeClaimResize: a claim grows only when it is bound and its class allows it."""

from __future__ import annotations

from sekisho.admission.interface import AdmissionRequest, Operation, Plugin
from sekisho.api.quantity import Quantity
from sekisho.api.types import Object
from sekisho.schema.quota.claims import storage_class_of

CLASSES = "storageclasses.storage.k8s.io"


class PersistentVolumeClaimResize(Plugin):
    name = "PersistentVolumeClaimResize"

    async def validate(self, request: AdmissionRequest) -> None:
        new, old = request.object, request.old_object
        if (request.info.group, request.info.resource) != ("", "persistentvolumeclaims"):
            return
        if request.operation is not Operation.UPDATE or request.subresource or new is None or old is None:
            return
        if _size(new) <= _size(old):
            return
        if (old.get("status") or {}).get("phase") != "Bound":
            raise request.forbidden("Only bound persistent volume claims can be expanded")
        if not _may_grow(request, new, old):
            raise request.forbidden(
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc"
                " must support resize"
            )


def _size(claim: Object) -> Quantity:
    requests = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    return Quantity.parse(requests.get("storage", "0"))


def _may_grow(request: AdmissionRequest, new: Object, old: Object) -> bool:
    name = storage_class_of(new)
    if not name or name != storage_class_of(old):
        return False
    storage_class = request.lookup.get(CLASSES, "", name)
    return bool((storage_class or {}).get("allowVolumeExpansion"))
