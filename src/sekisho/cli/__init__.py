"""The command line: one file a command, found by its name. Commands are imported when they are used."""

from __future__ import annotations

import errno
import importlib

import click
from click.shell_completion import CompletionItem

from sekisho import __version__
from sekisho.cli._errors import CommandError

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
    "why": "Tell why a request was allowed or refused.",
    "inspect": "Show what a credential is and whether it counts.",
    "revoke": "Refuse credentials from the next request on.",
    "who-can": "Show who can do something, and why.",
    "what-can": "Show everything somebody can do, and why.",
    "where-can": "Show in which namespaces somebody can do something.",
    "reach": "Show what somebody could become.",
    "diff": "Show what a change of RBAC gives to whom and takes from whom.",
    "lint": "Show what is wrong or unwise in roles and bindings.",
    "role-for": "Suggest the smallest roles for what somebody did.",
    "completion": "Print the shell's completion script.",
}


class LazyGroup(click.Group):
    """Lists all commands from the table above, and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"sekisho.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands by the table: a completion that imported them all would be felt."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [
            CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)
        ]

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # the reader of our output went away; click ends quietly
            where = f"{error.filename}: " if error.filename else ""
            raise CommandError(f"{where}{(error.strerror or str(error)).lower()}")


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sekisho")
def main() -> None:
    """A Kubernetes API server and control plane that shows who is calling, whether they may, and why.

    Begin with `sekisho up`, then use kubectl as you would with any cluster.

    \b
    Exit codes: 0 done; 1 an error, told in one line; 2 a wrong flag or argument. Some commands
    have more, which their own help tells.
    \b
    Environment:
      SEKISHO_HOME  where clusters are kept  [default: sekisho in the user's data folder]
      KUBECONFIG    the kubeconfig that gets contexts  [default: ~/.kube/config]
    """


__all__ = ["main"]
