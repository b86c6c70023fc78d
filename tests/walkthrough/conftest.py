"""Stock kubectl, in five versions, against a real cluster."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sekisho.testing import Cluster

VERSIONS = ("1.20", "1.24", "1.28", "1.32", "1.37")
BINARIES = Path(__file__).resolve().parents[2] / ".cache" / "kubectl"

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def clusters() -> Iterator[Callable[[str], Cluster]]:
    """One cluster for each era, made when first asked for."""
    made: dict[str, Cluster] = {}

    def cluster(era: str) -> Cluster:
        if era not in made:
            made[era] = Cluster(token_secrets=era, node="simulated").start()
        return made[era]

    yield cluster
    for each in made.values():
        each.stop()


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["auto", "manual"])
def era(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def cluster(era: str, clusters: Callable[[str], Cluster]) -> Cluster:
    return clusters(era)


@pytest.fixture
def kubectl(version: str, cluster: Cluster, tmp_path: Path) -> Kubectl:
    """Run kubectl as the administrator, or with another kubeconfig; fails the test unless `check=False`."""
    admin = cluster.kubeconfig()

    def run(
        *arguments: str, kubeconfig: Path | None = None, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [BINARIES / version / "kubectl", *arguments],
            env={**os.environ, "KUBECONFIG": str(kubeconfig or admin), "HOME": str(tmp_path)},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"kubectl {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture
def namespace(version: str, cluster: Cluster) -> str:
    """A name that no other test of the shared cluster uses."""
    return "t" + cluster.inner.random.suffix(8)
