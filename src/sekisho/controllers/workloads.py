"""The controllers that bring workloads to life, one line each. All are made from a client and a clock."""

from __future__ import annotations

from sekisho.controllers.controller import Controller
from sekisho.controllers.deployment import DeploymentController
from sekisho.controllers.replicaset import ReplicaSetController
from sekisho.controllers.replicationcontroller import ReplicationControllerController

WORKLOADS: tuple[type[Controller], ...] = (
    ReplicaSetController,
    DeploymentController,
    ReplicationControllerController,
)
