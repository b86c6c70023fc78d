"""HTTP clients as a kubeconfig describes them, for the webhooks that the server calls.

httpx is imported on use: a server without webhooks never loads it.
"""

from __future__ import annotations

import base64
import binascii
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    import httpx


class OutgoingError(ValueError):
    """A kubeconfig that cannot be used; the text is for the operator."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to call and with which client; `close` the client at the end."""

    url: str
    client: httpx.AsyncClient


def target_of(path: Path, timeout: float) -> Target:
    """The cluster and user of a kubeconfig's current context. `timeout` is seconds. Raises OutgoingError."""
    try:
        config = yaml.safe_load(path.read_text())
    except OSError as error:
        raise OutgoingError(f"open {path}: {(error.strerror or str(error)).lower()}")
    except (yaml.YAMLError, UnicodeDecodeError):
        raise OutgoingError(f"error loading config file {path}: not a kubeconfig")
    if not isinstance(config, dict):
        raise OutgoingError("invalid configuration: no configuration has been provided")
    context = _named(config, "contexts", "context", config.get("current-context") or "")
    cluster = _named(config, "clusters", "cluster", context.get("cluster", ""))
    user = _named(config, "users", "user", context["user"]) if context.get("user") else {}
    server = cluster.get("server")
    if not server:
        raise OutgoingError("invalid configuration: no server found for cluster")
    return Target(server, _client(cluster, user, path.parent, timeout))


def _named(config: Mapping[str, Any], section: str, field: str, name: str) -> dict[str, Any]:
    for entry in config.get(section) or ():
        if entry.get("name") == name:
            found: dict[str, Any] = entry.get(field) or {}
            return found
    raise OutgoingError(f'invalid configuration: {field} "{name}" does not exist')


def _client(
    cluster: Mapping[str, Any], user: Mapping[str, Any], folder: Path, timeout: float
) -> httpx.AsyncClient:
    import httpx

    headers = {}
    token = user.get("token")
    if not token and user.get("tokenFile"):
        token = (folder / user["tokenFile"]).read_text().strip()
    if token:
        headers["Authorization"] = f"Bearer {token}"
    auth = (user["username"], user.get("password", "")) if user.get("username") else None
    transport_options: dict[str, Any] = {"verify": _tls(cluster, user, folder)}
    if cluster.get("proxy-url"):
        transport_options["proxy"] = cluster["proxy-url"]
    client = httpx.AsyncClient(
        headers=headers, auth=auth, timeout=timeout, trust_env=False, http2=False, **transport_options
    )
    name = cluster.get("tls-server-name")
    if name:
        client.event_hooks = {"request": [_with_server_name(name)]}
    return client


def _with_server_name(name: str) -> Any:
    async def set_name(request: httpx.Request) -> None:
        request.extensions = {**request.extensions, "sni_hostname": name}

    return set_name


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any], folder: Path) -> ssl.SSLContext:
    authority = _bytes(cluster, "certificate-authority", folder)
    try:
        context = ssl.create_default_context(cadata=authority.decode() if authority else None)
        # Go asks for no authority key identifier, newer Pythons do: what Go accepts must do here.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if cluster.get("insecure-skip-tls-verify"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        certificate, key = _bytes(user, "client-certificate", folder), _bytes(user, "client-key", folder)
        if certificate and key:
            _load_pair(context, certificate, key)
    except ssl.SSLError as error:
        raise OutgoingError(f"invalid configuration: unable to load TLS certificates: {error.reason}")
    return context


def _load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """ssl reads certificates from files only; the file is gone when this returns."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate + b"\n" + key)
        file.flush()
        context.load_cert_chain(file.name)


def _bytes(entry: Mapping[str, Any], field: str, folder: Path) -> bytes:
    """`<field>-data` in base64, or the file that `<field>` names, relative to the kubeconfig; empty for neither."""
    data = entry.get(f"{field}-data")
    try:
        if data:
            return base64.b64decode(data, validate=True)
        return (folder / entry[field]).read_bytes() if entry.get(field) else b""
    except binascii.Error:
        raise OutgoingError(f"invalid configuration: {field}-data is not base64")
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise OutgoingError(f"invalid configuration: unable to read {field} {entry[field]}: {why}")
