"""The command line: one file a command, found by its name. Commands are imported when they are used."""

from __future__ import annotations

import importlib

import click

from sekisho import __version__

COMMANDS = {
    "up": "Start a cluster in the background and make it kubectl's current context.",
    "down": "Stop a cluster; its data stays.",
    "status": "Show clusters and how they run.",
    "reset": "Stop a cluster and delete its data, keys and contexts.",
    "logs": "Show a cluster's log.",
    "serve": "Run the server in the foreground.",
    "user": "Give people client certificates.",
    "token": "Print a ServiceAccount's token.",
    "run": "Run a local command as a ServiceAccount.",
    "completion": "Print the shell's completion script.",
}


class LazyGroup(click.Group):
    """Lists all commands from the table above, and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"sekisho.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sekisho")
def main() -> None:
    """A Kubernetes API server and control plane that shows who is calling, whether they may, and why.

    Begin with `sekisho up`, then use kubectl as you would with any cluster.
    """


__all__ = ["main"]
