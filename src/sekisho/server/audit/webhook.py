"""Audit events posted to another server as an EventList (k8s.io/apiserver/plugin/pkg/audit/webhook).

A call that fails is made again, up to five times in all, each time after a longer wait; 4xx answers are not,
but for 429. What is not taken then is lost, and said so in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sekisho.api.clock import Clock
from sekisho.api.random import RandomSource
from sekisho.credentials.outgoing import CallError, Target
from sekisho.server.audit.backend import Record

logger = logging.getLogger("sekisho.audit")

FACTOR, JITTER, STEPS = 1.5, 0.2, 5
TIMEOUT = 30.0
_TOO_MANY = 429


class Webhook:
    """`initial_backoff` in seconds."""

    def __init__(self, target: Target, clock: Clock, random: RandomSource, initial_backoff: float) -> None:
        self._target = target
        self._clock = clock
        self._random = random
        self._initial_backoff = initial_backoff

    async def process(self, records: Sequence[Record]) -> bool:
        items = b",".join(found.data for found in records)
        body = b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[%b]}' % items
        problem = ""
        wait = self._initial_backoff
        for step in range(STEPS):
            if step:
                await self._clock.sleep(wait * (1 + self._random.uniform(0, JITTER)))
                wait *= FACTOR
            problem, again = await self._post(body)
            if not problem:
                return True
            if not again:
                break
        logger.error("%d audit events could not be sent: %s", len(records), problem)
        return False

    async def _post(self, body: bytes) -> tuple[str, bool]:
        """What is wrong, empty when nothing is, and whether another try may help."""
        try:
            answer = await self._target.post(body)
        except CallError as error:
            return str(error), True
        if 200 <= answer.status < 300:
            return "", False
        return f"the server answered {answer.status}", answer.status >= 500 or answer.status == _TOO_MANY

    async def close(self) -> None:
        await self._target.close()
