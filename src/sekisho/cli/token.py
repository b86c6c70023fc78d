"""`sekisho token`: a fresh, bound token of a ServiceAccount."""

from __future__ import annotations

import click

from sekisho.cli import _complete, _home
from sekisho.cli._errors import CommandError
from sekisho.cli._output import name_option, output_option, show_data


@click.command("token", short_help="Print a ServiceAccount's token.")
@click.argument("account", metavar="NAMESPACE/NAME", shell_complete=_complete.accounts)
@click.option("--duration", default="1h", show_default=True, help="How long it is good; at least 10m.")
@click.option("--audience", "audiences", multiple=True, help="Whom it is for, if not this API. Repeatable.")
@name_option
@output_option
def command(account: str, duration: str, audiences: tuple[str, ...], name: str, output: str | None) -> None:
    """Print a token that proves to be the ServiceAccount NAMESPACE/NAME.

    It is bound: it ends with its time, and at once when the account is deleted. `-o json` adds when it ends.

    \b
    Example:
      kubectl auth whoami --token "$(sekisho token sample/default)"
    """
    from sekisho.cli._api import AdminClient

    namespace, service_account = split_account(account)
    spec: dict[str, object] = {"expirationSeconds": parse_seconds("--duration", duration)}
    if audiences:
        spec["audiences"] = list(audiences)
    with AdminClient(_home.running_place(name)) as client:
        answer = client.post(
            f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token", {"spec": spec}
        )
    if output:
        show_data(answer["status"], output)
    else:
        click.echo(answer["status"]["token"])


def parse_seconds(flag: str, text: str) -> int:
    """A duration such as 24h as whole seconds. Raises CommandError."""
    from sekisho.api.time import parse_go_duration

    try:
        seconds = int(parse_go_duration(text))
    except ValueError as error:
        raise CommandError(f"{flag}: {error}")
    if seconds < 600:
        raise CommandError(f"{flag} {text}: it must be 10m or more")
    return seconds


def split_account(account: str) -> tuple[str, str]:
    """`namespace/name` as a pair. Raises CommandError."""
    from sekisho.api.names import dns1123_label, dns1123_subdomain

    namespace, slash, name = account.partition("/")
    if not slash or dns1123_label(namespace) or dns1123_subdomain(name):
        raise CommandError(f'"{account}" is not NAMESPACE/NAME of a ServiceAccount, such as sample/default')
    return namespace, name
