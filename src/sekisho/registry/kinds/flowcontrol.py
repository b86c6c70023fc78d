"""FlowSchemas and PriorityLevelConfigurations."""

from __future__ import annotations

from sekisho.api.field import ErrorList
from sekisho.api.types import Object
from sekisho.registry.kinds.statusmetadata import StatusOnlyStrategy
from sekisho.registry.strategy import Context, Strategy
from sekisho.schema.defaults.flowcontrol import set_defaults_flow_schema, set_defaults_priority_level
from sekisho.schema.validation.flowcontrol import condition_errors, validate_flow_schema
from sekisho.schema.validation.prioritylevel import validate_priority_level


class FlowSchemaStrategy(Strategy):
    repeats_metadata_check = False

    def default(self, obj: Object) -> None:
        set_defaults_flow_schema(obj)

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_flow_schema(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_flow_schema(new)


class PriorityLevelStrategy(Strategy):
    repeats_metadata_check = False

    def default(self, obj: Object) -> None:
        set_defaults_priority_level(obj)

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_priority_level(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_priority_level(new)


class FlowControlStatusStrategy(StatusOnlyStrategy):
    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return condition_errors(new)
