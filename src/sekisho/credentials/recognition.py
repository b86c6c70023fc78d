"""Which sort of credential a text is: a token, a certificate, a kubeconfig, or an object that holds one of them.

Nothing is checked here but the form. What is found keeps its secrets out of its representation.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sekisho.api import pem

MAX_BYTES = 1024 * 1024
_TOKEN = re.compile(r"[\x21-\x7e]+\Z")
_KUBECONFIG_KEYS = ("clusters", "contexts", "users")


class Unrecognised(ValueError):
    """A text that is none of these; the message never quotes it."""


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token of any sort."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Certificates:
    """DER, the leaf first. `with_key`: a private key was beside them, and has been left out."""

    chain: tuple[bytes, ...]
    with_key: bool = False


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    data: dict[str, Any] = field(repr=False)


Credential = Token | Certificates | Kubeconfig


def recognise(data: bytes) -> Credential:
    """Raises Unrecognised."""
    if len(data) > MAX_BYTES:
        raise Unrecognised("this is too large to be a credential")
    if not data.strip():
        raise Unrecognised("there is nothing in it")
    if b"-----BEGIN " in data and not _is_object(data):
        return of_pem(data)
    der = _der(data)
    if der is not None:
        return Certificates((der,))
    text = _text(data)
    value = _yaml(text)
    if isinstance(value, dict):
        return _of_object(value)
    if _TOKEN.match(text):
        return Token(text)
    raise Unrecognised("this is neither a token nor a certificate nor a kubeconfig")


def of_pem(data: bytes) -> Certificates:
    """The certificates among PEM blocks. Raises Unrecognised when there is none."""
    blocks = pem.blocks(data)
    chain = tuple(block.data for block in blocks if block.type == "CERTIFICATE")
    with_key = any(block.type.endswith("PRIVATE KEY") for block in blocks)
    if chain:
        return Certificates(chain, with_key)
    if with_key:
        raise Unrecognised("this is a private key alone; what it proves is in its certificate")
    types = ", ".join(sorted({block.type for block in blocks}))
    raise Unrecognised(
        f"there is no certificate in it, but {types}" if types else "its PEM blocks are damaged"
    )


def _is_object(data: bytes) -> bool:
    """Whether PEM is only inside: objects may hold it as a string or as a block of text."""
    return (
        data.lstrip().startswith(b"{") or re.search(rb"^(kind|apiVersion):", data, re.MULTILINE) is not None
    )


def _der(data: bytes) -> bytes | None:
    if not data.startswith(b"\x30"):
        return None
    try:
        certificate = x509.load_der_x509_certificate(data)
    except ValueError:
        return None
    return certificate.public_bytes(serialization.Encoding.DER)


def _text(data: bytes) -> str:
    try:
        return data.decode().strip()
    except UnicodeDecodeError:
        raise Unrecognised("this is neither text nor a certificate in DER") from None


def _yaml(text: str) -> Any:
    """The text as YAML, where it could be an object; None otherwise."""
    if ":" not in text:
        return None
    try:
        return yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return None


def _of_object(value: dict[str, Any]) -> Credential:
    """A kubeconfig, or what a Secret, TokenRequest or ExecCredential holds."""
    kind = value.get("kind")
    if kind == "Config" or any(isinstance(value.get(key), list) for key in _KUBECONFIG_KEYS):
        return Kubeconfig(value)
    status = value.get("status")
    status = status if isinstance(status, dict) else {}
    if isinstance(status.get("token"), str) and status["token"]:
        return Token(status["token"])
    if isinstance(status.get("clientCertificateData"), str):
        return of_pem(status["clientCertificateData"].encode())
    if kind == "CertificateSigningRequest" and isinstance(status.get("certificate"), str):
        return of_pem(_base64(status["certificate"]))
    if kind == "Secret":
        return _of_secret(value)
    raise Unrecognised(f"an object of kind {kind or 'unknown'} holds no credential that can be told")


def _of_secret(value: dict[str, Any]) -> Credential:
    data = value.get("data")
    data = data if isinstance(data, dict) else {}
    if isinstance(data.get("token"), str):
        return Token(_text(_base64(data["token"])))
    if isinstance(data.get("tls.crt"), str):
        return of_pem(_base64(data["tls.crt"]))
    if isinstance(data.get("token-id"), str) and isinstance(data.get("token-secret"), str):
        parts = (_text(_base64(data[key])) for key in ("token-id", "token-secret"))
        return Token(".".join(parts))
    raise Unrecognised("this Secret holds neither token nor certificate")


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Unrecognised("a field that should be base64 is not") from None
