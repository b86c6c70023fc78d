"""A credential that somebody gives to a command: in a file, on standard input, or as the argument itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sekisho.cli._errors import CommandError

if TYPE_CHECKING:
    from sekisho.credentials.recognition import Credential

STDIN = "-"
_FILES = (".crt", ".json", ".pem", ".txt", ".yaml", ".yml")


def credential(argument: str) -> Credential:
    """What the argument means: `-`, a file's name, or a token. Raises CommandError, which quotes none of it."""
    from sekisho.credentials.recognition import Unrecognised, recognise

    try:
        return recognise(_bytes(argument))
    except Unrecognised as error:
        raise CommandError(str(error))


def is_source(argument: str) -> bool:
    """Whether the argument says where a credential is, as opposed to naming it."""
    try:
        return argument == STDIN or Path(argument).is_file()
    except (OSError, ValueError):
        return False  # longer than a file's name may be


def folder(argument: str) -> Path:
    """Where the files are that a kubeconfig refers to."""
    return Path() if argument == STDIN else Path(argument).parent


def _bytes(argument: str) -> bytes:
    if argument == STDIN:
        return sys.stdin.buffer.read()
    if is_source(argument):
        return Path(argument).read_bytes()
    if "." not in argument or "/" in argument or argument.endswith(_FILES):
        raise CommandError("there is no such file, and it is no token either")
    return argument.encode("utf-8", "surrogateescape")
