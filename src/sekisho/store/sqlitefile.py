"""The SQLite file under the store: opening, refusing what is not ours, and the statements on its one table.

Every write is a row of `history`, never changed afterwards: the newest row of a key is what the key holds,
a row without a value is a delete. A row's id is its commit's revision in the upper bits and its position in
the commit in the lower 16, so the table itself is the event log in order and needs no index for it.

The file is held in exclusive locking mode: a second process is refused, the lock goes with the process
however it ends, and SQLite needs no shared memory beside the file.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from sekisho.store.interface import FIRST_REVISION, Event, EventType, KeyValue, Unusable, prefix_end
from sekisho.store.local import Version

APPLICATION_ID = 0x53454B49
"""`SEKI`, in the file's header."""

SCHEMA_VERSION = 1

_SHIFT = 16
MAX_OPS = 1 << _SHIFT
_MAX_ID = (1 << 63) - 1
_ROWS_A_STATEMENT = 64
_COMPACTION_WINDOW = 2000
_HISTORY_PAGE = 1000

_SCHEMA = (
    "CREATE TABLE history (id INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB,"
    " create_revision INTEGER NOT NULL, prev_revision INTEGER NOT NULL, expires REAL)",
    "CREATE INDEX history_key ON history (key)",
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO meta VALUES ('compacted', 0), ('swept', 0)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)

_INSERT = "INSERT INTO history (id, key, value, create_revision, prev_revision, expires) VALUES "


