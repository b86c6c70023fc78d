"""PodDisruptionBudgets. Evictions, which they hold up, are in podeviction.py."""

from __future__ import annotations

from sekisho.api.field import ErrorList
from sekisho.api.objectmeta import has_invalid_label_value
from sekisho.api.types import Object
from sekisho.registry.strategy import Context, StatusStrategy, Strategy
from sekisho.schema.validation.disruptionbudget import (
    validate_disruption_budget,
    validate_disruption_budget_status,
)


class DisruptionBudgetStrategy(Strategy):
    repeats_metadata_check = False

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_disruption_budget(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        lenient = has_invalid_label_value((old.get("spec") or {}).get("selector"))
        return validate_disruption_budget(new, any_values=lenient)


class DisruptionBudgetStatusStrategy(StatusStrategy):
    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_disruption_budget_status(new)
