"""Dynamic resource allocation: claims, classes and slices of devices."""

from __future__ import annotations

from sekisho.api.tables import cells
from sekisho.api.tables.printer import AGE, NAME, Cells, TablePrinter, Tables, column
from sekisho.api.types import Object

GROUP = "resource.k8s.io"


def _plain(obj: Object, now: float) -> Cells:
    return [cells.name(obj), cells.age(obj, now)]


def _claim(obj: Object, now: float) -> Cells:
    return [cells.name(obj), ",".join(_states(obj)), cells.age(obj, now)]


def _states(obj: Object) -> list[str]:
    status = cells.part(obj, "status")
    deleted = bool(obj["metadata"].get("deletionTimestamp"))
    states = ["deleted"] if deleted else []
    if status.get("allocation") is None:
        return states or ["pending"]
    states.append("allocated")
    return [*states, "reserved"] if status.get("reservedFor") else states


def _slice(obj: Object, now: float) -> Cells:
    spec = cells.part(obj, "spec")
    pool = cells.part(spec, "pool").get("name", "")
    return [
        cells.name(obj),
        spec.get("nodeName") or "",
        spec.get("driver", ""),
        pool,
        cells.age(obj, now),
    ]


TABLES: Tables = {
    (GROUP, "DeviceClass"): TablePrinter([NAME, AGE], _plain),
    (GROUP, "ResourceClaim"): TablePrinter(
        [NAME, column("State", "Whether the claim is pending, allocated, reserved."), AGE], _claim
    ),
    (GROUP, "ResourceClaimTemplate"): TablePrinter([NAME, AGE], _plain),
    (GROUP, "ResourceSlice"): TablePrinter(
        [
            NAME,
            column("Node", "Node the devices are on."),
            column("Driver", "Driver that offers them."),
            column("Pool", "Pool they belong to."),
            AGE,
        ],
        _slice,
    ),
}
