"""From requests to backends: the policy's ruling, the events of each stage, and their order."""

from __future__ import annotations

import asyncio

from sekisho.api.clock import Clock
from sekisho.api.types import Attributes, UserInfo
from sekisho.server.audit.backend import Backend, record
from sekisho.server.audit.event import AuditedRequest
from sekisho.server.audit.policy import Level, Policy
from sekisho.server.request import Request


class Auditor:
    """One server's auditing."""

    def __init__(self, policy: Policy, backend: Backend, clock: Clock) -> None:
        self._policy = policy
        self._backend = backend
        self._clock = clock
        self._emitting: set[asyncio.Task[bool]] = set()

    def begin(self, request: Request, attributes: Attributes, user: UserInfo | None) -> AuditedRequest | None:
        """None when the policy wants no events of this request."""
        ruling = self._policy.ruling(attributes)
        if ruling.level is Level.NONE:
            return None
        return AuditedRequest(request, attributes, user, ruling)

    async def emit(self, audited: AuditedRequest, stage: str) -> bool:
        """The event of a stage, unless the policy omits it. False: it was lost, and the request must fail."""
        if stage in audited.ruling.omit_stages:
            return True
        return await self._backend.process([record(audited.at(stage, self._clock.now()))])

    def emit_later(self, audited: AuditedRequest, stage: str) -> None:
        """As `emit`, for the end of a stream, where nobody waits."""
        task = asyncio.get_running_loop().create_task(self.emit(audited, stage))
        self._emitting.add(task)
        task.add_done_callback(self._emitting.discard)

    async def close(self) -> None:
        await asyncio.gather(*self._emitting, return_exceptions=True)
        await self._backend.close()
