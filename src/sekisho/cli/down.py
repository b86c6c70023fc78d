"""`sekisho down`: stop a cluster; everything it holds stays."""

from __future__ import annotations

import os
import signal
import time

import click

from sekisho.cli import _home
from sekisho.cli._errors import CommandError
from sekisho.cli._output import name_option

STOP_SECONDS = 10.0


@click.command("down", short_help="Stop a cluster; its data stays.")
@name_option
def command(name: str) -> None:
    """Stop a cluster. Its data, keys and kubeconfig context stay: `sekisho up` brings it back as it was.

    Watches end, requests that are being answered finish, and what was answered is on disk.

    \b
    Example:
      sekisho down && sekisho up
    """
    place = _home.existing_place(name)
    if not place.is_running():
        click.echo(f'Cluster "{name}" is not running.')
        return
    stop(place)
    click.echo(f'Cluster "{name}" is stopped.')


def stop(place: _home.Place) -> None:
    """End the server and wait for it. Raises CommandError when it cannot be ended."""
    pid = place.pid()
    _signal(pid, signal.SIGTERM)
    if _gone(place, STOP_SECONDS):
        return
    click.echo(f"The server (process {pid}) did not stop within {STOP_SECONDS:.0f} s; killing it.", err=True)
    _signal(pid, signal.SIGKILL)
    if not _gone(place, STOP_SECONDS):
        raise CommandError(f"the server (process {pid}) does not stop")


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # it has just ended by itself
    except PermissionError:
        raise CommandError(f"process {pid} belongs to somebody else")


def _gone(place: _home.Place, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while place.is_running():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
