"""Defaults of a pod's own resources from those of its containers (KEP-2837)."""

from __future__ import annotations

from sekisho.api.types import Object
from sekisho.schema.podresources import aggregate_container_limits, aggregate_container_requests
from sekisho.schema.resourcenames import allows_overcommit, is_huge_page, is_pod_level


def set_defaults_pod_level_resources(spec: Object) -> None:
    """Huge page limits follow the containers' sum; then, where the pod has limits, its requests follow the
    containers' sum or else the limit. The containers' own defaults must have been set before."""
    resources = spec["resources"]
    _default_huge_page_limits(spec, resources)
    if resources.get("limits"):
        _default_requests(spec, resources)


def _default_huge_page_limits(spec: Object, resources: Object) -> None:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    if not limits and not requests:
        return
    added = {
        name: str(amount)
        for name, amount in aggregate_container_limits(spec).items()
        if is_huge_page(name) and name not in requests and name not in limits
    }
    if added:
        resources["limits"] = dict(sorted({**limits, **added}.items()))


def _default_requests(spec: Object, resources: Object) -> None:
    requests = dict(resources.get("requests") or {})
    for name, amount in aggregate_container_requests(spec).items():
        if is_pod_level(name) and allows_overcommit(name):
            requests.setdefault(name, str(amount))
    for name, limit in resources["limits"].items():
        if is_pod_level(name):
            requests.setdefault(name, limit)
    if requests:
        resources["requests"] = dict(sorted(requests.items()))
