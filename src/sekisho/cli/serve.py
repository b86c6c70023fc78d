"""`sekisho serve`: the server in the foreground, with kube-apiserver's flag names where it has the flag."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import click

from sekisho import config as configs
from sekisho.cli import _home
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
@click.option(
    "--authorization-mode",
    default="Node,RBAC",
    show_default=True,
    help="Authorizers in the order they are asked: AlwaysAllow, AlwaysDeny, Node, RBAC.",
)
@click.option(
    "--token-auth-file",
    type=EXISTING,
    help='Static bearer tokens, a CSV file: token,user,uid[,"group1,group2"].',
)
@click.option(
    "--service-account-issuer",
    multiple=True,
    default=[configs.DEFAULT_ISSUER],
    show_default=True,
    help="Issuer of ServiceAccount tokens. Repeatable: the first signs, all are accepted.",
)
@click.option(
    "--service-account-key-file",
    multiple=True,
    type=EXISTING,
    help="Further keys that ServiceAccount tokens are checked with (PEM, public or private). Repeatable.",
)
@click.option(
    "--api-audiences", default="", help="Audiences of this API, comma separated.  [default: the issuers]"
)
@click.option(
    "--service-cluster-ip-range",
    default=configs.DEFAULT_SERVICE_RANGE,
    show_default=True,
    help="Where ClusterIPs come from: a CIDR, or two of different families.",
)
@click.option(
    "--enable-bootstrap-token-auth/--no-enable-bootstrap-token-auth",
    default=False,
    show_default=True,
    help="Accept bootstrap tokens kept in kube-system.",
)
@click.option(
    "--anonymous-auth",
    type=bool,
    default=True,
    show_default=True,
    help="Let requests without a credential in as system:anonymous.",
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
@click.option(
    "--v", "verbosity", default=0, show_default=True, help="Log level: 0 to 10, as kube-apiserver's."
)
@click.option("--state-file", type=EXISTING, hidden=True)
def command(**flags: Any) -> None:
    """Run an API server and its control plane until SIGINT or SIGTERM.

    It listens on the loopback interface only, unless --bind-address says otherwise. For a cluster in the
    background with a kubeconfig context, use `sekisho up`.

    \b
    Example, with everything in memory and a free port:
      sekisho serve --secure-port 0
    """
    state_file: Path | None = flags.pop("state_file")
    _log(flags.pop("verbosity"))
    config = make_config(flags)
    started = time.perf_counter()
    code = _loop_runner(_serve(config, state_file, started))
    if code:
        sys.exit(code)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def make_config(flags: dict[str, Any]) -> configs.Config:
    """Flags to a Config. Raises CommandError with one line for the operator."""
    store = flags.pop("store")
    if store == "sqlite" and flags["data_dir"] is None:
        raise CommandError("--store sqlite needs --data-dir")
    flags["store"] = store or ("sqlite" if flags["data_dir"] else "memory")
    for name in (
        "authorization_mode",
        "api_audiences",
        "enable_admission_plugins",
        "disable_admission_plugins",
    ):
        flags[name] = _split(flags[name])
    try:
        return configs.Config(**flags)
    except configs.ConfigError as error:
        raise CommandError(str(error))


def _log(verbosity: int) -> None:
    level = logging.DEBUG if verbosity >= 4 else logging.INFO if verbosity >= 2 else logging.WARNING
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(asctime)s %(levelname).1s %(name)s: %(message)s"
    )


def _loop_runner(work: Any) -> int:
    try:
        import uvloop
    except ImportError:
        return int(asyncio.run(work))
    return int(uvloop.run(work))


async def _serve(config: configs.Config, state_file: Path | None, started: float) -> int:
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
        click.echo(f"error: {error}", err=True)
        return 1
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        click.echo(f"error: cannot use{where}: {(error.strerror or str(error)).lower()}", err=True)
        return 1
    _announce(cluster, state_file, time.perf_counter() - started)
    await stop.wait()
    await cluster.stop()
    return 0


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
            "authorizationMode": list(cluster.config.authorization_mode),
            "node": cluster.config.node,
        }
        _home.write_private(state_file, json.dumps(state).encode())
