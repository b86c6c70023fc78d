"""`sekisho role-for`: the smallest roles for what somebody was seen to do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from sekisho.api.types import Attributes
from sekisho.cli import _policy
from sekisho.cli._errors import CommandError
from sekisho.cli._output import output_option, show_data
from sekisho.explain.rolefor import Suggestion, of_audit_log, of_passage_objects, role_for
from sekisho.explain.sentences import binding_text, rule_sentence

PASSAGES = "/apis/explain.sekisho.dev/v1/passages"


@click.command("role-for", short_help="Suggest the smallest roles for what somebody did.")
@click.argument("subject", metavar="USER|SERVICEACCOUNT")
@click.option(
    "--audit-log",
    "logs",
    multiple=True,
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE|-",
    help="An audit log of any Kubernetes cluster, audit.k8s.io/v1 events as JSON lines. Repeatable.  "
    "[default: the passage log of a running cluster of Sekisho]",
)
@_policy.source_options
@output_option
def command(subject: str, logs: tuple[Path, ...], output: str | None, **flags: Any) -> None:
    """Suggest the smallest Roles and ClusterRoles that cover what USER or SERVICEACCOUNT was seen to do, ready for
    kubectl apply, and say which of its present rights it never used.

    What it did comes from the cluster's passage log, or from audit logs. Requests that were let through by
    --authorization-dry-run count: one run of a program in soft mode shows all that it needs. Present rights come from
    the cluster or from -f; with an audit log and neither, they are not looked at.

    \b
    Examples:
      sekisho role-for serviceaccount:shop:robot
      sekisho role-for ann --audit-log audit.log | kubectl apply -f -
      sekisho role-for serviceaccount:shop:robot --audit-log audit.log -f manifests/ -o json
    """
    who, user = _policy.user_of(subject)
    if not user.name:
        raise CommandError("requests are a user's or a service account's: a group makes none")
    asks_source = any(flags[key] for key in ("files", "name", "context", "kubeconfig"))
    source = _policy.load(flags) if asks_source or not logs else None
    if logs:
        used = list(of_audit_log(_lines(logs), user.name))
    elif source is not None and source.client is not None:
        used = _passages(source.client, user.name)
    else:
        raise CommandError("files do not say what somebody did: give --audit-log, or ask a running cluster")
    made = role_for(who, used, source.index if source else None, user)
    if output:
        show_data(made.to_object(), output)
    else:
        _tell(made)


def _passages(client: Any, user: str) -> list[Attributes]:
    from urllib.parse import urlencode

    from sekisho.api.fields import escape_value

    query = urlencode({"fieldSelector": f"user={escape_value(user)}"})
    try:
        found = client.get(f"{PASSAGES}?{query}")
    except CommandError as error:
        raise CommandError(f"this cluster shows no passages ({error.message}); give --audit-log")
    return list(of_passage_objects(found.get("items") or (), user))


def _lines(logs: Iterable[Path]) -> Iterable[str]:
    for log in logs:
        try:
            with click.open_file(str(log), encoding="utf-8", errors="replace") as file:
                yield from file
        except OSError as error:
            raise CommandError(f"{log}: {(error.strerror or str(error)).lower()}")


def _tell(made: Suggestion) -> None:
    """A manifest with comments: it can be read, and applied as it is."""
    import yaml

    plural = "request" if made.seen == 1 else "requests"
    click.echo(f"# {made.seen} {plural} of {made.subject.kind} {made.subject.name} were seen.")
    if made.unused:
        click.echo("# Rights that it holds and never used:")
        for right in made.unused:
            where = f"in {right.namespace}" if right.namespace else "everywhere"
            through = f"{binding_text(right.grant.binding)}, {right.grant.binding.role_kind} "
            text = f"{rule_sentence(right.grant.rule)} {where}"
            click.echo(f"#   {text} ({through}{right.grant.binding.role_name})")
    if not made.manifests:
        click.echo("# Nothing is needed.")
    for manifest in made.manifests:
        click.echo("---")
        click.echo(yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True), nl=False)
