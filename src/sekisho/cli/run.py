"""`sekisho run`: a local command that holds a ServiceAccount's credentials, as a container of a Pod does."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click

from sekisho.cli import _complete, _exec, _home, _sandbox
from sekisho.cli._errors import CommandError
from sekisho.cli._output import name_option
from sekisho.cli.token import split_account

FOLDER_VARIABLE = "SEKISHO_SERVICEACCOUNT_DIR"


class RunError(CommandError):
    """What kept the command from running; told apart from the command's own exit codes as `env` does it."""

    exit_code = 125


class NotExecutable(RunError):
    exit_code = _exec.NOT_EXECUTABLE


class NotFound(RunError):
    exit_code = _exec.NOT_FOUND


@click.command(
    "run",
    short_help="Run a local command as a ServiceAccount.",
    context_settings={"allow_interspersed_args": False},
)
@click.option(
    "--serviceaccount",
    required=True,
    metavar="NAMESPACE/NAME",
    help="Whose credentials it holds.",
    shell_complete=_complete.accounts,
)
@click.option(
    "--pod",
    metavar="POD",
    help="Bind the token to this Pod of the account: it ends with the Pod.",
    shell_complete=_complete.pods,
)
@click.option(
    "--no-mount",
    is_flag=True,
    help=f"Make no mount namespace: the command finds its credentials in the folder ${FOLDER_VARIABLE}.",
)
@name_option
@click.argument("arguments", nargs=-1, required=True, metavar="-- COMMAND [ARG...]")
def command(
    serviceaccount: str, pod: str | None, no_mount: bool, name: str, arguments: tuple[str, ...]
) -> None:
    """Run a local command that is, for the cluster, the ServiceAccount NAMESPACE/NAME.

    The command finds token, ca.crt and namespace in /var/run/secrets/kubernetes.io/serviceaccount, in a mount
    namespace of its own (Linux, with bubblewrap or unshare), and KUBERNETES_SERVICE_HOST and _PORT in its
    environment: the in-cluster configuration of every client library works unchanged. The token is replaced
    before it expires.

    The exit code is the command's; 125 when it could not be given its credentials, 126 when it cannot be
    executed, 127 when it is not there.

    \b
    Example:
      sekisho run --serviceaccount sample/default -- python controller.py
    """
    try:
        code = _run(_home.running_place(name), serviceaccount, pod, no_mount, arguments)
    except RunError:
        raise
    except CommandError as error:
        raise RunError(error.message)
    sys.exit(code)


def _run(place: _home.Place, account: str, pod: str | None, no_mount: bool, arguments: Sequence[str]) -> int:
    from sekisho.cli._api import AdminClient
    from sekisho.cli._credentials import Credentials

    namespace, name = split_account(account)
    _check(arguments[0])
    program = None if no_mount else _mounter()
    url = urlsplit(str(place.state()["url"]))
    with tempfile.TemporaryDirectory(prefix="sekisho-run-") as temporary, AdminClient(place) as client:
        folder, stage = Path(temporary, "serviceaccount"), Path(temporary, "stage")
        folder.mkdir(mode=0o700)
        stage.mkdir(mode=0o700)
        credentials = Credentials(folder, client, namespace, name, pod)
        first = credentials.write((place.pki / "ca.crt").read_bytes())
        environment = {
            **{k: v for k, v in os.environ.items() if k != "KUBECONFIG"},
            "KUBERNETES_SERVICE_HOST": url.hostname or "",
            "KUBERNETES_SERVICE_PORT": str(url.port),
            "KUBERNETES_SERVICE_PORT_HTTPS": str(url.port),
            FOLDER_VARIABLE: _sandbox.MOUNT if program else str(folder),
        }
        over = threading.Event()
        threading.Thread(target=credentials.keep_fresh, args=(first, over.wait, _warn), daemon=True).start()
        try:
            return _execute(arguments, lambda line: _wrapped(line, folder, stage, program), environment)
        finally:
            over.set()


def _check(program: str) -> None:
    if shutil.which(program) is None:
        if os.path.exists(program) and os.sep in program:
            raise NotExecutable(f"{program}: permission denied")
        raise NotFound(f"{program}: command not found")


def _mounter() -> str:
    program = _sandbox.tool()
    if program is None:
        raise RunError(
            f"this system cannot give a command its own {_sandbox.MOUNT} (that takes Linux with bubblewrap or "
            f"unshare); with --no-mount the command finds its credentials in the folder that ${FOLDER_VARIABLE} names"
        )
    return program


def _warn(text: str) -> None:
    click.echo(f"warning: {text}", err=True)


def _wrapped(line: list[str], folder: Path, stage: Path, program: str | None) -> list[str]:
    return line if program is None else _sandbox.wrapped(line, folder, stage, program)


def _execute(
    arguments: Sequence[str], wrap: Callable[[list[str]], list[str]], environment: dict[str, str]
) -> int:
    """Run the command to its end; its exit code. Signals that reach us go on to it."""
    reader, writer = os.pipe()
    line = wrap([sys.executable, "-I", "-S", _exec.__file__, str(writer), *arguments])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the command as well
    process = subprocess.Popen(line, env=environment, pass_fds=(writer,))
    os.close(writer)
    pid = int(os.read(reader, 32) or 0)  # no more: bubblewrap keeps the other end open
    os.close(reader)
    if not pid:
        process.wait()
        raise RunError(
            f"{os.path.basename(line[0])} could not make a mount namespace; with --no-mount the command finds its "
            f"credentials in the folder that ${FOLDER_VARIABLE} names"
        )

    def pass_on(number: int, _: object) -> None:
        if process.poll() is None:
            os.kill(pid, number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    code = process.wait()
    return 128 - code if code < 0 else code
