"""A mount namespace in which a folder appears where containers find their credentials; nothing else changes.

The machine's own folders are never written to: the folder that the path goes through (/run) becomes a file
system of its own that shows what the real one holds. bubblewrap does it for everybody, unshare for root and
where unprivileged user namespaces are allowed; there the command believes that it is root.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def tool() -> str | None:
    """bwrap or unshare, whichever this machine has; None where there are no mount namespaces."""
    if sys.platform != "linux":
        return None
    return shutil.which("bwrap") or shutil.which("unshare")


@dataclass(frozen=True, slots=True)
class Plan:
    """`top` is replaced; `kept` are paths in it that go on to be seen; the folder appears at `target`."""

    top: Path
    kept: tuple[Path, ...]
    target: Path


def plan(mount: str = MOUNT) -> Plan:
    """What has to be replaced so that `mount` can be made without writing into a folder of the machine."""
    top = Path(*Path(mount).parts[:3]).resolve()
    parts = Path(mount).parts[3:]
    return Plan(top, tuple(_kept(top, parts)), top.joinpath(*parts))


def _kept(level: Path, parts: Sequence[str]) -> Iterator[Path]:
    for part in parts:
        yield from (level / name for name in sorted(os.listdir(level)) if name != part)
        level = level / part
        if not level.is_dir():
            return


def wrapped(arguments: Sequence[str], folder: Path, stage: Path, program: str) -> list[str]:
    """The command line that runs `arguments` with `folder` at its place. `program` is what `tool` found, `stage` an
    empty folder that it may mount on."""
    found = plan()
    if os.path.basename(program) == "bwrap":
        return [program, *_bwrap(found, folder), "--", *arguments]
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    script = _script(found, folder, stage)
    return [program, *user, "--mount", "--", "sh", "-c", script, "sh", *arguments]


def _bwrap(found: Plan, folder: Path) -> list[str]:
    out = ["--dev-bind", "/", "/", "--tmpfs", str(found.top)]
    for path in found.kept:
        if path.is_symlink():
            out += ["--symlink", os.readlink(path), str(path)]
        else:
            out += ["--dev-bind-try", str(path), str(path)]
    return [*out, "--ro-bind", str(folder), str(found.target), "--die-with-parent"]


def _script(found: Plan, folder: Path, stage: Path) -> str:
    """The same for unshare: build the new folder beside, then move it into place."""
    lines = [
        "set -e",
        "mount -n --make-rprivate /",
        f"mount -n -t tmpfs -o mode=755 tmpfs {_quoted(stage)}",
    ]
    for path in found.kept:
        place = stage / path.relative_to(found.top)
        lines.append(f"mkdir -p {_quoted(place.parent)}")
        if path.is_symlink():
            lines.append(f"ln -s {shlex.quote(os.readlink(path))} {_quoted(place)}")
        elif path.exists():
            lines.append(f"{'mkdir' if path.is_dir() else ': >'} {_quoted(place)}")
            lines.append(f"mount -n --rbind {_quoted(path)} {_quoted(place)}")
    place = stage / found.target.relative_to(found.top)
    lines += [
        f"mkdir -p {_quoted(place)}",
        f"mount -n --bind {_quoted(folder)} {_quoted(place)}",
        f"mount -n -o remount,bind,ro {_quoted(place)}",
        f"mount -n --move {_quoted(stage)} {_quoted(found.top)}",
        'exec "$@"',
    ]
    return "\n".join(lines)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
