"""Compact JSON Web Signatures (RFC 7515), as strict and as lenient as go-jose is with them.

Written out rather than taken from a library because an uncached token is verified on the request path, where
parsing must stay small beside the signature operation, and because upstream's answers depend on which step
refuses a token.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

CRYPTO_FAILURE = "go-jose/go-jose: error in cryptographic primitive"
_COMPACT = re.compile(r"([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]*)")
_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING = (b"", None, b"==", b"=")

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Malformed(ValueError):
    """Not a compact JWS."""


class Token(NamedTuple):
    """A parsed token whose signature nobody has looked at yet."""

    header: dict[str, Any]
    payload: bytes
    signing_input: bytes
    signature: bytes


def decode_base64url(text: str) -> bytes:
    """Unpadded base64url; Malformed on any other character or an impossible length."""
    data = text.encode("ascii", "replace")
    fill = _PADDING[len(data) % 4]
    if fill is None:
        raise Malformed("illegal base64 data")
    try:
        return binascii.a2b_base64(data.translate(_STANDARD) + fill, strict_mode=True) if data else b""
    except binascii.Error:
        raise Malformed("illegal base64 data") from None


def encode_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def parse(text: str) -> Token:
    """Split and decode. Malformed when the parts are not three, not base64url, or the header is no object."""
    match = _COMPACT.fullmatch(text)
    if match is None:
        raise Malformed("compact JWS format must have three parts")
    header_text, payload_text, signature_text = match.groups()
    header = _object(decode_base64url(header_text))
    if not isinstance(header.get("alg", ""), str) or not isinstance(header.get("kid", ""), str):
        raise Malformed("header parameters must be strings")
    return Token(
        header,
        decode_base64url(payload_text),
        text[: match.end(2)].encode("ascii"),
        decode_base64url(signature_text),
    )


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise Malformed("the header is no JSON") from None
    if not isinstance(value, dict) or duplicate_key(data, value) is not None:
        raise Malformed("the header is no JSON object")
    return value


def duplicate_key(data: bytes, parsed: Any) -> str | None:
    """The first member name that an object in `data` holds twice.

    Compact JSON without repeats comes out of the serializer as it went in, which settles nearly every
    token at a fraction of a second parse.
    """
    if len(orjson.dumps(parsed)) == len(data):
        return None
    found: list[str] = []

    def collect(pairs: list[tuple[str, Any]]) -> None:
        names: set[str] = set()
        for name, _ in pairs:
            if name in names:
                found.append(name)
            names.add(name)

    try:
        json.loads(data, object_pairs_hook=collect)
    except ValueError:
        return None
    return found[0] if found else None


class _Hashed(NamedTuple):
    """`size`: bytes of each half of an ECDSA signature made with this hash."""

    hash: hashes.HashAlgorithm
    size: int


_SHA = {
    "256": _Hashed(hashes.SHA256(), 32),
    "384": _Hashed(hashes.SHA384(), 48),
    "512": _Hashed(hashes.SHA512(), 66),
}
_PKCS1 = padding.PKCS1v15()
_ECDSA = {bits: ec.ECDSA(hashed.hash) for bits, hashed in _SHA.items()}
_CURVE_ALGORITHM = {256: "ES256", 384: "ES384", 521: "ES512"}


def _rsa_padding(alg: str, hashed: _Hashed) -> padding.AsymmetricPadding | None:
    if alg.startswith("RS"):
        return _PKCS1
    if alg.startswith("PS"):
        return padding.PSS(padding.MGF1(hashed.hash), padding.PSS.AUTO)
    return None


def verify(key: PublicKey, token: Token) -> bool:
    """Whether the signature holds. The key's kind must fit `alg`: none and HMAC never verify (RFC 8725)."""
    if "crit" in token.header:
        return False
    return verify_raw(key, token.header.get("alg", ""), token.signing_input, token.signature)


def verify_raw(key: PublicKey, alg: str, signing_input: bytes, signature: bytes) -> bool:
    """As `verify`, on the parts."""
    hashed = _SHA.get(alg[2:])
    if hashed is None:
        return False
    try:
        if isinstance(key, rsa.RSAPublicKey):
            scheme = _rsa_padding(alg, hashed)
            if scheme is None:
                return False
            key.verify(signature, signing_input, scheme, hashed.hash)
            return True
        if not alg.startswith("ES") or len(signature) != 2 * hashed.size:
            return False
        r, s = signature[: hashed.size], signature[hashed.size :]
        der = encode_dss_signature(int.from_bytes(r), int.from_bytes(s))
        key.verify(der, signing_input, _ECDSA[alg[2:]])
        return True
    except InvalidSignature:
        return False


def algorithm(key: PublicKey | PrivateKey) -> str:
    """The algorithm a key signs with: RS256, or the one of its curve. ValueError for other curves."""
    if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        return "RS256"
    if key.key_size not in _CURVE_ALGORITHM:
        raise ValueError("unknown private key curve, must be 256, 384, or 521")
    return _CURVE_ALGORITHM[key.key_size]


def header_text(alg: str, kid: str) -> str:
    """The encoded header of tokens signed here."""
    return encode_base64url(orjson.dumps({"alg": alg, "kid": kid}))


def signer(key: PrivateKey, kid: str) -> Callable[[bytes], str]:
    """A function from payload bytes to the compact token, with everything constant worked out once."""
    prefix = header_text(algorithm(key), kid) + "."

    def sign(payload: bytes) -> str:
        signing_input = prefix + encode_base64url(payload)
        return f"{signing_input}.{encode_base64url(raw_signature(key, signing_input.encode('ascii')))}"

    return sign


def raw_signature(key: PrivateKey, data: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, _PKCS1, _SHA["256"].hash)
    bits = algorithm(key)[2:]
    r, s = decode_dss_signature(key.sign(data, _ECDSA[bits]))
    size = _SHA[bits].size
    return r.to_bytes(size) + s.to_bytes(size)
