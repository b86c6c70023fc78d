"""`sekisho token`: a fresh, bound token of a ServiceAccount."""

from __future__ import annotations

import click

from sekisho.api.time import parse_go_duration
from sekisho.cli import _home
from sekisho.cli._api import AdminClient
from sekisho.cli._errors import CommandError
from sekisho.cli._output import name_option, output_option, show_data


@click.command("token", short_help="Print a ServiceAccount's token.")
@click.argument("account", metavar="NAMESPACE/NAME")
@click.option("--duration", default="1h", show_default=True, help="How long it is good; at least 10m.")
@click.option("--audience", "audiences", multiple=True, help="Whom it is for, if not this API. Repeatable.")
@name_option
@output_option
def command(account: str, duration: str, audiences: tuple[str, ...], name: str, output: str | None) -> None:
    """Print a token that proves to be the ServiceAccount NAMESPACE/NAME.

    \b
    Example:
      curl -k -H "Authorization: Bearer $(sekisho token sample/default)" https://127.0.0.1:6443/api
    """
    place = _home.running_place(name)
    namespace, service_account = split_account(account)
    try:
        seconds = int(parse_go_duration(duration))
    except ValueError as error:
        raise CommandError(f"--duration: {error}")
    spec: dict[str, object] = {"expirationSeconds": seconds}
    if audiences:
        spec["audiences"] = list(audiences)
    with AdminClient(place) as client:
        answer = client.post(
            f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token", {"spec": spec}
        )
    if output:
        show_data(answer["status"], output)
    else:
        click.echo(answer["status"]["token"])


def split_account(account: str) -> tuple[str, str]:
    """`namespace/name` as a pair. Raises CommandError."""
    namespace, slash, name = account.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise CommandError(f'"{account}" is not NAMESPACE/NAME')
    return namespace, name
