"""ResourceQuota: a request passes only where every quota has room for it, and is charged at once.

Follows k8s.io/apiserver/pkg/admission/plugin/resourcequota. The charge is written before the object is; the
quota controller corrects it when the object is not made after all. A charge that loses a race against another
write of the quota is worked out anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sekisho.admission.interface import AdmissionRequest, Operation, Plugin
from sekisho.api.status import internal_error
from sekisho.api.types import Object
from sekisho.registry.registry import Registry
from sekisho.registry.storage import WriteConflict
from sekisho.schema.quota import amounts
from sekisho.schema.quota.amounts import Amounts
from sekisho.schema.quota.evaluator import Evaluator, matches
from sekisho.schema.quota.kinds import IGNORED, evaluator_for

QUOTAS = "resourcequotas"
_RETRIES = 3


class ResourceQuota(Plugin):
    name = "ResourceQuota"

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._evaluators: dict[tuple[str, str], Evaluator] = {}

    async def validate(self, request: AdmissionRequest) -> None:
        key = (request.info.group, request.info.resource)
        if not request.namespace or key in IGNORED or key == ("", "namespaces") or request.object is None:
            return
        evaluator = self._evaluators.get(key)
        if evaluator is None:
            evaluator = self._evaluators[key] = evaluator_for(*key)
        if not evaluator.handles(request.operation.value, request.subresource):
            return
        quotas = list(request.lookup.list(QUOTAS, request.namespace))
        for _ in range(_RETRIES + 1):
            if not quotas:
                return
            charged = _check(request, evaluator, quotas, self._registry.clock.now())
            if request.dry_run:
                return
            failed = {q["metadata"]["name"] for q, used in charged if not await self._charge(q, used)}
            if not failed:
                return
            quotas = [
                q for q in request.lookup.list(QUOTAS, request.namespace) if q["metadata"]["name"] in failed
            ]
        raise internal_error("resource quota evaluation timed out")

    async def _charge(self, quota: Object, used: Amounts) -> bool:
        """Write what is used now, unless the quota has changed since it was read."""
        rest = self._registry.named(QUOTAS)
        metadata = quota["metadata"]
        entry = rest.storage.get(metadata["namespace"], metadata["name"])
        if entry is None:
            return True
        if entry.obj is not quota:
            return False
        status = {**quota["status"], "used": amounts.written(used)}
        stored = {**quota, "metadata": dict(metadata), "status": status}
        try:
            await rest.write(entry.key, stored, expect=entry.revision)
        except WriteConflict:
            return False
        return True


Charge = tuple[Object, Amounts]
"""A quota and all that is used of it once the request is through."""


def _check(
    request: AdmissionRequest, evaluator: Evaluator, quotas: Iterable[Object], now: float
) -> list[Charge]:
    """What to charge to which quota. Raises the 403 of the first quota that has no room."""
    obj = request.object or {}
    concerned = [quota for quota in quotas if matches(evaluator, quota, obj)]
    for quota in concerned:
        _confirm_countable(request, evaluator, quota, obj)
    if not concerned:
        return []
    usage = evaluator.usage(obj, now)
    negative = sorted(name for name, amount in usage.items() if amount.sign < 0)
    if negative:
        raise request.forbidden(f"quota usage is negative for resource(s): {','.join(negative)}")
    delta_of = _deltas(request, evaluator, usage, now)
    charges = [_charged(request, quota, delta_of(quota)) for quota in concerned]
    return [charge for charge in charges if charge is not None]


def _confirm_countable(request: AdmissionRequest, evaluator: Evaluator, quota: Object, obj: Object) -> None:
    name = quota["metadata"]["name"]
    status: Object = quota.get("status") or {}
    restricted = evaluator.matching(status.get("hard") or {})
    problem = evaluator.missing(restricted, obj)
    if problem:
        raise request.forbidden(f"failed quota: {name}: {problem}")
    if any(resource not in (status.get("used") or {}) for resource in restricted):
        raise request.forbidden(f"status unknown for quota: {name}, resources: {','.join(restricted)}")


def _deltas(
    request: AdmissionRequest, evaluator: Evaluator, usage: Amounts, now: float
) -> Callable[[Object], Amounts]:
    """What the request adds to a quota: on update, the growth where the old object was charged, too."""
    old = request.old_object
    if request.operation is not Operation.UPDATE or old is None:
        return lambda quota: usage
    growth = amounts.grown(usage, evaluator.usage(old, now))
    return lambda quota: growth if matches(evaluator, quota, old) else usage


def _charged(request: AdmissionRequest, quota: Object, delta: Amounts) -> Charge | None:
    status: Object = quota["status"]
    hard, used = amounts.parsed(status.get("hard")), amounts.parsed(status.get("used"))
    asked = {name: amount for name, amount in amounts.masked(delta, hard).items() if not amount.is_zero}
    if not asked:
        return None
    total = amounts.added(used, asked)
    exceeded = amounts.exceeding(amounts.masked(total, asked), hard)
    if exceeded:
        requested, before, limited = (
            amounts.pretty(amounts.masked(part, exceeded)) for part in (asked, used, hard)
        )
        raise request.forbidden(
            f"exceeded quota: {quota['metadata']['name']}, requested: {requested}, used: {before},"
            f" limited: {limited}"
        )
    return quota, total
