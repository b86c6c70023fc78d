"""npm's oidc-provider as a process, with a certificate of its own authority."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oidc.login import login
from sekisho.credentials import pki

HERE = Path(__file__).resolve().parent
MODULES = HERE.parents[1] / ".cache" / "oidc"
REDIRECT = "http://127.0.0.1:8000/callback"
CLIENT = "kubectl"


class Provider:
    """One provider; `stop` and `start` keep its address."""

    def __init__(self, folder: Path) -> None:
        made = pki.create(pki.ServingNames(), time.time())
        self.ca = folder / "ca.crt"
        self.ca.write_bytes(made.ca.certificate)
        self._files = {"TLS_CERT": folder / "tls.crt", "TLS_KEY": folder / "tls.key"}
        self._files["TLS_CERT"].write_bytes(made.apiserver.certificate)
        self._files["TLS_KEY"].write_bytes(made.apiserver.key or b"")
        self._process: subprocess.Popen[str] | None = None
        self.issuer = ""
        self.start()

    def start(self) -> None:
        files = {name: str(path) for name, path in self._files.items()}
        port = self.issuer.rpartition(":")[2] or "0"
        self._process = subprocess.Popen(
            ["node", HERE / "provider.mjs"],
            env={**os.environ, **files, "MODULES": str(MODULES), "PORT": port, "REDIRECT": REDIRECT},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.issuer = self._line()

    def stop(self) -> None:
        if self._process is not None and self._process.stdin and self._process.stdout:
            self._process.stdin.close()
            self._process.wait(10)
            self._process.stdout.close()
        self._process = None

    def rotate(self, keep: bool = False) -> None:
        """New keys; with `keep`, the old ones are published still."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write("keep\n" if keep else "rotate\n")
        self._process.stdin.flush()
        self._line()

    def _line(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, "the provider ended"
        return line

    def token(self, user: str, client: str = CLIENT) -> str:
        return login(self.issuer, str(self.ca), client, REDIRECT, user)


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    if shutil.which("node") is None or not (MODULES / "node_modules").is_dir():
        pytest.skip("oidc-provider is not installed: make tools")
    made = Provider(tmp_path)
    yield made
    made.stop()


def eventually(check: Callable[[], bool], step: Callable[[], object], patience: float = 10.0) -> None:
    """Until `check` holds, with a `step` before each look."""
    deadline = time.monotonic() + patience
    while not check():
        assert time.monotonic() < deadline, "it did not happen"
        step()
        time.sleep(0.01)
