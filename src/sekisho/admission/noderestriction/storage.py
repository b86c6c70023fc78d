"""Status of claims, and the CSINode of a node."""

from __future__ import annotations

from sekisho.admission.interface import AdmissionRequest, Operation
from sekisho.api.goformat import quote
from sekisho.api.types import Object

_STATUS_FIELDS = ("capacity", "conditions", "allocatedResources", "allocatedResourceStatuses")
_METADATA_FIELDS = ("resourceVersion", "managedFields")


async def check_claim(node: str, request: AdmissionRequest) -> None:
    """Of PersistentVolumeClaims a node writes only how much there is of the volume, after a resize."""
    if request.operation is not Operation.UPDATE:
        raise request.forbidden(f"unexpected operation {quote(request.operation.value)}")
    if request.subresource != "status":
        raise request.forbidden("may only update PVC status")
    old, new = _comparable(request.old_object or {}), _comparable(request.object or {})
    if old != new:
        changed = ", ".join(sorted(_differences(old, new, "")))
        raise request.forbidden(
            f"node {quote(node)} is not allowed to update fields other than status.quantity and "
            f"status.conditions: {changed}"
        )


def _comparable(claim: Object) -> Object:
    metadata = {k: v for k, v in (claim.get("metadata") or {}).items() if k not in _METADATA_FIELDS}
    status = {k: v for k, v in (claim.get("status") or {}).items() if k not in _STATUS_FIELDS}
    return {**claim, "metadata": metadata, "status": status}


def _differences(old: Object, new: Object, path: str) -> list[str]:
    """Paths of the fields that differ."""
    out = []
    for key in old.keys() | new.keys():
        before, after, here = old.get(key), new.get(key), f"{path}.{key}" if path else key
        if isinstance(before, dict) and isinstance(after, dict):
            out += _differences(before, after, here)
        elif before != after:
            out.append(here)
    return out


async def check_csi_node(node: str, request: AdmissionRequest) -> None:
    """The CSINode has the node's name; on create the object says it."""
    name = request.name or ((request.object or {}).get("metadata") or {}).get("name", "")
    if name != node:
        raise request.forbidden("can only access CSINode with the same name as the requesting node")
