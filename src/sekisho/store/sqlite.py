"""The store in one SQLite file: a commit returns when it is on the disk.

One thread owns the file. Commits that wait while it writes are written together, with one fsync, so the
price of durability is shared by all who write at the same time; their expectations are checked in that
thread, each against what the ones before it left behind. The versions of all keys are kept in memory,
which is small beside the watch cache and makes the check cost nothing.

A batch that SQLite refuses (disk full, I/O error) is tried again commit by commit, so that only the
commits that really cannot be stored fail. Nothing of a failed commit is visible to anybody.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from sekisho.api.clock import Clock
from sekisho.store.interface import (
    Closed,
    Conflict,
    Event,
    EventType,
    KeyValue,
    Op,
    Range,
    StoreError,
)
from sekisho.store.local import LocalStore, Mismatch, Version, plan
from sekisho.store.sqlitefile import MAX_OPS, SqliteFile

_MAX_BATCH = 512

_T = TypeVar("_T")


class _Commit(NamedTuple):
    ops: Sequence[Op]
    now: float
    future: asyncio.Future[int]


class _Call(NamedTuple):
    """Something else to do in the writer's thread, in turn."""

    function: Callable[[_Writer], Any]
    future: asyncio.Future[Any]


class _Outcome(NamedTuple):
    future: asyncio.Future[Any]
    result: Any
    error: Exception | None = None


class SQLiteStore(LocalStore):
    """`path`: the file; it and its folder are created for the owner alone when missing."""

    def __init__(self, path: str | Path, clock: Clock) -> None:
        super().__init__(clock)
        self._path = Path(path)
        self._queue: queue.SimpleQueue[_Commit | _Call | None] = queue.SimpleQueue()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[list[tuple[float, str, int]]] = loop.create_future()
        self._ended: asyncio.Future[None] = loop.create_future()
        writer = _Writer(
            self._path, self._queue, lambda *report: loop.call_soon_threadsafe(self._settle, *report)
        )
        # A daemon: what was acknowledged is on the disk, so there is nothing to wait for at exit.
        threading.Thread(
            target=writer.run, args=(opened, self._ended), name="sekisho-store", daemon=True
        ).start()
        for item in await opened:
            self._expire(*item)
        self._revision, self._compacted = writer.revision, writer.compacted
        self._opened()

    async def close(self) -> None:
        if not self._open:
            return
        await self._closing()
        self._queue.put(None)
        await self._ended

    async def commit(self, ops: Sequence[Op]) -> int:
        if not self._open:
            raise Closed
        if len(ops) > MAX_OPS:
            raise ValueError(f"a commit has at most {MAX_OPS} operations")
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.put(_Commit(ops, self._clock.now(), future))
        return await future

    async def get(self, key: str) -> KeyValue | None:
        return await self._call(lambda writer: writer.file.get(key))

    async def range(self, prefix: str, limit: int = 0, start: str = "") -> Range:
        return await self._call(lambda writer: writer.range(prefix, limit, start))

    async def compact(self, revision: int) -> None:
        if revision > self._revision:
            raise ValueError(f"revision {revision} is in the future")
        if revision > self._compacted:
            await self._call(lambda writer: writer.file.mark_compacted(revision))
            self._compacted = max(self._compacted, revision)
        while await self._call(lambda writer: writer.file.compact_some()):
            pass

    async def _history(self, after: int) -> Sequence[Event]:
        if after >= self._revision:
            return ()
        return await self._call(lambda writer: writer.file.history(after))

    async def _call(self, function: Callable[[_Writer], _T]) -> _T:
        if not self._open:
            raise Closed
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._queue.put(_Call(function, future))
        return await future

    def _settle(self, events: Sequence[Event], outcomes: Sequence[_Outcome]) -> None:
        """On the loop: first everybody sees what happened, then those who asked for it go on."""
        if events:
            self._deliver(events)
        for future, result, error in outcomes:
            if future.done():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)


