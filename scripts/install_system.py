"""Installs the system packages that tests use and this machine lacks (Debian and its kin, as root)."""

import os
import shutil
import subprocess
import sys

NEEDED = {"bwrap": "bubblewrap", "openssl": "openssl"}


def main() -> None:
    missing = sorted(package for program, package in NEEDED.items() if shutil.which(program) is None)
    if not missing:
        return
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        sys.exit(f"please install: {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([apt, "update", "-qq"], check=True, env=environment)
    subprocess.run(
        [apt, "install", "-y", "-qq", *missing], check=True, env=environment, stdout=subprocess.DEVNULL
    )


main()
