"""replication-controller: ReplicationControllers, as replicas.py describes."""

from __future__ import annotations

from sekisho.api.labels import Selector, selector_from_labels
from sekisho.api.types import Object
from sekisho.controllers.replicas import ReplicaController


class ReplicationControllerController(ReplicaController):
    account = "replication-controller"
    resource = "replicationcontrollers"
    kind = "ReplicationController"
    component = "replication-controller"

    def selector(self, owner: Object) -> Selector:
        return selector_from_labels(owner["spec"].get("selector") or {})
