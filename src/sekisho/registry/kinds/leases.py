"""Leases. What belongs to coordinated leader election (KEP-4355), which is off, is dropped unless it is stored."""

from __future__ import annotations

from sekisho.api.field import ErrorList
from sekisho.api.types import Object
from sekisho.registry.strategy import Context, Strategy
from sekisho.schema.validation.lease import validate_lease

_COORDINATED = ("strategy", "preferredHolder")


class LeaseStrategy(Strategy):
    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        _drop(obj.get("spec") or {}, {})

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        _drop(new.get("spec") or {}, old.get("spec") or {})

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_lease(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_lease(new)


def _drop(spec: Object, stored: Object) -> None:
    for field in _COORDINATED:
        if field not in stored:
            spec.pop(field, None)
