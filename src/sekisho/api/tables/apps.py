"""Controllers of pods, and their revisions."""

from __future__ import annotations

from sekisho.api.labels import selector_from_label_selector
from sekisho.api.tables import cells
from sekisho.api.tables.printer import (
    AGE,
    CONTAINERS,
    IMAGES,
    NAME,
    SELECTOR,
    Cells,
    TablePrinter,
    Tables,
    column,
)
from sekisho.api.types import Object


def _deployment(obj: Object, now: float) -> Cells:
    spec, status = cells.part(obj, "spec"), cells.part(obj, "status")
    return [
        cells.name(obj),
        _ready(obj),
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        cells.age(obj, now),
        *cells.containers(cells.part(spec, "template")),
        _plain_selector(spec.get("selector")),
    ]


def _ready(obj: Object) -> str:
    ready = cells.part(obj, "status").get("readyReplicas", 0)
    return f"{ready}/{cells.part(obj, 'spec').get('replicas', 0)}"


def _plain_selector(selector: Object | None) -> str:
    """Deployments show an empty selector as nothing."""
    try:
        return str(selector_from_label_selector(selector))
    except ValueError:
        return "<invalid>"


def _replica_set(obj: Object, now: float) -> Cells:
    return [*_replicas(obj, now), cells.label_selector(cells.part(obj, "spec").get("selector"))]


def _replication_controller(obj: Object, now: float) -> Cells:
    return [*_replicas(obj, now), cells.labels(cells.part(obj, "spec").get("selector"))]


def _replicas(obj: Object, now: float) -> Cells:
    spec, status = cells.part(obj, "spec"), cells.part(obj, "status")
    return [
        cells.name(obj),
        spec.get("replicas", 0),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        cells.age(obj, now),
        *cells.containers(cells.part(spec, "template")),
    ]


def _stateful_set(obj: Object, now: float) -> Cells:
    template = cells.part(obj, "spec", "template")
    return [cells.name(obj), _ready(obj), cells.age(obj, now), *cells.containers(template)]


_DAEMON_COUNTS = (
    "desiredNumberScheduled",
    "currentNumberScheduled",
    "numberReady",
    "updatedNumberScheduled",
    "numberAvailable",
)


def _daemon_set(obj: Object, now: float) -> Cells:
    spec, status = cells.part(obj, "spec"), cells.part(obj, "status")
    template = cells.part(spec, "template")
    return [
        cells.name(obj),
        *(status.get(key, 0) for key in _DAEMON_COUNTS),
        cells.labels(cells.part(template, "spec").get("nodeSelector")),
        cells.age(obj, now),
        *cells.containers(template),
        cells.label_selector(spec.get("selector")),
    ]


def _controller_revision(obj: Object, now: float) -> Cells:
    return [cells.name(obj), _controller(obj), obj.get("revision", 0), cells.age(obj, now)]


def _controller(obj: Object) -> str:
    for owner in obj["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            group = owner.get("apiVersion", "").rpartition("/")[0]
            kind = f"{owner.get('kind', '')}.{group}" if group else owner.get("kind", "")
            return f"{kind.lower()}/{owner.get('name', '')}"
    return cells.NONE


_REPLICA_COLUMNS = [
    NAME,
    column("Desired", "Number of pods there should be.", "integer"),
    column("Current", "Number of pods there are.", "integer"),
    column("Ready", "Number of pods that are ready.", "integer"),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
]

TABLES: Tables = {
    ("apps", "Deployment"): TablePrinter(
        [
            NAME,
            column("Ready", "Pods that are ready, of those there should be."),
            column("Up-to-date", "Number of pods of the present template."),
            column("Available", "Number of pods that have been ready long enough."),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        _deployment,
    ),
    ("apps", "ReplicaSet"): TablePrinter(_REPLICA_COLUMNS, _replica_set),
    ("", "ReplicationController"): TablePrinter(_REPLICA_COLUMNS, _replication_controller),
    ("apps", "StatefulSet"): TablePrinter(
        [NAME, column("Ready", "Pods that are ready, of those there should be."), AGE, CONTAINERS, IMAGES],
        _stateful_set,
    ),
    ("apps", "DaemonSet"): TablePrinter(
        [
            NAME,
            column("Desired", "Number of nodes that should run the pod.", "integer"),
            column("Current", "Number of nodes that run at least one.", "integer"),
            column("Ready", "Number of nodes where it is ready.", "integer"),
            column("Up-to-date", "Number of nodes with a pod of the present template.", "integer"),
            column("Available", "Number of nodes where it has been ready long enough.", "integer"),
            column("Node Selector", "Labels that a node must have."),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        _daemon_set,
    ),
    ("apps", "ControllerRevision"): TablePrinter(
        [
            NAME,
            column("Controller", "What the revision belongs to."),
            column("Revision", "Number of the revision."),
            AGE,
        ],
        _controller_revision,
    ),
}
