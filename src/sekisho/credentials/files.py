"""Writing credential files: all or nothing, closed to others, never over a file that somebody else made.

A reader never sees half a file: content goes to a temporary name in the same folder, is synced, and is linked
or renamed into place.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl

PRIVATE = 0o600
PUBLIC = 0o644


def _temporary(path: Path, data: bytes, mode: int) -> Path:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def write_new(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Create a file; FileExistsError when there is one already, whose content is then left alone."""
    temporary = _temporary(path, data, mode)
    try:
        os.link(temporary, path)
    finally:
        temporary.unlink()


def replace(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Put new content in place of a file, through a symbolic link to the file it names."""
    path = path.resolve()
    temporary = _temporary(path, data, mode)
    try:
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def lock_file(path: Path, patience: float = 5.0) -> Iterator[None]:
    """Hold `<path>.lock`, as kubectl and kind guard a kubeconfig; TimeoutError after `patience` seconds."""
    lock = path.with_name(path.name + ".lock")
    waited, step = 0.0, 0.02
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL, 0o600))
            break
        except FileExistsError:
            if waited >= patience:
                message = f"{path} is locked: remove {lock} if no other program is writing it"
                raise TimeoutError(message) from None
            time.sleep(step)
            waited += step
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold a folder against other processes; a crash lets go of it. No lock where the system has no flock."""
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
