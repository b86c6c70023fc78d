"""Events of both groups: one storage, two shapes; not garbage collected, gone after their time to live."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.field import ErrorList
from sekisho.api.types import GroupVersionKind, Object
from sekisho.registry.strategy import Context, Strategy
from sekisho.schema.conversion import CORE_EVENT, EVENT, converter
from sekisho.schema.resources import ResourceInfo
from sekisho.schema.validation.events import validate_event, validate_event_update

_CORE = {
    "involvedObject.kind": ("involvedObject", "kind"),
    "involvedObject.namespace": ("involvedObject", "namespace"),
    "involvedObject.name": ("involvedObject", "name"),
    "involvedObject.uid": ("involvedObject", "uid"),
    "involvedObject.apiVersion": ("involvedObject", "apiVersion"),
    "involvedObject.resourceVersion": ("involvedObject", "resourceVersion"),
    "involvedObject.fieldPath": ("involvedObject", "fieldPath"),
}


class EventStrategy(Strategy):
    """`regarding.*` and `reportingController` of events.k8s.io are names for the core event's fields."""

    garbage_collected = False

    def __init__(self, info: ResourceInfo) -> None:
        super().__init__(info)
        self._is_new = bool(info.group)
        self._to_core = converter(EVENT if self._is_new else CORE_EVENT, CORE_EVENT)
        self.repeats_metadata_check = self._is_new

    def error_kind(self, kind: GroupVersionKind) -> GroupVersionKind:
        return CORE_EVENT

    def name_errors(self, name: str) -> list[str]:
        return names.dns1123_subdomain(name) if self._is_new else names.path_segment(name)

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_event(self._to_core(obj), self._is_new)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_event_update(self._to_core(new), self._to_core(old), self._is_new)

    field_labels = frozenset(_CORE) | {"reason", "reportingComponent", "source", "type"}

    def field_alias(self, label: str) -> str:
        if self.info.group and label.startswith("regarding."):
            return "involvedObject." + label.removeprefix("regarding.")
        if self.info.group and label == "reportingController":
            return "reportingComponent"
        return label

    def fields(self, obj: Object) -> dict[str, str]:
        regarding = obj.get("regarding") if self.info.group else obj.get("involvedObject")
        source = obj.get("deprecatedSource") if self.info.group else obj.get("source")
        controller = obj.get("reportingController") or obj.get("reportingComponent", "")
        out = {name: (regarding or {}).get(path[1], "") for name, path in _CORE.items()}
        out["reason"] = obj.get("reason", "")
        out["reportingComponent"] = controller
        out["source"] = (source or {}).get("component") or controller
        out["type"] = obj.get("type", "")
        return out
