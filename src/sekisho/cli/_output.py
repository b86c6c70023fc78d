"""How commands print data: tables for people, JSON or YAML with -o."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from sekisho.cli import _complete, _home

F = TypeVar("F", bound=Callable[..., Any])

output_option: Callable[[F], F] = click.option(
    "-o",
    "--output",
    type=click.Choice(["json", "yaml"]),
    help="Print the data as JSON or YAML instead.",
)
name_option: Callable[[F], F] = click.option(
    "--name",
    default=_home.DEFAULT,
    show_default=True,
    metavar="NAME",
    help="Which cluster.",
    shell_complete=_complete.clusters,
)


def show_data(value: Any, output: str) -> None:
    if output == "json":
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
        return
    import yaml

    click.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), nl=False)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as kubectl prints them: upper case heads, three spaces between."""
    widths = [max(len(r[i]) for r in [columns, *rows]) for i in range(len(columns))]
    for row in [[c.upper() for c in columns], *rows]:
        click.echo("   ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())
