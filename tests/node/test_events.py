"""How events are thinned out, and what reaches the server."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from node.fakes import Server, VirtualClock, settle
from sekisho.api.status import plain_error
from sekisho.api.types import Object
from sekisho.node.events import NORMAL, WARNING, Correlator, EventNames, EventRecorder, Recent, reference
from sekisho.node.eventseries import NOTE_LIMIT, SeriesRecorder
from sekisho.node.registration import node_user
from sekisho.node.scheduler import USER

ABOUT = {"kind": "Pod", "namespace": "default", "name": "p", "uid": "u", "apiVersion": "v1"}


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 30))


def event(message: str, reason: str = "R", name: str = "p.1", about: Object = ABOUT) -> Object:
    return {
        "metadata": {"name": name},
        "involvedObject": about,
        "type": NORMAL,
        "reason": reason,
        "message": message,
        "firstTimestamp": f"t-{name}",
        "count": 1,
    }


def test_references() -> None:
    obj = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n", "resourceVersion": "3"}}
    assert reference(obj) == {"kind": "Node", "name": "n", "apiVersion": "v1", "resourceVersion": "3"}
    assert reference(obj, "spec.x")["fieldPath"] == "spec.x"


def test_names_never_repeat() -> None:
    names = EventNames(VirtualClock())
    assert [names.name("p") for _ in range(3)] == [f"p.{int(1_767_225_600.0 * 1e9) + i:x}" for i in range(3)]


def test_recent_forgets_the_least_used() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (1, None, 3)


def test_the_same_again_is_counted() -> None:
    correlator = Correlator()
    first, second, other = event("m"), event("m", name="p.2"), event("n", name="p.3")
    assert all(correlator.correlate(e, 0) for e in (first, second, other))
    assert (second["metadata"]["name"], second["count"], second["firstTimestamp"]) == ("p.1", 2, "t-p.1")
    assert (other["metadata"]["name"], other["count"]) == ("p.3", 1)


def test_many_similar_ones_are_combined() -> None:
    correlator = Correlator()
    events = [event(f"m{i}", name=f"p.{i}") for i in range(12)]
    assert all(correlator.correlate(e, 0) for e in events)
    assert events[8]["message"] == "m8"
    assert events[9]["message"] == "(combined from similar events): m9"
    assert [e["count"] for e in events[9:]] == [1, 2, 3]
    later = event("m12", name="p.12")
    assert correlator.correlate(later, 601)
    assert later["message"] == "m12"


def test_who_tells_too_much_is_not_heard_for_a_while() -> None:
    correlator = Correlator()
    taken = [correlator.correlate(event(f"m{i}", reason=f"R{i}"), 0) for i in range(30)]
    assert taken == [True] * 25 + [False] * 5
    assert correlator.correlate(event("m", about={**ABOUT, "name": "q"}), 0)
    assert not correlator.correlate(event("again", reason="X"), 299)
    assert correlator.correlate(event("again", reason="Y"), 301)


def test_the_recorder_creates_and_then_patches() -> None:
    async def main() -> None:
        clock = VirtualClock()
        server = Server(clock)
        recorder = EventRecorder(server.client(node_user("n")), clock, "kubelet", "n")  # type: ignore[arg-type]
        task = asyncio.create_task(recorder.run())
        recorder.record(ABOUT, WARNING, "BackOff", "again")
        await settle()
        clock.time += 60
        recorder.record(ABOUT, WARNING, "BackOff", "again")
        await settle()
        (held,) = server.objects["events"].values()
        assert (held["count"], held["firstTimestamp"], held["lastTimestamp"]) == (
            2,
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:01:00Z",
        )
        assert held["metadata"]["namespace"] == "default"
        server.remove("events", held["metadata"]["name"], "default")
        recorder.record(ABOUT, WARNING, "BackOff", "again")
        await settle()
        (held,) = server.objects["events"].values()
        assert held["count"] == 3
        server.fail["create", "events"] = [plain_error("no")]
        recorder.record(ABOUT, NORMAL, "Lost", "this")
        recorder.record({"kind": "Node", "name": "n"}, NORMAL, "Kept", "that")
        await settle()
        assert server.events("n") == [("Kept", "that")]
        for i in range(1100):
            recorder.record(ABOUT, NORMAL, "Flood", str(i))
        await settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(main())


def test_series() -> None:
    async def main() -> None:
        clock = VirtualClock()
        server = Server(clock)
        recorder = SeriesRecorder(server.client(USER), clock, "default-scheduler", "x")  # type: ignore[arg-type]
        task = asyncio.create_task(recorder.run())
        for _ in range(3):
            recorder.record(ABOUT, WARNING, "FailedScheduling", "Scheduling", "x" * 2000)
        await settle()
        (held,) = server.objects["events.events.k8s.io"].values()
        assert held["series"] == {"count": 3, "lastObservedTime": "2026-01-01T00:00:00.000000Z"}
        assert len(held["note"]) == NOTE_LIMIT
        assert held["note"].endswith("x ...")
        clock.time += 361
        recorder.record(ABOUT, WARNING, "FailedScheduling", "Scheduling", "again")
        await settle()
        assert len(server.objects["events.events.k8s.io"]) == 2
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(main())
