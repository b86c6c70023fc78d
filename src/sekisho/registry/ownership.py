"""How ownership moves when an object is written: by an ordinary write, by an apply, and what apply removes.

The algorithm is structured-merge-diff's updater (KEP-555). Objects named `live` are shared and only read.
"""

from __future__ import annotations

from sekisho.api.types import Object
from sekisho.registry.applyconflicts import ApplyConflict
from sekisho.registry.fieldversions import Versions
from sekisho.registry.managedfields import Identity, Owner, Owners
from sekisho.schema import fieldset
from sekisho.schema.fieldset import FieldSet
from sekisho.schema.typed import field_set, reconcile, remove, with_named_fields
from sekisho.schema.typedmerge import merge
from sekisho.schema.types import Type

_UNTRACKED_METADATA = (
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
)
UNTRACKED = fieldset.make(
    [("f:apiVersion",), ("f:kind",), ("f:metadata",)]
    + [("f:metadata", fieldset.field(name)) for name in _UNTRACKED_METADATA]
)
"""What never has an owner."""


def after_write(
    versions: Versions, owners: Owners, owner: Owner, live: Object, new: Object, now: str
) -> Owners:
    """The owners once `owner` has written `new` in place of `live`: what it wrote belongs to it alone.

    Its time becomes `now` when it wrote anything. Raises TypedError for list items without keys.
    """
    comparison = versions.compare(versions.api_version, live, new)
    out = contest(versions, owners, None, live, new, force=True)
    written = fieldset.difference(comparison.written, UNTRACKED) if comparison else {}
    if written:
        before = out.get(owner.identity, owner)
        out[owner.identity] = before.owning(fieldset.union(before.fields, written)).at(now)
    return out


def contest(
    versions: Versions, owners: Owners, own: Identity | None, live: Object, new: Object, *, force: bool
) -> Owners:
    """The owners without what this write takes from all but `own`. Raises ApplyConflict unless `force`.

    Entries in a version that is no longer served vanish, and so do those that own nothing any more.
    """
    out: Owners = {}
    conflicts: list[tuple[Owner, FieldSet]] = []
    for identity, owner in owners.items():
        fields = owner.fields
        if identity != own:
            comparison = versions.compare(owner.api_version, live, new)
            if comparison is None:
                continue
            if not comparison.is_same:
                taken = fieldset.intersection(fields, comparison.written)
                if taken and not force:
                    conflicts.append((owner, taken))
                fields = fieldset.difference(fieldset.difference(fields, taken), comparison.removed)
        if fields:
            out[identity] = owner.owning(fields)
    if conflicts:
        raise ApplyConflict(conflicts)
    return out


def after_apply(
    versions: Versions,
    owners: Owners,
    owner: Owner,
    live: Object,
    config: Object,
    reset: FieldSet,
    *,
    force: bool,
) -> tuple[Object, Owners]:
    """The merged object, pruned of what `owner` applied before and applies no more, and its owners.

    `owner`'s fields are set here; the time stays that of its last apply. Raises ApplyConflict and TypedError.
    """
    merged: Object = merge(versions.type, live, config)
    identity = owner.identity
    last = owners.get(identity)
    fields = fieldset.recursive_difference(field_set(versions.type, config), reset)
    owners = {**owners, identity: owner.owning(fields).at(last.time if last else "")}
    if last is not None:
        merged = _prune(versions, merged, owners, last, owners[identity])
    owners = contest(versions, owners, identity, live, merged, force=force)
    mine = owners.pop(identity, owner)
    tracked = fieldset.difference(mine.fields, UNTRACKED)
    if tracked:
        owners[identity] = mine.owning(tracked)
    return merged, owners


def reconciled(versions: Versions, owners: Owners, live: Object) -> Owners:
    """The owners as today's types see them: fields below what has become atomic are owned with it as one.

    Entries in versions that are no longer served are left out.
    """
    out: Owners = {}
    for identity, owner in owners.items():
        found = versions.at(owner.api_version, live)
        if found is not None:
            out[identity] = owner.owning(reconcile(found[0], owner.fields))
    return out


def _prune(versions: Versions, merged: Object, owners: Owners, last: Owner, current: Owner) -> Object:
    """`merged` without fields of the `last` apply that nobody owns any more, the `current` apply included."""
    if last.api_version == current.api_version and not fieldset.difference(last.fields, current.fields):
        return merged
    found = versions.at(last.api_version, merged)
    if found is None:
        return merged
    type_, before = found
    pruned: Object = remove(type_, before, with_named_fields(type_, last.fields)) or {}
    pruned = _add_back_owned(versions, before, pruned, owners, last.api_version)
    pruned = _add_back_dangling(versions, type_, before, pruned, last)
    back = versions.at(current.api_version, pruned)
    return merged if back is None else back[1]


def _add_back_owned(versions: Versions, merged: Object, pruned: Object, owners: Owners, first: str) -> Object:
    """Undo the removal of what anybody owns, version by version, the one that was pruned in first."""
    managed: dict[str, FieldSet] = {}
    for owner in owners.values():
        managed[owner.api_version] = fieldset.union(managed.get(owner.api_version, {}), owner.fields)
    for api_version in sorted(managed, key=lambda v: (v != first, v)):
        whole, left = versions.at(api_version, merged), versions.at(api_version, pruned)
        if whole is None or left is None:
            continue
        type_, merged = whole
        keep = fieldset.union(
            with_named_fields(type_, field_set(type_, left[1])),
            with_named_fields(type_, managed[api_version]),
        )
        present = with_named_fields(type_, field_set(type_, merged))
        pruned = remove(type_, merged, fieldset.difference(present, keep)) or {}
    return pruned


def _add_back_dangling(
    versions: Versions, type_: Type, merged: Object, pruned: Object, last: Owner
) -> Object:
    """Undo the removal of what the last apply did not own: parts of items that others never claimed."""
    left = versions.at(last.api_version, pruned)
    if left is None:
        return merged
    present = with_named_fields(type_, field_set(type_, merged))
    kept = with_named_fields(type_, field_set(type_, left[1]))
    owned = with_named_fields(type_, last.fields)
    gone = fieldset.intersection(fieldset.difference(present, kept), owned)
    return remove(type_, merged, gone) or {}
