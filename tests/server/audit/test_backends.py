"""Backends: log files and their rotation, batches, truncation, the webhook's retries."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest

from sekisho.api.random import RandomSource
from sekisho.credentials.outgoing import Answer, CallError, Target
from sekisho.server.audit.backend import Forgiving, Union, record
from sekisho.server.audit.batching import Batching, Throttle
from sekisho.server.audit.formats import json_line, legacy_line
from sekisho.server.audit.logfile import LogFile, StandardOutput
from sekisho.server.audit.settings import BatchOptions, Rotation, TruncateOptions
from sekisho.server.audit.truncating import Truncating
from sekisho.server.audit.webhook import Webhook
from sekisho.testing import VirtualClock

NOW = 1_780_000_000.0


def event(number=0, **more):
    return record(
        {
            "auditID": f"id-{number}",
            "stage": "ResponseComplete",
            "requestURI": "/api/v1/pods",
            "verb": "list",
            "user": {"username": "bob", "groups": ["a", "b"]},
            "requestReceivedTimestamp": "2026-01-02T03:04:05.000000Z",
            **more,
        }
    )


class Kept:
    """A backend that keeps batches, or refuses them."""

    def __init__(self, good=True):
        self.batches = []
        self.good = good
        self.closed = False

    async def process(self, records):
        self.batches.append([r.event["auditID"] for r in records])
        return self.good

    async def close(self):
        self.closed = True


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


def test_lines_are_appended(tmp_path):
    path = tmp_path / "deep" / "audit.log"

    async def write():
        for _ in range(2):
            log = LogFile(str(path), Rotation(), json_line, VirtualClock(NOW))
            assert await log.process([event(1), event(2)])
            await log.close()
        assert not await log.process([event(3)])

    asyncio.run(write())
    assert [json.loads(line)["auditID"] for line in path.read_text().splitlines()] == ["id-1", "id-2"] * 2
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("compress", [False, True])
def test_files_rotate(tmp_path, compress):
    path = tmp_path / "audit.log"
    clock = VirtualClock(NOW)
    large = event(1, requestObject="x" * 700_000)
    (tmp_path / "audit-other.log").write_text("not ours")

    async def write():
        log = LogFile(str(path), Rotation(size=1, backups=2, compress=compress), json_line, clock)
        for _ in range(5):
            await log.process([large])
            clock.advance(1)
        await log.close()

    asyncio.run(write())
    ending = ".log.gz" if compress else ".log"
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == [
        f"audit-2026-05-28T20-26-43.000{ending}",
        f"audit-2026-05-28T20-26-44.000{ending}",
        "audit-other.log",
        "audit.log",
    ]
    if compress:
        assert gzip.decompress((tmp_path / names[0]).read_bytes()) == large.data + b"\n"


def test_old_files_go(tmp_path):
    import os

    old = tmp_path / "audit-2020-01-01T00-00-00.000.log"
    old.write_text("old")
    os.utime(old, (NOW - 3 * 86400, NOW - 3 * 86400))
    for age, there in ((4, True), (0, True), (2, False)):
        log = LogFile(str(tmp_path / "audit.log"), Rotation(age=age), json_line, VirtualClock(NOW))
        asyncio.run(log.close())
        assert old.exists() is there


def test_standard_output(capfdbinary):
    asyncio.run(StandardOutput(json_line).process([event(1)]))
    assert json.loads(capfdbinary.readouterr().out)["auditID"] == "id-1"


def test_the_legacy_format():
    assert legacy_line(event(7)).decode() == (
        '2026-01-02T03:04:05.000000Z AUDIT: id="id-7" stage="ResponseComplete" ip="<unknown>" method="list" '
        'user="bob" groups="a","b" as="<self>" asgroups=<lookup> user-agent="" namespace="<none>" '
        'uri="/api/v1/pods" response="<deferred>"\n'
    )
    full = event(
        8,
        user={},
        impersonatedUser={"username": "eve", "groups": ["g"]},
        sourceIPs=["1.2.3.4"],
        userAgent='a"b',
        objectRef={"namespace": "n"},
        responseStatus={"code": 200},
    )
    assert (
        legacy_line(full)
        .decode()
        .endswith(
            'ip="1.2.3.4" method="list" user="<none>" groups=<none> as="eve" asgroups="g" user-agent="a\\"b" '
            'namespace="n" uri="/api/v1/pods" response="200"\n'
        )
    )


def test_batches_go_when_full_or_late():
    async def run():
        clock, kept = VirtualClock(NOW), Kept()
        batching = Batching(kept, BatchOptions(max_size=3, max_wait=30, throttle=False), clock)
        for number in range(4):
            assert await batching.process([event(number)])
        await settle()
        assert kept.batches == [["id-0", "id-1", "id-2"]]
        clock.advance(30)
        await settle()
        assert kept.batches[1:] == [["id-3"]]
        await batching.process([event(5)])
        await batching.close()
        assert kept.batches[2:] == [["id-5"]]
        assert kept.closed

    asyncio.run(run())


def test_a_full_buffer_loses(caplog):
    async def run():
        kept = Kept()
        batching = Batching(kept, BatchOptions(buffer_size=2, max_size=10), VirtualClock(NOW))
        assert [await batching.process([event(n)]) for n in range(3)] == [True, True, False]
        await batching.close()
        assert kept.batches == [["id-0", "id-1"]]

    asyncio.run(run())
    assert "1 events have been lost" in caplog.text


def test_a_receiver_that_never_answers_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("sekisho.server.audit.batching.CLOSE_SECONDS", 0.01)

    class Stuck(Kept):
        async def process(self, records):
            await asyncio.sleep(3600)

    async def run():
        stuck = Stuck()
        batching = Batching(stuck, BatchOptions(), VirtualClock(NOW))
        await batching.process([event()])
        await batching.close()
        assert stuck.closed

    asyncio.run(run())


def test_the_throttle():
    async def run():
        clock = VirtualClock(NOW)
        throttle = Throttle(2.0, 2, clock)
        for _ in range(2):
            await throttle.wait()
        third = asyncio.ensure_future(throttle.wait())
        await settle()
        assert not third.done()
        clock.advance(0.5)
        await settle()
        assert third.done()

    asyncio.run(run())


def test_truncation():
    async def run():
        kept = Kept()
        cutting = Truncating(kept, TruncateOptions(True, max_batch_size=600, max_event_size=400))
        big = event(1, requestObject={"x": "y" * 500})
        assert await cutting.process([event(0), big, event(2)])
        assert kept.batches == [["id-0", "id-1"], ["id-2"]]
        assert not await cutting.process([event(3, requestURI="/" + "x" * 500)])
        await cutting.close()

    asyncio.run(run())


def test_a_cut_event_is_marked():
    seen = []

    class Last(Kept):
        async def process(self, records):
            seen.extend(records)
            return True

    big = event(1, responseObject="y" * 500, annotations={"z": "1"})
    asyncio.run(Truncating(Last(), TruncateOptions(True, 10**6, 400)).process([big]))
    assert "responseObject" not in seen[0].event
    assert seen[0].event["annotations"] == {"audit.k8s.io/truncated": "true", "z": "1"}


def test_several_backends():
    async def run():
        first, second = Kept(), Kept(good=False)
        both = Union([first, second])
        assert not await both.process([event(1)])
        assert await Forgiving(both).process([event(2)])
        assert first.batches == second.batches == [["id-1"], ["id-2"]]
        await Forgiving(both).close()
        assert first.closed
        assert second.closed

    asyncio.run(run())


class Receiver:
    """Answers with codes or errors in turn."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.bodies = []

    async def __call__(self, method, url, *, body=None, headers=None):
        self.bodies.append(json.loads(body))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Answer(answer, b"")


def webhook_run(receiver):
    async def run():
        clock = VirtualClock(NOW)
        webhook = Webhook(Target("https://audit", receiver), clock, RandomSource(1), 10.0)
        sending = asyncio.ensure_future(webhook.process([event(1), event(2)]))
        while not sending.done():
            await settle()
            clock.advance(20)
        await webhook.close()
        return sending.result()

    return asyncio.run(run())


def test_the_webhook_gets_a_list():
    receiver = Receiver(200)
    assert webhook_run(receiver)
    assert receiver.bodies[0]["kind"] == "EventList"
    assert receiver.bodies[0]["apiVersion"] == "audit.k8s.io/v1"
    assert [e["auditID"] for e in receiver.bodies[0]["items"]] == ["id-1", "id-2"]


def test_the_webhook_is_asked_again(caplog):
    assert webhook_run(Receiver(CallError("gone", lost=True), 500, 429, 201))
    assert not webhook_run(Receiver(500, 500, 500, 500, 500))
    assert "2 audit events could not be sent: the server answered 500" in caplog.text


def test_refusals_are_final():
    receiver = Receiver(400, 200)
    assert not webhook_run(receiver)
    assert len(receiver.bodies) == 1
