"""Keeps a store's history short: what upstream's API server does to etcd, on the same schedule."""

from __future__ import annotations

import contextlib

from sekisho.api.clock import Clock
from sekisho.store.interface import Store, StoreError

COMPACTION_SECONDS = 300.0


async def compact_periodically(store: Store, clock: Clock, interval: float = COMPACTION_SECONDS) -> None:
    """Compact, every `interval` seconds, to the revision noted one interval ago; runs until cancelled.

    So history reaches back between one and two intervals. A store that cannot be written to now is tried
    again the next time.
    """
    noted = store.revision
    while True:
        await clock.sleep(interval)
        with contextlib.suppress(StoreError):
            await store.compact(noted)
        noted = store.revision
