"""managedFields of the scale subresource: the owners of a workload's replicas as a Scale shows them.

Follows upstream's managedfields.ScaleHandler. A Scale's only tracked field is `spec.replicas`; `paths` says
where each served version of the workload keeps it (`{"apps/v1": ("spec", "replicas")}`), None for a version
that has no scale.
"""

from __future__ import annotations

from collections.abc import Mapping

from sekisho.api.types import Object
from sekisho.registry.managedfields import Owner, Owners, stored_owners, to_entries
from sekisho.schema import fieldset
from sekisho.schema.fieldset import Path

SCALE_VERSION = "autoscaling/v1"
_REPLICAS = ("f:spec", "f:replicas")

ReplicasPaths = Mapping[str, tuple[str, ...] | None]


def to_scale(entries: list[Object], paths: ReplicasPaths) -> list[Object]:
    """The managedFields of the Scale of a workload that has these."""
    out: Owners = {}
    for owner in stored_owners(entries).values():
        path = paths.get(owner.api_version)
        if path is not None and fieldset.has(owner.fields, _elements(path)):
            scale = _moved(owner, SCALE_VERSION, _REPLICAS, owner.time)
            out[scale.identity] = scale
    return to_entries(out)


def to_parent(
    entries: list[Object], scale_entries: list[Object], paths: ReplicasPaths, api_version: str
) -> list[Object]:
    """The workload's managedFields after a write to its Scale left `scale_entries` there.

    Owners that lost the replicas lose them here too; new ones get an entry in the workload's `api_version`,
    without a time, as upstream has it. Entries in versions that are not served are dropped.
    """
    left = {_name(owner): owner for owner in stored_owners(scale_entries).values()}
    out: Owners = {}
    for identity, owner in stored_owners(entries).items():
        if owner.api_version not in paths:
            continue
        path = paths[owner.api_version]
        replicas = fieldset.make([_elements(path)]) if path is not None else fieldset.LEAF
        held = fieldset.intersection(owner.fields, replicas)
        if held and left.pop(_name(owner), None) is None:
            owner = owner.owning(fieldset.difference(owner.fields, replicas))
        if owner.fields:
            out[identity] = owner
    target = paths.get(api_version)
    for taker in left.values():
        if target is not None and fieldset.has(taker.fields, _REPLICAS):
            owner = _moved(taker, api_version, _elements(target), "")
            out[owner.identity] = owner
    return to_entries(out)


def _elements(path: tuple[str, ...]) -> Path:
    return tuple(map(fieldset.field, path))


def _name(owner: Owner) -> tuple[str, str, str]:
    """Who an owner is in both worlds, which differ in their API versions."""
    return owner.manager, owner.operation, owner.subresource


def _moved(owner: Owner, api_version: str, path: Path, time: str) -> Owner:
    fields = fieldset.make([path])
    return Owner(owner.manager, owner.operation, api_version, owner.subresource, fields, time)
