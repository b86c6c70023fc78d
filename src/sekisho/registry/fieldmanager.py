"""Who owns which field: tracking of ordinary writes, and server-side apply (KEP-555).

One `FieldManager` serves one kind in one API version; every object it is given is in that version. Ordinary
writes are the hot path: equal parts of two objects are never walked, and entries that keep their fields are
handed on as they are. Nothing is cached from call to call, since stored sets need no parsing.
"""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.api import status
from sekisho.api.status import StatusError
from sekisho.api.types import GroupVersionKind, Object
from sekisho.registry import lastapplied
from sekisho.registry.applyconflicts import ApplyConflict
from sekisho.registry.fieldversions import Converter, Versions
from sekisho.registry.managedfields import (
    APPLY,
    UPDATE,
    Owner,
    Owners,
    cap,
    entries_of,
    owners_for_update,
    stored_owners,
    to_entries,
    with_entries,
)
from sekisho.registry.ownership import after_apply, after_write, reconciled
from sekisho.schema import fieldset
from sekisho.schema.fieldset import FieldSet
from sekisho.schema.typed import TypedError, has_free_form, same
from sekisho.schema.typedcheck import problem
from sekisho.schema.types import Type

BEFORE_FIRST_APPLY = "before-first-apply"
UNKNOWN_MANAGER = "unknown"

ResetPaths = Iterable[tuple[str, ...]]


class FieldManager:
    """Ownership for one kind in one version.

    `convert` is needed where the kind is served in several versions. `evolving` says that the type may have
    changed since entries were written, as a custom resource's does.
    """

    def __init__(
        self,
        type_: Type,
        kind: GroupVersionKind,
        convert: Converter | None = None,
        *,
        evolving: bool = False,
    ) -> None:
        self.type = type_
        self.kind = kind
        self._convert = convert
        self._evolving = evolving
        self._strict = has_free_form(type_)

    def update(
        self,
        live: Object | None,
        new: Object,
        *,
        manager: str,
        now: str,
        subresource: str = "",
        reset_paths: ResetPaths = (),
    ) -> list[Object]:
        """The managedFields of `new`, which `manager` writes in place of `live` (None: it is created).

        `now` is RFC 3339; `reset_paths` are fields that this endpoint does not write. `new` is decoded and
        defaulted; its own managedFields count when they are valid, and `[]` or `[{}]` stop the tracking. An
        empty answer means that the object has none. Where ownership cannot be computed (list items without
        keys, a failing conversion) the live entries stay.
        """
        owners = owners_for_update(live, new, subresource)
        if not owners and live is not None:
            return []
        versions = self._versions(_fields(reset_paths))
        owner = self._owner(manager, UPDATE, subresource)
        try:
            if self._evolving and live is not None:
                owners = reconciled(versions, owners, live)
            owners = after_write(versions, owners, owner, live or self._nothing(), new, now)
        except (TypedError, StatusError):
            return entries_of(live)
        return to_entries(cap(owners))

    def apply(
        self,
        live: Object | None,
        config: Object,
        *,
        manager: str,
        now: str,
        force: bool = False,
        subresource: str = "",
        reset_paths: ResetPaths = (),
    ) -> Object:
        """What `live` (None: it does not exist) becomes when `manager` applies `config`, with managedFields.

        `config` is the body as it came, and what the answer takes from it is not decoded or defaulted either.
        An apply that changes nothing answers with the live object; its entries may differ all the same.
        Raises StatusError: 400 for a body of another kind or with managedFields, 500 without a reason for one
        that does not fit the type, 409 for conflicts unless `force`.
        """
        self._check(config)
        try:
            out = self._apply(live, config, manager, now, subresource, reset_paths, force)
        except ApplyConflict as conflict:
            left: ApplyConflict | None = conflict
            if manager == lastapplied.MANAGER and live is not None:
                left = self._beyond_last_applied(live, conflict)
            if left is not None:
                raise left.to_status() from None
            out = self._apply(live, config, manager, now, subresource, reset_paths, True)
        return lastapplied.with_last_applied(out, config) if manager == lastapplied.MANAGER else out

    def _apply(
        self,
        live: Object | None,
        config: Object,
        manager: str,
        now: str,
        subresource: str,
        reset_paths: ResetPaths,
        force: bool,
    ) -> Object:
        reset = _fields(reset_paths)
        owner = self._owner(manager, APPLY, subresource)
        base = live or self._nothing()
        try:
            owners = self._owners_for_apply(live, now, subresource, reset)
            merged, owners = after_apply(
                self._versions(reset), owners, owner, base, config, reset, force=force
            )
        except TypedError as error:
            text = problem(self.type, base, duplicates=True) or str(error)
            raise status.plain_error(f"failed to create typed live object ({self._name(base)}): {text}")
        if live is not None and same(live, merged):
            return with_entries(live, to_entries(owners))
        if owner.identity in owners:
            owners[owner.identity] = owners[owner.identity].at(now)
        return with_entries(merged, to_entries(owners))

    def _owners_for_apply(self, live: Object | None, now: str, subresource: str, reset: FieldSet) -> Owners:
        """The live owners; for an object without any, one that owns all it has."""
        if live is None:
            return {}
        owners = stored_owners(entries_of(live))
        versions = self._versions(reset)
        if owners:
            return reconciled(versions, owners, live)
        owner = self._owner(BEFORE_FIRST_APPLY, UPDATE, subresource)
        return after_write(versions, {}, owner, self._nothing(), live, now)

    def _beyond_last_applied(self, live: Object, conflict: ApplyConflict) -> ApplyConflict | None:
        """What is left of a conflict when kubectl may take over what it once applied on the client's side."""
        allowed = lastapplied.allowed_conflicts(self.type, self.kind.api_version, live)
        return conflict if allowed is None else conflict.without(allowed)

    def _check(self, config: Object) -> None:
        """Refuse a body that is not of this kind or does not fit its type."""
        kind = _kind_of(config)
        if kind != self.kind:
            raise status.bad_request(f"invalid object type: {kind}")
        metadata = config.get("metadata")
        if isinstance(metadata, dict) and isinstance(metadata.get("managedFields"), list):
            raise status.bad_request("metadata.managedFields must be nil")
        text = problem(self.type, config)
        if text:
            raise status.plain_error(f"failed to create typed patch object ({self._name(config)}): {text}")

    def _name(self, obj: Object) -> str:
        metadata = obj.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        return f"{metadata.get('namespace') or ''}/{metadata.get('name') or ''}; {self.kind}"

    def _owner(self, manager: str, operation: str, subresource: str) -> Owner:
        return Owner(manager or UNKNOWN_MANAGER, operation, self.kind.api_version, subresource, fieldset.LEAF)

    def _nothing(self) -> Object:
        """What stands for an object that does not exist."""
        return {"apiVersion": self.kind.api_version, "kind": self.kind.kind}

    def _versions(self, reset: FieldSet) -> Versions:
        return Versions(self.type, self.kind.api_version, self._convert, reset, self._strict)


def _fields(paths: ResetPaths) -> FieldSet:
    return fieldset.make(tuple(map(fieldset.field, path)) for path in paths)


def _kind_of(config: Object) -> GroupVersionKind:
    """The kind a body says it is; an apiVersion with two slashes says nothing at all."""
    api_version, kind = config.get("apiVersion"), config.get("kind")
    parts = api_version.split("/") if isinstance(api_version, str) else [""]
    if len(parts) > 2:
        return GroupVersionKind("", "", "")
    group = parts[0] if len(parts) == 2 else ""
    return GroupVersionKind(group, parts[-1], kind if isinstance(kind, str) else "")
