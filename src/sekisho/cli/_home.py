"""Where clusters live on disk, and whether one is running: a folder each, a lock held by the server."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sekisho.cli._errors import CommandError

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?\Z")
DEFAULT = "default"
FORMAT = 1
"""Version of the folder's layout; a folder with a higher one was made by a newer Sekisho."""
PROBE_SECONDS = 0.2


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
    def format_file(self) -> Path:
        return self.folder / "format"

    @property
    def context(self) -> str:
        """The name of the kubeconfig context."""
        return f"sekisho-{self.name}"

    @property
    def state_file(self) -> Path:
        return self.folder / "server.json"

    @property
    def settings_file(self) -> Path:
        return self.folder / "settings.json"

    @property
    def lock_file(self) -> Path:
        return self.folder / "server.lock"

    def exists(self) -> bool:
        return self.folder.is_dir()

    def prepare(self) -> None:
        """Make the folder. Raises CommandError when that cannot be, or when a newer Sekisho made it."""
        self.check_format()
        try:
            for folder in (self.folder, self.data):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                folder.chmod(0o700)
            if not self.format_file.exists():
                write_private(self.format_file, f"{FORMAT}\n".encode())
        except OSError as error:
            raise CommandError(f"cannot use data folder {self.folder}: {_reason(error)}")

    def check_format(self) -> None:
        """Raises CommandError when a newer Sekisho made the folder, or when it cannot be read."""
        try:
            found = self.format_file.read_text(errors="replace").strip()
        except (FileNotFoundError, NotADirectoryError):
            return  # new; what cannot be made is told when it is made
        except OSError as error:
            raise CommandError(f"cannot use data folder {self.folder}: {_reason(error)}")
        if found.isdecimal() and int(found) <= FORMAT:
            return
        if not found.isdecimal():
            raise CommandError(f"{self.format_file} is damaged")
        raise CommandError(
            f"{self.folder} was made by a newer version of Sekisho (format {found}, this one knows {FORMAT})"
        )

    def state(self) -> dict[str, Any]:
        """What the server last said of itself; empty when there is nothing to read."""
        return _read_json(self.state_file)

    def settings(self) -> dict[str, Any]:
        """With which flags the cluster was last started, by flag name; empty before its first start."""
        return _read_json(self.settings_file)

    def is_running(self) -> bool:
        """Whether a server holds the lock."""
        try:
            descriptor = os.open(self.lock_file, os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def pid(self) -> int:
        """The process that holds the lock. Raises CommandError when that cannot be told."""
        try:
            return int(self.lock_file.read_text())
        except (OSError, ValueError):
            raise CommandError(
                f'cannot tell which process serves cluster "{self.name}": {self.lock_file} is damaged'
            )

    @contextlib.contextmanager
    def lock(self) -> Iterator[int]:
        """Take the lock; the descriptor is for the server to inherit, which then holds it until it ends.

        Raises CommandError when a server, or another command that is starting one, holds it already.
        """
        descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            deadline = time.monotonic() + PROBE_SECONDS
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise already_running(self)
                    time.sleep(0.01)  # somebody may only be looking, which takes no time
            yield descriptor
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


def existing_place(name: str) -> Place:
    """The place of a cluster that there is. Raises CommandError otherwise, naming those there are."""
    found = place(name)
    if not found.exists():
        others = ", ".join(p.name for p in places())
        hint = f"there is: {others}" if others else "make one with: sekisho up"
        raise CommandError(f'there is no cluster "{name}" ({hint})')
    return found


def running_place(name: str) -> Place:
    """The place of a cluster that runs. Raises CommandError otherwise."""
    found = existing_place(name)
    if not found.is_running():
        raise CommandError(f'cluster "{name}" is not running; start it with: {up_command(name)}')
    return found


def up_command(name: str) -> str:
    return "sekisho up" if name == DEFAULT else f"sekisho up --name {name}"


def already_running(found: Place) -> CommandError:
    url = found.state().get("url")
    return CommandError(f'cluster "{found.name}" is already running' + (f" at {url}" if url else ""))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def write_private(path: Path, data: bytes) -> None:
    """Replace a file in one step, readable by its owner only."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    os.replace(temporary, path)
