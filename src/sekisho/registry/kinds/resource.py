"""resource.k8s.io: classes of devices, claims on them, and slices that say which there are (KEP-4381)."""

from __future__ import annotations

from sekisho.api.field import ErrorList, FieldError
from sekisho.api.time import format_time
from sekisho.api.types import Object
from sekisho.registry.kinds.statusmetadata import StatusOnlyStrategy
from sekisho.registry.strategy import Context, Strategy
from sekisho.schema.defaults.resource import set_defaults_claim, set_defaults_device_claim
from sekisho.schema.validation import deviceclaim
from sekisho.schema.validation.resourceslice import validate_resource_slice

ADMIN_LABEL = "resource.kubernetes.io/admin-access"
_LIST_VALUES = ("ints", "bools", "strings", "versions")


class DeviceClassStrategy(Strategy):
    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return deviceclaim.validate_device_class(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return deviceclaim.validate_device_class(new, old)


class ResourceClaimStrategy(Strategy):
    def default(self, obj: Object) -> None:
        set_defaults_claim(obj)

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        obj["status"] = {}

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        devices = (obj.get("spec") or {}).get("devices") or {}
        return admin_access_errors(ctx, devices) + deviceclaim.validate_claim(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return deviceclaim.validate_claim_update(new, old)


class ResourceClaimStatusStrategy(StatusOnlyStrategy):
    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return deviceclaim.validate_claim_status_update(new, old)


class ResourceClaimTemplateStrategy(Strategy):
    def default(self, obj: Object) -> None:
        spec: Object = (obj.get("spec") or {}).get("spec") or {}
        set_defaults_device_claim(spec.get("devices") or {})

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        devices = ((obj.get("spec") or {}).get("spec") or {}).get("devices") or {}
        return admin_access_errors(ctx, devices) + deviceclaim.validate_claim_template(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return deviceclaim.validate_claim_update(new, old, deviceclaim.TEMPLATE)


def admin_access_errors(ctx: Context, devices: Object) -> ErrorList:
    """Access to devices that others use is for namespaces that an administrator has marked (KEP-5018)."""
    requests = devices.get("requests") or ()
    if not any((request.get("exactly") or {}).get("adminAccess") for request in requests):
        return []
    namespace = ctx.registry.lookup("namespaces", "", ctx.namespace) or {}
    if namespace.get("metadata", {}).get("labels", {}).get(ADMIN_LABEL) == "true":
        return []
    text = (
        f"Forbidden: admin access to devices requires the `{ADMIN_LABEL}: true` label"
        " on the containing namespace"
    )
    return [FieldError("", "FieldValueForbidden", text)]


class ResourceSliceStrategy(Strategy):
    field_labels = frozenset(("spec.driver", "spec.nodeName"))

    def fields(self, obj: Object) -> dict[str, str]:
        spec: Object = obj.get("spec") or {}
        return {"spec.driver": spec.get("driver", ""), "spec.nodeName": spec.get("nodeName") or ""}

    def unknown_field_message(self, label: str) -> str:
        return f"field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: {label}"

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        _prepare(ctx, obj, {})

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        _prepare(ctx, new, old)

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_resource_slice(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_resource_slice(new, old)


def _prepare(ctx: Context, new: Object, old: Object) -> None:
    """Date the taints; drop what 1.36 has behind gates that are off, unless it is stored."""
    before = {d.get("name", ""): d for d in (old.get("spec") or {}).get("devices") or ()}
    for device in (new.get("spec") or {}).get("devices") or ():
        stored: Object = before.get(device.get("name", ""), {})
        for taint in device.get("taints") or ():
            taint.setdefault("timeAdded", format_time(ctx.clock.now()))
        if "nodeAllocatableResourceMappings" not in stored:
            device.pop("nodeAllocatableResourceMappings", None)
        for name, attribute in (device.get("attributes") or {}).items():
            kept = (stored.get("attributes") or {}).get(name) or {}
            for field in _LIST_VALUES:
                if field not in kept:
                    attribute.pop(field, None)
