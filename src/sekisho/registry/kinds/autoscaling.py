"""HorizontalPodAutoscalers; whichever version a request is in, v2 is what is judged."""

from __future__ import annotations

from sekisho.api.field import ErrorList
from sekisho.api.types import Object
from sekisho.registry.strategy import Context, StatusStrategy, Strategy
from sekisho.schema.defaults.autoscaling import set_defaults_autoscaler_v1, set_defaults_autoscaler_v2
from sekisho.schema.validation.autoscaler import validate_autoscaler, validate_autoscaler_status


class AutoscalerStrategy(Strategy):
    judges_stored = True
    telling_empties = tuple(("spec", "behavior", way, "policies") for way in ("scaleUp", "scaleDown"))

    def default(self, obj: Object) -> None:
        if self.info.version == "v1":
            set_defaults_autoscaler_v1(obj)
        else:
            set_defaults_autoscaler_v2(obj)

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        obj["status"] = {"desiredReplicas": 0, "currentMetrics": None}

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_autoscaler(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_autoscaler(new, old)


class AutoscalerStatusStrategy(StatusStrategy):
    judges_stored = True

    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_autoscaler_status(new)
