"""LimitRanges and ResourceQuotas."""

from __future__ import annotations

from sekisho.api.field import ErrorList
from sekisho.api.types import Object
from sekisho.registry.strategy import Context, StatusStrategy, Strategy
from sekisho.schema.defaults.limits import set_defaults_limit_range, set_defaults_resource_quota
from sekisho.schema.validation import resourcequota
from sekisho.schema.validation.limitrange import validate_limit_range


class LimitRangeStrategy(Strategy):
    """A LimitRange without a name gets its own: nobody has to refer to it."""

    repeats_metadata_check = False

    def default(self, obj: Object) -> None:
        set_defaults_limit_range(obj)

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        if not obj["metadata"].get("name"):
            obj["metadata"]["name"] = ctx.random.uuid()

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_limit_range(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_limit_range(new)


class ResourceQuotaStrategy(Strategy):
    def default(self, obj: Object) -> None:
        set_defaults_resource_quota(obj)

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return resourcequota.validate_resource_quota(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return resourcequota.validate_resource_quota_update(new, old)


class ResourceQuotaStatusStrategy(StatusStrategy):
    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return resourcequota.validate_resource_quota_status(new)
