"""Pods: counted, and charged for what they ask for and what limits them, until they have ended."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from sekisho.api.time import parse_time
from sekisho.api.types import Object
from sekisho.schema import quotascopes, resourcenames
from sekisho.schema.podresources import aggregate_container_limits, aggregate_container_requests
from sekisho.schema.qos import BEST_EFFORT, pod_qos
from sekisho.schema.quota.amounts import ONE, Amounts, added, parsed
from sekisho.schema.quota.evaluator import Evaluator, Expression, selects

_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_NAMES = frozenset(
    ("pods", "count/pods", *_COMPUTE, *(f"{p}.{n}" for p in ("requests", "limits") for n in _COMPUTE))
)
_MUST_BE_NAMED = frozenset(
    f"{prefix}{name}" for prefix in ("", "requests.", "limits.") for name in _COMPUTE[:2]
)
"""What every container has to name once a quota limits it."""
_REQUESTS = "requests."


class PodEvaluator(Evaluator):
    def __init__(self) -> None:
        super().__init__("", "pods")

    def handles(self, operation: str, subresource: str) -> bool:
        return (operation, subresource) in (("CREATE", ""), ("UPDATE", "resize"))

    def matching(self, names: Iterable[str]) -> list[str]:
        return sorted(
            name
            for name in names
            if name in _NAMES or resourcenames.is_quota_huge_page(name) or _is_extended(name)
        )

    def missing(self, required: Collection[str], obj: Object) -> str:
        spec: Object = obj.get("spec") or {}
        wanted = (_MUST_BE_NAMED & set(required)) - _charged_resources(spec.get("resources") or {}).keys()
        lacking: dict[str, set[str]] = {}
        for field in ("containers", "initContainers"):
            for container in spec.get(field) or ():
                for name in wanted - _charged_resources(container.get("resources") or {}).keys():
                    lacking.setdefault(name, set()).add(container.get("name", ""))
        if not lacking:
            return ""
        texts = (f"{name} for: {','.join(sorted(lacking[name]))}" for name in sorted(lacking))
        return "must specify " + "; ".join(texts)

    def usage(self, obj: Object, now: float) -> Amounts:
        counted = {self.count_name: ONE}
        if not is_charged(obj, now):
            return counted
        spec: Object = obj.get("spec") or {}
        overhead = parsed(spec.get("overhead"))
        own: Object = spec.get("resources") or {}
        requests = {**aggregate_container_requests(spec), **parsed(own.get("requests"))}
        limits = {**aggregate_container_limits(spec), **parsed(own.get("limits"))}
        limits = added(limits, {name: amount for name, amount in overhead.items() if name in limits})
        return {**counted, **_charged(added(requests, overhead), limits)}

    def in_scope(self, expression: Expression, obj: Object) -> bool:
        scope = expression.get("scopeName")
        spec: Object = obj.get("spec") or {}
        if scope in (quotascopes.TERMINATING, quotascopes.NOT_TERMINATING):
            ends = (spec.get("activeDeadlineSeconds") or -1) >= 0
            return bool(ends == (scope == quotascopes.TERMINATING))
        if scope in (quotascopes.BEST_EFFORT, quotascopes.NOT_BEST_EFFORT):
            return bool((pod_qos(obj) == BEST_EFFORT) == (scope == quotascopes.BEST_EFFORT))
        if scope == quotascopes.PRIORITY_CLASS:
            name = spec.get("priorityClassName")
            return selects(expression, (name,) if name else ())
        if scope == quotascopes.CROSS_NAMESPACE_AFFINITY:
            return any(
                term.get("namespaces") or term.get("namespaceSelector") is not None
                for term in _affinity_terms(spec.get("affinity") or {})
            )
        return False


def is_charged(pod: Object, now: float) -> bool:
    """Whether a pod still counts: it has not ended, and its grace period has not passed twice."""
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return False
    metadata: Object = pod["metadata"]
    deleted, grace = metadata.get("deletionTimestamp"), metadata.get("deletionGracePeriodSeconds")
    return not deleted or grace is None or now <= parse_time(deleted) + grace


def _is_extended(name: str) -> bool:
    return name.startswith(_REQUESTS) and not resourcenames.is_native(name)


def _charged_resources(resources: Object) -> Amounts:
    return _charged(parsed(resources.get("requests")), parsed(resources.get("limits")))


def _charged(requests: Amounts, limits: Amounts) -> Amounts:
    """Requests and limits under the names that quotas have for them."""
    out: Amounts = {"pods": ONE}
    for name in _COMPUTE:
        if name in requests:
            out[name] = out[_REQUESTS + name] = requests[name]
        if name in limits:
            out[f"limits.{name}"] = limits[name]
    for name, amount in requests.items():
        if resourcenames.is_huge_page(name):
            out[name] = amount
        if resourcenames.is_huge_page(name) or resourcenames.is_extended(name):
            out[_REQUESTS + name] = amount
    return out


def _affinity_terms(affinity: Object) -> Iterator[Object]:
    for field in ("podAffinity", "podAntiAffinity"):
        part: Object = affinity.get(field) or {}
        yield from part.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        for weighted in part.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            yield weighted.get("podAffinityTerm") or {}
