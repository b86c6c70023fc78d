"""Waiting for an event or for the cluster's time, whichever comes first."""

from __future__ import annotations

import asyncio

from sekisho.api.clock import Clock


async def wait(event: asyncio.Event, clock: Clock, seconds: float | None) -> bool:
    """True when the event is set; False when `seconds` passed before. None waits for the event alone."""
    if seconds is None:
        return await event.wait()
    if event.is_set() or seconds <= 0:
        await asyncio.sleep(0)
        return event.is_set()
    sleeping = asyncio.ensure_future(clock.sleep(seconds))
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait((sleeping, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        sleeping.cancel()
        waiting.cancel()
    return event.is_set()
