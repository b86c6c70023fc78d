"""Keys that sign and verify ServiceAccount tokens: where they come from, their ids, and the JWKS they make.

A key's id is the unpadded base64url of the SHA-256 of its SubjectPublicKeyInfo, as upstream computes it, so
tokens of an existing cluster keep verifying when its keys are mounted here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sekisho.api import pem
from sekisho.credentials import jws
from sekisho.credentials.jws import PrivateKey, PublicKey, encode_base64url

_CURVE_NAMES = {256: "P-256", 384: "P-384", 521: "P-521"}
_PRIVATE_BLOCKS = ("RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY")
_PUBLIC_BLOCKS = ("PUBLIC KEY", "RSA PUBLIC KEY")


class UnusableKey(ValueError):
    """A key that cannot be used for tokens."""


def key_id(key: PublicKey) -> str:
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encode_base64url(hashlib.sha256(der).digest())


@dataclass(frozen=True, slots=True)
class VerificationKey:
    kid: str
    key: PublicKey
    alg: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "alg", jws.algorithm(self.key))

    def jwk(self) -> dict[str, Any]:
        """RFC 7517 form in go-jose's order of members."""
        out: dict[str, Any] = {"use": "sig"}
        numbers = self.key.public_numbers()
        if isinstance(numbers, rsa.RSAPublicNumbers):
            exponent = numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8)
            modulus = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)
            out |= {"kty": "RSA", "kid": self.kid, "alg": "RS256"}
            return out | {"n": encode_base64url(modulus), "e": encode_base64url(exponent)}
        size = (self.key.key_size + 7) // 8
        out |= {"kty": "EC", "kid": self.kid, "crv": _CURVE_NAMES[self.key.key_size]}
        out |= {"alg": self.alg}
        return out | {
            "x": encode_base64url(numbers.x.to_bytes(size)),
            "y": encode_base64url(numbers.y.to_bytes(size)),
        }


def _accept(key: object) -> PublicKey | None:
    if isinstance(key, rsa.RSAPublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size in _CURVE_NAMES:
        return key
    return None


def _public_of_block(block: pem.Block) -> PublicKey | None:
    text = pem.encode(block.type, block.data)
    try:
        if block.type in _PRIVATE_BLOCKS:
            private = serialization.load_pem_private_key(text, password=None)
            return _accept(private.public_key())
        if block.type in _PUBLIC_BLOCKS:
            return _accept(serialization.load_pem_public_key(text))
        if block.type == "CERTIFICATE":
            return _accept(x509.load_der_x509_certificate(block.data).public_key())
    except ValueError:
        return None
    return None


def public_keys(data: bytes) -> list[VerificationKey]:
    """All RSA and ECDSA keys in PEM text, be they public, private or in certificates, in order.

    UnusableKey with upstream's text when there is none.
    """
    found = [key for block in pem.blocks(data) if (key := _public_of_block(block)) is not None]
    if not found:
        raise UnusableKey("data does not contain any valid RSA or ECDSA public keys")
    return [VerificationKey(key_id(key), key) for key in found]


@dataclass(slots=True)
class SigningKey:
    """The private key that new tokens are signed with."""

    key: PrivateKey
    kid: str = field(init=False)
    alg: str = field(init=False)
    sign: Callable[[bytes], str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            self.alg = jws.algorithm(self.key)
        except ValueError as error:
            raise UnusableKey(str(error)) from None
        self.kid = key_id(self.key.public_key())
        self.sign = jws.signer(self.key, self.kid)

    def replace(self, other: SigningKey) -> None:
        """Sign with the other's key from now on, for all who hold this object."""
        self.key, self.kid, self.alg, self.sign = other.key, other.kid, other.alg, other.sign

    @classmethod
    def from_pem(cls, data: bytes) -> SigningKey:
        try:
            key = serialization.load_pem_private_key(data, password=None)
        except (ValueError, TypeError):
            raise UnusableKey("data does not contain a valid RSA or ECDSA private key") from None
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            kind = type(key).__name__
            raise UnusableKey(f"unknown private key type {kind}, must be RSA or ECDSA")
        return cls(key)


class KeyRing:
    """The verification keys in use, by id and in order; replaced as a whole when keys are rotated."""

    def __init__(self, keys: Iterable[VerificationKey] = ()) -> None:
        self._keys: tuple[VerificationKey, ...] = ()
        self._by_id: dict[str, tuple[VerificationKey, ...]] = {}
        self._by_header: dict[str, VerificationKey] = {}
        self.replace(keys)

    def replace(self, keys: Iterable[VerificationKey]) -> None:
        """Take these keys from now on; the same key given twice is kept once."""
        self._keys = tuple({k.kid: k for k in keys}.values())
        self._by_id = {k.kid: (k,) for k in self._keys}
        self._by_header = {jws.header_text(k.alg, k.kid): k for k in self._keys}

    def of_header(self, header: str) -> VerificationKey | None:
        """The key whose own tokens begin with this encoded header: saves reading it. None for any other."""
        return self._by_header.get(header)

    def all(self) -> tuple[VerificationKey, ...]:
        return self._keys

    def candidates(self, kid: str) -> tuple[VerificationKey, ...]:
        """The keys a token with this id may be signed by; all of them for a token without an id."""
        return self._by_id.get(kid, ()) if kid else self._keys
