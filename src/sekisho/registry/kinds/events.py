"""Events of both groups: one storage, two shapes; not garbage collected, gone after their time to live."""

from __future__ import annotations

from sekisho.api.types import Object
from sekisho.registry.strategy import Strategy

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
