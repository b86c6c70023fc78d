"""Reading PKCS#10 certificate signing requests: what validation checks and signers start from."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa

from sekisho.api import pem

BLOCK = "CERTIFICATE REQUEST"


class RequestError(ValueError):
    """A signing request that cannot be read, in upstream's words."""


def parse_request(data: bytes) -> x509.CertificateSigningRequest:
    """A PEM signing request whose signature holds; RequestError with upstream's text otherwise."""
    block = pem.first(data)
    if block is None or block.type != BLOCK:
        raise RequestError("PEM block type must be CERTIFICATE REQUEST")
    try:
        request = x509.load_der_x509_csr(block.data)
        valid = request.is_signature_valid
    except InvalidSignature:
        valid = False
    except Exception as error:
        raise RequestError("asn1: structure error: malformed certificate request") from error
    if not valid:
        is_rsa = isinstance(request.public_key(), rsa.RSAPublicKey)
        raise RequestError("crypto/rsa: verification error" if is_rsa else "x509: ECDSA verification failure")
    return request
