"""What a context of a kubeconfig proves itself with, and to which cluster: read for inspection, without running
anything."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sekisho.credentials.recognition import Certificates, Token, Unrecognised, of_pem


@dataclass(frozen=True, slots=True)
class ContextUser:
    """`certificate` and `token` in the order in which the server looks at them; `notes` tell of what else there is
    and what cannot be used. `ca` is PEM, empty when there is none."""

    context: str
    server: str
    user: str
    ca: bytes
    certificate: Certificates | None = None
    token: Token | None = None
    notes: list[str] = field(default_factory=list)


def context_user(data: Mapping[str, Any], folder: Path, name: str = "") -> ContextUser:
    """The context `name`, or the current one. Files are relative to `folder`. Raises Unrecognised."""
    chosen = name or str(data.get("current-context") or "")
    if not chosen:
        raise Unrecognised("this kubeconfig has no current context; choose one with --context")
    context = _named(data, "contexts", "context", chosen)
    cluster = _named(data, "clusters", "cluster", str(context.get("cluster", "")))
    user_name = str(context.get("user", ""))
    user = _named(data, "users", "user", user_name) if user_name else {}
    notes: list[str] = []
    return ContextUser(
        chosen,
        str(cluster.get("server", "")),
        user_name,
        _content(cluster, "certificate-authority", folder, notes) or b"",
        _certificate(user, folder, notes),
        _token(user, folder, notes),
        [*notes, *_others(user)],
    )


def _named(data: Mapping[str, Any], section: str, key: str, name: str) -> dict[str, Any]:
    entries = data.get(section)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name:
            found = entry.get(key)
            return found if isinstance(found, dict) else {}
    raise Unrecognised(f'the kubeconfig has no {key} "{name}"')


def _certificate(user: Mapping[str, Any], folder: Path, notes: list[str]) -> Certificates | None:
    data = _content(user, "client-certificate", folder, notes)
    if data is None:
        return None
    with_key = bool(user.get("client-key-data") or user.get("client-key"))
    if not with_key:
        notes.append("The client certificate has no key beside it: it cannot be shown to a server.")
    try:
        return Certificates(of_pem(data).chain, with_key)
    except Unrecognised as error:
        notes.append(f"The client certificate cannot be read: {error}.")
        return None


def _token(user: Mapping[str, Any], folder: Path, notes: list[str]) -> Token | None:
    """A file counts before a token in the kubeconfig, as for clients."""
    if user.get("tokenFile"):
        path = folder / str(user["tokenFile"])
        try:
            return Token(path.read_text().strip())
        except (OSError, UnicodeDecodeError) as error:
            notes.append(f"The token file {path} cannot be read: {_reason(error)}.")
    text = str(user.get("token") or "")
    return Token(text) if text else None


def _others(user: Mapping[str, Any]) -> list[str]:
    notes = []
    plugin = user.get("exec")
    if isinstance(plugin, dict):
        command = plugin.get("command", "")
        notes.append(f"Clients run the plugin {command} to get a credential; it was not run.")
    if user.get("username") or user.get("password"):
        notes.append("There is a user name with a password, which no Kubernetes server has taken since 1.19.")
    if user.get("as"):
        notes.append(f"Requests go on as {user['as']}, if the caller may impersonate.")
    return notes


def _content(entry: Mapping[str, Any], key: str, folder: Path, notes: list[str]) -> bytes | None:
    """`<key>-data` in base64, or the file that `<key>` names; None for neither."""
    data = entry.get(f"{key}-data")
    if data:
        try:
            return base64.b64decode(str(data), validate=True)
        except binascii.Error:
            notes.append(f"{key}-data is not base64.")
            return None
    if not entry.get(key):
        return None
    path = folder / str(entry[key])
    try:
        return path.read_bytes()
    except OSError as error:
        notes.append(f"{path} cannot be read: {_reason(error)}.")
        return None


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or "it is not text").lower()
