"""Every command and every flag is in the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from sekisho.cli import COMMANDS, main

DOCS = Path(__file__).resolve().parents[2] / "docs" / "commands.md"


def flags(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from flags(found, f"{name} {child}")
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            for flag in (*parameter.opts, *parameter.secondary_opts):
                yield name, flag


@pytest.mark.parametrize("name", COMMANDS)
def test_command_and_flags_are_documented(name: str) -> None:
    text = DOCS.read_text()
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert f"## sekisho {name}\n" in text, "run scripts/make_command_docs.py"
    for full_name, flag in flags(command, name):
        _, _, section = text.partition(f"## sekisho {full_name}\n")
        section = section.partition("\n## ")[0]
        assert flag in section, f"sekisho {full_name} {flag}: run scripts/make_command_docs.py"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, f"{name} {parameter.opts[0]}"
