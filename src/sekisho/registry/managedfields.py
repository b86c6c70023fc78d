"""metadata.managedFields as a list of owners: read, checked, capped, sorted and written back.

Follows k8s.io/apimachinery/pkg/util/managedfields. Entries that this server stored are taken as they are:
their fieldsV1 is a canonical set (schema/fieldset.py) and is shared, never copied. What a client sends in is
parsed and checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sekisho.api.goformat import compact_json, quote
from sekisho.api.types import Object
from sekisho.schema import fieldset
from sekisho.schema.fieldset import FieldSet

APPLY = "Apply"
UPDATE = "Update"
MAX_UPDATE_MANAGERS = 10
ANCIENT = "ancient-changes"


class Identity(NamedTuple):
    """What tells owners apart. An apply manager is one owner whatever version it uses."""

    manager: str
    operation: str
    api_version: str
    subresource: str

    @property
    def text(self) -> str:
        """Upstream's identifier, by which owners are sorted in conflicts and when they are capped."""
        names = ("manager", "operation", "apiVersion", "subresource")
        return compact_json({name: value for name, value in zip(names, self, strict=True) if value})


@dataclass(frozen=True, slots=True)
class Owner:
    """One entry. `time` is RFC 3339 or empty; `stored` the entry that says the same, when there is one."""

    manager: str
    operation: str
    api_version: str
    subresource: str
    fields: FieldSet
    time: str = ""
    stored: Object | None = None

    @property
    def identity(self) -> Identity:
        version = "" if self.operation == APPLY else self.api_version
        return Identity(self.manager, self.operation, version, self.subresource)

    def owning(self, fields: FieldSet) -> Owner:
        return self if fields is self.fields else replace(self, fields=fields, stored=None)

    def at(self, time: str) -> Owner:
        return self if time == self.time else replace(self, time=time, stored=None)

    def to_object(self) -> Object:
        if self.stored is not None:
            return self.stored
        out: Object = {}
        if self.manager:
            out["manager"] = self.manager
        out["operation"] = self.operation
        out["apiVersion"] = self.api_version
        if self.time:
            out["time"] = self.time
        out["fieldsType"] = "FieldsV1"
        out["fieldsV1"] = self.fields
        if self.subresource:
            out["subresource"] = self.subresource
        return out


Owners = dict[Identity, Owner]


def entries_of(obj: Object | None) -> list[Object]:
    """The entries that an object holds."""
    if obj is None:
        return []
    metadata = obj.get("metadata")
    entries = metadata.get("managedFields") if isinstance(metadata, dict) else None
    return entries if isinstance(entries, list) else []


def stored_owners(entries: Iterable[Object]) -> Owners:
    """The owners of an object out of the store."""
    out: Owners = {}
    for entry in entries:
        owner = Owner(
            entry.get("manager", ""),
            entry["operation"],
            entry["apiVersion"],
            entry.get("subresource", ""),
            entry.get("fieldsV1") or {},
            entry.get("time") or "",
            entry,
        )
        out[owner.identity] = owner
    return out


def parse_owners(entries: Iterable[Mapping[str, Any]]) -> Owners:
    """The owners that a client's entries mean; of two with one identity the last counts.

    Raises ValueError with upstream's text.
    """
    out: Owners = {}
    for position, entry in enumerate(entries):
        owner = _parse_owner(position, entry)
        out[owner.identity] = owner
    return out


def _parse_owner(position: int, entry: Mapping[str, Any]) -> Owner:
    operation = entry.get("operation", "")
    if operation not in (APPLY, UPDATE):
        raise ValueError("operation must be `Apply` or `Update`")
    if not entry.get("apiVersion"):
        raise ValueError("apiVersion must not be empty")
    kind = entry.get("fieldsType", "")
    if not kind:
        raise ValueError(f"missing fieldsType in managed fields entry {position}")
    if kind != "FieldsV1":
        raise ValueError(f"invalid fieldsType {quote(kind)} in managed fields entry {position}")
    try:
        fields = fieldset.parse(entry.get("fieldsV1"))
    except ValueError as e:
        raise ValueError(f"error decoding versioned set: error decoding set: {e}") from None
    return Owner(
        entry.get("manager", ""),
        operation,
        entry["apiVersion"],
        entry.get("subresource", ""),
        fields,
        entry.get("time") or "",
    )