class SqliteFile:
    """One open file. All methods are called by one thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        _check_header(path)
        self._db = _connect(path)
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        try:
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            if self._pragma("application_id") == 0 and not self._tables():
                self._create()
            self._check_version()
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA fullfsync = ON")
            self._db.execute("PRAGMA journal_size_limit = 67108864")
            # Writing takes the lock, so that a second process is refused now and not at its first commit.
            with self._transaction():
                pass
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise Unusable(f"{self.path} is in use by another process") from None
            raise Unusable(f"{self.path} cannot be opened: {error}") from None
        except sqlite3.DatabaseError as error:
            raise Unusable(f"{self.path} is not a Sekisho store: {error}") from None

    def _create(self) -> None:
        """In the rollback journal still, so that the header says whose file it is before there is a WAL."""
        with self._transaction():
            for statement in _SCHEMA:
                self._db.execute(statement)

    def _check_version(self) -> None:
        if self._pragma("application_id") != APPLICATION_ID:
            raise Unusable(f"{self.path} is not a Sekisho store")
        version = self._pragma("user_version")
        if version > SCHEMA_VERSION:
            raise Unusable(
                f"{self.path} was written by a newer version of Sekisho "
                f"(schema {version}, this version knows up to {SCHEMA_VERSION})"
            )

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    def _tables(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])

    def close(self) -> None:
        self._db.close()

    def load(self) -> tuple[int, int, dict[str, Version], list[tuple[float, str, int]]]:
        """The revision, the compacted revision, the version of each key, and what expires when."""
        compacted = self._meta("compacted")
        last = self._db.execute("SELECT max(id) FROM history").fetchone()[0] or 0
        versions: dict[str, Version] = {}
        expiring: list[tuple[float, str, int]] = []
        rows = self._db.execute(
            "SELECT key, max(id), create_revision, expires FROM history GROUP BY key HAVING value IS NOT NULL"
        )
        for key, row_id, create, expires in rows:
            mod = row_id >> _SHIFT
            versions[key] = Version(create, mod)
            if expires is not None:
                expiring.append((expires, key, mod))
        return max(last >> _SHIFT, compacted, FIRST_REVISION), compacted, versions, expiring

    def append(self, events: Sequence[Event]) -> None:
        """Store the events of one or more commits, durably and all together.

        As few calls into SQLite as can be: each gives up the interpreter's lock, and has to wait for it
        again while the loop is busy. A few rows are one statement, which is a transaction by itself.
        """
        rows = _rows(events)
        if len(rows) <= _ROWS_A_STATEMENT:
            self._insert(rows)
            return
        with self._transaction():
            for i in range(0, len(rows), _ROWS_A_STATEMENT):
                self._insert(rows[i : i + _ROWS_A_STATEMENT])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        finally:
            # SQLite has ended the transaction itself after some errors and not after others.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _insert(self, rows: list[tuple[object, ...]]) -> None:
        values = ",".join(["(?,?,?,?,?,?)"] * len(rows))
        self._db.execute(_INSERT + values, [field for row in rows for field in row])

    def get(self, key: str) -> KeyValue | None:
        row = self._db.execute(
            "SELECT id, value, create_revision FROM history WHERE key = ? ORDER BY id DESC LIMIT 1", (key,)
        ).fetchone()
        if row is None or row[1] is None:
            return None
        return KeyValue(key, row[1], row[2], row[0] >> _SHIFT)

    def range(self, prefix: str, limit: int, start: str) -> tuple[list[KeyValue], bool]:
        end = prefix_end(prefix)
        rows = self._db.execute(
            "SELECT key, value, create_revision, max(id) FROM history"
            " WHERE key >= ?1 AND (?2 IS NULL OR key < ?2)"
            " GROUP BY key HAVING value IS NOT NULL ORDER BY key LIMIT ?3",
            (max(prefix, start), end, limit + 1 if limit else -1),
        ).fetchall()
        more = 0 < limit < len(rows)
        return [KeyValue(k, v, c, i >> _SHIFT) for k, v, c, i in (rows[:limit] if more else rows)], more

    def history(self, after: int) -> list[Event]:
        """About a page of events above a revision; a commit is never torn."""
        query = (
            "SELECT id, key, value, create_revision, prev_revision, expires FROM history"
            " WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
        )
        rows = self._db.execute(query, (_last_id(after), _MAX_ID, _HISTORY_PAGE)).fetchall()
        if len(rows) == _HISTORY_PAGE:
            last = rows[-1][0]
            rows += self._db.execute(query, (last, _last_id(last >> _SHIFT), MAX_OPS)).fetchall()
        return [_event(*row) for row in rows]

    def mark_compacted(self, revision: int) -> None:
        self._db.execute("UPDATE meta SET value = ? WHERE name = 'compacted'", (revision,))

    def compact_some(self) -> bool:
        """Remove some of the rows that nobody can read any more; True when there is more to do.

        Walks the history once, from where the last compaction ended: each row replaces older rows of its
        key, which go, and a delete goes itself. So the work follows the changes made, not the keys held.
        """
        low, bound = self._meta("swept"), self._meta("compacted")
        if low >= bound:
            return False
        row = self._db.execute(
            "SELECT id FROM history WHERE id > ? AND id <= ? ORDER BY id LIMIT 1 OFFSET ?",
            (_last_id(low), _last_id(bound), _COMPACTION_WINDOW),
        ).fetchone()
        high = row[0] >> _SHIFT if row else bound
        window = (_last_id(low), _last_id(high))
        with self._transaction():
            self._db.execute(
                "DELETE FROM history WHERE id IN (SELECT old.id FROM history new JOIN history old"
                " ON old.key = new.key AND old.id < new.id WHERE new.id > ? AND new.id <= ?)",
                window,
            )
            self._db.execute("DELETE FROM history WHERE id > ? AND id <= ? AND value IS NULL", window)
            self._db.execute("UPDATE meta SET value = ? WHERE name = 'swept'", (high,))
        return high < bound

    def _meta(self, name: str) -> int:
        return int(self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()[0])


def _last_id(revision: int) -> int:
    return revision << _SHIFT | (MAX_OPS - 1)


def _rows(events: Sequence[Event]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    revision = position = 0
    for e in events:
        position = position + 1 if e.revision == revision else 0
        revision = e.revision
        value = e.value if e.type is EventType.PUT else None
        rows.append(
            (revision << _SHIFT | position, e.key, value, e.create_revision, e.prev_revision, e.expires)
        )
    return rows


def _event(
    row_id: int, key: str, value: bytes | None, create: int, prev: int, expires: float | None
) -> Event:
    kind = EventType.DELETE if value is None else EventType.PUT
    return Event(kind, key, value or b"", row_id >> _SHIFT, create, prev, expires)


def _check_header(path: Path) -> None:
    """Create a missing file for its owner alone; refuse one that is not ours without changing anything of it.

    Beside a `-journal` the file is half written; SQLite mends it, and the check comes after that. The file
    is read through SQLite, because closing a descriptor of our own would drop a lock this process has on it.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        if path.stat().st_size == 0 or Path(f"{path}-journal").exists():
            return
    except OSError as error:
        raise Unusable(f"{path} cannot be opened: {error.strerror}") from None
    try:
        db = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
        with contextlib.closing(db):
            ours = db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    except sqlite3.OperationalError as error:
        raise Unusable(f"{path} cannot be opened: {error}") from None
    except sqlite3.DatabaseError:
        ours = False
    if not ours:
        raise Unusable(f"{path} is not a Sekisho store")
    path.chmod(0o600)


def _connect(path: Path) -> sqlite3.Connection:
    try:
        return sqlite3.connect(path, timeout=0, isolation_level=None)
    except sqlite3.Error as error:
        raise Unusable(f"{path} cannot be opened: {error}") from None
