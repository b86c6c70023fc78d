"""Noticing that files have changed, for certificates and configuration that are reloaded without a restart.

Looks at the files' identity, size and time once a second: Kubernetes' mounted Secrets are swapped by renaming a
folder, which notifications on the file itself do not tell of.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from sekisho.api.clock import Clock

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
Stamp = tuple[tuple[int, int, int] | None, ...]


def stamp(paths: Sequence[Path]) -> Stamp:
    """What tells one state of the files from another; None stands for a file that is not there."""
    out: list[tuple[int, int, int] | None] = []
    for path in paths:
        try:
            found = path.stat()
            out.append((found.st_ino, found.st_size, found.st_mtime_ns))
        except OSError:
            out.append(None)
    return tuple(out)


class FileWatch:
    """Calls back when one of the files has changed and all are there. Errors are logged; the next change counts."""

    def __init__(
        self,
        paths: Sequence[Path],
        changed: Callable[[], Awaitable[None] | None],
        clock: Clock,
        seconds: float = POLL_SECONDS,
    ) -> None:
        self._paths = tuple(paths)
        self._changed = changed
        self._clock = clock
        self._seconds = seconds
        self._seen = stamp(self._paths)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await self._clock.sleep(self._seconds)
            await self.look()

    async def look(self) -> bool:
        """One look; whether something had changed."""
        now = stamp(self._paths)
        if now == self._seen or None in now:
            return False
        self._seen = now
        try:
            result = self._changed()
            if inspect.isawaitable(result):
                await result
        except Exception as error:
            names = ", ".join(str(p) for p in self._paths)
            logger.error("%s changed and could not be used, the old one stays: %s", names, error)
        return True
