"""Defaults of admissionregistration.k8s.io/v1."""

from __future__ import annotations

from sekisho.api.types import Object

_HTTPS = 443
_WEBHOOK_SECONDS = 10


def set_defaults_webhooks(configuration: Object, *, mutating: bool) -> None:
    for webhook in configuration.get("webhooks") or ():
        _fill(webhook, "failurePolicy", "Fail")
        _set_match_defaults(webhook)
        _fill(webhook, "timeoutSeconds", _WEBHOOK_SECONDS)
        if mutating:
            _fill(webhook, "reinvocationPolicy", "Never")
        service = (webhook.get("clientConfig") or {}).get("service")
        if service is not None:
            _fill(service, "port", _HTTPS)
        _set_scopes(webhook.get("rules"))


def set_defaults_policy(policy: Object) -> None:
    spec: Object = policy.setdefault("spec", {})
    _fill(spec, "failurePolicy", "Fail")
    _set_match_resources(spec.get("matchConstraints"))


def set_defaults_policy_binding(binding: Object) -> None:
    _set_match_resources((binding.get("spec") or {}).get("matchResources"))


def _set_match_resources(resources: Object | None) -> None:
    if resources is None:
        return
    _set_match_defaults(resources)
    _set_scopes(resources.get("resourceRules"))
    _set_scopes(resources.get("excludeResourceRules"))


def _set_match_defaults(target: Object) -> None:
    _fill(target, "matchPolicy", "Equivalent")
    for field in ("namespaceSelector", "objectSelector"):
        if target.get(field) is None:
            target[field] = {}


def _set_scopes(rules: list[Object] | None) -> None:
    for rule in rules or ():
        _fill(rule, "scope", "*")


def _fill(target: Object, field: str, value: str | int) -> None:
    if target.get(field) is None:
        target[field] = value
