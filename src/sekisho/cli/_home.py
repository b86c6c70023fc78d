"""Where clusters live on disk, and whether one is running: a folder each, a lock held by the server."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sekisho.cli._errors import CommandError

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?\Z")
FORMAT = 1
"""Version of the folder's layout; a folder with a higher one was made by a newer Sekisho."""


def home() -> Path:
    """$SEKISHO_HOME, else `sekisho` in the user's data folder."""
    if explicit := os.environ.get("SEKISHO_HOME"):
        return Path(explicit)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "sekisho"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "sekisho"


@dataclass(frozen=True, slots=True)
class Place:
    """One cluster's folder. Everything in it is readable by its owner only."""

    name: str
    folder: Path

    @property
    def pki(self) -> Path:
        return self.folder / "pki"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def context(self) -> str:
        """The name of the kubeconfig context."""
        return f"sekisho-{self.name}"

    @property
    def state_file(self) -> Path:
        return self.folder / "server.json"

    @property
    def lock_file(self) -> Path:
        return self.folder / "server.lock"

    def exists(self) -> bool:
        return self.folder.is_dir()

    def prepare(self) -> None:
        """Make the folder. Raises CommandError when that cannot be, or when a newer Sekisho made it."""
        try:
            for folder in (self.folder, self.data):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            version = self.folder / "format"
            if version.exists():
                found = version.read_text().strip()
                if found != str(FORMAT):
                    raise CommandError(
                        f"{self.folder} was made by a newer version of Sekisho (format {found}, this one knows {FORMAT})"
                    )
            else:
                write_private(version, f"{FORMAT}\n".encode())
        except OSError as error:
            raise CommandError(
                f"cannot use data folder {self.folder}: {(error.strerror or str(error)).lower()}"
            )

    def state(self) -> dict[str, Any]:
        """What the server last said of itself; empty when there is nothing to read."""
        try:
            value = json.loads(self.state_file.read_text())
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}

    def is_running(self) -> bool:
        """Whether a server holds the lock."""
        try:
            descriptor = os.open(self.lock_file, os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno in (errno.EWOULDBLOCK, errno.EACCES)
        finally:
            os.close(descriptor)
        return False

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Hold the lock for as long as the server runs. Raises CommandError when another one holds it."""
        descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise CommandError(f'cluster "{self.name}" is already running')
            yield
        finally:
            os.close(descriptor)

    def remove(self) -> None:
        shutil.rmtree(self.folder)


def place(name: str) -> Place:
    """The place of a cluster by name. Raises CommandError for a name that cannot be one."""
    if not NAME.match(name):
        raise CommandError(
            f'"{name}" is not a cluster name: use up to 40 lower case letters, digits and dashes, beginning and '
            "ending with a letter or digit"
        )
    return Place(name, home() / name)


def places() -> list[Place]:
    """Every cluster there is a folder of, by name."""
    root = home()
    if not root.is_dir():
        return []
    return [Place(p.name, p) for p in sorted(root.iterdir()) if p.is_dir() and NAME.match(p.name)]


def running_place(name: str) -> Place:
    """The place of a cluster that runs. Raises CommandError otherwise."""
    found = place(name)
    if not found.is_running():
        raise CommandError(f'cluster "{name}" is not running; start it with: sekisho up --name {name}')
    return found


def write_private(path: Path, data: bytes) -> None:
    """Replace a file in one step, readable by its owner only."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    os.replace(temporary, path)
