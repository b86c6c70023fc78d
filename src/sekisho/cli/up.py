"""`sekisho up`: a cluster in the background, ready when the command returns."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import click

from sekisho.cli import _home
from sekisho.cli._errors import CommandError
from sekisho.cli._output import name_option
from sekisho.config import DEFAULT_PORT
from sekisho.credentials import kubeconfig

START_SECONDS = 30.0


@click.command("up", short_help="Start a cluster in the background.")
@name_option
@click.option("--port", type=click.IntRange(1, 65535), help="The port.  [default: 6443, or a free one]")
@click.option(
    "--token-secrets",
    type=click.Choice(["auto", "manual"]),
    help="auto: every ServiceAccount gets a token Secret, as up to Kubernetes 1.23. manual: today's behaviour.  "
    "[default: as before, else auto]",
)
@click.option(
    "--node",
    type=click.Choice(["simulated", "none"]),
    help="simulated: one Node that runs Pods in appearance.  [default: as before, else simulated]",
)
def command(name: str, port: int | None, token_secrets: str | None, node: str | None) -> None:
    """Start a cluster in the background and make it kubectl's current context.

    The first start makes keys, certificates and a store in the data folder; later ones find everything as it
    was. The kubeconfig ($KUBECONFIG or ~/.kube/config) gets a context `sekisho-NAME`; all else in it stays.

    \b
    Examples:
      sekisho up
      sekisho up --name second --port 7443
    """
    place = _home.place(name)
    if place.is_running():
        url = place.state().get("url", "")
        raise CommandError(f'cluster "{name}" is already running' + (f" at {url}" if url else ""))
    where = kubeconfig.paths(None, os.environ)
    try:
        kubeconfig.load(where)
    except kubeconfig.KubeconfigError as error:
        raise CommandError(str(error))
    fresh = not place.exists()
    before = place.state()
    chosen = port or _port(before.get("port"))
    if port and not _is_free(port):
        raise CommandError(f"cannot listen on 127.0.0.1:{port}: address already in use")
    place.prepare()
    flags = [
        f"--token-secrets={token_secrets or before.get('tokenSecrets', 'auto')}",
        f"--node={node or before.get('node', 'simulated')}",
    ]
    click.echo(f'Starting cluster "{name}" ...', nl=False, err=True)
    try:
        seconds = _start(place, chosen, flags)
    except CommandError:
        click.echo("", err=True)
        if fresh:
            place.remove()
        raise
    click.echo(f" ready in {seconds:.1f} s", err=True)
    target = _write_context(place, where)
    click.echo(f"Context {place.context} is now current in {target}.")
    click.echo("Try:  kubectl create namespace sample && kubectl get serviceaccount,secret -n sample")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _port(before: int | None) -> int:
    """The port of the last time, so that kubeconfigs stay right; else the usual one; else any free one."""
    for port in (before, DEFAULT_PORT):
        if port and _is_free(port):
            return port
    return 0


def _start(place: _home.Place, port: int, flags: list[str]) -> float:
    """Start the server and wait until it says that it is ready; the seconds it took."""
    before = place.state().get("startedAt")
    started = time.monotonic()
    arguments = [
        sys.executable,
        "-m",
        "sekisho",
        "serve",
        f"--name={place.name}",
        f"--pki-dir={place.pki}",
        f"--data-dir={place.data}",
        f"--secure-port={port}",
        f"--state-file={place.state_file}",
        "--enable-bootstrap-token-auth",
        "--enable-admission-plugins=NodeRestriction",
        *flags,
    ]
    descriptor = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as log:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=place.folder,
            env={**os.environ, "SEKISHO_LOCK": str(place.lock_file)},
        )
    while time.monotonic() - started < START_SECONDS:
        if process.poll() is not None:
            raise CommandError(_last_error(place.log))
        if place.state().get("startedAt") not in (None, before):
            return time.monotonic() - started
        time.sleep(0.01)
    process.terminate()
    raise CommandError(f"the server was not ready within {START_SECONDS:.0f} s; see {place.log}")


def _last_error(log: Path) -> str:
    """What the server said before it stopped."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    if errors:
        return errors[-1].removeprefix("error: ")
    return f"the server stopped: {lines[-1] if lines else 'it said nothing'}"


def _write_context(place: _home.Place, where: list[Path]) -> Path:
    state = place.state()
    context = kubeconfig.Context(
        place.context,
        str(state["url"]),
        ca=(place.pki / "ca.crt").read_bytes(),
        client_certificate=(place.pki / "admin.crt").read_bytes(),
        client_key=(place.pki / "admin.key").read_bytes(),
    )
    with contextlib.suppress(OSError):
        os.chmod(place.folder, 0o700)
    try:
        return kubeconfig.add(where, context)
    except kubeconfig.KubeconfigError as error:
        raise CommandError(str(error))
