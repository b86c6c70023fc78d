"""`sekisho up`: a cluster in the background, ready when the command returns."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from sekisho.cli import _flags, _home
from sekisho.cli._errors import CommandError
from sekisho.cli._output import name_option, output_option, show_data
from sekisho.config import DEFAULT_PORT

START_SECONDS = 60.0
STOP_SECONDS = 10.0
MAX_LOG = 4 << 20
"""Bytes; a log beyond it is begun anew at the next start."""


@click.command("up", short_help="Start a cluster in the background.")
@name_option
@click.option("--port", type=click.IntRange(1, 65535), help="The port.  [default: as before, else 6443]")
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
@output_option
@click.argument("serve_flags", nargs=-1, type=click.UNPROCESSED, metavar="[-- SERVE-FLAG...]")
def command(
    name: str,
    port: int | None,
    token_secrets: str | None,
    node: str | None,
    output: str | None,
    serve_flags: tuple[str, ...],
) -> None:
    """Start a cluster in the background and make it kubectl's current context.

    The first start makes keys, certificates and a store in the data folder; later ones find everything as it
    was: objects, tokens, certificates, and the flags of the last time unless new ones are given. The
    kubeconfig ($KUBECONFIG or ~/.kube/config) gets a context `sekisho-NAME`; all else in it stays.

    Flags after `--` go to the server; `sekisho serve --help` lists them.

    \b
    Examples:
      sekisho up
      sekisho up --name second --port 7443
      sekisho up -- --token-auth-file tokens.csv --v 2
    """
    from sekisho.credentials import kubeconfig

    place = _home.place(name)
    where = kubeconfig.paths(None, os.environ)
    given = {"token-secrets": token_secrets, "node": node}
    with ExitStack() as undo:
        try:
            kubeconfig.load(where)
            settings = _settings(place, given, serve_flags)
            seconds = _up(place, port, settings, undo)
            target = kubeconfig.add(where, context(place))
        except kubeconfig.KubeconfigError as error:
            raise CommandError(str(error))
        undo.pop_all()
    click.echo(f" ready in {seconds:.1f} s", err=True)
    if output:
        state = place.state()
        show_data({**state, "context": place.context, "kubeconfig": str(target)}, output)
        return
    click.echo(f"Context {place.context} is now current in {target}.")
    click.echo("Try:  kubectl create namespace sample && kubectl get serviceaccount,secret -n sample")


def _settings(place: _home.Place, given: dict[str, str | None], serve_flags: Sequence[str]) -> dict[str, Any]:
    """What was chosen now, else the last time, else the defaults."""
    before = place.settings()
    flags = _flags.canonical(serve_flags) if serve_flags else before.get("flags", [])
    defaults = {"token-secrets": "auto", "node": "simulated"}
    return {k: given[k] or before.get(k, defaults[k]) for k in defaults} | {"flags": flags}


def _up(place: _home.Place, port: int | None, settings: dict[str, Any], undo: ExitStack) -> float:
    """Start the server; the seconds it took. What to take back on failure is put into `undo`."""
    place.check_format()
    if place.is_running():
        raise _home.already_running(place)
    if port and not _is_free(port):
        raise CommandError(f"cannot listen on 127.0.0.1:{port}: address already in use")
    fresh = not place.exists()
    place.prepare()
    with place.lock() as lock:
        if fresh:
            undo.callback(place.remove)
        chosen = port or _port(place)
        click.echo(f'Starting cluster "{place.name}" ...', nl=False, err=True)
        undo.callback(click.echo, "", err=True)
        seconds = _start(place, chosen, settings, lock, undo)
    _home.write_private(place.settings_file, json.dumps(settings).encode())
    return seconds


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _port(place: _home.Place) -> int:
    """The port of the last time, so that kubeconfigs stay right; else the usual one; else any free one."""
    before = place.state().get("port")
    wanted = before or DEFAULT_PORT
    if _is_free(wanted):
        return int(wanted)
    changed = "; kubeconfigs that were copied elsewhere need the new one" if before else ""
    click.echo(f"Port {wanted} is taken; using a free one{changed}.", err=True)
    return 0


def _start(place: _home.Place, port: int, settings: dict[str, Any], lock: int, undo: ExitStack) -> float:
    """Start the server and wait until it says that it is ready; the seconds it took."""
    before = place.state().get("startedAt")
    started = time.monotonic()
    arguments = [
        *(sys.executable, "-m", "sekisho", "serve"),
        f"--name={place.name}",
        f"--pki-dir={place.pki}",
        f"--data-dir={place.data}",
        f"--secure-port={port}",
        f"--state-file={place.state_file}",
        "--enable-bootstrap-token-auth",
        "--enable-admission-plugins=NodeRestriction",
        f"--token-secrets={settings['token-secrets']}",
        f"--node={settings['node']}",
        *settings["flags"],
    ]
    begun = place.log.stat().st_size if place.log.exists() else 0
    begun = 0 if begun > MAX_LOG else begun
    descriptor = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "wb") as log:
        log.truncate(begun)
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=place.folder,
            pass_fds=(lock,),
        )
    undo.callback(_end, process)
    os.ftruncate(lock, 0)
    os.pwrite(lock, b"%d\n" % process.pid, 0)
    while time.monotonic() - started < START_SECONDS:
        if process.poll() is not None:
            raise CommandError(_last_error(place.log, begun))
        if place.state().get("startedAt") not in (None, before):
            return time.monotonic() - started
        time.sleep(0.01)
    raise CommandError(f"the server was not ready within {START_SECONDS:.0f} s; see {place.log}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_error(log: Path, begun: int) -> str:
    """What the server said before it stopped."""
    said = log.read_bytes()[begun:].decode(errors="replace")
    lines = [line for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error: ")]
    if errors:
        return errors[-1][len("error: ") :]
    return f"the server stopped: {lines[-1] if lines else 'it said nothing'}"


def context(place: _home.Place) -> Any:
    """The administrator's kubeconfig context of a cluster that runs."""
    from sekisho.credentials.kubeconfig import Context

    return Context(
        place.context,
        str(place.state()["url"]),
        ca=(place.pki / "ca.crt").read_bytes(),
        client_certificate=(place.pki / "admin.crt").read_bytes(),
        client_key=(place.pki / "admin.key").read_bytes(),
    )
