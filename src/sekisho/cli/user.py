"""`sekisho user`: client certificates for people, through the CertificateSigningRequest API."""

from __future__ import annotations

import base64
import os
import time
from datetime import UTC, datetime
from typing import Any

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from sekisho.api.time import human_duration, parse_go_duration
from sekisho.cli import _home
from sekisho.cli._api import AdminClient
from sekisho.cli._errors import CommandError
from sekisho.cli._output import name_option, output_option, show_data, show_table
from sekisho.credentials import kubeconfig, subjects
from sekisho.credentials.certificates import new_key, private_pem
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
def add(user: str, groups: tuple[str, ...], expires: str, name: str) -> None:
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
    seconds = _seconds(expires)
    key = new_key()
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, g) for g in groups]
    subject = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, user)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    with AdminClient(place) as client:
        certificate = _signed(client, user, request.public_bytes(serialization.Encoding.PEM), seconds)
    context = kubeconfig.Context(
        f"{user}@{place.context}",
        str(place.state()["url"]),
        ca=(place.pki / "ca.crt").read_bytes(),
        client_certificate=certificate,
        client_key=private_pem(key),
    )
    try:
        target = kubeconfig.add(kubeconfig.paths(None, os.environ), context, make_current=False)
    except kubeconfig.KubeconfigError as error:
        raise CommandError(str(error))
    end = x509.load_pem_x509_certificate(certificate).not_valid_after_utc
    click.echo(f"User {user} is certified until {end:%Y-%m-%d %H:%M:%S} UTC.")
    click.echo(f"Context {context.name} is in {target}.")


def _seconds(expires: str) -> int:
    try:
        seconds = int(parse_go_duration(expires))
    except ValueError as error:
        raise CommandError(f"--expires: {error}")
    if seconds < 600:
        raise CommandError("--expires: may not specify a duration less than 600 seconds (10 minutes)")
    return seconds


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
    """Show the users whose certificates are in the kubeconfig, with their groups and how long they are good."""
    place = _home.place(name)
    try:
        config = kubeconfig.load(kubeconfig.paths(None, os.environ))
    except kubeconfig.KubeconfigError as error:
        raise CommandError(str(error))
    facts = _users(config, place.context)
    if output:
        show_data(facts, output)
        return
    rows = [[f["user"], ",".join(f["groups"]) or "-", f["expires"], f["context"]] for f in facts]
    show_table(["user", "groups", "expires", "context"], rows)


def _users(config: dict[str, Any], cluster: str) -> list[dict[str, Any]]:
    holders = {u.get("name"): u.get("user") or {} for u in config.get("users") or []}
    out = []
    for entry in config.get("contexts") or []:
        context = entry.get("context") or {}
        data = holders.get(context.get("user"), {}).get("client-certificate-data")
        if context.get("cluster") != cluster or not data:
            continue
        certificate = x509.load_pem_x509_certificate(base64.b64decode(data))
        left = (certificate.not_valid_after_utc - datetime.now(UTC)).total_seconds()
        out.append(
            {
                "user": subjects.common_name(certificate.subject),
                "groups": list(subjects.organizations(certificate.subject)),
                "expires": f"in {human_duration(left)}" if left > 0 else f"{human_duration(-left)} ago",
                "notAfter": certificate.not_valid_after_utc.isoformat(),
                "context": entry["name"],
            }
        )
    return out
