"""Stops `make` with one clear line when the Python at hand is too old."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    found = ".".join(map(str, sys.version_info[:3]))
    sys.exit(
        f"Sekisho needs Python 3.11 or newer; {sys.executable} is {found}. Try: make PYTHON=python3.11 ..."
    )
