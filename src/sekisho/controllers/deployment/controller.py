"""Which Deployments to look at, and when."""

from __future__ import annotations

from sekisho.api.clock import Clock
from sekisho.api.labels import selector_from_label_selector
from sekisho.api.types import Object
from sekisho.controllers.adoption import Claims
from sekisho.controllers.controller import Controller, changed_key, key_name
from sekisho.controllers.deployment import sizes
from sekisho.controllers.deployment.rollout import DEPLOYMENTS, SETS, Rollout
from sekisho.controllers.informers import controller_of
from sekisho.node.events import WARNING, reference
from sekisho.registry.client import Client

Key = tuple[str, str]


class DeploymentController(Controller):
    account = "deployment-controller"
    workers = 5

    def __init__(self, client: Client, clock: Clock) -> None:
        super().__init__(client, clock)
        self._events = self.recorder("deployment-controller")
        self._deployments = self.informer(DEPLOYMENTS)
        self._sets = self.informer(SETS)
        self._pods = self.informer("pods")
        self._deployments.on_change(self._deployment_changed)
        self._sets.on_change(self._set_changed)
        self._pods.on_change(self._pod_changed)

    def _deployment_changed(self, new: Object | None, old: Object | None) -> None:
        self.queue.add(changed_key(new, old))

    def _set_changed(self, new: Object | None, old: Object | None) -> None:
        for key in {self._owner(new), self._owner(old)} - {None}:
            self.queue.add(key)
        if new is None or controller_of(new) is not None or new["metadata"].get("deletionTimestamp"):
            return
        labels = new["metadata"].get("labels") or {}
        for deployment in self._deployments.in_namespace(new["metadata"]["namespace"]):
            selector = selector_from_label_selector(deployment["spec"].get("selector"))
            if not selector.empty and selector.matches(labels):
                self.queue.add(key_name(deployment))

    def _pod_changed(self, new: Object | None, old: Object | None) -> None:
        """A Deployment that recreates its pods waits for the last of the old ones to go."""
        if new is not None or old is None:
            return
        owner = controller_of(old)
        if owner is None or owner["kind"] != "ReplicaSet":
            return
        replica_set = self._sets.get(old["metadata"]["namespace"], owner["name"])
        key = self._owner(replica_set)
        deployment = self._deployments.get(*key) if key is not None else None
        if deployment is not None and not sizes.is_rolling(deployment):
            self.queue.add(key)

    def _owner(self, replica_set: Object | None) -> Key | None:
        found = controller_of(replica_set) if replica_set is not None else None
        if replica_set is None or found is None or found["kind"] != "Deployment":
            return None
        key = replica_set["metadata"]["namespace"], found["name"]
        deployment = self._deployments.get(*key)
        return key if deployment is not None and deployment["metadata"]["uid"] == found["uid"] else None

    async def reconcile(self, key: Key) -> None:
        deployment = self._deployments.get(*key)
        if deployment is None:
            return
        selector = selector_from_label_selector(deployment["spec"].get("selector"))
        if selector.empty:
            await self._refuse(deployment)
            return
        claims = Claims(self.client, SETS, deployment, DEPLOYMENTS, selector)
        owned = await claims.claim_from(self._sets)
        rollout = Rollout(
            self.client,
            self.clock,
            self._events,
            deployment,
            owned,
            lambda replica_set: self._pods.owned_by(replica_set["metadata"]["uid"]),
            lambda seconds: self.queue.add_after(key, seconds),
        )
        try:
            await rollout.run()
        finally:
            await self._sets.reached(*rollout.written)
            await self._deployments.reached(rollout.noted)

    async def _refuse(self, deployment: Object) -> None:
        text = "This deployment is selecting all pods. A non-empty selector is required."
        self._events.record(reference(deployment), WARNING, "SelectingAll", text)
        generation = deployment["metadata"].get("generation", 0)
        status = deployment.get("status") or {}
        if status.get("observedGeneration", 0) < generation:
            wanted = {**deployment, "status": {**status, "observedGeneration": generation}}
            await self.client.update(DEPLOYMENTS, wanted, key_name(deployment)[0], "status")
