"""`sekisho logs`: what a cluster's server wrote."""

from __future__ import annotations

import time

import click

from sekisho.cli import _home
from sekisho.cli._errors import CommandError
from sekisho.cli._output import name_option

POLL = 0.2


@click.command("logs", short_help="Show a cluster's log.")
@name_option
@click.option("--follow", "-f", is_flag=True, help="Go on until interrupted.")
@click.option("--tail", type=click.IntRange(min=0), help="Only the last lines.")
def command(name: str, follow: bool, tail: int | None) -> None:
    """Print the log of a cluster's server. It never holds a token or a key."""
    place = _home.place(name)
    if not place.log.exists():
        raise CommandError(f'cluster "{name}" has no log yet')
    with place.log.open(errors="replace") as file:
        lines = file.readlines()
        for line in lines if tail is None else lines[len(lines) - min(tail, len(lines)) :]:
            click.echo(line, nl=False)
        while follow:
            line = file.readline()
            if line:
                click.echo(line, nl=False)
            else:
                time.sleep(POLL)
