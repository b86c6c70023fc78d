"""Defaults of storage.k8s.io/v1."""

from __future__ import annotations

from sekisho.api.types import Object


def set_defaults_storage_class(storage_class: Object) -> None:
    """Volumes go with their claims and are bound at once."""
    for field, value in (("reclaimPolicy", "Delete"), ("volumeBindingMode", "Immediate")):
        if storage_class.get(field) is None:
            storage_class[field] = value


def set_defaults_csi_driver(driver: Object) -> None:
    """A driver attaches volumes, wants no pod's information, and has persistent volumes only."""
    spec: Object = driver.setdefault("spec", {})
    defaults = (
        ("attachRequired", True),
        ("podInfoOnMount", False),
        ("storageCapacity", False),
        ("fsGroupPolicy", "ReadWriteOnceWithFSType"),
        ("requiresRepublish", False),
        ("seLinuxMount", False),
    )
    for field, value in defaults:
        if spec.get(field) is None:
            spec[field] = value
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]
