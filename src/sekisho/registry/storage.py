"""One kind's objects in the store: keys, writes with their expected revision, reads from the watch cache."""

from __future__ import annotations

from typing import Any

from sekisho.api import status
from sekisho.api.encoding import encode
from sekisho.api.types import GroupResource, Object
from sekisho.schema.resources import ResourceInfo
from sekisho.store.cache import Entry, ResourceCache, WatchCache
from sekisho.store.interface import Conflict, Delete, Put, Store, StoreError

MAX_OBJECT_BYTES = 3 * 512 * 1024
"""etcd's default request limit, 1.5 MiB."""


class WriteConflict(Exception):
    """The stored object is no longer at the revision the write was made from."""


class Storage:
    """Where the objects of one storage resource live: `/registry/<prefix>/[<namespace>/]<name>`."""

    def __init__(self, store: Store, cache: WatchCache, info: ResourceInfo, ttl: float | None = None) -> None:
        self.store = store
        self.info = info
        self.prefix = f"/registry/{info.key_prefix}/"
        self.cache: ResourceCache = cache.resource(self.prefix)
        self.resource = GroupResource(info.group, info.resource)
        self.ttl = ttl

    def key(self, namespace: str, name: str) -> str:
        return f"{self.prefix}{namespace}/{name}" if self.info.namespaced else self.prefix + name

    def get(self, namespace: str, name: str) -> Entry | None:
        return self.cache.get(self.key(namespace, name))

    async def put(self, key: str, obj: Object, expect: int) -> int:
        """Write `obj` if the key is still at revision `expect` (0: if it does not exist).

        Returns the new revision, which `obj` then carries. Raises WriteConflict."""
        metadata: Object = obj["metadata"]
        metadata.pop("resourceVersion", None)
        value = encode(obj)
        if len(value) > MAX_OBJECT_BYTES:
            raise status.plain_error("etcdserver: request is too large")
        return await self._commit(Put(key, value, expect=expect, obj=obj, ttl=self.ttl))

    async def remove(self, key: str, expect: int) -> int:
        """Delete the key if it is still at revision `expect`; returns the revision of the deletion."""
        return await self._commit(Delete(key, expect=expect))

    async def _commit(self, operation: Any) -> int:
        try:
            return await self.store.commit([operation])
        except Conflict as error:
            raise WriteConflict from error
        except StoreError as error:
            raise status.internal_error(str(error)) from error
