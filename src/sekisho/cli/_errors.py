"""What goes wrong on the command line: one clear line, and an exit code."""

from __future__ import annotations

import click


class CommandError(click.ClickException):
    """`error: <text>` on stderr. Nothing was changed, unless the text says so."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))

    def show(self, file: object = None) -> None:
        click.echo(f"error: {self.message}", err=True)
