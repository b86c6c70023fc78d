"""A client for the current context of a kubeconfig, whatever cluster that is, with what kubectl understands of it:
certificates, tokens, token files, exec plugins, impersonation, proxies."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sekisho.cli import _home
from sekisho.cli._api import AdminClient, ApiClient
from sekisho.cli._errors import CommandError
from sekisho.credentials import kubeconfig
from sekisho.credentials.outgoing import OutgoingError, context_of

_FILES = {
    "clusters": ("cluster", ("certificate-authority",)),
    "users": ("user", ("client-certificate", "client-key", "tokenFile")),
}
_EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")


@dataclass(frozen=True, slots=True)
class Connection:
    """`namespace` is the one that commands mean when nobody says another."""

    client: ApiClient
    namespace: str = "default"


def connect(name: str | None, context: str | None, file: str | None) -> Connection:
    """As the administrator of the cluster called `name`, or as a kubeconfig's context says. Raises CommandError."""
    if name is not None:
        return Connection(AdminClient(_home.running_place(name)))
    return of_kubeconfig(context, file)


def of_kubeconfig(context: str | None = None, file: str | None = None) -> Connection:
    where = kubeconfig.paths(file, os.environ)
    try:
        data = _merged(where)
        chosen = context or data.get("current-context") or ""
        if not chosen:
            listed = ", ".join(map(str, where))
            raise CommandError(
                f"no current context in {listed}: choose one with --context, a cluster of Sekisho with --name, or "
                "files with -f"
            )
        entry = _named(data, "contexts", "context", chosen)
        cluster = _named(data, "clusters", "cluster", entry.get("cluster", ""))
        user = _named(data, "users", "user", entry["user"]) if entry.get("user") else {}
        return Connection(_client(cluster, user), entry.get("namespace") or "default")
    except (kubeconfig.KubeconfigError, OutgoingError) as error:
        raise CommandError(str(error))


def _merged(where: list[Path]) -> dict[str, Any]:
    """All files as kubectl merges them, with the files they refer to found beside each."""
    merged: dict[str, Any] = {section: [] for section in kubeconfig.SECTIONS}
    for path in where:
        data = kubeconfig.load([path])
        for section, (field, keys) in _FILES.items():
            for item in data[section]:
                _resolve(item.get(field) or {}, keys, path.parent)
        for section in kubeconfig.SECTIONS:
            known = {item["name"] for item in merged[section]}
            merged[section] += [item for item in data[section] if item["name"] not in known]
        merged.setdefault("current-context", data.get("current-context") or None)
        merged["current-context"] = merged["current-context"] or data.get("current-context")
    return merged


def _resolve(entry: dict[str, Any], keys: tuple[str, ...], folder: Path) -> None:
    for key in keys:
        if entry.get(key):
            entry[key] = str(folder / entry[key])


def _named(data: Mapping[str, Any], section: str, field: str, name: str) -> dict[str, Any]:
    for item in data[section]:
        if item["name"] == name:
            found: dict[str, Any] = item.get(field) or {}
            return found
    raise CommandError(f'{field} "{name}" does not exist in the kubeconfig')


def _client(cluster: Mapping[str, Any], user: dict[str, Any]) -> ApiClient:
    server = cluster.get("server")
    if not server:
        raise CommandError("the kubeconfig's cluster names no server")
    if user.get("exec"):
        user |= _exec(user["exec"], cluster)
    headers = _impersonation(user)
    if token := _token(user):
        headers.append(("Authorization", f"Bearer {token}"))
    tls = context_of(cluster, user, Path())
    return ApiClient(
        str(server),
        tls,
        headers,
        proxy=cluster.get("proxy-url") or None,
        server_name=cluster.get("tls-server-name") or None,
    )


def _token(user: Mapping[str, Any]) -> str:
    if not user.get("tokenFile"):
        return str(user.get("token") or "")
    try:
        return Path(user["tokenFile"]).read_text().strip()
    except OSError as error:
        raise CommandError(f"{user['tokenFile']}: {(error.strerror or str(error)).lower()}")


def _impersonation(user: Mapping[str, Any]) -> list[tuple[str, str]]:
    headers = [("Impersonate-User", user.get("as")), ("Impersonate-Uid", user.get("as-uid"))]
    headers += [("Impersonate-Group", group) for group in user.get("as-groups") or ()]
    for key, values in (user.get("as-user-extra") or {}).items():
        headers += [(f"Impersonate-Extra-{quote(key, safe='')}", value) for value in values]
    return [(name, str(value)) for name, value in headers if value]


def _exec(spec: Mapping[str, Any], cluster: Mapping[str, Any]) -> dict[str, Any]:
    """What a credential plugin answers, as fields of a kubeconfig's user."""
    version = spec.get("apiVersion", "")
    if version not in _EXEC_VERSIONS:
        raise CommandError(f'exec plugin: invalid apiVersion "{version}"')
    info: dict[str, Any] = {"interactive": sys.stdin.isatty() and spec.get("interactiveMode") != "Never"}
    if spec.get("provideClusterInfo"):
        info["cluster"] = {k: v for k, v in cluster.items() if k != "extensions"}
    request = {"kind": "ExecCredential", "apiVersion": version, "spec": info}
    environment = {**os.environ, "KUBERNETES_EXEC_INFO": json.dumps(request)}
    environment |= {item["name"]: item["value"] for item in spec.get("env") or ()}
    command = str(spec.get("command", ""))
    try:
        done = subprocess.run(
            [command, *(spec.get("args") or ())], env=environment, stdout=subprocess.PIPE, check=True
        )
        status = json.loads(done.stdout)["status"]
    except OSError as error:
        hint = spec.get("installHint") or ""
        raise CommandError(f"exec plugin {command}: {(error.strerror or str(error)).lower()} {hint}")
    except subprocess.CalledProcessError as error:
        raise CommandError(f"exec plugin {command} failed with exit code {error.returncode}")
    except (ValueError, TypeError, KeyError):
        raise CommandError(f"exec plugin {command} didn't return a status field")
    return _credential(status)


def _credential(status: Mapping[str, Any]) -> dict[str, Any]:
    if not status.get("token") and not status.get("clientCertificateData"):
        raise CommandError("exec plugin didn't return a token or cert/key pair")
    found: dict[str, Any] = {"tokenFile": None}
    if status.get("token"):
        found["token"] = status["token"]
    for given, key in (("clientCertificateData", "client-certificate"), ("clientKeyData", "client-key")):
        if status.get(given):
            found[f"{key}-data"] = base64.b64encode(status[given].encode()).decode()
    return found
