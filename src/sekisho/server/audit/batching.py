"""Events gathered into batches and sent beside the requests (k8s.io/apiserver/plugin/pkg/audit/buffered).

A batch goes when it is full or when its first event has waited long enough; a throttle bounds how many go in
a second. Events that find the buffer full are lost, and counted in the log. Batches are sent side by side, so
that a receiver that is slow to answer does not hold up the next one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from sekisho.api.clock import Clock
from sekisho.server.audit.backend import Backend, Record
from sekisho.server.audit.settings import BatchOptions

logger = logging.getLogger("sekisho.audit")

CLOSE_SECONDS = 3.0


class Throttle:
    """A token bucket."""

    def __init__(self, qps: float, burst: int, clock: Clock) -> None:
        self._qps = qps
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._then = clock.monotonic()

    async def wait(self) -> None:
        now = self._clock.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._then) * self._qps)
        self._then = now
        self._tokens -= 1
        if self._tokens < 0:
            await self._clock.sleep(-self._tokens / self._qps)


class Batching:
    """Begins to send with the first event."""

    def __init__(self, inner: Backend, options: BatchOptions, clock: Clock) -> None:
        self._inner = inner
        self._options = options
        self._clock = clock
        self._throttle = (
            Throttle(options.throttle_qps, options.throttle_burst, clock) if options.throttle else None
        )
        self._buffer: deque[Record] = deque()
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._sending: set[asyncio.Task[bool]] = set()
        self._task: asyncio.Task[None] | None = None
        self._lost = 0

    async def process(self, records: Sequence[Record]) -> bool:
        for found in records:
            if len(self._buffer) >= self._options.buffer_size:
                self._count_loss()
                return False
            self._buffer.append(found)
        self._arrived.set()
        if len(self._buffer) >= self._options.max_size:
            self._full.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return True

    def _count_loss(self) -> None:
        self._lost += 1
        if self._lost & (self._lost - 1) == 0:
            logger.error("the audit buffer is full; %d events have been lost", self._lost)

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            await self._gather()
            if self._throttle is not None:
                await self._throttle.wait()
            self._send()

    async def _gather(self) -> None:
        """Wait until a batch is full or has waited long enough."""
        if len(self._buffer) >= self._options.max_size or not self._options.max_wait:
            return
        self._full.clear()
        waiting = asyncio.ensure_future(self._full.wait())
        sleeping = asyncio.ensure_future(self._clock.sleep(self._options.max_wait))
        try:
            await asyncio.wait((waiting, sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            sleeping.cancel()

    def _send(self) -> None:
        size = min(self._options.max_size, len(self._buffer))
        batch = [self._buffer.popleft() for _ in range(size)]
        if not self._buffer:
            self._arrived.clear()
        if batch:
            task = asyncio.create_task(self._inner.process(batch))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def close(self) -> None:
        """What has gathered is sent without further waiting; a receiver that does not answer is not waited for."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        while self._buffer:
            self._send()
        if self._sending:
            _, late = await asyncio.wait(self._sending, timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()
        await self._inner.close()
