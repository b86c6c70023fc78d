"""Audit events as lines of a file, which is rotated by size; `-` is standard output.

A file that grows beyond its size is renamed to `name-<UTC time>.ext`; old ones go by number and by age, as
with upstream's flags. Each event is written at once, without waiting for the disk.
"""

from __future__ import annotations

import contextlib
import gzip
import logging
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from sekisho.api.clock import Clock
from sekisho.server.audit.backend import Record
from sekisho.server.audit.settings import DEFAULT_SIZE, Rotation

logger = logging.getLogger("sekisho.audit")

MEGABYTE = 1024 * 1024
DAY = 24 * 3600.0
_STAMP = "%Y-%m-%dT%H-%M-%S"
_BACKUP = re.compile(r"-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}\Z")

Format = Callable[[Record], bytes]


class LogFile:
    """Appends to `path`. OSError when it cannot be opened."""

    def __init__(self, path: str, rotation: Rotation, form: Format, clock: Clock) -> None:
        self._path = Path(path)
        self._rotation = rotation
        self._format = form
        self._clock = clock
        self._limit = (rotation.size or DEFAULT_SIZE) * MEGABYTE
        self._file, self._size = self._open()
        self._clean()

    def _open(self) -> tuple[BinaryIO, int]:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return os.fdopen(descriptor, "ab", buffering=0), os.fstat(descriptor).st_size

    async def process(self, records: Sequence[Record]) -> bool:
        try:
            for found in records:
                line = self._format(found)
                if self._size + len(line) > self._limit and self._size:
                    self._rotate()
                self._file.write(line)
                self._size += len(line)
        except (OSError, ValueError) as error:
            logger.error("an audit event could not be written to %s: %s", self._path, error)
            return False
        return True

    async def close(self) -> None:
        self._file.close()

    def _rotate(self) -> None:
        now = self._clock.now()
        stamp = time.strftime(_STAMP, time.gmtime(now)) + f".{int(now % 1 * 1000):03d}"
        backup = self._path.with_name(f"{self._path.stem}-{stamp}{self._path.suffix}")
        self._file.close()
        self._path.rename(backup)
        self._file, self._size = self._open()
        if self._rotation.compress:
            _compress(backup)
        self._clean()

    def _clean(self) -> None:
        """Remove old files that are too many or too old. What cannot be removed stays."""
        backups = sorted(self._backups(), reverse=True)
        kept = self._rotation.backups
        too_old = self._clock.now() - self._rotation.age * DAY
        for position, path in enumerate(backups):
            over = kept and position >= kept
            if over or (self._rotation.age and path.stat().st_mtime < too_old):
                with contextlib.suppress(OSError):
                    path.unlink()

    def _backups(self) -> list[Path]:
        """Old files; their names sort by time."""
        found = []
        for path in self._path.parent.glob(f"{_escaped(self._path.stem)}-*"):
            name = path.name.removesuffix(".gz")
            if name.endswith(self._path.suffix):
                stem = name.removesuffix(self._path.suffix) if self._path.suffix else name
                if _BACKUP.search(stem):
                    found.append(path)
        return found


def _escaped(stem: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", stem)


def _compress(path: Path) -> None:
    target = path.with_name(f"{path.name}.gz")
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with path.open("rb") as source, os.fdopen(descriptor, "wb") as file, gzip.open(file, "wb") as packed:
        shutil.copyfileobj(source, packed)
    path.unlink()


class StandardOutput:
    """Events among what the server prints."""

    def __init__(self, form: Format) -> None:
        self._format = form

    async def process(self, records: Sequence[Record]) -> bool:
        try:
            for found in records:
                sys.stdout.buffer.write(self._format(found))
            sys.stdout.buffer.flush()
        except (OSError, ValueError):
            return False
        return True

    async def close(self) -> None:
        return
