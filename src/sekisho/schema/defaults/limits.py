"""Defaults of LimitRanges and ResourceQuotas."""

from __future__ import annotations

from sekisho.api.types import Object
from sekisho.schema.defaults.resources import round_resource_list

_LISTS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")


def set_defaults_limit_range(limit_range: Object) -> None:
    """Limits of containers default to the maximum; requests to the limit, or else to the minimum."""
    for item in (limit_range.get("spec") or {}).get("limits") or ():
        for field in _LISTS:
            if item.get(field):
                round_resource_list(item[field])
        if item.get("type") == "Container":
            _fill(item, "default", "max")
            _fill(item, "defaultRequest", "default")
            _fill(item, "defaultRequest", "min")


def _fill(item: Object, target: str, source: str) -> None:
    if item.get(source):
        item[target] = dict(sorted({**item[source], **(item.get(target) or {})}.items()))


def set_defaults_resource_quota(quota: Object) -> None:
    spec, status = quota.get("spec") or {}, quota.get("status") or {}
    for amounts in (spec.get("hard"), status.get("hard"), status.get("used")):
        if amounts:
            round_resource_list(amounts)
