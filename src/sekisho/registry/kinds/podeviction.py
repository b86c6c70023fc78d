"""pods/eviction: a delete that disruption budgets may refuse (section 3.5, KEP-85)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sekisho.api import status
from sekisho.api.encoding import go_order
from sekisho.api.labels import selector_from_label_selector
from sekisho.api.time import format_time
from sekisho.api.types import GroupResource, GroupVersionKind, Object
from sekisho.registry import deleting
from sekisho.registry.creating import create_options_object
from sekisho.registry.kinds.podconditions import with_condition
from sekisho.registry.metadata import check_namespace
from sekisho.registry.options import DeleteOptions, WriteOptions, delete_options
from sekisho.registry.rest import Answer, Rest, Subresource
from sekisho.registry.storage import WriteConflict
from sekisho.registry.strategy import Context
from sekisho.store.cache import Entry

if TYPE_CHECKING:
    from sekisho.registry.registry import Registry

EVICTION = GroupVersionKind("policy", "v1", "Eviction")
_BUDGETS = "poddisruptionbudgets.policy"
_BUDGET = GroupResource("", "poddisruptionbudget")
"""As upstream names it in two of its errors."""

MAX_DISRUPTED_PODS = 2000
_RETRY_SECONDS = 10
_ALLOWED = "DisruptionAllowed"
_DISRUPTION = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "EvictionByEvictionAPI",
    "message": "Eviction API: evicting",
}
_TOO_MANY = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
_VIOLATION = "Cannot evict pod as it would violate the pod's disruption budget."


class EvictionSubresource(Subresource):
    """Takes an Eviction and answers with Success once the pod is deleted or terminating."""

    def __init__(self, registry: Registry, rest: Rest) -> None:
        super().__init__(EVICTION, registry.types.for_kind(EVICTION))
        self._registry = registry
        self._pods = rest

    async def create(self, rest: Rest, ctx: Context, obj: Object, options: WriteOptions) -> Answer:
        check_namespace(self._pods, ctx, obj["metadata"])
        view = replace(self._pods, subresource="eviction", subresources={})
        admission = view.registry.admission
        options_object = create_options_object(ctx, options)
        await admission.admit(ctx, view, "CREATE", obj, None, options_object)
        if obj["metadata"].get("name", "") != ctx.name:
            raise status.bad_request("name in URL does not match name in Eviction object")
        wanted = _with_dry_run(obj.get("deleteOptions") or {}, options.dry_run)
        await admission.validate(ctx, view, "CREATE", obj, None, options_object)
        ctx.dry_run = wanted.dry_run
        await self._evict(ctx, wanted)
        return Answer(status.success(code=201), created=True)

    async def _evict(self, ctx: Context, options: DeleteOptions) -> None:
        while True:
            entry = self._pods.entry(ctx.namespace, ctx.name)
            if not _needs_no_budget(entry.obj):
                break
            if not _is_pending(entry.obj) or options.resource_version:
                return await self._delete(ctx, options)
            try:
                return await self._delete(ctx, _pinned(options, entry))
            except status.StatusError as error:
                if error.reason != "Conflict" or self._pods.entry(ctx.namespace, ctx.name) == entry:
                    raise
        budgets = self._budgets(ctx.namespace, entry.obj["metadata"].get("labels"))
        if len(budgets) > 1:
            raise status.plain_error(_TOO_MANY)
        if not budgets:
            await self._delete(ctx, options)
        elif _may_go_unready(entry.obj, budgets[0]):
            await self._delete_unready(ctx, entry, options, budgets[0])
        else:
            await self._spend(ctx, budgets[0]["metadata"]["name"])
            await self._delete(ctx, options)

    def _budgets(self, namespace: str, labels: Object | None) -> list[Object]:
        """The budgets that count a pod. One without a selector, or with an empty one, counts none here."""
        found: list[Object] = []
        for budget in self._registry.lookup_all(_BUDGETS, namespace):
            try:
                selector = selector_from_label_selector((budget.get("spec") or {}).get("selector"))
            except ValueError:
                continue
            if not selector.empty and selector.matches(labels):
                found.append(budget)
        return found

    async def _delete_unready(
        self, ctx: Context, entry: Entry, options: DeleteOptions, budget: Object
    ) -> None:
        """Delete a pod that is not ready, provided that it has not become so."""
        try:
            await self._delete(ctx, _pinned(options, entry))
        except status.StatusError as error:
            if error.reason == "Conflict" and not options.resource_version:
                raise _still_processed(budget["metadata"]["name"]) from error
            raise

    async def _spend(self, ctx: Context, name: str) -> None:
        """Take one of the disruptions that the budget allows, or raise its refusal."""
        budgets = self._registry.named(_BUDGETS)
        while True:
            entry = budgets.entry(ctx.namespace, name)
            spent = spend_disruption(budgets.served(entry.obj), ctx.name, format_time(ctx.clock.now()))
            if ctx.dry_run:
                return
            try:
                await budgets.write(entry.key, go_order(budgets.stored(spent)), expect=entry.revision)
            except WriteConflict:
                continue
            return

    async def _delete(self, ctx: Context, options: DeleteOptions) -> None:
        if not options.dry_run:
            written = await self._mark(ctx, options)
            if options.resource_version:
                options = _pinned(options, written)
        await deleting.delete(self._pods, ctx, options, admitted=True)

    async def _mark(self, ctx: Context, options: DeleteOptions) -> Entry:
        """Record on the pod why it goes (KEP-3329). Raises the 409 when it is not the one that is meant."""
        pods = self._pods
        while True:
            entry = pods.entry(ctx.namespace, ctx.name)
            if options.resource_version not in (None, "", entry.obj["metadata"]["resourceVersion"]):
                raise status.conflict(pods.resource, ctx.name, status.MODIFIED)
            before: Object = entry.obj.get("status") or {}
            current = with_condition(before, _DISRUPTION, format_time(ctx.clock.now()))
            if current != before:
                pod = {**entry.obj, "metadata": dict(entry.obj["metadata"]), "status": current}
                try:
                    await pods.write(entry.key, go_order(pod), expect=entry.revision)
                except WriteConflict:
                    continue
            return pods.entry(ctx.namespace, ctx.name)


def _with_dry_run(raw: Object, asked: bool) -> DeleteOptions:
    """The delete options of the body; a dry run may be asked for there or in the query."""
    options = delete_options(raw)
    if asked and not options.dry_run:
        options = delete_options({**raw, "dryRun": ["All"]})
    return options


def _pinned(options: DeleteOptions, entry: Entry) -> DeleteOptions:
    """The options, for no other state of the pod than this."""
    version = entry.obj["metadata"]["resourceVersion"]
    preconditions = {**(options.raw.get("preconditions") or {}), "resourceVersion": version}
    return replace(options, resource_version=version, raw={**options.raw, "preconditions": preconditions})


def _is_pending(pod: Object) -> bool:
    """Whether it may become ready between the look at it and its deletion."""
    phase = (pod.get("status") or {}).get("phase")
    return phase == "Pending" and not pod["metadata"].get("deletionTimestamp")


def _needs_no_budget(pod: Object) -> bool:
    """Pods that have ended, have not begun or are going are no disruption."""
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or bool(pod["metadata"].get("deletionTimestamp"))


def _is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _may_go_unready(pod: Object, budget: Object) -> bool:
    """Whether the budget lets a pod go because it is not ready anyhow (KEP-3017)."""
    if _is_ready(pod):
        return False
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    current: Object = budget.get("status") or {}
    desired = current.get("desiredHealthy", 0)
    return bool(current.get("currentHealthy", 0) >= desired > 0)


def spend_disruption(budget: Object, pod: str, now: str) -> Object:
    """The budget with one disruption less and the pod noted as going. Raises what refuses the eviction."""
    name = budget["metadata"]["name"]
    current: Object = budget.get("status") or {}
    allowed = current.get("disruptionsAllowed", 0)
    if current.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        raise _still_processed(name)
    if allowed < 0:
        raise status.forbidden(_BUDGET, name, "pdb disruptions allowed is negative")
    if len(current.get("disruptedPods") or ()) > MAX_DISRUPTED_PODS:
        text = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise status.forbidden(_BUDGET, name, text)
    if allowed == 0:
        raise _violation(_reason(name, current))
    left = {
        **current,
        "disruptedPods": dict(sorted({**(current.get("disruptedPods") or {}), pod: now}.items())),
        "disruptionsAllowed": allowed - 1,
    }
    if allowed == 1:
        left["conditions"] = _exhausted(current, now)
    return {**budget, "metadata": dict(budget["metadata"]), "status": left}


def _exhausted(current: Object, now: str) -> list[Any]:
    """The conditions of a budget that has nothing left."""
    conditions: list[Any] = list(current.get("conditions") or ())
    place = next((i for i, c in enumerate(conditions) if c.get("type") == _ALLOWED), len(conditions))
    present: Object = conditions[place] if place < len(conditions) else {}
    since = present.get("lastTransitionTime", now) if present.get("status") == "False" else now
    generation = current.get("observedGeneration", 0)
    condition: Object = {"type": _ALLOWED, "status": "False"}
    if generation:
        condition["observedGeneration"] = generation
    condition.update(lastTransitionTime=since, reason="InsufficientPods", message="")
    conditions[place : place + 1] = [condition]
    return conditions


def _reason(name: str, current: Object) -> str:
    """Why a budget allows no disruption now."""
    conditions = current.get("conditions") or ()
    condition: Object = next((c for c in conditions if c.get("type") == _ALLOWED), {})
    refused = condition.get("status") == "False"
    reason, message = condition.get("reason", ""), condition.get("message", "")
    start = f"The disruption budget {name}"
    if refused and reason == "SyncFailed":
        return f"{start} does not allow evicting pods currently because it failed sync: {message}"
    healthy, desired = current.get("currentHealthy", 0), current.get("desiredHealthy", 0)
    if healthy <= desired:
        return f"{start} needs {desired} healthy pods and has {healthy} currently"
    if refused and message:
        return f"{start} does not allow evicting pods currently ({reason}): {message}"
    return f"{start} does not allow evicting pods currently"


def _violation(cause: str, retry_after: int = 0) -> status.StatusError:
    causes: list[Object] = [{"reason": "DisruptionBudget", "message": cause}]
    return status.too_many_requests(_VIOLATION, retry_after, causes)


def _still_processed(name: str) -> status.StatusError:
    return _violation(f"The disruption budget {name} is still being processed by the server.", _RETRY_SECONDS)
