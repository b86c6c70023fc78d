"""Nodes, and what runs on them: leases and runtime classes."""

from __future__ import annotations

from sekisho.api.tables import cells
from sekisho.api.tables.printer import AGE, NAME, Cells, TablePrinter, Tables, column
from sekisho.api.types import Object

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE = "kubernetes.io/role"


def _node(obj: Object, now: float) -> Cells:
    info = cells.part(obj, "status", "nodeInfo")
    kernel = info.get("kernelVersion") or cells.UNKNOWN
    architecture = info.get("architecture")
    return [
        cells.name(obj),
        _status(obj),
        ",".join(_roles(obj)) or cells.NONE,
        cells.age(obj, now),
        info.get("kubeletVersion", ""),
        _address(obj, "InternalIP"),
        _address(obj, "ExternalIP"),
        info.get("osImage") or cells.UNKNOWN,
        f"{kernel} ({architecture})" if architecture else kernel,
        info.get("containerRuntimeVersion") or cells.UNKNOWN,
    ]


def _status(obj: Object) -> str:
    ready = cells.condition_status(obj, "Ready")
    word = {"": "Unknown", "True": "Ready"}.get(ready, "NotReady")
    return f"{word},SchedulingDisabled" if cells.part(obj, "spec").get("unschedulable") else word


def _roles(obj: Object) -> list[str]:
    roles = set()
    for key, value in (obj["metadata"].get("labels") or {}).items():
        if key.startswith(_ROLE_PREFIX):
            roles.add(key.removeprefix(_ROLE_PREFIX))
        elif key == _ROLE:
            roles.add(value)
    return sorted(roles - {""})


def _address(obj: Object, type_: str) -> str:
    found = cells.part(obj, "status").get("addresses") or ()
    return next((a.get("address", "") for a in found if a.get("type") == type_), cells.NONE)


def _lease(obj: Object, now: float) -> Cells:
    holder = cells.part(obj, "spec").get("holderIdentity") or ""
    return [cells.name(obj), holder, cells.age(obj, now)]


def _runtime_class(obj: Object, now: float) -> Cells:
    return [cells.name(obj), obj.get("handler", ""), cells.age(obj, now)]


TABLES: Tables = {
    ("", "Node"): TablePrinter(
        [
            NAME,
            column("Status", "Whether the node is ready and takes pods."),
            column("Roles", "Roles that the node's labels give it."),
            AGE,
            column("Version", "Version of its kubelet."),
            column("Internal-IP", "First internal address.", wide=True),
            column("External-IP", "First external address.", wide=True),
            column("OS-Image", "Operating system it reports.", wide=True),
            column("Kernel-Version", "Kernel and architecture it reports.", wide=True),
            column("Container-Runtime", "Container runtime it reports.", wide=True),
        ],
        _node,
    ),
    ("coordination.k8s.io", "Lease"): TablePrinter(
        [NAME, column("Holder", "Who holds the lease."), AGE], _lease
    ),
    ("node.k8s.io", "RuntimeClass"): TablePrinter(
        [NAME, column("Handler", "Runtime configuration that the class stands for."), AGE],
        _runtime_class,
    ),
}
