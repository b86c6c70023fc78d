"""Flags of `sekisho serve` given to `sekisho up`: checked at once, and kept in a form that can be used again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from sekisho.cli._errors import CommandError

OWN = ("name", "secure_port", "pki_dir", "data_dir", "store", "state_file", "token_secrets", "node")
"""What `sekisho up` decides itself."""


def canonical(flags: Sequence[str]) -> list[str]:
    """`--flag=value` each, paths made absolute. click's usage errors for what `serve` does not know, CommandError
    for what `up` has its own flag for or decides itself."""
    from sekisho.cli.serve import command

    context = command.make_context("sekisho serve", list(flags))
    out: list[str] = []
    for param in command.params:
        if param.name is None or not isinstance(param, click.Option):
            continue
        if context.get_parameter_source(param.name) is not click.core.ParameterSource.COMMANDLINE:
            continue
        if param.name in OWN:
            raise CommandError(f"{param.opts[0]} cannot be given after --: `sekisho up` decides it")
        value = context.params[param.name]
        if param.is_flag and param.secondary_opts:
            out.append(param.opts[0] if value else param.secondary_opts[0])
            continue
        values = value if param.multiple else (value,)
        out += [f"{param.opts[0]}={v.absolute() if isinstance(v, Path) else v}" for v in values]
    return out
