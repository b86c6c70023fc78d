"""`sekisho run`: a local command that holds a ServiceAccount's credentials, as a container of a Pod does."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click

from sekisho.cli import _home
from sekisho.cli._api import AdminClient
from sekisho.cli._errors import CommandError
from sekisho.cli._output import name_option
from sekisho.cli.token import split_account

MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
FOLDER_VARIABLE = "SEKISHO_SERVICEACCOUNT_DIR"
LIFETIME = 3607
"""Seconds: the lifetime a kubelet asks for."""
REFRESH = 0.8
"""The part of a token's life after which it is replaced, as a kubelet does."""


@click.command(
    "run",
    short_help="Run a local command as a ServiceAccount.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option("--serviceaccount", required=True, metavar="NAMESPACE/NAME", help="Whose credentials it holds.")
@click.option("--pod", help="Bind the token to this Pod: it dies with the Pod.")
@name_option
@click.argument("arguments", nargs=-1, required=True, metavar="-- COMMAND [ARG...]")
def command(serviceaccount: str, pod: str | None, name: str, arguments: tuple[str, ...]) -> None:
    """Run a local command that is, for the cluster, the ServiceAccount NAMESPACE/NAME.

    The command finds token, ca.crt and namespace in /var/run/secrets/kubernetes.io/serviceaccount, in a mount
    namespace of its own (Linux), and KUBERNETES_SERVICE_HOST and _PORT in its environment: the in-cluster
    configuration of every client library works unchanged. The token is replaced before it expires.

    \b
    Example:
      sekisho run --serviceaccount sample/default -- python controller.py
    """
    place = _home.running_place(name)
    namespace, account = split_account(serviceaccount)
    with tempfile.TemporaryDirectory(prefix="sekisho-run-") as folder, AdminClient(place) as client:
        credentials = _Credentials(Path(folder), client, namespace, account, pod)
        credentials.write_fixed((place.pki / "ca.crt").read_bytes())
        credentials.renew()
        url = urlsplit(str(place.state()["url"]))
        environment = {
            **os.environ,
            "KUBERNETES_SERVICE_HOST": url.hostname or "",
            "KUBERNETES_SERVICE_PORT": str(url.port),
            "KUBERNETES_SERVICE_PORT_HTTPS": str(url.port),
            FOLDER_VARIABLE: folder if _mounter() is None else MOUNT,
        }
        environment.pop("KUBECONFIG", None)
        sys.exit(_run(_wrapped(arguments, folder), environment, credentials))


class _Credentials:
    """The folder with token, ca.crt and namespace. Files are replaced in one step."""

    def __init__(
        self, folder: Path, client: AdminClient, namespace: str, account: str, pod: str | None
    ) -> None:
        self._folder = folder
        self._client = client
        self._namespace = namespace
        self._path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        self._pod = pod

    def write_fixed(self, ca: bytes) -> None:
        _home.write_private(self._folder / "ca.crt", ca)
        _home.write_private(self._folder / "namespace", self._namespace.encode())

    def renew(self) -> None:
        """Ask for a token and put it into place. Raises CommandError."""
        spec: dict[str, object] = {"expirationSeconds": LIFETIME}
        if self._pod:
            pod = self._client.get(f"/api/v1/namespaces/{self._namespace}/pods/{self._pod}")
            spec["boundObjectRef"] = {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": self._pod,
                "uid": pod["metadata"]["uid"],
            }
        answer = self._client.post(self._path, {"spec": spec})
        _home.write_private(self._folder / "token", str(answer["status"]["token"]).encode())

    def keep_fresh(self, stop: threading.Event) -> None:
        while not stop.wait(LIFETIME * REFRESH):
            try:
                self.renew()
            except CommandError as error:
                click.echo(f"warning: the token could not be renewed: {error.message}", err=True)


def _mounter() -> str | None:
    """bwrap or unshare, whichever this machine has; None where there are no mount namespaces."""
    if sys.platform != "linux":
        return None
    return shutil.which("bwrap") or shutil.which("unshare")


_UNSHARE_SCRIPT = """
set -e
keep="$1"; source="$2"; target="$3"; shift 3
mount --make-rprivate /
mount --rbind /run "$keep"
mount -t tmpfs -o mode=755 tmpfs /run
for entry in "$keep"/* "$keep"/.[!.]*; do
  [ -e "$entry" ] || continue
  place="/run/${entry##*/}"
  if [ -d "$entry" ]; then mkdir "$place"; else : > "$place"; fi
  mount --rbind "$entry" "$place"
done
umount -l "$keep"
mkdir -p "$target"
mount --bind -o ro "$source" "$target"
exec "$@"
"""


def _wrapped(arguments: Sequence[str], folder: str) -> list[str]:
    """The command inside a mount namespace where the credentials are in their usual place.

    /run becomes a file system of its own that shows what the real one holds, so that nothing is written to
    the machine's. Raises CommandError where that cannot be done.
    """
    tool = _mounter()
    if tool is None:
        raise CommandError(
            f"this system cannot give a command its own {MOUNT} (it needs Linux with bubblewrap or unshare); "
            f"point the client at the folder named by ${FOLDER_VARIABLE} instead, or run this on Linux"
        )
    target = os.path.realpath("/var/run") + MOUNT.removeprefix("/var/run")
    if tool.endswith("bwrap"):
        wrapped = [tool, "--dev-bind", "/", "/", "--tmpfs", "/run"]
        for entry in sorted(os.listdir("/run")):
            wrapped += ["--dev-bind-try", f"/run/{entry}", f"/run/{entry}"]
        return [*wrapped, "--ro-bind", folder, target, "--die-with-parent", "--", *arguments]
    keep = os.path.join(folder, ".run")
    os.mkdir(keep, 0o700)
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return [tool, *user, "--mount", "--", "sh", "-c", _UNSHARE_SCRIPT, "sh", keep, folder, target, *arguments]


def _run(arguments: list[str], environment: dict[str, str], credentials: _Credentials) -> int:
    """The command's exit code; signals go on to it."""
    stop = threading.Event()
    refresher = threading.Thread(target=credentials.keep_fresh, args=(stop,), daemon=True)
    refresher.start()
    try:
        process = subprocess.Popen(arguments, env=environment)
    except OSError as error:
        raise CommandError(f"cannot run {arguments[0]}: {(error.strerror or str(error)).lower()}")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: process.send_signal(received))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = process.wait()
    stop.set()
    return 128 - code if code < 0 else code
