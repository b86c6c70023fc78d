"""`sekisho what-can`: everything that somebody can do, in all namespaces at once."""

from __future__ import annotations

from typing import Any

import click

from sekisho.api.types import MASTERS, UserInfo
from sekisho.cli import _answers, _policy
from sekisho.cli._api import ApiClient
from sekisho.cli._errors import CommandError
from sekisho.cli._output import output_option, show_data, show_table
from sekisho.explain.sentences import subject_text
from sekisho.explain.whocan import Right, what_can


@click.command("what-can", short_help="Show everything somebody can do, and why.")
@click.argument("subject", required=False)
@_answers.groups_option
@_policy.source_options
@output_option
def command(subject: str | None, groups: tuple[str, ...], output: str | None, **flags: Any) -> None:
    """Show every right of SUBJECT, cluster-wide ones first, then namespace by namespace, each with the binding and
    the role that give it.

    SUBJECT is a user's name, or user:NAME, group:NAME, serviceaccount:NAMESPACE:NAME; without it, whoever the
    kubeconfig makes you. A user is taken to be in the groups that its name implies; --group adds others.

    \b
    Examples:
      sekisho what-can
      sekisho what-can serviceaccount:shop:robot
      sekisho what-can ann --group dev --group oncall
      sekisho what-can group:system:authenticated -f manifests/ -o json
    """
    source = _policy.load(flags)
    user = _myself(source.client, groups) if subject is None else _policy.user_of(subject, groups)[1]
    rights = what_can(user, source.index)
    if output:
        show_data({"user": user.to_object(), "rights": [right.to_object() for right in rights]}, output)
        return
    if MASTERS in user.groups:
        click.echo(f"The group {MASTERS} may do everything; no authorizer is asked.", err=True)
    if not rights:
        click.echo(f"No binding names {user.name or 'such a user'}, or a group that it is in.")
        return
    show_table(["where", "can", "through", "role", "as"], [_row(right) for right in rights])


def _row(right: Right) -> list[str]:
    through, role, _ = _answers.path(right.grant)
    can = _answers.short_rule(right.grant.rule)
    return [_answers.where(right.namespace), can, through, role, subject_text(right.grant.subject)]


def _myself(client: ApiClient | None, groups: tuple[str, ...]) -> UserInfo:
    """Who the cluster says that its caller is. Raises CommandError."""
    if client is None:
        raise CommandError("whose rights? Name a SUBJECT: files do not know who you are")
    review = client.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    info = review["status"]["userInfo"]
    return UserInfo(info.get("username", ""), groups=(*(info.get("groups") or ()), *groups))
