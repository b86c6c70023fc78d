"""A cluster that commands find as if `sekisho up` had started it, in this process."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from sekisho.cli import _home, main
from sekisho.testing import Cluster


@contextlib.contextmanager
def running(home: Path, **options: Any) -> Iterator[Cluster]:
    """`home` becomes SEKISHO_HOME for `run`; options are those of the cluster's Config."""
    place = _home.Place("default", home / "default")
    place.prepare()
    with Cluster(pki_dir=place.pki, **options) as cluster, place.lock():
        place.state_file.write_text(json.dumps({"name": "default", "url": cluster.url}))
        yield cluster


def run(home: Path, *arguments: str, stdin: str | None = None) -> Result:
    """One command, its output and exit code."""
    return CliRunner().invoke(main, list(arguments), input=stdin, env={"SEKISHO_HOME": str(home)})
