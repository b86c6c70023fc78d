"""Events cut to a size that receivers take (k8s.io/apiserver/plugin/pkg/audit/truncate).

An event that is too large loses its request and response, and is marked; one that is still too large is lost.
Batches that are too large are sent in pieces.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sekisho.server.audit.backend import Backend, Record, record
from sekisho.server.audit.settings import TruncateOptions

logger = logging.getLogger("sekisho.audit")

MARK = "audit.k8s.io/truncated"


class Truncating:
    def __init__(self, inner: Backend, options: TruncateOptions) -> None:
        self._inner = inner
        self._options = options

    async def process(self, records: Sequence[Record]) -> bool:
        kept = True
        batch: list[Record] = []
        size = 0
        for found in records:
            fitting = self._fitting(found)
            if fitting is None:
                logger.error("an audit event of %d bytes is too large and was lost", len(found.data))
                kept = False
                continue
            if batch and size + len(fitting.data) > self._options.max_batch_size:
                kept = await self._inner.process(batch) and kept
                batch, size = [], 0
            batch.append(fitting)
            size += len(fitting.data)
        return (await self._inner.process(batch) and kept) if batch else kept

    async def close(self) -> None:
        await self._inner.close()

    def _fitting(self, found: Record) -> Record | None:
        limit = self._options.max_event_size
        if len(found.data) <= limit:
            return found
        event = {k: v for k, v in found.event.items() if k not in ("requestObject", "responseObject")}
        annotations = {**event.get("annotations", {}), MARK: "true"}
        shorter = record({**event, "annotations": dict(sorted(annotations.items()))})
        return shorter if len(shorter.data) <= limit else None
