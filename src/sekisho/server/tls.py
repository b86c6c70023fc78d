"""TLS for the server: any client certificate passes the handshake and reaches the application.

Upstream requests a client certificate and verifies it in the authenticators, so that an expired or unknown
one is answered 401 and not with a broken handshake. Python's ssl module cannot do that: it either verifies or
does not ask. Here pyOpenSSL does both: this module has the settings and what a handshake tells of the peer,
`tlsprotocol` the connection.

Sessions are never resumed: a resumed session knows the leaf but not the chain that came with it.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL, crypto

_SUITES = {c["name"]: int(c["id"]) & 0xFFFF for c in ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).get_ciphers()}


@dataclass(slots=True)
class PeerInfo:
    """What the handshake told: worked out once for each connection and shared by its requests.

    `chain` is the client's certificates as DER, leaf first, None when it sent none; `extension` the value
    of the ASGI TLS extension.
    """

    chain: tuple[bytes, ...] | None = None
    extension: dict[str, Any] = field(default_factory=dict)


class ServerTLS:
    """The serving certificate and the settings that new connections get; `load` changes the certificate, `trust`
    the authorities whose names clients are shown."""

    def __init__(self, certificate: bytes, key: bytes, client_authorities: Sequence[bytes] = ()) -> None:
        """PEM chain and key. `client_authorities`: PEM bundles whose names clients are shown to choose by."""
        self._authorities = tuple(client_authorities)
        self.load(certificate, key)

    def trust(self, client_authorities: Sequence[bytes]) -> None:
        """Show the names of these authorities from the next connection on."""
        self._authorities = tuple(client_authorities)
        self.load(*self._pair)

    def load(self, certificate: bytes, key: bytes) -> None:
        """Serve this certificate from the next connection on. ValueError when chain and key do not fit."""
        context = _new_context()
        try:
            chain = x509.load_pem_x509_certificates(certificate)
            context.use_certificate(chain[0])
            for intermediate in chain[1:]:
                context.add_extra_chain_cert(intermediate)
            private = serialization.load_pem_private_key(key, password=None)
            context.use_privatekey(private)  # type: ignore[arg-type]
            context.check_privatekey()
        except (SSL.Error, TypeError, ValueError) as error:
            why = str(error).partition(". ")[0]
            raise ValueError(f"the serving certificate and its key cannot be used: {why}") from None
        for bundle in self._authorities:
            for authority in x509.load_pem_x509_certificates(bundle):
                context.add_client_ca(authority)
        self.context = context
        self._pair = (certificate, key)
        self.server_certificate = chain[0].public_bytes(serialization.Encoding.PEM).decode("ascii")


def _new_context() -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_session_id(b"sekisho")
    context.set_cipher_list(b"ECDHE+AESGCM:ECDHE+CHACHA20")
    context.set_verify(SSL.VERIFY_PEER, _accept_any)
    context.set_alpn_select_callback(_choose_protocol)
    return context


def _accept_any(
    connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, ok: int
) -> bool:
    """The authenticators verify; the handshake only proves possession of the key."""
    return True


def _choose_protocol(connection: SSL.Connection, offered: list[bytes]) -> Any:
    return b"http/1.1" if b"http/1.1" in offered else SSL.NO_OVERLAPPING_PROTOCOLS


def _der(certificate: crypto.X509) -> bytes:
    return crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)


def _subject(der: bytes) -> str:
    """RFC 4514 name; empty for a certificate that cannot be read, which the authenticators then refuse."""
    try:
        return x509.load_der_x509_certificate(der).subject.rfc4514_string()
    except ValueError:
        return ""


def peer_info(connection: SSL.Connection, server_certificate: str) -> PeerInfo:
    """Read once, after the handshake."""
    leaf = connection.get_peer_certificate()
    suite = connection.get_cipher_name() or ""
    extension: dict[str, Any] = {
        "server_cert": server_certificate,
        "client_cert_chain": (),
        "client_cert_name": None,
        "client_cert_error": None,
        "tls_version": connection.get_protocol_version(),
        "cipher_suite": _SUITES.get(suite),
    }
    if leaf is None:
        return PeerInfo(None, extension)
    ders = [_der(leaf), *map(_der, connection.get_peer_cert_chain() or ())]
    chain = tuple(dict.fromkeys(ders))
    extension["client_cert_chain"] = [ssl.DER_cert_to_PEM_cert(der) for der in chain]
    extension["client_cert_name"] = _subject(chain[0])
    return PeerInfo(chain, extension)
