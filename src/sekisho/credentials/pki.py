"""The cluster's keys and certificates in memory: what there is, and how each part is made.

Made keys are ECDSA P-256, so that a whole set takes a few milliseconds. `pkifolder` keeps a set on disk.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sekisho.api.types import MASTERS
from sekisho.credentials import subjects
from sekisho.credentials.certificates import (
    BACKDATE,
    YEAR,
    Authority,
    KeyPair,
    SigningKey,
    alternative_names,
    certificate_pem,
    load_private_key,
    new_key,
    private_pem,
    self_signed_authority,
    sign,
)

ADMIN = "kubernetes-admin"
MADE_HERE = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("2.16.840.1.113730.1.13"), b"\x16\x0fmade by sekisho"
)
"""A Netscape comment: every tool prints it, no verifier minds it."""


class PKIError(Exception):
    """A credential file that cannot be used; one line that names the file."""


@dataclass(frozen=True, slots=True)
class ServingNames:
    """Where clients reach the server: what its certificate must be valid for."""

    domain: str = "cluster.local"
    service_ip: str = "10.96.0.1"
    bind_address: str = "127.0.0.1"
    extra: tuple[str, ...] = ()

    def all(self) -> list[str]:
        names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
        names += [f"kubernetes.default.svc.{self.domain}", "localhost"]
        host = socket.gethostname().lower()
        names += [host] if host and host.isascii() else []
        names += ["127.0.0.1", "::1", self.service_ip]
        if not ipaddress.ip_address(self.bind_address).is_unspecified:
            names.append(self.bind_address)
        return list(dict.fromkeys([*names, *self.extra]))


@dataclass(frozen=True, slots=True)
class PKI:
    """All key material as PEM bytes. An authority's key is None where it is not at hand."""

    ca: KeyPair
    apiserver: KeyPair
    apiserver_kubelet_client: KeyPair
    front_proxy_ca: KeyPair
    front_proxy_client: KeyPair
    admin: KeyPair
    sa_key: bytes
    sa_pub: bytes

    def authority(self) -> Authority:
        """The cluster's CA, ready to sign; PKIError when its key is not at hand."""
        if self.ca.key is None:
            raise PKIError("ca.key: not present, so nothing can be signed")
        return Authority.from_pem(self.ca.certificate, self.ca.key)


@dataclass(frozen=True, slots=True)
class Leaf:
    """How one leaf certificate is made; `stem` is its file name without the ending."""

    stem: str
    issuer: str
    common_name: str
    usage: str
    organizations: tuple[str, ...] = ()


LEAVES: Mapping[str, Leaf] = {
    "apiserver": Leaf("apiserver", "ca", "kube-apiserver", "server auth"),
    "apiserver_kubelet_client": Leaf(
        "apiserver-kubelet-client",
        "ca",
        "kube-apiserver-kubelet-client",
        "client auth",
        ("kubeadm:cluster-admins",),
    ),
    "front_proxy_client": Leaf("front-proxy-client", "front_proxy_ca", "front-proxy-client", "client auth"),
    "admin": Leaf("admin", "ca", ADMIN, "client auth", (MASTERS,)),
}
AUTHORITIES: Mapping[str, tuple[str, str]] = {
    "ca": ("ca", "kubernetes"),
    "front_proxy_ca": ("front-proxy-ca", "front-proxy-ca"),
}
"""Field of PKI to file stem and common name."""


def issue_leaf(leaf: Leaf, authority: Authority, key: SigningKey, names: Sequence[str], now: float) -> bytes:
    """A certificate for `key`, PEM, valid for a year and marked as made here."""
    certificate = sign(
        authority,
        subjects.make(leaf.common_name, leaf.organizations),
        key.public_key(),
        ("digital signature", "key encipherment", leaf.usage),
        now - BACKDATE,
        now + YEAR,
        alternative_names(names),
        (MADE_HERE,),
    )
    return certificate_pem(certificate)


def new_leaf(field: str, authority: Authority, names: ServingNames, now: float) -> KeyPair:
    key = new_key()
    sans = names.all() if field == "apiserver" else ()
    return KeyPair(issue_leaf(LEAVES[field], authority, key, sans, now), private_pem(key))


def new_authority(field: str, now: float) -> KeyPair:
    made = self_signed_authority(AUTHORITIES[field][1], now)
    return KeyPair(certificate_pem(made.certificate), private_pem(made.key))


def new_account_keys() -> KeyPair:
    """The ServiceAccount signing key, with its public half in the place of the certificate."""
    private = private_pem(new_key())
    return KeyPair(public_pem(private), private)


def public_pem(private: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a private key, PEM."""
    return (
        load_private_key(private)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def create(names: ServingNames, now: float) -> PKI:
    """A whole new set in memory. `now` is Unix time in seconds."""
    pairs = {field: new_authority(field, now) for field in AUTHORITIES}
    for field, leaf in LEAVES.items():
        issuer = pairs[leaf.issuer]
        authority = Authority.from_pem(issuer.certificate, issuer.key or b"")
        pairs[field] = new_leaf(field, authority, names, now)
    return assemble(pairs, new_account_keys())


def assemble(pairs: Mapping[str, KeyPair], account: KeyPair) -> PKI:
    """A PKI of its parts; `account` must hold the signing key."""
    return PKI(**dict(pairs), sa_key=account.key or b"", sa_pub=account.certificate)


def subject_names(certificate: x509.Certificate) -> list[str]:
    """DNS and IP subject alternative names as text."""
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(n.value) for n in san if isinstance(n, x509.DNSName | x509.IPAddress)]


def missing_names(pair: KeyPair, names: ServingNames) -> list[str]:
    """Names that clients may use and a serving certificate is not valid for."""
    have = set(subject_names(x509.load_pem_x509_certificate(pair.certificate)))
    return [n for n in names.all() if n not in have]


def made_here(certificate: x509.Certificate) -> bool:
    """Whether a certificate carries our mark, and so may be renewed."""
    try:
        found = certificate.extensions.get_extension_for_oid(MADE_HERE.oid).value
    except x509.ExtensionNotFound:
        return False
    return isinstance(found, x509.UnrecognizedExtension) and found.value == MADE_HERE.value
