"""Installs npm's oidc-provider, an OpenID provider that the tests log in at, under .cache/oidc."""

from __future__ import annotations

import filecmp
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "tests" / "oidc"
TARGET = ROOT / ".cache" / "oidc"
FILES = ("package.json", "package-lock.json")


def main() -> None:
    if shutil.which("npm") is None:
        sys.exit("please install Node.js 18 or newer with npm: the tests run an OpenID provider with it")
    TARGET.mkdir(parents=True, exist_ok=True)
    done = TARGET / ".done"
    if done.exists() and all(filecmp.cmp(SOURCE / f, TARGET / f, shallow=False) for f in FILES):
        return
    for file in FILES:
        shutil.copyfile(SOURCE / file, TARGET / file)
    subprocess.run(
        ["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=TARGET, check=True
    )
    done.touch()


main()
