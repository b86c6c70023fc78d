"""Reading single objects out of the file of a cluster that does not run, without opening it as a store."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from sekisho.store.interface import Unusable, prefix_end

_NEWEST = "SELECT value FROM history WHERE key = ? ORDER BY id DESC LIMIT 1"
_KEYS = "SELECT DISTINCT key FROM history WHERE key >= ? AND key < ?"


class Peek:
    """One file, read only. Raises Unusable when it cannot be read, also because a server holds it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, key: str) -> bytes | None:
        """What the key holds; None for nothing."""
        with self._open() as database:
            return _value(database, key)

    def range(self, prefix: str) -> list[bytes]:
        """What the keys with a prefix hold, in the order of the keys."""
        with self._open() as database:
            keys = database.execute(_KEYS, (prefix, prefix_end(prefix) or "\U0010ffff")).fetchall()
            found = [_value(database, key) for (key,) in sorted(keys)]
        return [value for value in found if value is not None]

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            database = sqlite3.connect(f"file:{quote(str(self._path))}?mode=ro", uri=True, timeout=1)
            with contextlib.closing(database):
                yield database
        except sqlite3.Error as error:
            raise Unusable(f"{self._path} cannot be read: {error}") from None


def _value(database: sqlite3.Connection, key: str) -> bytes | None:
    row = database.execute(_NEWEST, (key,)).fetchone()
    return None if row is None or row[0] is None else bytes(row[0])
