"""`sekisho reach`: what somebody could become with the rights it has."""

from __future__ import annotations

import sys
from typing import Any

import click

from sekisho.cli import _answers, _policy
from sekisho.cli._output import output_option, show_data
from sekisho.explain.reach import Path, reach
from sekisho.explain.sentences import binding_text, subject_text
from sekisho.explain.techniques import ANYBODY, CLUSTER_ADMIN, Step


@click.command("reach", short_help="Show what somebody could become.")
@click.argument("subject")
@_answers.groups_option
@click.option("--admin", "only_admin", is_flag=True, help="Only ways to become cluster administrator.")
@_policy.source_options
@output_option
def command(
    subject: str, groups: tuple[str, ...], only_admin: bool, output: str | None, **flags: Any
) -> None:
    """Show every identity that SUBJECT could make its own, by the shortest way, each step with the rule that makes
    it possible: by creating Pods that run as another account, requesting or reading tokens, impersonating, binding
    or rewriting roles, approving certificates, running commands in Pods.

    SUBJECT is a user's name, or user:NAME, group:NAME, serviceaccount:NAMESPACE:NAME.

    Exit code 0 when it stays who it is, 3 when it could become somebody else, 4 when it could become cluster
    administrator.

    \b
    Examples:
      sekisho reach serviceaccount:ci:runner
      sekisho reach ann --group dev --admin
      sekisho reach group:dev -f manifests/ -o yaml
    """
    _, user = _policy.user_of(subject, groups)
    source = _policy.load(flags)
    paths = reach(user, source.index, source.account_subjects())
    severe = [path for path in paths if path.end in (CLUSTER_ADMIN, ANYBODY)]
    shown = severe if only_admin else [*severe, *(path for path in paths if path not in severe)]
    if output:
        show_data([path.to_object() for path in shown], output)
    else:
        _tell(shown, subject_text(_policy.user_of(subject)[0]), only_admin)
    if severe:
        sys.exit(_answers.SEVERE)
    if shown:
        sys.exit(_answers.OTHERWISE)


def _tell(paths: list[Path], who: str, only_admin: bool) -> None:
    if not paths:
        what = "cluster administrator" if only_admin else "anybody else"
        click.echo(f"{who} cannot become {what}.")
    for path in paths:
        click.secho(f"{path.start} can become {path.end}", bold=True)
        for step in path.steps:
            click.echo(f"  {step}")
            click.echo(f"      by {_through(step)}")


def _through(step: Step) -> str:
    ref = step.grant.binding
    return f"rule {step.grant.rule_index + 1} of {ref.role_kind} {ref.role_name} ({binding_text(ref)})"
