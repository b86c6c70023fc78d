"""`sekisho diff`: what a change of roles and bindings gives to whom, and takes from whom."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from sekisho import __version__
from sekisho.cli import _answers, _complete, _policy
from sekisho.cli._errors import CommandError
from sekisho.cli._output import show_data
from sekisho.cli._policy import Source
from sekisho.explain import sarif
from sekisho.explain.diff import Difference
from sekisho.explain.diff import diff as compare

CLUSTER = "cluster"


@click.command("diff", short_help="Show what a change of RBAC gives to whom and takes from whom.")
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER")
@click.option(
    "--apply",
    "applied",
    is_flag=True,
    help="AFTER is applied onto BEFORE, as kubectl apply does: what it does not name stays.",
)
@click.option(
    "--defaults/--no-defaults",
    default=None,
    help="Whether the roles and bindings that every cluster has count besides those of files.  "
    "[default: unless the files hold them]",
)
@click.option(
    "--name",
    metavar="NAME",
    help="The cluster of Sekisho that `cluster` stands for.",
    shell_complete=_complete.clusters,
)
@click.option("--context", metavar="CONTEXT", help="The kubeconfig context that `cluster` stands for.")
@click.option(
    "--kubeconfig", metavar="FILE", help="The kubeconfig.  [default: $KUBECONFIG or ~/.kube/config]"
)
@_answers.output_with_sarif
def command(
    before: str, after: str, applied: bool, defaults: bool | None, output: str | None, **flags: Any
) -> None:
    """Show what each subject gains and loses from BEFORE to AFTER, and who finds a new way to cluster-admin.

    BEFORE and AFTER are folders, files, `-` for standard input, or the word `cluster` for a running cluster. Rights
    are compared by what they cover: a rule that moved to another role, or was covered by a wider one, is no change.

    Exit code 0 when nothing changed, 3 when rights changed, 4 when there is a new way to cluster-admin.

    \b
    Examples:
      sekisho diff rbac-main/ rbac-branch/
      git show main:rbac.yaml | sekisho diff - rbac.yaml
      sekisho diff --apply cluster pull-request.yaml
      sekisho diff rbac-main/ rbac-branch/ -o sarif > diff.sarif
    """
    if before == after:
        raise CommandError("BEFORE and AFTER are the same")
    first = _source(before, defaults, flags)
    second = _source(after, defaults, flags, first if applied else None)
    found = compare(first.index, second.index)
    if output == "sarif":
        places = {**first.subject_places(), **second.subject_places()}
        click.echo(json.dumps(sarif.of_diff(found, __version__, places), indent=2))
    elif output:
        show_data(found.to_object(), output)
    else:
        _tell(found)
    sys.exit(found.exit_code)


def _source(text: str, defaults: bool | None, flags: dict[str, Any], onto: Source | None = None) -> Source:
    if text != CLUSTER:
        return _policy.of_files([Path(text)], defaults if onto is None else False, onto)
    if onto is not None:
        raise CommandError("--apply needs files as AFTER")
    return _policy.of_cluster(flags["name"], flags["context"], flags["kubeconfig"])


def _tell(found: Difference) -> None:
    for path in found.admin_paths:
        click.secho(f"NEW PATH TO CLUSTER-ADMIN: {path.start} can become {path.end}", bold=True, fg="red")
        for step in path.steps:
            click.echo(f"    {step}")
    for change in found.changes:
        for text in change.sentences():
            sign, colour = ("+", "green") if " gains " in text else ("-", "red")
            click.secho(f"{sign} {text}", fg=colour)
    if not found.changes and not found.admin_paths:
        click.echo("Nobody gains or loses anything.")
