"""APIServices: named by what they serve; one without a service is available from the moment it is made."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.field import ErrorList
from sekisho.api.time import format_time
from sekisho.api.types import Object
from sekisho.registry.kinds.statusmetadata import StatusOnlyStrategy
from sekisho.registry.strategy import Context, Strategy
from sekisho.schema.apiservices import local_condition, with_condition
from sekisho.schema.validation.apiservice import validate_api_service, validate_api_service_status

HTTPS_PORT = 443


class APIServiceStrategy(Strategy):
    unconditional_update = False

    def default(self, obj: Object) -> None:
        service = (obj.get("spec") or {}).get("service")
        if service is not None and service.get("port") is None:
            service["port"] = HTTPS_PORT

    def name_errors(self, name: str) -> list[str]:
        return names.path_segment(name)

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        obj["status"] = {}
        if (obj.get("spec") or {}).get("service") is None:
            obj["status"] = with_condition({}, local_condition(), format_time(ctx.clock.now()))

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_api_service(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_api_service(new)


class APIServiceStatusStrategy(StatusOnlyStrategy):
    unconditional_update = False

    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_api_service_status(new)
