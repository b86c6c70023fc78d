"""Revocations take effect: from the stored objects to the gate, the token cache and the open streams.

The list follows the cache, so that a revocation counts from the moment in which its write is answered.
"""

from __future__ import annotations

from collections.abc import Callable

from sekisho.authn.factory import Authentication
from sekisho.authn.interface import Identity
from sekisho.authn.revocation import Revocations
from sekisho.registry.registry import Registry
from sekisho.schema.identity import GROUP
from sekisho.store.entry import DELETED, CacheEvent


class RevocationCheck:
    """Keeps a gate's guard. `end_streams` is to end the open streams of those whom `refuses` names."""

    def __init__(self, registry: Registry, authentication: Authentication) -> None:
        self.end_streams: Callable[[], None] = lambda: None
        self._authentication = authentication
        self._revocations = Revocations()
        cache = registry.named(f"revocations.{GROUP}").storage.cache
        for entry in cache.list():
            self._revocations.upsert(entry.obj)
        self._changed()
        self._revocations.changed = self._changed
        cache.follow(self._follow)

    def _follow(self, event: CacheEvent) -> None:
        if event.type == DELETED:
            self._revocations.remove(event.entry.obj["metadata"]["name"])
        else:
            self._revocations.upsert(event.entry.obj)

    def _changed(self) -> None:
        guard = self._revocations.guard
        self._authentication.gate.guard = guard
        if self._authentication.token_cache is not None:
            self._authentication.token_cache.forget()
        if guard is not None:
            self.end_streams()

    def refuses(self, identity: Identity) -> bool:
        return self._revocations.refusal(identity) is not None
