"""The same operations against a plain model, memory and SQLite: all three must agree after every step."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sekisho.api.clock import SystemClock
from sekisho.store.interface import (
    Compacted,
    Conflict,
    Delete,
    Event,
    EventType,
    KeyValue,
    Op,
    Put,
    Range,
    Store,
)
from sekisho.store.memory import MemoryStore
from sekisho.store.sqlite import SQLiteStore

KEYS = st.sampled_from(["/r/a", "/r/a/x", "/r/a-b/x", "/r/a0", "/r/é", "/s/\U0001f600", "/s/b"])
EXPECTED = st.sampled_from([None, None, 0, "current", "wrong"])


class Model:
    """The store as simply as it can be said."""

    def __init__(self) -> None:
        self.keys: dict[str, KeyValue] = {}
        self.events: list[Event] = []
        self.revision = 1
        self.compacted = 0

    def commit(self, ops: list[Op]) -> int | None:
        for op in ops:
            found = self.keys.get(op.key)
            if op.expect is not None and op.expect != (found.mod_revision if found else 0):
                return None
        ops = [op for op in ops if isinstance(op, Put) or op.key in self.keys]
        self.revision += bool(ops)
        for op in ops:
            old = self.keys.get(op.key)
            create, prev = (old.create_revision, old.mod_revision) if old else (self.revision, 0)
            if isinstance(op, Put):
                self.keys[op.key] = KeyValue(op.key, op.value, create, self.revision)
                self.events.append(Event(EventType.PUT, op.key, op.value, self.revision, create, prev))
            else:
                del self.keys[op.key]
                self.events.append(Event(EventType.DELETE, op.key, b"", self.revision, create, prev))
        return self.revision

    def range(self, prefix: str, limit: int, start: str) -> Range:
        keys = sorted(
            (k for k in self.keys if k.startswith(prefix) and k.encode() >= start.encode()),
            key=lambda k: k.encode(),
        )
        more = 0 < limit < len(keys)
        return Range([self.keys[k] for k in (keys[:limit] if more else keys)], self.revision, more)


@st.composite
def commits(draw: st.DrawFn) -> list[tuple[Any, ...]]:
    keys = draw(st.lists(KEYS, max_size=4, unique=True))
    return [(key, draw(st.none() | st.binary(max_size=3)), draw(EXPECTED)) for key in keys]


class StoresAgree(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.runner = asyncio.Runner()
        self.model = Model()
        self.memory: Store = MemoryStore(SystemClock())
        self.run(self.memory.start())
        self.seen: dict[str, list[Event]] = {"memory": [], "sqlite": []}
        self.memory.subscribe(self.seen["memory"].extend)
        self.open_sqlite()

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    def open_sqlite(self) -> None:
        self.sqlite: Store = SQLiteStore(Path(self.folder) / "store.db", SystemClock())
        self.run(self.sqlite.start())
        self.sqlite.subscribe(self.seen["sqlite"].extend)

    def stores(self) -> list[Store]:
        return [self.memory, self.sqlite]

    def ops(self, drawn: list[tuple[Any, ...]]) -> list[Op]:
        out: list[Op] = []
        for key, value, expect in drawn:
            found = self.model.keys.get(key)
            if expect == "current":
                expect = found.mod_revision if found else 0
            elif expect == "wrong":
                expect = (found.mod_revision if found else 0) + 1
            out.append(Delete(key, expect) if value is None else Put(key, value, expect))
        return out

    @rule(drawn=commits())
    def commit(self, drawn: list[tuple[Any, ...]]) -> None:
        ops = self.ops(drawn)
        revision = self.model.commit(ops)
        for store in self.stores():
            if revision is None:
                with pytest.raises(Conflict) as caught:
                    self.run(store.commit(ops))
                assert caught.value.found == self.model.keys.get(caught.value.key)
            else:
                assert self.run(store.commit(ops)) == revision

    @rule(many=st.lists(commits(), min_size=2, max_size=6))
    def commit_together(self, many: list[list[tuple[Any, ...]]]) -> None:
        batch = [self.ops(drawn) for drawn in many]
        expected = [self.model.commit(ops) for ops in batch]

        async def together(store: Store) -> list[Any]:
            return await asyncio.gather(*map(store.commit, batch), return_exceptions=True)

        for store in self.stores():
            outcomes = self.run(together(store))
            assert [None if isinstance(o, Conflict) else o for o in outcomes] == expected

    @rule(
        prefix=st.sampled_from(["", "/r/", "/r/a/", "/s/"]),
        limit=st.integers(0, 3),
        start=st.sampled_from(["", "/r/a/", "/r/a/x\0"]),
    )
    def range(self, prefix: str, limit: int, start: str) -> None:
        for store in self.stores():
            assert self.run(store.range(prefix, limit, start)) == self.model.range(prefix, limit, start)

    @rule(back=st.integers(0, 8))
    def watch(self, back: int) -> None:
        revision = max(0, self.model.revision - back)
        expected = [e for e in self.model.events if e.revision > revision]

        async def read(store: Store) -> list[Event]:
            async with contextlib.aclosing(store.watch(revision)) as events:  # type: ignore[type-var]
                return [await anext(events) for _ in expected]

        for store in self.stores():
            if expected and revision < self.model.compacted:
                with pytest.raises(Compacted):
                    self.run(read(store))
            elif revision >= self.model.compacted:
                assert self.run(read(store)) == expected

    @rule(back=st.integers(0, 6))
    def compact(self, back: int) -> None:
        revision = max(0, self.model.revision - back)
        self.model.compacted = max(self.model.compacted, revision)
        for store in self.stores():
            self.run(store.compact(revision))

    @rule()
    def restart(self) -> None:
        self.run(self.sqlite.close())
        self.open_sqlite()

    @invariant()
    def all_agree(self) -> None:
        for store in self.stores():
            assert store.revision == self.model.revision
            assert store.compacted_revision == self.model.compacted
        assert self.seen["memory"] == self.model.events
        assert self.seen["sqlite"] == self.model.events
        for key in ("/r/a", "/s/b"):
            for store in self.stores():
                assert self.run(store.get(key)) == self.model.keys.get(key)

    def teardown(self) -> None:
        for store in self.stores():
            self.run(store.close())
        self.runner.close()
        shutil.rmtree(self.folder)


TestStoresAgree = StoresAgree.TestCase
TestStoresAgree.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
