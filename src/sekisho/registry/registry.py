"""All served resources over one store: built from the resource table and the strategies.

The registry knows no HTTP and no authentication. Callers come with a `Context` that says who asks; the
checkpoint (authorization) stands before it, admission inside its verbs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sekisho.api.clock import Clock
from sekisho.api.random import RandomSource
from sekisho.api.types import Authorizer, GroupResource, GroupVersionKind, Object, UserInfo
from sekisho.registry.fieldmanager import FieldManager
from sekisho.registry.fieldversions import Converter
from sekisho.registry.kinds import registration
from sekisho.registry.kinds.rbac import Holdings
from sekisho.registry.rest import AdmissionChain, Rest, Subresource
from sekisho.registry.storage import Storage
from sekisho.registry.strategy import Context
from sekisho.schema import identity
from sekisho.schema.builtin import builtin_types
from sekisho.schema.resources import ResourceInfo, builtin_resources
from sekisho.schema.types import Type
from sekisho.store.cache import WatchCache
from sekisho.store.interface import Store

Key = tuple[str, str, str]


class Registry:
    """Every served resource by (group, version, plural); `admission` and `holdings` are set before the first
    request."""

    admission: AdmissionChain
    holdings: Holdings

    def __init__(
        self,
        store: Store,
        cache: WatchCache,
        clock: Clock,
        random: RandomSource,
        settings: registration.Settings,
        resources: Iterable[ResourceInfo] | None = None,
    ) -> None:
        self.store = store
        self.cache = cache
        self.clock = clock
        self.random = random
        self.settings = settings
        self.types = builtin_types()
        self._rests: dict[Key, Rest] = {}
        self._preferred: dict[str, Rest] = {}
        self._storages: dict[str, Storage] = {}
        for info in builtin_resources() if resources is None else resources:
            self.serve(info)
        if resources is None:
            self.serve(identity.REVOCATIONS, identity.revocation_type())

    def serve(self, info: ResourceInfo, type_: Type | None = None) -> None:
        """Install a resource and its subresources. `type_` is that of its kind, if it is none of the built-in ones."""
        storage = self._storages.get(info.key_prefix)
        if storage is None:
            storage = Storage(self.store, self.cache, info, registration.ttl(info, self.settings))
            self._storages[info.key_prefix] = storage
        rest = self._rest(info, storage, type_)
        registration.add_subresources(self, rest)
        self._rests[info.group, info.version, info.resource] = rest
        self._preferred.setdefault(str(GroupResource(info.group, info.resource)), rest)

    def _rest(self, info: ResourceInfo, storage: Storage, type_: Type | None) -> Rest:
        kind = GroupVersionKind(info.group, info.version, info.kind)
        type_ = type_ or self.types.for_kind(kind)
        to_storage = from_storage = None
        if info.storage_gvk != kind:
            from sekisho.schema import conversion

            to_storage = conversion.converter(kind, info.storage_gvk)
            from_storage = conversion.converter(info.storage_gvk, kind)
        return Rest(
            registry=self,
            info=info,
            strategy=registration.strategy_for(info, self.settings),
            storage=storage,
            type=type_,
            fields=FieldManager(type_, kind, self._converter(info)),
            to_storage=to_storage,
            from_storage=from_storage,
        )

    def _converter(self, info: ResourceInfo) -> Converter:
        """Objects of a resource in the versions that other writers used, for ownership of their fields."""

        def convert(obj: Object, api_version: str) -> tuple[Type, Object] | None:
            source, target = (
                self._rests.get((group, version, info.resource))
                for group, _, version in (obj["apiVersion"].rpartition("/"), api_version.rpartition("/"))
            )
            return (target.type, target.served(source.stored(obj))) if source and target else None

        return convert

    def install(self, group: str, resource: str, handler: Subresource, subresource: str = "") -> None:
        """Let `handler` answer a virtual kind, or a subresource, in every version that is served."""
        for (g, _, r), rest in self._rests.items():
            if (g, r) == (group, resource):
                if subresource:
                    rest.subresources[subresource] = handler
                else:
                    rest.virtual = handler

    @property
    def resources(self) -> Mapping[Key, Rest]:
        return self._rests

    def rest(self, group: str, version: str, resource: str) -> Rest | None:
        return self._rests.get((group, version, resource))

    def named(self, group_resource: str) -> Rest:
        """The preferred version of `pods` or `deployments.apps`. KeyError for what is not served."""
        return self._preferred[group_resource]

    def lookup(self, resource: str, namespace: str, name: str) -> Object | None:
        """The object as the cache has it, without authorization: for checks inside the server itself."""
        rest = self._preferred[resource]
        entry = rest.storage.get(namespace, name)
        return None if entry is None else rest.served(entry.obj)

    def lookup_all(self, resource: str, namespace: str = "") -> list[Object]:
        """All objects of a resource, or those of one namespace, in key order; see `lookup`."""
        rest = self._preferred[resource]
        prefix = f"{rest.storage.prefix}{namespace}/" if namespace else rest.storage.prefix
        return [rest.served(entry.obj) for entry in rest.storage.cache.list(prefix)]

    def context(self, user: UserInfo, authorizer: Authorizer, **request: object) -> Context:
        """A request's context with this registry's clock and randomness."""
        return Context(user, authorizer, self.clock, self.random, self, **request)  # type: ignore[arg-type]