class _Writer:
    """The thread's side. `report` hands events and outcomes to the loop."""

    def __init__(
        self,
        path: Path,
        requests: queue.SimpleQueue[_Commit | _Call | None],
        report: Callable[[Sequence[Event], Sequence[_Outcome]], object],
    ) -> None:
        self._path = path
        self._requests = requests
        self._report = report
        self._versions: dict[str, Version] = {}
        self.revision = 0
        self.compacted = 0
        self.file: SqliteFile

    def run(self, opened: asyncio.Future[Any], ended: asyncio.Future[Any]) -> None:
        # The loop may be gone without having closed the store; then there is nobody left to tell.
        with contextlib.suppress(RuntimeError):
            try:
                self.file = SqliteFile(self._path)
                self.revision, self.compacted, self._versions, expiring = self.file.load()
            except (StoreError, sqlite3.Error) as error:
                self._report((), [_Outcome(opened, None, _as_store_error(error))])
                return
            try:
                self._report((), [_Outcome(opened, expiring)])
                self._serve()
            finally:
                self.file.close()
            self._report((), [_Outcome(ended, None)])

    def _serve(self) -> None:
        """Do what comes, in order, commits that wait together as one batch, until the closing None."""
        while True:
            for commits, group in groupby(self._waiting(), key=lambda r: isinstance(r, _Commit)):
                if commits:
                    self._write(cast(list[_Commit], list(group)))
                    continue
                for request in cast(list[_Call | None], list(group)):
                    if request is None:
                        return
                    self._do(request)

    def _waiting(self) -> list[_Commit | _Call | None]:
        requests = [self._requests.get()]
        while len(requests) < _MAX_BATCH:
            try:
                requests.append(self._requests.get_nowait())
            except queue.Empty:
                break
        return requests

    def _do(self, request: _Call) -> None:
        try:
            outcome = _Outcome(request.future, request.function(self))
        except Exception as error:
            outcome = _Outcome(request.future, None, _as_store_error(error))
        self._report((), [outcome])

    def _write(self, commits: list[_Commit]) -> None:
        before, undo = self.revision, list[tuple[str, Version | None]]()
        events: list[Event] = []
        outcomes = [self._plan(commit, events, undo) for commit in commits]
        try:
            if events:
                self.file.append(events)
        except Exception as error:
            self.revision = before
            for key, version in reversed(undo):
                self._remember(key, version)
            if len(commits) > 1:
                for commit in commits:
                    self._write([commit])
                return
            events, outcomes = [], [_Outcome(commits[0].future, None, _as_store_error(error))]
        self._report(events, outcomes)

    def _plan(self, commit: _Commit, events: list[Event], undo: list[tuple[str, Version | None]]) -> _Outcome:
        """Take one commit into the batch: its events, and the versions the next one is checked against."""
        try:
            planned = plan(commit.ops, self._versions.get, self.revision + 1, commit.now)
        except Mismatch as error:
            return _Outcome(commit.future, None, Conflict(error.key, self._found(error.key, events)))
        except ValueError as error:
            return _Outcome(commit.future, None, error)
        if planned:
            self.revision += 1
            events += planned
        for event in planned:
            undo.append((event.key, self._versions.get(event.key)))
            put = event.type is EventType.PUT
            self._remember(event.key, Version(event.create_revision, event.revision) if put else None)
        return _Outcome(commit.future, self.revision)

    def _remember(self, key: str, version: Version | None) -> None:
        if version is None:
            self._versions.pop(key, None)
        else:
            self._versions[key] = version

    def _found(self, key: str, events: list[Event]) -> KeyValue | None:
        """How a key stands for the next commit of the batch, which may be ahead of the file."""
        version = self._versions.get(key)
        if version is None:
            return None
        for event in reversed(events):
            if event.key == key:
                return KeyValue(key, event.value, version.create, version.mod)
        return self.file.get(key)

    def range(self, prefix: str, limit: int, start: str) -> Range:
        items, more = self.file.range(prefix, limit, start)
        return Range(items, self.revision, more)


def _as_store_error(error: Exception) -> Exception:
    if isinstance(error, sqlite3.Error | UnicodeError):
        return StoreError(f"the store failed: {error}")
    return error
