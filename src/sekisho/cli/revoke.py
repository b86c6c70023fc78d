"""`sekisho revoke`: refuse a credential, or all of somebody's, from the next request on."""

from __future__ import annotations

from typing import Any

import click

from sekisho.cli import _complete, _given, _home
from sekisho.cli._errors import CommandError
from sekisho.cli._output import name_option, output_option, show_data, show_table

PATH = "/apis/identity.sekisho.dev/v1/revocations"

reason_option = click.option("--reason", default="", metavar="TEXT", help="Why, for whoever reads it later.")


@click.group("revoke", short_help="Refuse credentials from the next request on.")
def command() -> None:
    """Refuse credentials that are good: a single one, or all of a user or ServiceAccount.

    Open watches of the refused end at once. Revocations are objects of the API (`kubectl get revocations`), which
    RBAC protects; they are kept until somebody undoes them.
    """


def _revoke(name: str, output: str | None, prefix: str, reason: str, **target: Any) -> None:
    from sekisho.cli._api import AdminClient

    spec = {**target, "reason": reason} if reason else target
    obj = {
        "apiVersion": "identity.sekisho.dev/v1",
        "kind": "Revocation",
        "metadata": {"generateName": f"{prefix}-"},
        "spec": spec,
    }
    with AdminClient(_home.running_place(name)) as client:
        made = client.post(PATH, obj)
    if output:
        show_data(made, output)
    else:
        click.echo(f"Revoked: {_target(made)} (revocation {made['metadata']['name']})")


@command.command("user")
@click.argument("user")
@reason_option
@name_option
@output_option
def user_(user: str, reason: str, name: str, output: str | None) -> None:
    """Refuse every credential that proves to be USER."""
    _revoke(name, output, "user", reason, user=user)


@command.command("serviceaccount")
@click.argument("account", metavar="NAMESPACE/NAME", shell_complete=_complete.accounts)
@reason_option
@name_option
@output_option
def serviceaccount(account: str, reason: str, name: str, output: str | None) -> None:
    """Refuse every token of a ServiceAccount, those of the future included."""
    from sekisho.cli.token import split_account

    namespace, account_name = split_account(account)
    target = {"namespace": namespace, "name": account_name}
    _revoke(name, output, "serviceaccount", reason, serviceAccount=target)


@command.command("certificate")
@click.argument("certificate", metavar="SERIAL|FILE|-")
@reason_option
@name_option
@output_option
def certificate_(certificate: str, reason: str, name: str, output: str | None) -> None:
    """Refuse a client certificate, by its serial number in hexadecimal digits or by the certificate itself.

    A kubeconfig stands for the client certificate of its current context.
    """
    serial = certificate
    if _given.is_source(certificate):
        serial = _serial_of(certificate)
    _revoke(name, output, "certificate", reason, certificateSerial=serial)


@command.command("token")
@click.argument("token", metavar="ID|FILE|-")
@reason_option
@name_option
@output_option
def token_(token: str, reason: str, name: str, output: str | None) -> None:
    """Refuse a ServiceAccount's token, by its id (the claim jti) or by the token itself, in a file or on standard
    input.
    """
    token_id = token
    if _given.is_source(token):
        token_id = _id_of(token)
    elif token.count(".") > 1:
        raise CommandError(
            "give the token in a file or on standard input: arguments can be seen by other users"
        )
    _revoke(name, output, "token", reason, tokenID=token_id)


@command.command("credential")
@click.argument("credential_id", metavar="ID")
@reason_option
@name_option
@output_option
def credential(credential_id: str, reason: str, name: str, output: str | None) -> None:
    """Refuse a credential by the id that `kubectl auth whoami` shows: X509SHA256=... or JTI=..."""
    _revoke(name, output, "credential", reason, credentialID=credential_id)


@command.command("list")
@name_option
@output_option
def list_(name: str, output: str | None) -> None:
    """Show what is revoked, by whom, when and why."""
    from sekisho.cli._api import AdminClient

    with AdminClient(_home.running_place(name)) as client:
        items = client.get(PATH)["items"]
    if output:
        show_data(items, output)
    elif not items:
        click.echo("Nothing is revoked.")
    else:
        show_table(["name", "what", "by", "at", "reason"], [_row(item) for item in items])


@command.command("undo")
@click.argument("revocation")
@name_option
def undo(revocation: str, name: str) -> None:
    """Take a revocation back, by its name in the list. The credential counts again if it is otherwise good."""
    from urllib.parse import quote

    from sekisho.cli._api import AdminClient

    with AdminClient(_home.running_place(name)) as client:
        client.delete(f"{PATH}/{quote(revocation, safe='')}")
    click.echo(f"Revocation {revocation} is undone.")


def _row(item: dict[str, Any]) -> list[str]:
    metadata = item["metadata"]
    who = item.get("status", {}).get("revokedBy", {}).get("username", "-")
    return [
        metadata["name"],
        _target(item),
        who,
        metadata["creationTimestamp"],
        item["spec"].get("reason", ""),
    ]


def _target(item: dict[str, Any]) -> str:
    from sekisho.api.tables.identity import revoked

    what, value = revoked(item["spec"])
    return f"{what} {value}"


def _serial_of(argument: str) -> str:
    """The serial number of the certificate in a file, or of a kubeconfig's current context."""
    from sekisho.authn import chains
    from sekisho.credentials import recognition
    from sekisho.credentials.kubeconfiguser import context_user

    given = _given.credential(argument)
    try:
        if isinstance(given, recognition.Kubeconfig):
            found = context_user(given.data, _given.folder(argument)).certificate
            if found is None:
                raise CommandError("the current context of this kubeconfig has no client certificate")
            given = found
        if not isinstance(given, recognition.Certificates):
            raise CommandError("this is no certificate; for a token there is: sekisho revoke token")
        return f"{chains.load(given.chain[0]).serial_number:x}"
    except chains.VerifyError as error:
        raise CommandError(error.text)
    except recognition.Unrecognised as error:
        raise CommandError(str(error))


def _id_of(argument: str) -> str:
    """The id of the token in a file."""
    from sekisho.credentials import recognition, tokens

    given = _given.credential(argument)
    if not isinstance(given, recognition.Token):
        raise CommandError("this is no token; for a certificate there is: sekisho revoke certificate")
    unverified = tokens.read(given.text)
    token_id = unverified.claims.get("jti") if unverified is not None else None
    if not isinstance(token_id, str) or not token_id:
        raise CommandError(
            "this token has no id. Delete the Secret or the line that holds it, or revoke its user instead"
        )
    return token_id
