"""kubeconfig files: which ones apply, adding a context to them and taking it out again, as kind does.

Everything that is not ours stays as it is, comments and formatting included: entries are spliced into the
text. Where a file is written in a way that splicing cannot follow (one-line JSON, anchors), it is rewritten
from its data; the two roads must lead to the same data, which is checked before anything is written.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sekisho.credentials import files, yamlsplice

SECTIONS = ("clusters", "users", "contexts")


class KubeconfigError(Exception):
    """A kubeconfig that cannot be read or changed; one line that names the file."""


@dataclass(frozen=True, slots=True)
class Context:
    """A context with its user, of one name, and its cluster. Certificates and keys are PEM."""

    name: str
    server: str
    ca: bytes = b""
    client_certificate: bytes = b""
    client_key: bytes = b""
    token: str = ""
    namespace: str = ""
    tls_server_name: str = ""
    cluster: str = ""
    """The name of the cluster's entry, where several contexts share one; the context's own by default."""

    def entries(self) -> dict[str, dict[str, Any]]:
        """Section to the item it gets, with keys in client-go's order."""
        cluster: dict[str, Any] = {}
        if self.ca:
            cluster["certificate-authority-data"] = _base64(self.ca)
        cluster["server"] = self.server
        if self.tls_server_name:
            cluster["tls-server-name"] = self.tls_server_name
        user: dict[str, Any] = {}
        if self.client_certificate:
            user["client-certificate-data"] = _base64(self.client_certificate)
            user["client-key-data"] = _base64(self.client_key)
        if self.token:
            user["token"] = self.token
        cluster_name = self.cluster or self.name
        context = {"cluster": cluster_name, "user": self.name}
        if self.namespace:
            context["namespace"] = self.namespace
        return {
            "clusters": {"cluster": cluster, "name": cluster_name},
            "users": {"name": self.name, "user": user},
            "contexts": {"context": context, "name": self.name},
        }

    def render(self) -> bytes:
        """A kubeconfig of its own with just this context."""
        data = _merged({}, self, current=True)
        return yaml.safe_dump(data, sort_keys=True).encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def paths(explicit: str | None, environ: Mapping[str, str]) -> list[Path]:
    """--kubeconfig alone, else the files of $KUBECONFIG, else ~/.kube/config."""
    if explicit:
        return [Path(explicit)]
    listed = dict.fromkeys(p for p in environ.get("KUBECONFIG", "").split(os.pathsep) if p)
    if listed:
        return [Path(p) for p in listed]
    return [Path(environ.get("HOME") or Path.home()) / ".kube" / "config"]


