"""NetworkPolicies, Ingresses and IngressClasses."""

from __future__ import annotations

from sekisho.api.field import ErrorList
from sekisho.api.types import Object
from sekisho.registry.strategy import Context, StatusStrategy, Strategy
from sekisho.schema.defaults.networking import set_defaults_ingress_class, set_defaults_network_policy
from sekisho.schema.validation import ingress, networkpolicy


class NetworkPolicyStrategy(Strategy):
    def default(self, obj: Object) -> None:
        set_defaults_network_policy(obj)

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return networkpolicy.validate_network_policy(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return networkpolicy.validate_network_policy_update(new, old)

    def warnings_on_create(self, ctx: Context, obj: Object) -> list[str]:
        return networkpolicy.network_policy_warnings(obj)

    def warnings_on_update(self, ctx: Context, new: Object, old: Object) -> list[str]:
        return networkpolicy.network_policy_warnings(new)


class IngressStrategy(Strategy):
    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return ingress.validate_ingress_create(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return ingress.validate_ingress_update(new, old)

    def warnings_on_create(self, ctx: Context, obj: Object) -> list[str]:
        """The annotation of before IngressClass existed, where it is still what counts."""
        annotation = obj["metadata"].get("annotations", {}).get(ingress.CLASS_ANNOTATION)
        if annotation is None or (obj.get("spec") or {}).get("ingressClassName") is not None:
            return []
        return [
            f'annotation "{ingress.CLASS_ANNOTATION}" is deprecated,'
            " please use 'spec.ingressClassName' instead"
        ]


class IngressStatusStrategy(StatusStrategy):
    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return ingress.validate_ingress_status_update(new, old)

    def warnings_on_update(self, ctx: Context, new: Object, old: Object) -> list[str]:
        return ingress.ingress_status_warnings(new)


class IngressClassStrategy(Strategy):
    def default(self, obj: Object) -> None:
        set_defaults_ingress_class(obj)

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return ingress.validate_ingress_class(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return ingress.validate_ingress_class_update(new, old)