def problem(entries: object) -> str:
    """What is wrong with entries that mutating admission left; empty when nothing is."""
    try:
        parse_owners(entries if isinstance(entries, list) else [])
    except ValueError as e:
        return str(e)
    return ""


def is_reset(entries: object) -> bool:
    """Whether a client asks for all tracking to stop: an empty list, or one empty entry."""
    return isinstance(entries, list) and (not entries or entries == [{}])


def keep_reset(raw: Object, obj: Object) -> None:
    """Hand the empty list that resets on to `obj`, which was decoded from `raw`: decoding drops empty lists."""
    metadata = raw.get("metadata")
    if isinstance(metadata, dict) and metadata.get("managedFields") == []:
        obj["metadata"]["managedFields"] = []


def owners_for_update(live: Object | None, new: Object, subresource: str) -> Owners:
    """The owners a write starts from: those it brings, or the live ones when it brings none that are valid.

    Writes to a subresource cannot bring any.
    """
    stored = entries_of(live)
    metadata = new.get("metadata")
    given = metadata.get("managedFields") if isinstance(metadata, dict) else None
    if subresource or given is None or given is stored or (given and given == stored):
        return stored_owners(stored)
    if is_reset(given):
        return {}
    try:
        return parse_owners(given) or stored_owners(stored)
    except ValueError:
        return stored_owners(stored)


def to_entries(owners: Owners) -> list[Object]:
    """The entries in upstream's order: operation, time, manager, version, subresource."""
    found = list(owners.values())
    if len(found) > 1:
        found.sort(key=_entry_order)
    return [owner.to_object() for owner in found]


def _entry_order(owner: Owner) -> tuple[str, str, str, str, str]:
    return owner.operation, owner.time, owner.manager, owner.api_version, owner.subresource


def cap(owners: Owners) -> Owners:
    """No more than ten Update owners: the oldest are merged, version by version, into `ancient-changes`."""
    updaters = [owner for owner in owners.values() if owner.operation == UPDATE]
    surplus = len(updaters) - MAX_UPDATE_MANAGERS
    if surplus <= 0:
        return owners
    out = dict(owners)
    updaters.sort(key=lambda owner: (owner.time, owner.identity.text))
    firsts: dict[str, Identity] = {}
    for owner in updaters:
        if surplus <= 0:
            break
        bucket = Identity(ANCIENT, UPDATE, owner.api_version, "")
        first = firsts.setdefault(owner.api_version, owner.identity)
        if first == owner.identity:
            continue
        older = out.pop(bucket, None) or out.pop(first)
        out.pop(owner.identity, None)
        fields = fieldset.union(owner.fields, older.fields)
        out[bucket] = Owner(ANCIENT, UPDATE, owner.api_version, "", fields, owner.time)
        surplus -= 1
    return out


def with_entries(obj: Object, entries: list[Object]) -> Object:
    """The object with these managedFields and no others; what is not changed is shared."""
    metadata = {k: v for k, v in (obj.get("metadata") or {}).items() if k != "managedFields"}
    if entries:
        metadata["managedFields"] = entries
    return {**obj, "metadata": metadata}


def keep_times(live: Object, new: Object) -> Object:
    """`new`, with the live times when they are all that a write would change.

    Keeps a write without effect from becoming a new version of the object.
    """
    before, after = entries_of(live), entries_of(new)
    if before is after or not after or len(before) != len(after):
        return new
    if all(a.get("time") == b.get("time") for a, b in zip(before, after, strict=True)):
        return new
    if not all(_timeless(a) == _timeless(b) for a, b in zip(before, after, strict=True)):
        return new
    reverted = with_entries(new, before)
    return reverted if reverted == live else new


def _timeless(entry: Object) -> Object:
    return {k: v for k, v in entry.items() if k != "time"}
