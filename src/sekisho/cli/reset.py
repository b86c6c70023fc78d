"""`sekisho reset`: a cluster is gone, with its data, its keys and its contexts."""

from __future__ import annotations

import os

import click

from sekisho.cli import _home
from sekisho.cli._errors import CommandError
from sekisho.cli._output import name_option
from sekisho.cli.down import stop


@click.command("reset", short_help="Delete a cluster's data, keys and contexts.")
@name_option
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def command(name: str, yes: bool) -> None:
    """Stop a cluster and delete its data, its keys and certificates, and its kubeconfig contexts.

    There is no way back: certificates and tokens that it issued are worth nothing afterwards. Contexts of its
    users (`alice@sekisho-NAME`) go too; everything else in the kubeconfig stays.

    \b
    Example:
      sekisho reset --yes
    """
    from sekisho.credentials import kubeconfig

    place = _home.existing_place(name)
    where = kubeconfig.paths(None, os.environ)
    try:
        contexts = _contexts(kubeconfig.load(where), place.context)
        if not yes:
            _ask(name)
        if place.is_running():
            stop(place)
        for context in contexts:
            kubeconfig.remove(where, context)
    except kubeconfig.KubeconfigError as error:
        raise CommandError(str(error))
    place.remove()
    click.echo(f'Cluster "{name}" is deleted.')


def _ask(name: str) -> None:
    question = f'Delete cluster "{name}" and all it holds?'
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        click.echo("", err=True)
        raise CommandError("nobody answered; use --yes to delete without a question")
    if not agreed:
        raise CommandError("not deleted")


def _contexts(config: dict[str, list[dict[str, object]]], own: str) -> list[str]:
    """The cluster's own context and those of its users."""
    names = [str(context.get("name", "")) for context in config.get("contexts") or []]
    return [n for n in dict.fromkeys([*names, own]) if n == own or n.endswith(f"@{own}")]
