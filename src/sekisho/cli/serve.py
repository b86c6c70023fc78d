"""`sekisho serve`: the server in the foreground, with kube-apiserver's flag names where it has the flag."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click

from sekisho import config as configs
from sekisho.cli import _auditflags, _authflags, _home, _logging
from sekisho.cli._errors import CommandError

EXISTING = click.Path(path_type=Path)


@click.command("serve", short_help="Run the server in the foreground.")
@click.option(
    "--name", default="default", show_default=True, help="The cluster's name, for messages and contexts."
)
@click.option("--bind-address", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--secure-port",
    default=configs.DEFAULT_PORT,
    show_default=True,
    help="The port to listen on; 0 picks a free one and prints it.",
)
@click.option(
    "--pki-dir",
    type=EXISTING,
    help="Keys and certificates under kubeadm's file names. Missing files are created, present ones are used. "
    "Without it, keys live in memory and end with the server.",
)
@click.option("--data-dir", type=EXISTING, help="Where the store's file is. Required by --store sqlite.")
@click.option(
    "--store",
    type=click.Choice(["sqlite", "memory"]),
    help="Where objects are kept.  [default: sqlite with --data-dir, else memory]",
)
@click.option(
    "--token-secrets",
    type=click.Choice(["auto", "manual"]),
    default="auto",
    show_default=True,
    help="auto: every ServiceAccount gets a token Secret, as up to Kubernetes 1.23. manual: today's behaviour.",
)
@_authflags.options(_authflags.AUTHORIZATION, _authflags.AUTHENTICATION, _authflags.SERVICE_ACCOUNTS)
@click.option(
    "--service-cluster-ip-range",
    default=configs.DEFAULT_SERVICE_RANGE,
    show_default=True,
    help="Where ClusterIPs come from: a CIDR, or two of different families.",
)
@click.option(
    "--node",
    type=click.Choice(["simulated", "none"]),
    default="none",
    show_default=True,
    help="simulated: one Node that runs Pods in appearance. none: Pods stay Pending.",
)
@click.option(
    "--enable-admission-plugins",
    default="",
    help="Admission plugins besides the default ones, comma separated.",
)
@click.option(
    "--disable-admission-plugins", default="", help="Default plugins to leave out, comma separated."
)
@_authflags.options(_authflags.SERVING, _auditflags.AUDIT)
@click.option(
    "--passages",
    default=1000,
    show_default=True,
    help="How many requests to remember, for sekisho why.",
)
@click.option(
    "--record-in-process",
    is_flag=True,
    help="Remember the requests of controllers and of the simulated node as well.",
)
@click.option(
    "--v",
    "verbosity",
    type=click.IntRange(0, 10),
    default=0,
    show_default=True,
    help="How much is logged: 0 warnings and errors, 2 what happens, 4 in detail, 6 libraries too.",
)
@click.option("--state-file", type=EXISTING, hidden=True)
def command(**flags: Any) -> None:
    """Run an API server and its control plane until SIGINT or SIGTERM.

    It listens on the loopback interface only, unless --bind-address says otherwise. `admin.crt` and `admin.key`
    in --pki-dir are an administrator's credentials. On SIGTERM /readyz fails, watches end, and requests that
    are being answered finish, within five seconds. For a cluster in the background with a kubeconfig context,
    use `sekisho up`.

    \b
    Examples:
      sekisho serve --secure-port 0                   everything in memory, on a free port
      sekisho serve --pki-dir pki --data-dir data     keeps its keys and its objects
    """
    state_file: Path | None = flags.pop("state_file")
    _logging.configure(flags.pop("verbosity"))
    config = make_config(flags)
    started = time.perf_counter()
    _run(_serve(config, state_file, started))


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def make_config(flags: dict[str, Any]) -> configs.Config:
    """Flags to a Config. Raises CommandError with one line for the operator."""
    store = flags.pop("store")
    if store == "sqlite" and flags["data_dir"] is None:
        raise CommandError("--store sqlite needs --data-dir")
    flags["store"] = store or ("sqlite" if flags["data_dir"] else "memory")
    for name in ("enable_admission_plugins", "disable_admission_plugins"):
        flags[name] = _split(flags[name])
    flags["audit"] = _auditflags.take(flags)
    try:
        return configs.Config(**_authflags.given(flags))
    except configs.ConfigError as error:
        raise _refusal(error)


def _refusal(error: Exception) -> CommandError:
    """The last line of a text, with those before it said already: one for each thing that is wrong."""
    *before, last = str(error).splitlines() or [""]
    for line in before:
        click.echo(f"error: {line}", err=True)
    return CommandError(last)


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


async def _serve(config: configs.Config, state_file: Path | None, started: float) -> None:
    from sekisho.cluster import Cluster
    from sekisho.credentials.pki import PKIError
    from sekisho.store.interface import StoreError

    cluster = Cluster(config)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await cluster.start()
    except (configs.ConfigError, PKIError, StoreError) as error:
        raise _refusal(error)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise CommandError(f"{where}{(error.strerror or str(error)).lower()}")
    _announce(cluster, state_file, time.perf_counter() - started)
    await stop.wait()
    await cluster.stop()


def _announce(cluster: Any, state_file: Path | None, seconds: float) -> None:
    click.echo(f"Serving on {cluster.url} (ready in {seconds * 1000:.0f} ms)")
    if state_file is not None:
        state = {
            "name": cluster.config.name,
            "pid": os.getpid(),
            "url": cluster.url,
            "port": cluster.port,
            "startedAt": time.time(),
            "tokenSecrets": cluster.config.token_secrets,
            "authorizationMode": list(cluster.checkpoint.modes),
            "authorizationDryRun": list(cluster.config.authorization_dry_run),
            "node": cluster.config.node,
        }
        _home.write_private(state_file, json.dumps(state).encode())
