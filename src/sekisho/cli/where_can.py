"""`sekisho where-can`: in which namespaces somebody can do something."""

from __future__ import annotations

import sys
from typing import Any

import click

from sekisho.api.types import MASTERS
from sekisho.cli import _answers, _policy
from sekisho.cli._errors import CommandError
from sekisho.cli._output import output_option, show_data, show_table
from sekisho.cli._resource import check_verb, target_of
from sekisho.explain.whocan import where_can


@click.command("where-can", short_help="Show in which namespaces somebody can do something.")
@click.argument("subject")
@click.argument("verb")
@click.argument("resource", metavar="RESOURCE[/SUBRESOURCE]")
@click.argument("object_name", metavar="[OBJECT]", required=False, default="")
@_answers.groups_option
@_policy.source_options
@output_option
def command(
    subject: str,
    verb: str,
    resource: str,
    object_name: str,
    groups: tuple[str, ...],
    output: str | None,
    **flags: Any,
) -> None:
    """Show the namespaces in which SUBJECT can VERB a RESOURCE, each with the binding, the role and the rule that let
    it; `everywhere` when a cluster-wide binding does.

    Exit code 3 when there is none.

    \b
    Examples:
      sekisho where-can serviceaccount:shop:robot create pods
      sekisho where-can ann get secrets --group dev
      sekisho where-can group:dev delete deployments -f manifests/
    """
    _, user = _policy.user_of(subject, groups)
    source = _policy.load(flags)
    target = target_of(resource, source.resources)
    if target.path:
        raise CommandError("paths are in no namespace; ask: sekisho who-can VERB /PATH")
    check_verb(verb, target)
    places = where_can(target.attributes(user, verb, "", object_name), source.index, source.namespaces)
    masters = MASTERS in user.groups
    if output:
        everywhere = [{"everywhere": True, "group": MASTERS}] if masters else []
        show_data(everywhere + [place.to_object() for place in places], output)
    elif places or masters:
        rows = [["everywhere", "-", "-", f"group {MASTERS} may do everything"]] if masters else []
        rows += [[_answers.where(place.namespace), *_answers.path(place.grant)] for place in places]
        show_table(["where", *_answers.PATH_COLUMNS], rows)
    else:
        click.echo("Nowhere.")
    if not places and not masters:
        sys.exit(_answers.OTHERWISE)
