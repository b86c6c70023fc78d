"""ServiceCIDRs and IPAddresses (KEP-1880)."""

from __future__ import annotations

from sekisho.api import addresses
from sekisho.api.field import ErrorList
from sekisho.api.types import Object
from sekisho.registry.kinds.statusmetadata import StatusOnlyStrategy
from sekisho.registry.strategy import Context, Strategy
from sekisho.schema.validation import servicecidr as validation


class ServiceCIDRStrategy(Strategy):
    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validation.validate_service_cidr(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validation.validate_service_cidr_update(new, old)


class ServiceCIDRStatusStrategy(StatusOnlyStrategy):
    """The conditions, which the controller writes."""


class IPAddressStrategy(Strategy):
    def name_errors(self, name: str) -> list[str]:
        return addresses.canonical_ip(name)

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validation.validate_ip_address(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validation.validate_ip_address_update(new, old)
