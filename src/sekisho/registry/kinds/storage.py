"""storage.k8s.io: classes of storage and volumes, attachments, and what CSI drivers tell of themselves."""

from __future__ import annotations

from sekisho.api.field import ErrorList
from sekisho.api.types import Object
from sekisho.registry.kinds.statusmetadata import StatusOnlyStrategy
from sekisho.registry.strategy import Context, Strategy
from sekisho.schema.defaults.storage import set_defaults_csi_driver, set_defaults_storage_class
from sekisho.schema.validation import csi, storage

_DRIVER_FIELDS = ("tokenRequests", "requiresRepublish", "seLinuxMount", "nodeAllocatableUpdatePeriodSeconds")
"""Changes of these count as a generation of a CSIDriver."""


class StorageClassStrategy(Strategy):
    def default(self, obj: Object) -> None:
        set_defaults_storage_class(obj)

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return storage.validate_storage_class(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return storage.validate_storage_class_update(new, old)

    def warnings_on_create(self, ctx: Context, obj: Object) -> list[str]:
        return storage.storage_class_warnings(obj)

    def warnings_on_update(self, ctx: Context, new: Object, old: Object) -> list[str]:
        return storage.storage_class_warnings(new)


class VolumeAttributesClassStrategy(Strategy):
    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return storage.validate_volume_attributes_class(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return storage.validate_volume_attributes_class_update(new, old)


class VolumeAttachmentStrategy(Strategy):
    repeats_metadata_check = False

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        obj["status"] = {"attached": False}

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return storage.validate_volume_attachment_create(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return storage.validate_volume_attachment_update(new, old)


class VolumeAttachmentStatusStrategy(StatusOnlyStrategy):
    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return storage.validate_volume_attachment_update(new, old)


class CSIDriverStrategy(Strategy):
    def default(self, obj: Object) -> None:
        set_defaults_csi_driver(obj)

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        obj["spec"].pop("preventPodSchedulingIfMissing", None)

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        before: Object = old.get("spec") or {}
        spec: Object = new["spec"]
        if "preventPodSchedulingIfMissing" not in before:
            spec.pop("preventPodSchedulingIfMissing", None)
        if any(spec.get(field) != before.get(field) for field in _DRIVER_FIELDS):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return csi.validate_csi_driver_object(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return csi.validate_csi_driver_update(new, old)


class CSINodeStrategy(Strategy):
    repeats_metadata_check = False

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return csi.validate_csi_node(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return csi.validate_csi_node_update(new, old)


class CSIStorageCapacityStrategy(Strategy):
    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return csi.validate_csi_storage_capacity(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return csi.validate_csi_storage_capacity_update(new, old)

    def warnings_on_create(self, ctx: Context, obj: Object) -> list[str]:
        return csi.csi_storage_capacity_warnings(obj)

    def warnings_on_update(self, ctx: Context, new: Object, old: Object) -> list[str]:
        return csi.csi_storage_capacity_warnings(new)
