"""What makes one kind different from another: the hooks the generic registry calls, and their defaults.

Follows upstream's rest.RESTCreateStrategy/RESTUpdateStrategy. A kind that needs nothing special uses
`Strategy` itself; a kind that does has one file in `kinds/` and one line in `kinds/registration.py`.
Order on create: defaults, mutating admission, authorise_create, begin_create, prepare, validation, validating
admission, write. Objects named `old` are shared and must not be changed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sekisho.api import names
from sekisho.api.field import ErrorList
from sekisho.api.types import Authorizer, GroupVersionKind, Object, UserInfo

if TYPE_CHECKING:
    from sekisho.api.clock import Clock
    from sekisho.api.random import RandomSource
    from sekisho.registry.registry import Registry
    from sekisho.schema.resources import ResourceInfo

Finish = Callable[[bool], Awaitable[None]]
"""Called once, with whether something was written: keeps or releases what `begin_*` reserved."""


@dataclass(slots=True)
class Context:
    """One request on its way through the registry: who asks, when, and what it leaves behind."""

    user: UserInfo
    authorizer: Authorizer
    clock: Clock
    random: RandomSource
    registry: Registry
    namespace: str = ""
    name: str = ""
    verb: str = ""
    subresource: str = ""
    dry_run: bool = False
    field_manager: str = "unknown"
    warnings: list[str] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)
    mutations: list[Object] | None = None
    """What admission did, for the passage log; None where nobody keeps it."""

    def for_object(self, name: str) -> Context:
        """The same request, about one object of the collection it names."""
        return replace(self, name=name)

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def annotate(self, key: str, value: str) -> None:
        """An audit annotation; the first value of a key wins."""
        self.annotations.setdefault(key, value)


class Strategy:
    """The generic kind: any spec, any status, subdomain names, nothing special on delete."""

    create_on_update = False
    unconditional_update = True
    returns_deleted_object = False
    tracks_generation = False
    orphans_by_default = False
    orphan_warning = ""
    """What a delete is warned of that leaves dependents alone only because it does not say otherwise."""
    judges_stored = False
    """Whether prepare, validation and warnings see objects in the stored version instead of the served one."""
    garbage_collected = True
    """False for kinds whose objects the garbage collector never handles (events)."""
    reset_on_main: tuple[tuple[str, ...], ...] = (("status",),)
    """Paths that writes to the main resource cannot change; no owner is recorded for them either."""
    telling_empties: tuple[tuple[str, ...], ...] = ()
    """Paths of lists that are not the same when they are empty as when they are absent, where there is a default.
    Decoding drops empty lists; these are there for `default`."""

    def __init__(self, info: ResourceInfo) -> None:
        self.info = info

    repeats_metadata_check = True
    """Whether the kind's own update validation checks metadata once more, as nearly all of upstream's do:
    the causes of a 422 then hold those errors twice."""

    def configure(self, settings: Any) -> None:
        """Take what the kind needs from the operator's settings."""

    def error_kind(self, kind: GroupVersionKind) -> GroupVersionKind:
        """The kind a 422 names; a few of upstream's name another than the one that was sent."""
        return kind

    def default(self, obj: Object) -> None:
        """Fill in upstream's defaults, in place, as its decoder does."""

    def name_errors(self, name: str) -> list[str]:
        """What is wrong with a name; generateName is checked with its trailing dash masked."""
        return names.dns1123_subdomain(name)

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        """Clear what a client may not set. The base drops the status of kinds that have a status subresource."""
        if "status" in self.info.subresources and "status" in obj:
            obj["status"] = {}

    async def authorise_create(self, ctx: Context, obj: Object) -> None:
        """Checks beyond the request's own verb (RBAC escalation), made before validation. Raise StatusError."""

    async def authorise_update(self, ctx: Context, new: Object, old: Object) -> None:
        """As `authorise_create`, before validation and conflict detection."""

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        """The kind's own validation on create; common metadata is checked by the registry."""
        return []

    def warnings_on_create(self, ctx: Context, obj: Object) -> list[str]:
        return []

    async def begin_create(self, ctx: Context, obj: Object) -> Finish | None:
        """Allocate (cluster IPs, node ports), before all else that the strategy does. Raise StatusError."""
        return None

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        """Restore what this endpoint may not change. The base keeps the status of kinds that have the subresource."""
        if "status" in self.info.subresources:
            if "status" in old:
                new["status"] = old["status"]
            else:
                new.pop("status", None)

    def spec_changed(self, new: Object, old: Object) -> bool:
        """Whether generation goes up by one; asked only when `tracks_generation`."""
        return bool(new.get("spec") != old.get("spec"))

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return []

    def warnings_on_update(self, ctx: Context, new: Object, old: Object) -> list[str]:
        return []

    async def begin_update(self, ctx: Context, new: Object, old: Object) -> Finish | None:
        """As `begin_create`."""
        return None

    def grace_period(self, ctx: Context, obj: Object, asked: int | None) -> int | None:
        """Seconds of graceful deletion, or None for kinds that are deleted at once (all but pods)."""
        return None

    async def check_delete(self, ctx: Context, obj: Object) -> None:
        """Refuse a delete that the kind does not allow. Raise StatusError."""

    async def after_delete(self, ctx: Context, obj: Object) -> None:
        """Release what the object held (cluster IPs); it is gone from the store."""

    def marks_termination(self, obj: Object) -> bool:
        """Whether `begin_termination` still has something to change on an object that is being deleted."""
        return False

    def begin_termination(self, obj: Object) -> None:
        """Change the terminating object, a shallow copy, beyond its metadata (a namespace's phase)."""

    def keeps_when_finalized(self, obj: Object) -> bool:
        """Whether a terminating object without metadata.finalizers stays all the same (namespaces)."""
        return False

    def fields(self, obj: Object) -> dict[str, str]:
        """What a field selector can ask for beyond metadata.name and metadata.namespace."""
        return {}

    field_labels: frozenset[str] = frozenset()
    """The selector names `fields` answers, and aliases that `field_alias` maps."""

    def field_alias(self, label: str) -> str:
        return label

    def unknown_field_message(self, label: str) -> str:
        """Text of the 400 for a field selector this kind does not know."""
        if self.field_labels:
            return f"field label not supported: {label}"
        return f'"{label}" is not a known field selector: only "metadata.name", "metadata.namespace"'


class StatusStrategy(Strategy):
    """The /status subresource of a kind: takes status (and metadata), restores everything else."""

    reset_on_main: tuple[tuple[str, ...], ...] = (("spec",),)

    def __init__(self, info: ResourceInfo, main: Strategy) -> None:
        super().__init__(info)
        self.main = main

    def default(self, obj: Object) -> None:
        self.main.default(obj)

    def name_errors(self, name: str) -> list[str]:
        return self.main.name_errors(name)

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        for key in list(new):
            if key not in ("apiVersion", "kind", "metadata", "status") and key not in old:
                del new[key]
        for key, value in old.items():
            if key not in ("metadata", "status"):
                new[key] = value

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return self.validate_status(ctx, new, old)

    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return []
