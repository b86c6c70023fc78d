"""`sekisho inspect`: what a credential holds, whose it is, and whether this cluster would take it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from sekisho.cli import _given, _home
from sekisho.cli._errors import CommandError
from sekisho.cli._output import name_option, output_option, show_data

if TYPE_CHECKING:
    from sekisho.authn.inspection import Inspection, Surroundings
    from sekisho.cli._api import AdminClient
    from sekisho.credentials.kubeconfiguser import ContextUser
    from sekisho.credentials.recognition import Credential

REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
EXIT_CODES = {"pass": 0, "fail": 3, "unknown": 4}
MARKS = {"pass": "ok", "fail": "FAIL", "unknown": "?"}


@click.command("inspect", short_help="Show what a credential is and whether it counts.")
@click.argument("credential", metavar="TOKEN|CERT|KUBECONFIG|-")
@click.option("--context", metavar="NAME", help="Which context of a kubeconfig, if not the current one.")
@name_option
@output_option
def command(credential: str, context: str | None, name: str, output: str | None) -> None:
    """Show what is in a token, a client certificate or a kubeconfig, whose it is, and every check that the cluster
    would make of it, in order, with its outcome.

    The credential is a file, - for standard input, or a token itself. Objects that hold one are read, too: Secrets,
    TokenRequests, CertificateSigningRequests. No secret is printed, and nothing is sent to a cluster but tokens
    of other issuers, which only the cluster itself can tell.

    The cluster does not have to run: its keys are in its folder and its objects in its file. Without a cluster,
    the content is shown, and what needs no cluster is checked.

    \b
    Exit codes: 0 the cluster would accept it, 3 it would not, 4 that cannot be told here.
    \b
    Examples:
      sekisho inspect alice.crt
      kubectl create token default | sekisho inspect -
      sekisho inspect ~/.kube/config --context alice@sekisho-default
      kubectl get secret robot-token -o yaml | sekisho inspect -
    """
    given = _given.credential(credential)
    place = _home.place(name)
    found = _inspect(given, credential, context, place)
    if output:
        show_data([i.to_object() for i in found] if len(found) > 1 else found[0].to_object(), output)
    else:
        click.echo("\n\n".join("\n".join(_account(i)) for i in found))
    sys.exit(max(EXIT_CODES[i.outcome.value] for i in found[:1]))


def _inspect(given: Credential, argument: str, context: str | None, place: _home.Place) -> list[Inspection]:
    from sekisho.cli import _surroundings
    from sekisho.cli._api import AdminClient

    if not place.exists():
        why = f'there is no cluster "{place.name}" to compare with'
        return _of(given, argument, context, _surroundings.unknown(why), None)
    if not place.is_running():
        return _of(given, argument, context, _surroundings.of_place(place, None), None)
    with AdminClient(place) as client:
        return _of(given, argument, context, _surroundings.of_place(place, client), client)


def _of(
    given: Credential, argument: str, context: str | None, around: Surroundings, client: AdminClient | None
) -> list[Inspection]:
    """One inspection a credential; of a kubeconfig, that which the server would look at first comes first."""
    from sekisho.credentials.kubeconfiguser import context_user
    from sekisho.credentials.recognition import Kubeconfig, Unrecognised

    if not isinstance(given, Kubeconfig):
        return [_single(given, around, client)]
    try:
        user = context_user(given.data, _given.folder(argument), context or "")
    except Unrecognised as error:
        raise CommandError(str(error))
    parts = [part for part in (user.certificate, user.token) if part is not None]
    found = [_single(part, around, client) for part in parts]
    if not found:
        notes = " ".join(user.notes)
        raise CommandError(
            f"context {user.context} holds no credential that can be looked at. {notes}".rstrip()
        )
    for made in found:
        made.facts = [("context", user.context), ("server", user.server), *made.facts]
    found[0].notes += [*user.notes, *_about_server(user, around)]
    if len(found) > 1:
        found[1].notes.append(
            "The server looks at the certificate first; the token counts only if that is no good."
        )
    return found


def _about_server(user: ContextUser, around: Surroundings) -> Iterator[str]:
    """Whether the kubeconfig leads to this cluster at all."""
    from sekisho.authn import chains

    if not user.ca or around.client_roots is None:
        return
    try:
        trusted = chains.load_bundle(user.ca)
    except ValueError:
        yield "The kubeconfig's certificate authority cannot be read."
        return
    if not set(trusted) & set(around.client_roots):
        yield "The kubeconfig trusts another authority than this cluster's: it is for another cluster."


def _single(given: Credential, around: Surroundings, client: AdminClient | None) -> Inspection:
    from sekisho.authn.inspectcertificates import inspect_certificate
    from sekisho.authn.inspection import Outcome
    from sekisho.authn.inspecttokens import inspect_token
    from sekisho.credentials.recognition import Certificates, Token

    if isinstance(given, Certificates):
        return inspect_certificate(given, around)
    if not isinstance(given, Token):
        raise TypeError("a kubeconfig is taken apart before")
    made = asyncio.run(inspect_token(given.text, around))
    if made.outcome is Outcome.UNKNOWN and client is not None:
        _ask(client, given.text, made)
    return made


def _ask(client: AdminClient, token: str, made: Inspection) -> None:
    """What only the cluster can tell, it is asked."""
    from sekisho.api.types import UserInfo
    from sekisho.authn.inspection import Check, Outcome

    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    status = client.post(REVIEWS, review)["status"]
    if status.get("authenticated"):
        user = status["user"]
        extra = {key: tuple(values) for key, values in user.get("extra", {}).items()}
        groups = tuple(user.get("groups", ()))
        made.user = UserInfo(user.get("username", ""), user.get("uid", ""), groups, extra)
        made.answer, text = Outcome.PASS, "accepts it"
    else:
        made.answer, text = Outcome.FAIL, f"refuses it: {status.get('error') or 'no authenticator knows it'}"
    made.checks.append(Check("cluster", made.answer, text))


def _account(made: Inspection) -> Iterator[str]:
    yield made.what[0].upper() + made.what[1:]
    yield from (f"  {label + ':':<16}{value}" for label, value in made.facts)
    if made.user is not None:
        yield ""
        verb = "proves" if made.outcome.value == "pass" else "would prove"
        yield f"It {verb} to be {made.user.name}"
        if made.user.groups:
            yield f"  in groups {', '.join(made.user.groups)}"
        for key, values in sorted(made.user.extra.items()):
            yield f"  {key}: {', '.join(values)}"
    yield ""
    yield "Checks:"
    yield from (f"  {MARKS[c.outcome.value]:<6}{c.name + ':':<14}{c.text}" for c in made.checks)
    yield ""
    yield _verdict(made)
    yield from made.notes


def _verdict(made: Inspection) -> str:
    if made.outcome.value == "pass":
        return "The cluster would accept it."
    refusal = made.refusal
    if refusal is not None:
        return f"The cluster would refuse it: {refusal.text}."
    return "Whether a cluster would accept it cannot be told here."
