"""A kopf operator with handlers and finalizers works against Sekisho as it does anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from sekisho.testing import Cluster

MAPS = "/api/v1/namespaces/default/configmaps"
PATCH = {"Content-Type": "application/merge-patch+json"}


def eventually(look: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, "the operator did not do it"
        time.sleep(0.02)


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[tuple[Cluster, Path]]:
    """A cluster with a running operator, and the file its output goes to."""
    log = tmp_path / "operator.log"
    script = Path(__file__).with_name("operator_example.py")
    with Cluster() as cluster, log.open("w") as output:
        environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig())}
        process = subprocess.Popen(
            [sys.executable, "-m", "kopf", "run", "--namespace=default", str(script)],
            env=environment,
            stdout=output,
            stderr=output,
        )
        try:
            yield cluster, log
        finally:
            process.terminate()
            process.wait(timeout=20)


def test_create_update_delete(operator: tuple[Cluster, Path]) -> None:
    cluster, log = operator
    api: httpx.Client = cluster.admin().client
    body = {"metadata": {"name": "a", "labels": {"watched": "yes"}}, "data": {"wish": "none"}}
    api.post(MAPS, json=body).raise_for_status()
    path = f"{MAPS}/a"

    def data() -> dict[str, str]:
        return dict(api.get(path).json()["data"])

    eventually(lambda: data().get("seen") == "created a")
    assert api.get(path).json()["metadata"]["finalizers"] == ["example.com/finalizer"]
    api.patch(path, json={"data": {"wish": "tea"}}, headers=PATCH).raise_for_status()
    eventually(lambda: data().get("answer") == "tea granted")
    api.delete(path).raise_for_status()
    eventually(lambda: api.get(path).status_code == 404)
    eventually(lambda: "farewell a" in log.read_text())
