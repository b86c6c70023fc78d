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
    """Stop a cluster. Its data, keys and kubeconfig context stay: `sekisho up` brings it back as it was."""
    place = _home.running_place(name)
    stop(place)
    click.echo(f'Cluster "{name}" is stopped.')


def stop(place: _home.Place) -> None:
    """End the server and wait for it. It finishes the writes that were begun."""
    pid = place.state().get("pid")
    if not isinstance(pid, int):
        raise CommandError(
            f'cannot tell which process serves cluster "{place.name}": {place.state_file} is damaged'
        )
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while place.is_running():
        if time.monotonic() > deadline:
            raise CommandError(f"the server (process {pid}) did not stop within {STOP_SECONDS:.0f} s")
        time.sleep(0.02)
