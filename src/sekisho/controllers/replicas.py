"""What ReplicaSets and ReplicationControllers share: as many pods as wanted, and a status that counts them.

Follows upstream's pkg/controller/replicaset, which serves both kinds as well.
"""

from __future__ import annotations

from sekisho.api.clock import Clock
from sekisho.api.labels import Selector, selector_from_labels
from sekisho.api.status import StatusError
from sekisho.api.types import Object
from sekisho.controllers import podranking, podstate
from sekisho.controllers.adoption import Claims
from sekisho.controllers.controller import Controller, changed_key, key_name
from sekisho.controllers.informers import controller_of
from sekisho.controllers.podcontrol import (
    BURST,
    Outcome,
    PodControl,
    is_namespace_terminating,
    pod_from_template,
    slow_start,
)
from sekisho.registry.client import Client

_FAILURE = "ReplicaFailure"
_COUNTS = (
    "replicas",
    "fullyLabeledReplicas",
    "readyReplicas",
    "availableReplicas",
    "terminatingReplicas",
)


class ReplicaController(Controller):
    """A subclass names the kind, and says what selects its pods."""

    workers = 5
    resource = ""
    kind = ""
    component = ""

    def __init__(self, client: Client, clock: Clock) -> None:
        super().__init__(client, clock)
        self._events = self.recorder(self.component)
        self._pod_control = PodControl(client, self._events)
        self._sets = self.informer(self.resource)
        self._pods = self.informer("pods")
        self._sets.on_change(self._set_changed)
        self._pods.on_change(self._pod_changed)

    def selector(self, owner: Object) -> Selector:
        """What selects the pods. Raises ValueError for one that cannot be used."""
        raise NotImplementedError

    def related(self, owner: Object, own: list[Object]) -> list[Object]:
        """The pods that count for how crowded a node is."""
        return own

    def terminating(self, owner: Object) -> int | None:
        """How many pods are on their way out; None for kinds whose status does not tell."""
        return None

    def _set_changed(self, new: Object | None, old: Object | None) -> None:
        self.queue.add(changed_key(new, old))

    def _pod_changed(self, new: Object | None, old: Object | None) -> None:
        before = self._owner(old)
        after = self._owner(new)
        for key in {before, after} - {None}:
            self.queue.add(key)
        if new is not None and controller_of(new) is None and not podstate.is_terminating(new):
            changed = old is None or controller_of(old) or _labels(old) != _labels(new)
            if changed:
                self._offer(new)

    def _owner(self, pod: Object | None) -> tuple[str, str] | None:
        """The key of the set that manages a pod, if it is of this kind and still the same."""
        reference = controller_of(pod) if pod is not None else None
        if pod is None or reference is None or reference["kind"] != self.kind:
            return None
        key = pod["metadata"]["namespace"], reference["name"]
        owner = self._sets.get(*key)
        return key if owner is not None and owner["metadata"]["uid"] == reference["uid"] else None

    def _offer(self, orphan: Object) -> None:
        """Let every set that selects an orphan look at it."""
        for owner in self._sets.in_namespace(orphan["metadata"]["namespace"]):
            try:
                selector = self.selector(owner)
            except ValueError:
                continue
            if not selector.empty and selector.matches(_labels(orphan)):
                self.queue.add(key_name(owner))

    async def reconcile(self, key: tuple[str, str]) -> None:
        owner = self._sets.get(*key)
        if owner is None:
            return
        try:
            selector = self.selector(owner)
        except ValueError:
            return
        candidates = [*self._pods.owned_by(owner["metadata"]["uid"]), *self._pods.orphans(key[0])]
        claims = Claims(self.client, "pods", owner, self.resource, selector)
        pods = await claims.claim(filter(podstate.is_active, candidates), self._pods)
        failure: tuple[str, StatusError] | None = None
        if not owner["metadata"].get("deletionTimestamp"):
            failure = await self._manage(owner, pods)
        await self._write_status(owner, pods, failure)
        if failure is not None:
            raise failure[1]
        wait = podstate.next_availability(pods, _min_ready(owner), self.clock.now())
        if wait is not None:
            self.queue.add_after(key, wait)

    async def _manage(self, owner: Object, pods: list[Object]) -> tuple[str, StatusError] | None:
        """Make or delete pods; the reason and the error when some could not be."""
        surplus = len(pods) - owner["spec"].get("replicas", 1)
        if surplus < 0:
            outcome = await self._create(owner, min(-surplus, BURST))
            reason = "FailedCreate"
        elif surplus > 0:
            related = self.related(owner, pods)
            chosen = podranking.surplus(pods, related, min(surplus, BURST), self.clock.now())
            outcome = await self._pod_control.delete_all(owner, chosen)
            reason = "FailedDelete"
        else:
            return None
        await self._pods.reached(*outcome.written)
        if abs(surplus) > BURST and outcome.error is None:
            self.queue.add(key_name(owner))
        return (reason, outcome.error) if outcome.error is not None else None

    async def _create(self, owner: Object, count: int) -> Outcome:
        template = owner["spec"].get("template") or {}

        async def one(_: int) -> Object:
            return await self._pod_control.create(owner, pod_from_template(template, owner))

        outcome = await slow_start(count, one)
        if outcome.error is not None and is_namespace_terminating(outcome.error):
            outcome.error = None
        return outcome

    async def _write_status(
        self, owner: Object, pods: list[Object], failure: tuple[str, StatusError] | None
    ) -> None:
        """`pods` are those found at the beginning; what was made since is counted when it is seen."""
        wanted = self._status(owner, pods, failure)
        if _same_status(owner, wanted):
            return
        namespace = owner["metadata"]["namespace"]
        answer = await self.client.update(self.resource, {**owner, "status": wanted}, namespace, "status")
        await self._sets.reached(answer)

    def _status(self, owner: Object, pods: list[Object], failure: tuple[str, StatusError] | None) -> Object:
        now = self.clock.now()
        min_ready = _min_ready(owner)
        template = selector_from_labels(
            ((owner["spec"].get("template") or {}).get("metadata") or {}).get("labels") or {}
        )
        counts: Object = {
            "replicas": len(pods),
            "fullyLabeledReplicas": sum(template.matches(_labels(pod)) for pod in pods),
            "readyReplicas": sum(podstate.is_ready(pod) for pod in pods),
            "availableReplicas": sum(podstate.is_available(pod, min_ready, now) for pod in pods),
        }
        status = {k: v for k, v in counts.items() if v or k == "replicas"}
        terminating = self.terminating(owner)
        if terminating is not None:
            status["terminatingReplicas"] = terminating
        status["observedGeneration"] = owner["metadata"].get("generation", 0)
        conditions = self._conditions(owner, failure)
        if conditions:
            status["conditions"] = conditions
        return status

    def _conditions(self, owner: Object, failure: tuple[str, StatusError] | None) -> list[Object]:
        held: list[Object] = list((owner.get("status") or {}).get("conditions") or ())
        present = podstate.condition(owner, _FAILURE)
        if failure is not None and present is None:
            reason, error = failure
            told = {
                "type": _FAILURE,
                "status": "True",
                "lastTransitionTime": self.now(),
                "reason": reason,
                "message": error.message,
            }
            return [*held, told]
        if failure is None and present is not None:
            return [c for c in held if c.get("type") != _FAILURE]
        return held


def _labels(obj: Object) -> Object:
    return obj["metadata"].get("labels") or {}


def _min_ready(owner: Object) -> int:
    return int(owner["spec"].get("minReadySeconds") or 0)


def _same_status(owner: Object, wanted: Object) -> bool:
    held = owner.get("status") or {}
    return (
        all(held.get(k, 0) == wanted.get(k, 0) for k in (*_COUNTS[:-1], "observedGeneration"))
        and held.get("terminatingReplicas") == wanted.get("terminatingReplicas")
        and (held.get("conditions") or []) == (wanted.get("conditions") or [])
    )