class _File:
    """One file as text and as checked data; a missing file is an empty one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.text = path.read_text("utf-8")
        except FileNotFoundError:
            self.text = ""
        except UnicodeDecodeError:
            raise KubeconfigError(f"{path}: not a kubeconfig: not UTF-8 text") from None
        except OSError as error:
            raise KubeconfigError(f"{path}: {error.strerror}") from None
        self.data = _parse(path, self.text)

    def names(self, section: str) -> list[str]:
        return [item["name"] for item in self.data.get(section) or ()]

    def write(self, data: dict[str, Any], edit: yamlsplice.Edit) -> None:
        """Store `data`, which `edit` makes of the present text where it can."""
        text = yamlsplice.apply(self.text, edit)
        if text is None or _safe_parse(text) != data:
            text = _dump_like(self.text, data)
        if text == self.text:
            return
        owner = self.path.stat() if self.path.exists() else None
        files.replace(self.path, text.encode(), files.PRIVATE)
        if owner is not None and owner.st_uid != os.getuid():
            with contextlib.suppress(OSError):
                os.chown(self.path, owner.st_uid, owner.st_gid)


def _dump_like(before: str, data: dict[str, Any]) -> str:
    if before.lstrip().startswith("{"):
        return json.dumps(data, indent=2) + "\n"
    return yaml.safe_dump(data, sort_keys=False)


def _safe_parse(text: str) -> Any:
    try:
        return yamlsplice.load(text)
    except yaml.YAMLError:
        return None


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        data = yamlsplice.load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise KubeconfigError(
            f"{path}: not YAML: {getattr(error, 'problem', None) or 'bad text'}{where}"
        ) from None
    if data is None:
        return {}
    problem = _not_a_kubeconfig(data)
    if problem:
        raise KubeconfigError(f"{path}: not a kubeconfig: {problem}")
    result: dict[str, Any] = data
    return result


def _not_a_kubeconfig(data: object) -> str:
    if not isinstance(data, dict):
        return "it is no mapping"
    if data.get("kind") not in (None, "", "Config"):
        return f"its kind is {data['kind']}"
    if data.get("apiVersion") not in (None, "", "v1"):
        return f"its apiVersion is {data['apiVersion']}"
    for section in SECTIONS:
        items = data.get(section) or []
        if not isinstance(items, list):
            return f"{section} is no list"
        if not all(isinstance(i, dict) and isinstance(i.get("name"), str) for i in items):
            return f"an entry of {section} has no name"
    return ""


def _merged(data: Mapping[str, Any], context: Context, *, current: bool) -> dict[str, Any]:
    out: dict[str, Any] = {"apiVersion": "v1", "kind": "Config"} if not data else dict(data)
    for section, item in context.entries().items():
        items = list(out.get(section) or ())
        index = next((i for i, old in enumerate(items) if old["name"] == item["name"]), len(items))
        items[index : index + 1] = [item]
        out[section] = items
    if current:
        out["current-context"] = context.name
    return out


def _without(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    out = dict(data)
    for section in SECTIONS:
        if any(item["name"] == name for item in data.get(section) or ()):
            out[section] = [item for item in data[section] if item["name"] != name]
    if data.get("current-context") == name:
        out["current-context"] = ""
    return out


def _target(files_: Sequence[_File]) -> _File:
    """Where new entries go, as kubectl chooses: the first file that exists, else the last of the list."""
    return next((f for f in files_ if f.path.exists()), files_[-1])


def add(where: Sequence[Path], context: Context, *, make_current: bool = True) -> Path:
    """Put a context into the files that apply; entries of that name are replaced. Returns the file.

    KubeconfigError when a file is no kubeconfig or stays locked; then none is changed.
    """
    with _locked(where):
        opened = [_File(p) for p in where]
        target = _target(opened)
        pointer = next((f for f in opened if f.data.get("current-context")), target) if make_current else None
        for file in opened:
            if file is target:
                continue
            data = _without(file.data, context.name)
            edit = yamlsplice.Edit(removed=dict.fromkeys(SECTIONS, context.name))
            if file is pointer:
                data["current-context"] = context.name
                edit.scalars["current-context"] = context.name
            if data != file.data:
                file.write(data, edit)
        data = _merged(target.data, context, current=target is pointer)
        edit = yamlsplice.Edit(items=context.entries())
        if not target.data:
            edit.scalars |= {"apiVersion": "v1", "kind": "Config"}
        if target is pointer:
            edit.scalars["current-context"] = context.name
        target.write(data, edit)
        return target.path


def remove(where: Sequence[Path], name: str) -> list[Path]:
    """Take cluster, user and context of that name out of all files; the files that changed."""
    present = [p for p in where if p.exists()]
    changed = []
    with _locked(present):
        for file in [_File(p) for p in present]:
            data = _without(file.data, name)
            if data == file.data:
                continue
            edit = yamlsplice.Edit(removed=dict.fromkeys(SECTIONS, name))
            if file.data.get("current-context") == name:
                edit.scalars["current-context"] = ""
            file.write(data, edit)
            changed.append(file.path)
    return changed


def load(where: Sequence[Path]) -> dict[str, Any]:
    """All files merged as client-go merges them: the first to name an entry or a current context wins."""
    merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config"}
    for section in SECTIONS:
        merged[section] = []
    for path in where:
        file = _File(path)
        for section in SECTIONS:
            seen = {item["name"] for item in merged[section]}
            merged[section] += [i for i in file.data.get(section) or () if i["name"] not in seen]
        if not merged.get("current-context") and file.data.get("current-context"):
            merged["current-context"] = file.data["current-context"]
    return merged


@contextlib.contextmanager
def _locked(where: Sequence[Path]) -> Any:
    with contextlib.ExitStack() as stack:
        try:
            for path in where:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                stack.enter_context(files.lock_file(path))
        except (OSError, TimeoutError) as error:
            raise KubeconfigError(f"{error}") from None
        yield
