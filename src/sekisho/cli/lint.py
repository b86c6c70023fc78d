"""`sekisho lint`: what is wrong or unwise in roles and bindings."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from sekisho import __version__
from sekisho.cli import _answers, _policy
from sekisho.cli._output import show_data, show_table
from sekisho.cli._policy import Source
from sekisho.explain import sarif
from sekisho.explain.lint import ERROR, NOTE, RULES, WARNING, Finding, lint

_LEVELS = (ERROR, WARNING, NOTE)


@click.command("lint", short_help="Show what is wrong or unwise in roles and bindings.")
@click.option(
    "--fail-on",
    type=click.Choice([*_LEVELS, "never"]),
    default=WARNING,
    show_default=True,
    help="The least level that makes the exit code 3.",
)
@click.option(
    "--ignore",
    "ignored",
    multiple=True,
    type=click.Choice(sorted(RULES)),
    metavar="RULE",
    help="A rule to leave out: " + ", ".join(sorted(RULES)) + ". Repeatable.",
)
@_policy.source_options
@_answers.output_with_sarif
def command(fail_on: str, ignored: tuple[str, ...], output: str | None, **flags: Any) -> None:
    """Look for bindings to roles that do not exist, roles that nobody is given, subjects that do not exist or match
    nobody, wildcards, grants to everybody, and rules that can never match.

    The roles and bindings that every cluster has are taken as they are. Whether a service account exists is only
    asked where service accounts are known: on a cluster, or when the files hold some.

    Exit code 3 when there is a finding of the level of --fail-on or worse.

    \b
    Examples:
      sekisho lint
      sekisho lint -f manifests/ --fail-on error
      sekisho lint -f manifests/ --ignore wildcard -o sarif > lint.sarif
    """
    source = _policy.load(flags)
    found = [f for f in lint(source.index, source.accounts) if f.rule not in ignored]
    if output == "sarif":
        click.echo(json.dumps(sarif.of_lint(found, __version__, source.places), indent=2))
    elif output:
        show_data([_with_place(finding, source) for finding in found], output)
    elif found:
        show_table(["level", "object", "finding", "rule", "at"], [_row(f, source) for f in found])
    else:
        click.echo("Nothing to say.")
    if fail_on != "never" and any(_LEVELS.index(f.level) <= _LEVELS.index(fail_on) for f in found):
        sys.exit(_answers.OTHERWISE)


def _key(finding: Finding) -> tuple[str, str, str]:
    return finding.kind, finding.namespace, finding.name


def _with_place(finding: Finding, source: Source) -> dict[str, Any]:
    place = source.places.get(_key(finding))
    at = {"file": place.file, "line": place.line} if place is not None else {}
    return {**finding.to_object(), **at}


def _row(finding: Finding, source: Source) -> list[str]:
    place = source.places.get(_key(finding))
    name = f"{finding.namespace}/{finding.name}" if finding.namespace else finding.name
    at = f"{place.file}:{place.line}" if place is not None else "-"
    return [finding.level, f"{finding.kind} {name}", finding.message, finding.rule, at]
