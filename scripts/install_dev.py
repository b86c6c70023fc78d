"""Installs the `dev` dependency group of pyproject.toml: pip of older versions does not know groups."""

import subprocess
import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())
wanted = project["dependency-groups"]["dev"]
subprocess.run(
    [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted], check=True
)
