"""Ends connections whose time is up: one look a second at all of them, instead of a timer for each request."""

from __future__ import annotations

import asyncio
from typing import Protocol

NEVER = float("inf")
PERIOD = 1.0


class Mortal(Protocol):
    deadline: float
    """When it is to be ended, in the loop's time."""

    def expire(self) -> None: ...


class Reaper:
    """Knows the connections of one listener. Its timer runs only while there are any."""

    def __init__(self) -> None:
        self._watched: set[Mortal] = set()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, connection: Mortal) -> None:
        self._watched.add(connection)
        if self._timer is None:
            self._arm()

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(PERIOD, self._sweep)

    def forget(self, connection: Mortal) -> None:
        self._watched.discard(connection)
        if not self._watched and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sweep(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for connection in [c for c in self._watched if c.deadline <= now]:
            connection.expire()
        if self._watched:
            self._arm()
