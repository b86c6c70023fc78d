"""`sekisho reset`: a cluster is gone, with its data, its keys and its contexts."""

from __future__ import annotations

import os

import click

from sekisho.cli import _home
from sekisho.cli._errors import CommandError
from sekisho.cli._output import name_option
from sekisho.cli.down import stop
from sekisho.credentials import kubeconfig


@click.command("reset", short_help="Delete a cluster's data, keys and contexts.")
@name_option
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def command(name: str, yes: bool) -> None:
    """Stop a cluster and delete its data, its keys and certificates, and its kubeconfig contexts.

    There is no way back: certificates and tokens that it issued are worth nothing afterwards.
    """
    place = _home.place(name)
    if not place.exists():
        raise CommandError(f'there is no cluster "{name}"')
    if not yes:
        click.confirm(f'Delete cluster "{name}" and all it holds?', abort=True)
    if place.is_running():
        stop(place)
    where = kubeconfig.paths(None, os.environ)
    try:
        config = kubeconfig.load(where)
        for context in config.get("contexts") or []:
            own = str(context.get("name", ""))
            if own == place.context or own.endswith(f"@{place.context}"):
                kubeconfig.remove(where, own)
    except kubeconfig.KubeconfigError as error:
        raise CommandError(str(error))
    place.remove()
    click.echo(f'Cluster "{name}" is deleted.')
