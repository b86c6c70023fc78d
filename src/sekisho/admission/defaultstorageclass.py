"""DefaultStorageClass: a claim that says nothing of its class gets the default one."""

from __future__ import annotations

from sekisho.admission.defaultclasses import default_class
from sekisho.admission.interface import AdmissionRequest, Operation, Plugin
from sekisho.api.types import Object
from sekisho.schema.quota.claims import CLASS_ANNOTATION

CLASSES = "storageclasses.storage.k8s.io"
_DEFAULT = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)


class DefaultStorageClass(Plugin):
    name = "DefaultStorageClass"
    may_change = frozenset(("persistentvolumeclaims",))

    async def admit(self, request: AdmissionRequest) -> None:
        claim = request.object
        if (request.info.group, request.info.resource) != ("", "persistentvolumeclaims") or claim is None:
            return
        if request.operation is not Operation.CREATE or request.subresource or _has_class(claim):
            return
        name = default_class(request.lookup.list(CLASSES, ""), _DEFAULT)
        if name:
            claim["spec"]["storageClassName"] = name


def _has_class(claim: Object) -> bool:
    """An empty name is a choice, too: no class at all."""
    annotated = CLASS_ANNOTATION in claim["metadata"].get("annotations", {})
    return annotated or claim["spec"].get("storageClassName") is not None
