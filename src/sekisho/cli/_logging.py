"""The server's log: how much --v lets through, and nothing that could be used as a credential."""

from __future__ import annotations

import logging
import re
import sys

HIDDEN = "[hidden]"
_SECRETS = re.compile(
    r"(?P<jwt>eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)"
    r"|(?<=[Bb]earer )(?P<bearer>[\w.~+/=-]{4,})"
    r"|(?P<key>-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z))"
    r"|\b(?P<bootstrap>[a-z0-9]{6}\.[a-z0-9]{16})\b",
    re.S,
)


class Formatter(logging.Formatter):
    """One line for one event, tracebacks after it. Code never logs tokens; this is the net below, for what others
    put into their messages."""

    def format(self, record: logging.LogRecord) -> str:
        return _SECRETS.sub(HIDDEN, super().format(record))


def configure(verbosity: int) -> None:
    """0 and 1: warnings and errors; 2 and 3: what happens; 4 and more: in detail, libraries included from 6 on."""
    own = logging.DEBUG if verbosity >= 4 else logging.INFO if verbosity >= 2 else logging.WARNING
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter("%(asctime)s %(levelname).1s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO if verbosity >= 6 else logging.WARNING, handlers=[handler])
    logging.getLogger("sekisho").setLevel(own)
