"""replicaset controller: see replicas.py. Which pods go first also depends on the other sets of a Deployment."""

from __future__ import annotations

from sekisho.api.labels import Selector, selector_from_label_selector
from sekisho.api.types import Object
from sekisho.controllers import podstate
from sekisho.controllers.informers import controller_of
from sekisho.controllers.replicas import ReplicaController


class ReplicaSetController(ReplicaController):
    account = "replicaset-controller"
    resource = "replicasets.apps"
    kind = "ReplicaSet"
    component = "replicaset-controller"

    def selector(self, owner: Object) -> Selector:
        return selector_from_label_selector(owner["spec"].get("selector"))

    def related(self, owner: Object, own: list[Object]) -> list[Object]:
        """The pods of all ReplicaSets of the same owner."""
        reference = controller_of(owner)
        if reference is None:
            return own
        siblings = self._sets.owned_by(reference["uid"])
        return [pod for sibling in siblings for pod in self._pods.owned_by(sibling["metadata"]["uid"])]

    def terminating(self, owner: Object) -> int | None:
        """KEP-3973: pods that are going, but not gone; finished ones do not count."""
        pods = self._pods.owned_by(owner["metadata"]["uid"])
        return sum(podstate.is_terminating(pod) and not podstate.is_finished(pod) for pod in pods)
