"""PriorityClasses and RuntimeClasses: what pods are scheduled and run by."""

from __future__ import annotations

from sekisho.api.field import ErrorList
from sekisho.api.types import Object
from sekisho.registry.strategy import Context, Strategy
from sekisho.schema.validation import runtimeclass, scheduling


class PriorityClassStrategy(Strategy):
    def default(self, obj: Object) -> None:
        if obj.get("preemptionPolicy") is None:
            obj["preemptionPolicy"] = "PreemptLowerPriority"

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return scheduling.validate_priority_class(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return scheduling.validate_priority_class_update(new, old)


class RuntimeClassStrategy(Strategy):
    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return runtimeclass.validate_runtime_class(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return runtimeclass.validate_runtime_class_update(new, old)

    def warnings_on_create(self, ctx: Context, obj: Object) -> list[str]:
        return runtimeclass.runtime_class_warnings(obj)

    def warnings_on_update(self, ctx: Context, new: Object, old: Object) -> list[str]:
        return runtimeclass.runtime_class_warnings(new)
