"""Certificates: reading requests, signing them as the controller manager's signers do, issuing clients' ones.

What is signed follows crypto/x509 as upstream uses it: subject re-written from the request's, subject
alternative names copied, every other requested extension dropped, and the signer's own constraints added.
"""

from __future__ import annotations

import datetime
import ipaddress
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from sekisho.api.csr import RequestError as RequestError
from sekisho.api.csr import parse_request as parse_request
from sekisho.credentials import subjects, usages

SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

BACKDATE = 300
"""Seconds before now at which a certificate begins, for clients whose clocks run late."""
SHORT_LIVED = 8 * 3600
"""Certificates with less life than this do not pay for the backdating at their end."""
YEAR = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA that can sign: its certificate and its private key."""

    certificate: x509.Certificate
    key: SigningKey

    @classmethod
    def from_pem(cls, certificate: bytes, key: bytes) -> Authority:
        return cls(x509.load_pem_x509_certificate(certificate), load_private_key(key))


def load_private_key(data: bytes) -> SigningKey:
    """A PEM private key (PKCS#1, SEC 1 or PKCS#8). ValueError when it is none that can sign."""
    key = serialization.load_pem_private_key(data, password=None)
    if not isinstance(key, SigningKey):
        raise ValueError("the key is neither RSA nor ECDSA nor Ed25519")
    return key


def new_key() -> ec.EllipticCurvePrivateKey:
    """ECDSA P-256: quick to make, understood by every client."""
    return ec.generate_private_key(ec.SECP256R1())


def private_pem(key: SigningKey) -> bytes:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    if isinstance(key, ed25519.Ed25519PrivateKey):
        form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def certificate_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def signature_hash(key: SigningKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
    """Go's choice of hash for a key."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size > 384:
        return hashes.SHA512()
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size > 256:
        return hashes.SHA384()
    return hashes.SHA256()


def request_names(request: x509.CertificateSigningRequest) -> list[x509.GeneralName]:
    """The DNS, email, IP and URI names that a request asks for, in the order Go writes them."""
    try:
        san = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    kinds = (x509.DNSName, x509.RFC822Name, x509.IPAddress, x509.UniformResourceIdentifier)
    return [name for kind in kinds for name in san if isinstance(name, kind)]


def serial_number() -> int:
    """128 random bits, never zero."""
    return secrets.randbits(128) or 1


def moment(unix: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(int(unix), datetime.UTC)


def alternative_names(names: Iterable[str]) -> list[x509.GeneralName]:
    """IP addresses become IP names, all else DNS names."""
    out: list[x509.GeneralName] = []
    for name in names:
        try:
            out.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            out.append(x509.DNSName(name))
    return out


def _builder(
    subject: x509.Name, public_key: CertificatePublicKeyTypes, issuer: x509.Name, start: float, end: float
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(serial_number())
        .not_valid_before(moment(start))
        .not_valid_after(moment(end))
    )


def self_signed_authority(common_name: str, now: float, years: int = 10) -> Authority:
    """A new root as kubeadm makes it: CN only, key usages of a CA, its own name as a SAN."""
    key = new_key()
    public = key.public_key()
    subject = subjects.make(common_name)
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    key_usage = usages.key_usage(("digital signature", "key encipherment", "cert sign"))
    builder = _builder(subject, public, subject, now - BACKDATE, now + years * YEAR)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    if key_usage is not None:
        builder = builder.add_extension(key_usage, critical=True)
    builder = builder.add_extension(identifier, critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(common_name)]), critical=False)
    return Authority(builder.sign(key, hashes.SHA256()), key)


def sign(
    authority: Authority,
    subject: x509.Name,
    public_key: CertificatePublicKeyTypes,
    asked: Sequence[str],
    start: float,
    end: float,
    names: Sequence[x509.GeneralName] = (),
    extra: Sequence[x509.ExtensionType] = (),
) -> x509.Certificate:
    """Sign a leaf. `asked` are usages by name; the end is cut to the authority's own."""
    issuer = authority.certificate
    end = min(end, issuer.not_valid_after_utc.timestamp())
    builder = _builder(subject, public_key, issuer.subject, start, end)
    if (key_usage := usages.key_usage(asked)) is not None:
        builder = builder.add_extension(key_usage, critical=True)
    if (extended := usages.extended_key_usage(asked)) is not None:
        builder = builder.add_extension(extended, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    if (identifier := authority_key_identifier(issuer)) is not None:
        builder = builder.add_extension(identifier, critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not list(subject))
    for extension in extra:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(authority.key, signature_hash(authority.key))


def authority_key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier | None:
    """The issuer's subject key id as Go copies it; None when the issuer has none."""
    try:
        found = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return None
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found)


def sign_request(
    authority: Authority,
    request: x509.CertificateSigningRequest,
    asked: Sequence[str],
    duration: float,
    now: float,
) -> bytes:
    """Sign a CertificateSigningRequest as the controller manager does; the PEM of the leaf alone.

    `duration` in seconds. RequestError when the authority itself has expired.
    """
    issuer_end = authority.certificate.not_valid_after_utc
    if now >= issuer_end.timestamp():
        raise RequestError(f"the signer has expired: NotAfter={issuer_end:%Y-%m-%d %H:%M:%S} +0000 UTC")
    end = now + duration if duration < SHORT_LIVED else now + duration - BACKDATE
    certificate = sign(
        authority,
        subjects.rewritten(request.subject),
        _certifiable(request),
        asked,
        now - BACKDATE,
        end,
        request_names(request),
    )
    return certificate_pem(certificate)


def _certifiable(request: x509.CertificateSigningRequest) -> CertificatePublicKeyTypes:
    key = request.public_key()
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        raise RequestError("x509: unsupported public key type")
    return key


def clamp_duration(longest: float, asked: int | None) -> float:
    """spec.expirationSeconds against --cluster-signing-duration: never more, never less than ten minutes."""
    if asked is None:
        return longest
    return min(max(float(asked), 600.0), longest)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, PEM. The key is None where only the certificate is at hand."""

    certificate: bytes
    key: bytes | None


def issue_client(
    authority: Authority,
    common_name: str,
    organizations: Sequence[str] = (),
    now: float = 0.0,
    duration: float = YEAR,
    extra: Sequence[x509.ExtensionType] = (),
) -> KeyPair:
    """A new key and a client certificate for user `common_name` in groups `organizations`."""
    key = new_key()
    certificate = sign(
        authority,
        subjects.make(common_name, organizations),
        key.public_key(),
        ("digital signature", "key encipherment", "client auth"),
        now - BACKDATE,
        now + duration,
        extra=extra,
    )
    return KeyPair(certificate_pem(certificate), private_pem(key))
