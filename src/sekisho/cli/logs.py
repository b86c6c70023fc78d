"""`sekisho logs`: what a cluster's server wrote."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from io import TextIOBase

import click

from sekisho.cli import _home
from sekisho.cli._errors import CommandError
from sekisho.cli._output import name_option

POLL = 0.1


@click.command("logs", short_help="Show a cluster's log.")
@name_option
@click.option("--follow", "-f", is_flag=True, help="Go on until interrupted.")
@click.option("--tail", type=click.IntRange(min=0), metavar="LINES", help="Only the last LINES lines.")
def command(name: str, follow: bool, tail: int | None) -> None:
    """Print the log of a cluster's server. It never holds a token or a key.

    How much is in it depends on --v: `sekisho up -- --v=4` logs what the control plane does.

    \b
    Example:
      sekisho logs --tail 20 --follow
    """
    place = _home.existing_place(name)
    if not place.log.exists():
        raise CommandError(f'cluster "{name}" has no log yet')
    with place.log.open(errors="replace") as file, contextlib.suppress(KeyboardInterrupt):
        for line in file if tail is None else deque(file, maxlen=tail):
            click.echo(line, nl=False)
        if follow:
            _follow(place, file)


def _follow(place: _home.Place, file: TextIOBase) -> None:
    """Print what is added, also by a server that is started later; a log that shrank is read from its start."""
    while True:
        if line := file.readline():
            click.echo(line, nl=False)
            continue
        if place.log.stat().st_size < file.tell():
            file.seek(0)
        time.sleep(POLL)
