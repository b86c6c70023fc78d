"""What only a store with a disk promises: durability, one owner, and files of others left alone."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sekisho.api.clock import SystemClock
from sekisho.store.interface import Closed, Delete, KeyValue, Put, StoreError, Unusable
from sekisho.store.sqlite import SQLiteStore
from sekisho.store.sqlitefile import APPLICATION_ID, SCHEMA_VERSION

WRITER = """
import asyncio, sys
from sekisho.api.clock import SystemClock
from sekisho.store.interface import Delete, Put
from sekisho.store.sqlite import SQLiteStore

async def write(store, writer):
    number = 0
    while True:
        number += 1
        key = f"/{writer}/{number % 7}"
        op = Delete(key) if number % 11 == 0 else Put(key, b"%d" % number)
        revision = await store.commit([op, Put(f"/last/{writer}", b"%d" % number)])
        print(writer, number, revision, flush=True)

async def main():
    store = SQLiteStore(sys.argv[1], SystemClock())
    await store.start()
    await asyncio.gather(*(write(store, w) for w in range(8)))

asyncio.run(main())
"""

FULL_DISK = """
import asyncio, resource, sys
from sekisho.api.clock import SystemClock
from sekisho.store.interface import Put, StoreError
from sekisho.store.sqlite import SQLiteStore

