"""PersistentVolumeClaims: counted and charged for storage, in all and by StorageClass."""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.api.quantity import Quantity
from sekisho.api.types import Object
from sekisho.schema import quotascopes
from sekisho.schema.quota.amounts import ONE, Amounts
from sekisho.schema.quota.evaluator import Evaluator, Expression, selects

CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_CLAIMS = "persistentvolumeclaims"
_STORAGE = "requests.storage"
_BY_CLASS = ".storageclass.storage.k8s.io/"


def storage_class_of(claim: Object) -> str:
    """The name of a claim's class, by its old annotation or its spec; empty when it has none."""
    annotated: str | None = claim["metadata"].get("annotations", {}).get(CLASS_ANNOTATION)
    if annotated is not None:
        return annotated
    return (claim.get("spec") or {}).get("storageClassName") or ""


class ClaimEvaluator(Evaluator):
    """Updates count, too: claims may grow."""

    def __init__(self) -> None:
        super().__init__("", _CLAIMS)
        self.names = self.names | {_CLAIMS, _STORAGE}

    def handles(self, operation: str, subresource: str) -> bool:
        return operation in ("CREATE", "UPDATE") and not subresource

    def matching(self, names: Iterable[str]) -> list[str]:
        suffixes = (_BY_CLASS + _CLAIMS, _BY_CLASS + _STORAGE)
        return sorted(name for name in names if name in self.names or name.endswith(suffixes))

    def usage(self, obj: Object, now: float) -> Amounts:
        storage_class = storage_class_of(obj)
        out = {self.count_name: ONE, _CLAIMS: ONE}
        if storage_class:
            out[storage_class + _BY_CLASS + _CLAIMS] = ONE
        storage = _storage(obj)
        if storage is not None:
            out[_STORAGE] = storage
            if storage_class:
                out[storage_class + _BY_CLASS + _STORAGE] = storage
        return out

    def in_scope(self, expression: Expression, obj: Object) -> bool:
        if expression.get("scopeName") != quotascopes.VOLUME_ATTRIBUTES_CLASS:
            return False
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        names = (
            spec.get("volumeAttributesClassName"),
            status.get("currentVolumeAttributesClassName"),
            (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
        )
        return selects(expression, [name for name in names if name])


def _storage(claim: Object) -> Quantity | None:
    """What is asked for, in whole bytes, or what is allocated while that is more."""
    asked = (((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}).get("storage")
    if asked is None:
        return None
    allocated = ((claim.get("status") or {}).get("allocatedResources") or {}).get("storage")
    amounts = [Quantity.parse(amount) for amount in (asked, allocated) if amount is not None]
    return max(amounts).round_up(0)
