"""What goes wrong on the command line: one clear line, and an exit code."""

from __future__ import annotations

import click


class CommandError(click.ClickException):
    """`error: <text>` on stderr, exit code 1. Nothing was changed."""

    def show(self, file: object = None) -> None:
        click.echo(f"error: {self.message}", err=True)