async def main():
    store = SQLiteStore(sys.argv[1], SystemClock())
    await store.start()
    acknowledged = await store.commit([Put("/before", b"kept")])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    small = [store.commit([Put(f"/small/{i}", b"s")]) for i in range(3)]
    big = store.commit([Put("/big", bytes(400_000))])
    outcomes = await asyncio.gather(*small[:2], big, *small[2:], return_exceptions=True)
    print([type(o).__name__ for o in outcomes])
    print(store.revision, (await store.get("/before")).value, await store.get("/big"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    print(await store.commit([Put("/big", bytes(400_000))]))
    await store.close()

asyncio.run(main())
"""


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "store.db"
        store = SQLiteStore(path, SystemClock())
        await store.start()
        await store.commit([Put("/a", b"1"), Put("/b", b"1", ttl=3600)])
        await store.commit([Put("/a", b"2")])
        await store.commit([Delete("/b")])
        await store.compact(4)
        await store.close()
        again = SQLiteStore(path, SystemClock())
        await again.start()
        assert (again.revision, again.compacted_revision) == (4, 4)
        assert (await again.range("")).items == [KeyValue("/a", b"2", 2, 3)]
        assert await again.commit([Put("/b", b"3", 0)]) == 5
        assert await again.commit([Put("/a", b"4", 3)]) == 6
        await again.close()

    asyncio.run(main())


def test_keys_expire_after_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        for _ in range(2):
            store = SQLiteStore(tmp_path / "store.db", SystemClock())
            await store.start()
            if store.revision == 1:
                await store.commit([Put("/gone", b"", ttl=-1), Put("/kept", b"", ttl=1000)])
            else:
                await store._sweep()
                assert [kv.key for kv in (await store.range("")).items] == ["/kept"]
            await store.close()

    asyncio.run(main())


def test_the_file_and_its_folder_are_private(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "data" / "store.db"
        store = SQLiteStore(path, SystemClock())
        await store.start()
        await store.commit([Put("/a", b"1")])
        assert path.parent.stat().st_mode & 0o777 == 0o700
        files = sorted(path.parent.iterdir())
        assert [f.name for f in files] == ["store.db", "store.db-wal"]
        assert {f.stat().st_mode & 0o777 for f in files} == {0o600}
        await store.close()
        path.chmod(0o644)
        again = SQLiteStore(path, SystemClock())
        await again.start()
        assert path.stat().st_mode & 0o777 == 0o600
        await again.close()

    asyncio.run(main())


async def refusal(path: Path) -> str:
    with pytest.raises(Unusable) as caught:
        await SQLiteStore(path, SystemClock()).start()
    return str(caught.value)


def test_files_of_others_are_refused_and_left_alone(tmp_path: Path) -> None:
    async def main() -> None:
        text = tmp_path / "notes.txt"
        text.write_text("not a database at all, but a text that somebody wants to keep\n" * 20)
        other = tmp_path / "other.db"
        with sqlite3.connect(other) as db:
            db.execute("CREATE TABLE t (x)")
        db.close()
        for path in (text, other):
            before = path.read_bytes()
            assert await refusal(path) == f"{path} is not a Sekisho store"
            assert path.read_bytes() == before
        assert await refusal(text / "store.db") == f"{text / 'store.db'} cannot be opened: File exists"
        assert "cannot be opened" in await refusal(tmp_path)

    asyncio.run(main())


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "store.db"
        store = SQLiteStore(path, SystemClock())
        await store.start()
        await store.close()
        with sqlite3.connect(path) as db:
            assert db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        db.close()
        before = path.read_bytes()
        assert "newer version" in await refusal(path)
        assert path.read_bytes() == before

    asyncio.run(main())


def test_a_second_owner_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "store.db"
        store = SQLiteStore(path, SystemClock())
        await store.start()
        assert await refusal(path) == f"{path} is in use by another process"
        script = (
            "import asyncio, sys\n"
            "from sekisho.api.clock import SystemClock\n"
            "from sekisho.store.sqlite import SQLiteStore\n"
            "asyncio.run(SQLiteStore(sys.argv[1], SystemClock()).start())\n"
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, str(path), stderr=subprocess.PIPE
        )
        _, errors = await process.communicate()
        assert errors.decode().strip().endswith("is in use by another process")
        assert await store.commit([Put("/a", b"1")]) == 2
        await store.close()

    asyncio.run(main())


@pytest.mark.parametrize("acknowledgements", [1, 40, 400])
def test_kill_loses_nothing_acknowledged(tmp_path: Path, acknowledgements: int) -> None:
    path = tmp_path / "store.db"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    lines = [writer.stdout.readline() for _ in range(acknowledgements)]
    os.kill(writer.pid, signal.SIGKILL)
    lines += writer.stdout.readlines()
    writer.stdout.close()
    writer.wait()
    numbers: dict[int, int] = {}
    highest = 0
    for line in lines:
        if line.endswith(b"\n"):
            number_of, number, revision = map(int, line.split())
            numbers[number_of] = number
            highest = max(highest, revision)

    async def check() -> None:
        store = SQLiteStore(path, SystemClock())
        await store.start()
        assert store.revision >= highest
        held = {kv.key: kv.value for kv in (await store.range("")).items}
        for writer_number, last_acknowledged in numbers.items():
            last = int(held.pop(f"/last/{writer_number}"))
            # One commit more may have reached the disk before its acknowledgement was written.
            assert last in (last_acknowledged, last_acknowledged + 1)
            expected: dict[str, bytes] = {}
            for n in range(1, last + 1):
                expected[f"/{writer_number}/{n % 7}"] = b"%d" % n
                if n % 11 == 0:
                    del expected[f"/{writer_number}/{n % 7}"]
            assert {k: v for k, v in held.items() if k.startswith(f"/{writer_number}/")} == expected
        assert await store.commit([Put("/after", b"")]) > highest
        await store.close()

    asyncio.run(check())


def test_a_full_disk_fails_only_what_does_not_fit(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "store.db")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "['int', 'int', 'StoreError', 'int']",
        "5 b'kept' None",
        "6",
    ]


def test_what_cannot_be_stored_fails_alone(tmp_path: Path) -> None:
    async def main() -> None:
        store = SQLiteStore(tmp_path / "store.db", SystemClock())
        await store.start()
        outcomes = await asyncio.gather(
            store.commit([Put("/a", b"1")]),
            store.commit([Put("/\ud800", b"2"), Put("/x", b"")]),
            store.commit([Put("/a", b"3", 2)]),
            return_exceptions=True,
        )
        assert outcomes[0::2] == [2, 3]
        assert isinstance(outcomes[1], StoreError)
        assert await store.get("/x") is None
        await store.close()

    asyncio.run(main())


def test_closing_finishes_what_was_asked_for(tmp_path: Path) -> None:
    async def main() -> None:
        store = SQLiteStore(tmp_path / "store.db", SystemClock())
        await store.start()
        writing = [asyncio.ensure_future(store.commit([Put(f"/{i}", b"")])) for i in range(50)]
        cancelled = asyncio.ensure_future(store.commit([Put("/cancelled", b"")]))
        await asyncio.sleep(0)
        cancelled.cancel()
        await store.close()
        assert len({await w for w in writing}) == 50
        with pytest.raises(Closed):
            await store.commit([Put("/late", b"")])
        again = SQLiteStore(tmp_path / "store.db", SystemClock())
        await again.start()
        assert again.revision == 52
        await again.close()

    asyncio.run(main())


def test_compaction_shrinks_the_table(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "store.db"
        store = SQLiteStore(path, SystemClock())
        await store.start()
        for i in range(30):
            await store.commit([Put(f"/{j}", str(i).encode()) for j in range(200)])
        await store.commit([Delete(f"/{j}") for j in range(100)])
        await store.compact(store.revision)
        await store.close()
        db = sqlite3.connect(path)
        assert db.execute("SELECT count(*) FROM history").fetchone()[0] == 100
        db.close()

    asyncio.run(main())
