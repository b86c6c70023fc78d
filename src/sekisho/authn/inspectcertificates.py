"""Client certificates under inspection: the steps of the x509 authenticator, one by one."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from sekisho.api.time import format_time
from sekisho.authn import chains
from sekisho.authn.chains import VerifyError
from sekisho.authn.groups import with_authenticated
from sekisho.authn.inspection import (
    Check,
    Inspection,
    Surroundings,
    failed,
    not_revoked,
    passed,
    unknown,
)
from sekisho.authn.interface import Identity
from sekisho.authn.x509 import UIDError, user_of
from sekisho.credentials import subjects
from sekisho.credentials.recognition import Certificates
from sekisho.credentials.tokens import human_gap

_USAGES = {
    ExtendedKeyUsageOID.CLIENT_AUTH: "client auth",
    ExtendedKeyUsageOID.SERVER_AUTH: "server auth",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "any",
}


def inspect_certificate(given: Certificates, around: Surroundings) -> Inspection:
    """The leaf, which is the first certificate, with the others as intermediates."""
    made = Inspection("client certificate")
    try:
        leaf, *rest = [chains.load(der) for der in given.chain]
    except VerifyError as error:
        made.checks.append(failed("form", error.text))
        return made
    made.checks.append(passed("form", "an X.509 certificate"))
    made.facts = _facts(leaf)
    if given.with_key:
        made.notes.append("There is a private key beside it, which was not looked at.")
    made.checks += [_time(leaf, around.now), *_chain(leaf, rest, around)]
    made.checks.append(_name(leaf))
    identity = _identity(leaf, given.chain[0], made)
    if identity is not None:
        made.user = identity.user
        made.checks.append(not_revoked(identity, around))
    return made


def _facts(leaf: x509.Certificate) -> list[tuple[str, str]]:
    names = _extension_names(leaf)
    facts = [
        ("common name", subjects.common_name(leaf.subject) or "absent"),
        ("organizations", ", ".join(subjects.organizations(leaf.subject)) or "none"),
        ("issued by", subjects.common_name(leaf.issuer) or leaf.issuer.rfc4514_string()),
        ("serial", f"{leaf.serial_number:x}"),
        ("not before", format_time(leaf.not_valid_before_utc.timestamp())),
        ("not after", format_time(leaf.not_valid_after_utc.timestamp())),
        ("key", _key(leaf)),
        ("usages", ", ".join(_usages(leaf)) or "not restricted"),
    ]
    if names:
        facts.append(("names", ", ".join(names)))
    return facts


def _key(leaf: x509.Certificate) -> str:
    key = leaf.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA, {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ECDSA, {key.curve.name}"
    return type(key).__name__


def _usages(leaf: x509.Certificate) -> list[str]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return []
    return [_USAGES.get(oid, oid.dotted_string) for oid in found]


def _extension_names(leaf: x509.Certificate) -> list[str]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in found]


def _time(leaf: x509.Certificate, now: float) -> Check:
    window = chains.lifetime(leaf)
    if now < window.start:
        return failed("time", f"not valid for another {human_gap(window.start - now)}")
    if now > window.end:
        return failed("time", f"expired {human_gap(now - window.end)} ago")
    return passed("time", f"valid for another {human_gap(window.end - now)}")


def _chain(leaf: x509.Certificate, rest: list[x509.Certificate], around: Surroundings) -> list[Check]:
    """Authority and usage, as of a time at which the leaf is valid, so that they show beside an expiry."""
    if around.client_roots is None:
        return [unknown("authority", "there is no cluster whose authority it could be")]
    window = chains.lifetime(leaf)
    now = min(max(around.now, window.start), window.end)
    usages = _usages(leaf)
    try:
        chains.verify_client([leaf, *rest], around.client_roots, now)
    except VerifyError as error:
        if error.text == chains.INCOMPATIBLE_USAGE:
            shown = ", ".join(usages) or "others"
            return [
                passed("authority", "signed by the cluster's authority"),
                failed("usage", f"not for clients, but for: {shown}"),
            ]
        return [failed("authority", error.text.removeprefix("x509: "))]
    return [passed("authority", "signed by the cluster's authority"), passed("usage", "for clients")]


def _name(leaf: x509.Certificate) -> Check:
    name = subjects.common_name(leaf.subject)
    if not name:
        return failed("name", "there is no common name, so it proves nobody")
    return passed("name", f"names {name}")


def _identity(leaf: x509.Certificate, der: bytes, made: Inspection) -> Identity | None:
    try:
        user = user_of(leaf, der)
    except UIDError as error:
        made.checks.append(failed("uid", str(error)))
        return None
    if user is None:
        return None
    return Identity(with_authenticated(user), certificate_serial=f"{leaf.serial_number:x}")
