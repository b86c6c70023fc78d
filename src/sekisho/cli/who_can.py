"""`sekisho who-can`: everybody who can do something, and through which binding."""

from __future__ import annotations

import sys
from typing import Any

import click

from sekisho.api.types import UserInfo
from sekisho.cli import _answers, _policy
from sekisho.cli._errors import CommandError
from sekisho.cli._output import output_option, show_data, show_table
from sekisho.cli._resource import check_verb, target_of
from sekisho.explain.sentences import subject_text
from sekisho.explain.whocan import Holder, who_can


@click.command("who-can", short_help="Show who can do something, and why.")
@click.argument("verb")
@click.argument("resource", metavar="RESOURCE[/SUBRESOURCE]|/PATH")
@click.argument("object_name", metavar="[OBJECT]", required=False, default="")
@_answers.namespace_option
@click.option("-A", "--all-namespaces", is_flag=True, help="Look for holders in every namespace.")
@click.option(
    "--expect",
    "expected",
    multiple=True,
    metavar="SUBJECT",
    help="Who may be among them: user:NAME, group:NAME or serviceaccount:NS:NAME. Exit code 3 when somebody else "
    "is. Repeatable.",
)
@_policy.source_options
@output_option
def command(
    verb: str,
    resource: str,
    object_name: str,
    namespace: str | None,
    all_namespaces: bool,
    expected: tuple[str, ...],
    output: str | None,
    **flags: Any,
) -> None:
    """Show every subject that can VERB a RESOURCE, each with the binding, the role and the rule that let it.

    The roles and bindings are those of the cluster of the current kubeconfig context, of a cluster of Sekisho
    (--name), or of manifests (-f). What RBAC does not say (the node authorizer, ABAC, webhooks) is not in the answer;
    the group system:masters can do everything and comes first.

    Exit code 3 when --expect is given and somebody else can.

    \b
    Examples:
      sekisho who-can get secrets -n prod
      sekisho who-can delete deployments.apps/scale web -n shop -f manifests/
      sekisho who-can create pods/exec -A -o yaml
      sekisho who-can get /metrics
      sekisho who-can '*' '*' -f rbac.yaml --expect group:system:masters --expect group:sre
      kubectl get roles,rolebindings,clusterroles,clusterrolebindings -A -o yaml | sekisho who-can list nodes -f -
    """
    if namespace and all_namespaces:
        raise CommandError("-n names one namespace and -A means all: give one of them")
    allowed = {_policy.user_of(text)[0] for text in expected}
    source = _policy.load(flags)
    target = target_of(resource, source.resources)
    check_verb(verb, target)
    asked = target.attributes(UserInfo(""), verb, namespace or source.namespace, object_name)
    holders = who_can(asked, source.index, all_namespaces=all_namespaces)
    if output:
        show_data([holder.to_object() for holder in holders], output)
    else:
        show_table(["subject", "where", *_answers.PATH_COLUMNS], [_row(holder) for holder in holders])
    others = {holder.subject for holder in holders} - allowed
    if expected and others:
        names = ", ".join(sorted(map(subject_text, others)))
        click.echo(f"not expected: {names}", err=True)
        sys.exit(_answers.OTHERWISE)


def _row(holder: Holder) -> list[str]:
    who, where = subject_text(holder.subject), _answers.where(holder.namespace)
    if holder.grant is None:
        return [who, where, "-", "-", "may do everything, no authorizer is asked"]
    return [who, where, *_answers.path(holder.grant)]
