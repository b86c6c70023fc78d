"""Endpoints and EndpointSlices."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.addresses import ip_warnings
from sekisho.api.field import ErrorList, Path
from sekisho.api.objectmeta import validate_object_meta
from sekisho.api.types import Object
from sekisho.registry.strategy import Context, Strategy
from sekisho.schema.defaults.endpoints import set_defaults_endpoint_slice, set_defaults_endpoints
from sekisho.schema.validation.endpoints import validate_endpoint_slice, validate_endpoints

_METADATA = Path("metadata")
_MANAGED_BY = "endpoints.kubernetes.io/managed-by"
_CONTROLLER = "endpoint-controller"
_SERVER = "system:apiserver"


def _is_the_server_s_own(ctx: Context, obj: Object) -> bool:
    """Where the server itself says it listens: usually on the loopback interface, where no other endpoint may be."""
    return ctx.user.name == _SERVER and obj["metadata"].get("name") == "kubernetes"


def _metadata_errors(obj: Object) -> ErrorList:
    """The metadata as of a new object, which the updates of both kinds check as well."""
    return validate_object_meta(obj["metadata"], True, names.dns1123_subdomain, _METADATA)


class EndpointsStrategy(Strategy):
    def default(self, obj: Object) -> None:
        set_defaults_endpoints(obj)

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return [] if _is_the_server_s_own(ctx, obj) else validate_endpoints(obj, None)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        own = _is_the_server_s_own(ctx, new)
        return _metadata_errors(new) + ([] if own else validate_endpoints(new, old))

    def warnings_on_create(self, ctx: Context, obj: Object) -> list[str]:
        return _warnings(obj)

    def warnings_on_update(self, ctx: Context, new: Object, old: Object) -> list[str]:
        return _warnings(new)


def _warnings(endpoints: Object) -> list[str]:
    """Of addresses in odd spellings. The controller writes none."""
    if (endpoints["metadata"].get("labels") or {}).get(_MANAGED_BY) == _CONTROLLER:
        return []
    return [
        warning
        for i, subset in enumerate(endpoints.get("subsets") or ())
        for field in ("addresses", "notReadyAddresses")
        for j, address in enumerate(subset.get(field) or ())
        for warning in ip_warnings(
            Path("subsets").index(i).child(field).index(j).child("ip"), address.get("ip", "")
        )
    ]


class EndpointSliceStrategy(Strategy):
    repeats_metadata_check = False

    def default(self, obj: Object) -> None:
        set_defaults_endpoint_slice(obj)

    def spec_changed(self, new: Object, old: Object) -> bool:
        """Everything counts but what is only about the object."""
        return any(new.get(field) != old.get(field) for field in ("endpoints", "ports", "addressType")) or (
            new["metadata"].get("labels") != old["metadata"].get("labels")
        )

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return [] if _is_the_server_s_own(ctx, obj) else validate_endpoint_slice(obj, None)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        own = _is_the_server_s_own(ctx, new)
        return _metadata_errors(new) + ([] if own else validate_endpoint_slice(new, old))
