"""`sekisho user`: client certificates for people, through the CertificateSigningRequest API."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from sekisho.api.time import human_duration
from sekisho.cli import _home
from sekisho.cli._api import AdminClient
from sekisho.cli._errors import CommandError
from sekisho.cli._output import name_option, output_option, show_data, show_table
from sekisho.cli.token import parse_seconds
from sekisho.credentials import kubeconfig, subjects
from sekisho.credentials.certificates import SigningKey, new_key, private_pem
from sekisho.credentials.signers import APISERVER_CLIENT

CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
WAIT_SECONDS = 10.0


@click.group("user", short_help="Give people client certificates.")
def command() -> None:
    """Users exist outside the cluster: whoever holds a certificate that its CA signed is the user it names."""


@command.command("add")
@click.argument("user")
@click.option("--group", "groups", multiple=True, help="A group of the user. Repeatable.")
@click.option(
    "--expires", default="8760h", show_default=True, help="How long the certificate is good, such as 24h."
)
@name_option
@output_option
def add(user: str, groups: tuple[str, ...], expires: str, name: str, output: str | None) -> None:
    """Give USER a client certificate and a kubeconfig context.

    The private key is made here and stays here. A CertificateSigningRequest goes through the API: it is
    created, approved and signed there as for any cluster. The new user may do nothing until a RoleBinding
    says otherwise.

    \b
    Example:
      sekisho user add alice --group dev --expires 24h
      kubectl --context alice@sekisho-default auth whoami
    """
    place = _home.running_place(name)
    where = kubeconfig.paths(None, os.environ)
    seconds = parse_seconds("--expires", expires)
    key = new_key()
    request = _request(key, user, groups)
    try:
        kubeconfig.load(where)  # what cannot be written to is found out before a certificate is asked for
        with AdminClient(place) as client:
            certificate = _signed(client, user, request, seconds)
        context = kubeconfig.Context(
            f"{user}@{place.context}",
            str(place.state()["url"]),
            ca=(place.pki / "ca.crt").read_bytes(),
            client_certificate=certificate,
            client_key=private_pem(key),
            cluster=place.context,
        )
        target = kubeconfig.add(where, context, make_current=False)
    except kubeconfig.KubeconfigError as error:
        raise CommandError(str(error))
    facts = _facts(context.name, x509.load_pem_x509_certificate(certificate))
    if output:
        show_data({**facts, "kubeconfig": str(target)}, output)
        return
    click.echo(f"User {user} is certified until {facts['notAfter']}.")
    click.echo(f"Context {context.name} is in {target}.")


def _request(key: SigningKey, user: str, groups: Sequence[str]) -> bytes:
    """A signing request in PEM. Raises CommandError for names that a certificate cannot hold."""
    try:
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, g) for g in groups]
        subject = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, user)])
    except ValueError as error:
        raise CommandError(f"names in a certificate have 1 to 64 characters: {error}")
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


def _signed(client: AdminClient, user: str, request: bytes, seconds: int) -> bytes:
    """Create, approve and wait for the certificate. Raises CommandError with the signer's reason."""
    csr = client.post(
        CSRS,
        {
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"generateName": "sekisho-user-"},
            "spec": {
                "request": base64.b64encode(request).decode(),
                "signerName": APISERVER_CLIENT,
                "usages": ["digital signature", "client auth"],
                "expirationSeconds": seconds,
            },
        },
    )
    path = f"{CSRS}/{csr['metadata']['name']}"
    approval = {
        "type": "Approved",
        "status": "True",
        "reason": "SekishoUserAdd",
        "message": "This CSR was approved by sekisho user add.",
    }
    csr["status"] = {"conditions": [approval]}
    client.put(f"{path}/approval", csr)
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        status = client.get(path).get("status", {})
        if status.get("certificate"):
            return base64.b64decode(status["certificate"])
        for condition in status.get("conditions", ()):
            if condition["type"] in ("Failed", "Denied"):
                raise CommandError(f"the signer refused: {condition.get('message', condition['type'])}")
        time.sleep(0.02)
    raise CommandError(f"no certificate for {user} within {WAIT_SECONDS:.0f} s")


@command.command("list")
@name_option
@output_option
def list_users(name: str, output: str | None) -> None:
    """Show the users whose certificates are in the kubeconfig, with their groups and how long they are good.

    The cluster itself keeps no list of users: it believes every certificate that its CA signed.
    """
    place = _home.existing_place(name)
    try:
        config = kubeconfig.load(kubeconfig.paths(None, os.environ))
    except kubeconfig.KubeconfigError as error:
        raise CommandError(str(error))
    facts = _users(config, place.context)
    if output:
        show_data(facts, output)
        return
    rows = [[f["user"], ",".join(f["groups"]) or "-", _left(f), f["context"]] for f in facts]
    show_table(["user", "groups", "expires", "context"], rows)


def _users(config: dict[str, Any], cluster: str) -> list[dict[str, Any]]:
    holders = {u.get("name"): u.get("user") or {} for u in config.get("users") or []}
    out = []
    for entry in config.get("contexts") or []:
        context = entry.get("context") or {}
        if context.get("cluster") != cluster:
            continue
        certificate = _certificate(holders.get(context.get("user"), {}))
        if certificate is not None:
            out.append(_facts(entry["name"], certificate))
    return out


def _certificate(holder: dict[str, Any]) -> x509.Certificate | None:
    """The certificate of a kubeconfig's user; None when it has none that can be read."""
    try:
        if data := holder.get("client-certificate-data"):
            return x509.load_pem_x509_certificate(base64.b64decode(data))
        if path := holder.get("client-certificate"):
            return x509.load_pem_x509_certificate(Path(path).read_bytes())
    except (ValueError, TypeError, OSError):
        pass
    return None


def _facts(context: str, certificate: x509.Certificate) -> dict[str, Any]:
    end = certificate.not_valid_after_utc
    return {
        "user": subjects.common_name(certificate.subject),
        "groups": list(subjects.organizations(certificate.subject)),
        "notAfter": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        "expired": end <= datetime.now(UTC),
        "context": context,
    }


def _left(facts: dict[str, Any]) -> str:
    left = (datetime.fromisoformat(facts["notAfter"]) - datetime.now(UTC)).total_seconds()
    return f"in {human_duration(left)}" if left > 0 else f"{human_duration(-left)} ago"
