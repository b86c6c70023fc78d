"""One served resource: its coordinates, type, strategy and storage, and what every verb needs of them.

The verbs are functions of their own files (`creating`, `updating`, `patching`, `deleting`, `listing`, `watching`);
`Rest` is what they share. A subresource that is written like the object itself (status, scale is not) is
a Rest with the same storage and another strategy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from sekisho.api import status
from sekisho.api.encoding import encode, go_order
from sekisho.api.types import GroupResource, GroupVersionKind, Object
from sekisho.registry.fieldmanager import FieldManager
from sekisho.registry.managedfields import keep_reset
from sekisho.registry.options import WriteOptions
from sekisho.registry.storage import Storage
from sekisho.registry.strategy import Context, Strategy
from sekisho.schema.decode import decode
from sekisho.schema.resources import ResourceInfo
from sekisho.schema.types import Type
from sekisho.store.cache import Entry
from sekisho.store.entry import with_resource_version

if TYPE_CHECKING:
    from sekisho.registry.patching import PatchType
    from sekisho.registry.registry import Registry

Convert = Callable[[Object], Object]


class Answer:
    """What a verb answers with: an object of the served version, and its bytes when the cache has them."""

    __slots__ = ("created", "entry", "obj")

    def __init__(self, obj: Object, entry: Entry | None = None, created: bool = False) -> None:
        self.obj = obj
        self.entry = entry
        self.created = created

    def data(self) -> bytes:
        return self.entry.data if self.entry is not None else encode(self.obj)


class AdmissionChain(Protocol):
    """What the registry asks of admission; the plugins and their order are admission's own affair."""

    async def admit(
        self,
        ctx: Context,
        rest: Rest,
        operation: str,
        obj: Object | None,
        old: Object | None,
        options: Object,
    ) -> None:
        """Let the mutating plugins change `obj` in place. Raises StatusError to refuse."""

    async def validate(
        self,
        ctx: Context,
        rest: Rest,
        operation: str,
        obj: Object | None,
        old: Object | None,
        options: Object,
    ) -> None:
        """Let the validating plugins refuse. Raises StatusError."""


@dataclass(slots=True, eq=False)
class Rest:
    registry: Registry
    info: ResourceInfo
    strategy: Strategy
    storage: Storage
    type: Type
    fields: FieldManager
    subresource: str = ""
    to_storage: Convert | None = None
    """From the served version to the stored one; None where they are the same."""
    from_storage: Convert | None = None
    virtual: Subresource | None = None
    """For kinds that are only created and never stored (reviews): what answers the create."""
    subresources: dict[str, Rest | Subresource] = field(default_factory=dict)
    zero: Object | None = None
    """What `zero_object` made."""

    @property
    def kind(self) -> GroupVersionKind:
        return GroupVersionKind(self.info.group, self.info.version, self.info.kind)

    @property
    def resource(self) -> GroupResource:
        return GroupResource(self.info.group, self.info.resource)

    def entry(self, namespace: str, name: str) -> Entry:
        """The stored object in the served version, or the 404."""
        entry = self.storage.get(namespace, name)
        if entry is None:
            raise status.not_found(self.resource, name)
        return entry

    def served(self, obj: Object) -> Object:
        """A stored object in the served version."""
        return self.from_storage(obj) if self.from_storage else obj

    def stored(self, obj: Object) -> Object:
        """A served object in the stored version."""
        return self.to_storage(obj) if self.to_storage else obj

    def judged(self, obj: Object) -> Object:
        """A served object in the version that the strategy judges."""
        return self.stored(obj) if self.strategy.judges_stored else obj

    def shown(self, judged: Object) -> Object:
        """A judged object in the served version."""
        return self.served(judged) if self.strategy.judges_stored else judged

    def kept(self, judged: Object) -> Object:
        """A judged object in the stored version."""
        return judged if self.strategy.judges_stored else self.stored(judged)

    def answer(self, entry: Entry) -> Answer:
        if self.from_storage:
            return Answer(self.from_storage(entry.obj))
        return Answer(entry.obj, entry)

    async def write(self, key: str, stored: Object, expect: int) -> Answer:
        """Put the stored form, and answer with what the cache then holds. Raises WriteConflict."""
        revision = await self.storage.put(key, stored, expect)
        current = self.storage.cache.get(key)
        if current is not None and current.revision == revision:
            return self.answer(current)
        return Answer(self.served(with_resource_version(stored, revision)))

    def typed(self, raw: Object) -> tuple[Object, list[str]]:
        """An object as Go would hold it: decoded, defaulted, in order. Second: unknown and duplicate fields.

        Raises DecodeError with Go's text when a field has the wrong type."""
        obj, problems = decode(self.type, raw)
        obj["kind"] = self.info.kind
        obj["apiVersion"] = self.kind.api_version
        obj.setdefault("metadata", {})
        keep_reset(raw, obj)
        for path in self.strategy.telling_empties:
            _keep_empty(raw, obj, path)
        self.strategy.default(obj)
        return go_order(obj), problems

    def zero_object(self) -> Object:
        """The kind with nothing in it, as Go writes the zero value: what bookmarks carry."""
        if self.zero is None:
            obj, _ = decode(self.type, {})
            head: Object = {"kind": self.info.kind, "apiVersion": self.kind.api_version, "metadata": {}}
            self.zero = {**head, **{k: v for k, v in obj.items() if k not in head}}
        return self.zero

    def invalid(self, name: str, errors: Iterable[object]) -> status.StatusError:
        return status.invalid(self.strategy.error_kind(self.kind), name, list(errors))  # type: ignore[arg-type]


def _keep_empty(raw: Object, obj: Object, path: tuple[str, ...]) -> None:
    """Hand an empty list at `path` on to `obj`, which was decoded from `raw`."""
    given: Object | None = raw
    holder: Object | None = obj
    for name in path[:-1]:
        given, holder = (given or {}).get(name), (holder or {}).get(name)
    if given is not None and holder is not None and given.get(path[-1]) == []:
        holder[path[-1]] = []


class Subresource:
    """A subresource or a virtual kind that is no view of a stored object: binding, eviction, token, scale, reviews.

    `kind` and `type` are of the bodies it takes. What it does not override it does not know."""

    def __init__(self, kind: GroupVersionKind, type_: Type) -> None:
        self.kind = kind
        self.type = type_

    def default(self, obj: Object) -> None:
        """Fill in the defaults of the body's kind, in place."""

    def typed(self, raw: Object) -> tuple[Object, list[str]]:
        """As Rest.typed."""
        obj, problems = decode(self.type, raw)
        obj["kind"] = self.kind.kind
        obj["apiVersion"] = self.kind.api_version
        obj.setdefault("metadata", {})
        self.default(obj)
        return go_order(obj), problems

    async def create(self, rest: Rest, ctx: Context, obj: Object, options: WriteOptions) -> Answer:
        raise status.route_method_not_allowed()

    async def get(self, rest: Rest, ctx: Context) -> Answer:
        raise status.route_method_not_allowed()

    async def update(self, rest: Rest, ctx: Context, obj: Object, options: WriteOptions) -> Answer:
        raise status.route_method_not_allowed()

    async def patch(
        self, rest: Rest, ctx: Context, patch_type: PatchType, data: bytes, options: WriteOptions
    ) -> Answer:
        raise status.route_method_not_allowed()
