"""Verifying a client's certificate chain the way Go's crypto/x509 does for upstream's authenticators.

cryptography's own verifier follows the Web PKI profile, which cluster certificates do not keep to (no SAN,
old CAs without key ids). The checks, their order and their texts are Go's: signature, time, basic
constraints, path length, key usage, extended key usage along the chain. Names are not checked (no host is
asked for) and neither are name constraints, which speak of SANs while users come from the CN; revocation is
looked at elsewhere.
"""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from sekisho.api.goformat import quote
from sekisho.credentials import subjects

_E = TypeVar("_E", bound=x509.ExtensionType)

UNKNOWN_AUTHORITY = "x509: certificate signed by unknown authority"
INCOMPATIBLE_USAGE = "x509: certificate specifies an incompatible key usage"
_CANNOT_SIGN = "x509: invalid signature: parent certificate cannot sign this kind of certificate"
_MAX_SIGNATURE_CHECKS = 100
_HANDLED = {
    ExtensionOID.KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.NAME_CONSTRAINTS,
    ExtensionOID.CRL_DISTRIBUTION_POINTS,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ExtensionOID.CERTIFICATE_POLICIES,
}


class VerifyError(Exception):
    """Why a chain does not hold, in Go's words. `timely` errors may be gone a second later."""

    def __init__(self, text: str, timely: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.timely = timely


@dataclass(frozen=True, slots=True)
class Window:
    """The time (Unix seconds) in which a result stays what it is."""

    start: float
    end: float


def load(der: bytes) -> x509.Certificate:
    """VerifyError for bytes that are no certificate."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            certificate = x509.load_der_x509_certificate(der)
            _ = certificate.extensions, certificate.subject, certificate.issuer
            return certificate
    except (ValueError, Warning):
        raise VerifyError("x509: malformed certificate") from None


def load_bundle(pem: bytes) -> list[x509.Certificate]:
    """All certificates of a CA file. ValueError when there is none."""
    return x509.load_pem_x509_certificates(pem)


def _extension(certificate: x509.Certificate, kind: type[_E]) -> _E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _rfc3339(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _check_time(certificate: x509.Certificate, now: datetime.datetime) -> None:
    text = "x509: certificate has expired or is not yet valid: current time "
    if now < certificate.not_valid_before_utc:
        raise VerifyError(
            f"{text}{_rfc3339(now)} is before {_rfc3339(certificate.not_valid_before_utc)}", True
        )
    if now > certificate.not_valid_after_utc:
        raise VerifyError(f"{text}{_rfc3339(now)} is after {_rfc3339(certificate.not_valid_after_utc)}", True)


def _check_extensions(certificate: x509.Certificate) -> None:
    if any(e.critical and e.oid not in _HANDLED for e in certificate.extensions):
        raise VerifyError("x509: unhandled critical extension")


def _signature_error(child: x509.Certificate, parent: x509.Certificate) -> str:
    """Why `parent` has not signed `child`; empty when it has."""
    constraints = _extension(parent, x509.BasicConstraints)
    if constraints is None and parent.version is x509.Version.v3:
        return _CANNOT_SIGN
    if constraints is not None and not constraints.ca:
        return _CANNOT_SIGN
    usage = _extension(parent, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        return _CANNOT_SIGN
    try:
        child.verify_directly_issued_by(parent)
    except InvalidSignature:
        is_rsa = isinstance(parent.public_key(), rsa.RSAPublicKey)
        return "crypto/rsa: verification error" if is_rsa else "x509: ECDSA verification failure"
    except (ValueError, TypeError):
        return "x509: cannot verify signature: algorithm unimplemented"
    return ""


def _check_authority(
    parent: x509.Certificate, chain: Sequence[x509.Certificate], now: datetime.datetime, is_root: bool
) -> None:
    _check_extensions(parent)
    _check_time(parent, now)
    constraints = _extension(parent, x509.BasicConstraints)
    if not is_root and (constraints is None or not constraints.ca):
        raise VerifyError("x509: certificate is not authorized to sign other certificates")
    limit = constraints.path_length if constraints is not None else None
    if limit is not None and len(chain) - 1 > limit:
        raise VerifyError("x509: too many intermediates for path length constraint")


def _allows_client_auth(chain: Sequence[x509.Certificate]) -> bool:
    """No certificate of the chain, the root included, may restrict usages to others."""
    for certificate in chain:
        usages = _extension(certificate, x509.ExtendedKeyUsage)
        if usages is None or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usages:
            continue
        if ExtendedKeyUsageOID.CLIENT_AUTH not in usages:
            return False
    return True


class _Search:
    """Depth-first over all chains from a leaf to a root; keeps the first hint and the last error."""

    def __init__(
        self, roots: Sequence[x509.Certificate], pool: Sequence[x509.Certificate], now: float
    ) -> None:
        self.roots = roots
        self.pool = pool
        self.now = datetime.datetime.fromtimestamp(now, datetime.UTC)
        self.checks = 0
        self.hint = ""
        self.error: VerifyError | None = None
        self.found: list[list[x509.Certificate]] = []

    def extend(self, chain: list[x509.Certificate]) -> None:
        current = chain[-1]
        for root in self.roots:
            if (
                root.subject == current.issuer
                and root not in chain
                and self._accept(root, chain, is_root=True)
            ):
                self.found.append([*chain, root])
        for candidate in self.pool:
            if candidate.subject != current.issuer or candidate in chain:
                continue
            if self._accept(candidate, chain, is_root=False):
                self.extend([*chain, candidate])

    def _accept(self, parent: x509.Certificate, chain: list[x509.Certificate], is_root: bool) -> bool:
        self.checks += 1
        if self.checks > _MAX_SIGNATURE_CHECKS:
            text = "x509: signature check attempts limit reached while verifying certificate chain"
            self.error = VerifyError(text)
            return False
        problem = _signature_error(chain[-1], parent)
        if problem:
            self.hint = self.hint or _hint(problem, parent)
            return False
        try:
            _check_authority(parent, chain, self.now, is_root)
        except VerifyError as error:
            self.error = error
            return False
        return True


def _hint(problem: str, candidate: x509.Certificate) -> str:
    name = subjects.common_name(candidate.subject)
    if not name:
        organizations = subjects.organizations(candidate.subject)
        name = organizations[0] if organizations else f"serial:{candidate.serial_number}"
    why = f"possibly because of {quote(problem)}"
    return f" ({why} while trying to verify candidate authority certificate {quote(name)})"


def verify_client(chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], now: float) -> Window:
    """Check a leaf (first of `chain`) for client authentication; the rest of the chain are intermediates.

    Returns how long the result holds. VerifyError with Go's text otherwise.
    """
    leaf, pool = chain[0], chain[1:]
    search = _Search(roots, pool, now)
    _check_extensions(leaf)
    _check_time(leaf, search.now)
    if leaf in roots:
        search.found.append([leaf])
    else:
        search.extend([leaf])
    if not search.found:
        raise search.error or VerifyError(UNKNOWN_AUTHORITY + search.hint)
    fitting = [found for found in search.found if _allows_client_auth(found)]
    if not fitting:
        raise VerifyError(INCOMPATIBLE_USAGE)
    return _window(fitting[0])


def _window(chain: Sequence[x509.Certificate]) -> Window:
    start = max(c.not_valid_before_utc.timestamp() for c in chain)
    return Window(start, min(c.not_valid_after_utc.timestamp() for c in chain))


def lifetime(certificate: x509.Certificate) -> Window:
    return _window([certificate])


def describe_keys(certificate: x509.Certificate) -> str:
    """`SN=<decimal>, SKID=AA:BB, AKID=CC:DD`, as upstream's log names a certificate."""
    subject_id = _extension(certificate, x509.SubjectKeyIdentifier)
    authority_id = _extension(certificate, x509.AuthorityKeyIdentifier)
    skid = subject_id.digest if subject_id is not None else b""
    akid = (authority_id.key_identifier if authority_id is not None else None) or b""
    return f"SN={certificate.serial_number}, SKID={_colons(skid)}, AKID={_colons(akid)}"


def _colons(data: bytes) -> str:
    return data.hex(":").upper()
