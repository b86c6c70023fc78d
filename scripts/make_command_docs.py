"""Writes docs/commands.md from the commands themselves: their help texts, arguments, flags and defaults."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from sekisho.cli import main

TARGET = Path(__file__).resolve().parents[1] / "docs" / "commands.md"

INTRODUCTION = """# Commands

Every command has `--help`. Where a command prints data, `-o json` and `-o yaml` print it for programs. Errors are one
line on stderr; the exit code is 0 for success, 1 for an error, 2 for a wrong call, and what the command's own text says
beyond that. This page is made from the commands by `scripts/make_command_docs.py`.
"""


def commands(group: click.Group, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """All commands below a group, with their names."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            continue
        yield (*names, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*names, name))


def section(names: tuple[str, ...], command: click.Command) -> str:
    """One command: its call, its text, its flags."""
    context = click.Context(command, info_name=" ".join(("sekisho", *names)))
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f"## sekisho {' '.join(names)}", "", f"    sekisho {' '.join(names)} {usage}", ""]
    lines += [text(command.help or ""), ""]
    flags = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    if flags:
        lines += ["| flag | meaning |", "| --- | --- |"]
        for flag in flags:
            record = flag.get_help_record(context)
            if record is not None:
                lines.append(f"| `{cell(record[0])}` | {cell(record[1])} |")
        lines.append("")
    return "\n".join(lines)


def text(help_text: str) -> str:
    """A help text as Markdown: what click keeps unwrapped becomes code."""
    out = []
    for paragraph in inspect.cleandoc(help_text).split("\n\n"):
        if paragraph.startswith("\b"):
            first, *rest = paragraph.removeprefix("\b").strip("\n").split("\n")
            out.append("\n".join([first, "", *(f"    {line.strip()}" for line in rest)]))
        else:
            out.append(paragraph)
    return "\n\n".join(out)


def cell(value: str) -> str:
    return " ".join(value.split()).replace("|", "\\|").replace("<", "&lt;")


def document() -> str:
    return INTRODUCTION + "\n" + "\n".join(section(names, command) for names, command in commands(main))


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(document().rstrip() + "\n")
