"""Events of the group events.k8s.io: what happened to an object, who did it, and series of the same.

Follows client-go's tools/events: an event that recurs within six minutes is one object with a series that
counts, whatever its note. Recording never waits; see `events.EventRecorder`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable
from dataclasses import dataclass

from sekisho.api.clock import Clock
from sekisho.api.status import StatusError
from sekisho.api.time import format_micro_time
from sekisho.api.types import Object
from sekisho.node.events import EventNames, Recent
from sekisho.registry.client import Client

logger = logging.getLogger("sekisho.node")

SERIES_SECONDS = 360.0
NOTE_LIMIT = 1024
_RESOURCE = "events.events.k8s.io"
_QUEUE = 1000


@dataclass(slots=True)
class _Series:
    name: str
    count: int
    last: float


class SeriesRecorder:
    """`controller` and `instance`: who reports, `default-scheduler` and `default-scheduler-<host>`."""

    def __init__(self, client: Client, clock: Clock, controller: str, instance: str) -> None:
        self._client = client
        self._clock = clock
        self._controller = controller
        self._instance = instance
        self._names = EventNames(clock)
        self._series: Recent[Hashable, _Series] = Recent()
        self._queue: asyncio.Queue[tuple[Object, float]] = asyncio.Queue(_QUEUE)

    def record(self, regarding: Object, type: str, reason: str, action: str, note: str) -> None:
        """`regarding` is an `events.reference`. Dropped when too many wait already."""
        now = self._clock.now()
        event = {
            "kind": "Event",
            "apiVersion": "events.k8s.io/v1",
            "metadata": {
                "name": self._names.name(regarding["name"]),
                "namespace": regarding.get("namespace") or "default",
            },
            "eventTime": format_micro_time(now),
            "reportingController": self._controller,
            "reportingInstance": self._instance,
            "action": action,
            "reason": reason,
            "regarding": regarding,
            "note": note if len(note) <= NOTE_LIMIT else note[: NOTE_LIMIT - 4] + " ...",
            "type": type,
        }
        try:
            self._queue.put_nowait((event, now))
        except asyncio.QueueFull:
            logger.debug("too many events wait, %s of %s is dropped", reason, regarding["name"])

    async def run(self) -> None:
        """Write what is recorded until cancelled. What the server refuses is lost, as upstream's is."""
        while True:
            event, at = await self._queue.get()
            try:
                await self._write(event, at)
            except StatusError as error:
                logger.debug("event %s was refused: %s", event["metadata"]["name"], error)

    async def _write(self, event: Object, at: float) -> None:
        namespace = event["metadata"]["namespace"]
        regarding = tuple(sorted((k, v) for k, v in event["regarding"].items() if k != "resourceVersion"))
        key = (event["type"], event["action"], event["reason"], regarding)
        series = self._series.get(key)
        if series is not None and at - series.last <= SERIES_SECONDS:
            series.count += 1
            series.last = at
            patch = {"series": {"count": series.count, "lastObservedTime": format_micro_time(at)}}
            try:
                await self._client.patch(_RESOURCE, series.name, patch, namespace, type="strategic")
                return
            except StatusError as error:
                if error.code != 404:
                    raise
        self._series.put(key, _Series(event["metadata"]["name"], 1, at))
        await self._client.create(_RESOURCE, event, namespace)
