"""Events about objects, thinned out as upstream's recorder does it before they reach the server.

Follows client-go's tools/record: a repeated event becomes a patch of its count, many similar ones are
combined, and one object that is the source of too many is not listened to for a while. Recording never
waits: events go through a bounded queue and are written, in order, by the task that runs `run`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sekisho.api.clock import Clock
from sekisho.api.status import StatusError
from sekisho.api.time import format_time
from sekisho.api.types import Object
from sekisho.registry.client import Client

logger = logging.getLogger("sekisho.node")

NORMAL = "Normal"
WARNING = "Warning"

COMBINED = "(combined from similar events): "

_QUEUE = 1000
_REMEMBERED = 4096
_SIMILAR_LIMIT = 10
_SIMILAR_SECONDS = 600.0
_SPAM_BURST = 25
_SPAM_REFILL = 1 / 300

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A dict that forgets what has not been used for longest."""

    def __init__(self, size: int = _REMEMBERED) -> None:
        self._size = size
        self._items: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        if key not in self._items:
            return None
        self._items.move_to_end(key)
        return self._items[key]

    def put(self, key: K, value: V) -> None:
        self._items[key] = value
        self._items.move_to_end(key)
        while len(self._items) > self._size:
            self._items.popitem(last=False)


class EventNames:
    """`<object>.<hex of unix nanoseconds>`; never the same twice, also when time stands still."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def name(self, object_name: str) -> str:
        self._last = max(self._last + 1, int(self._clock.now() * 1e9))
        return f"{object_name}.{self._last:x}"


def reference(obj: Object, field_path: str = "") -> Object:
    """What an event says it is about. `obj` carries its kind and apiVersion."""
    metadata = obj["metadata"]
    ref = {
        "kind": obj["kind"],
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
        "apiVersion": obj["apiVersion"],
        "resourceVersion": metadata.get("resourceVersion", ""),
        "fieldPath": field_path,
    }
    return {k: v for k, v in ref.items() if v}


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(slots=True)
class _Similar:
    messages: set[str] = field(default_factory=set)
    at: float = 0.0


@dataclass(slots=True)
class _Sent:
    name: str
    first: str
    count: int


class Correlator:
    """Decides what becomes of an event: a new object, a patch of an earlier one, or nothing."""

    def __init__(self) -> None:
        self._buckets: Recent[Hashable, _Bucket] = Recent()
        self._similar: Recent[Hashable, _Similar] = Recent()
        self._sent: Recent[Hashable, _Sent] = Recent()

    def correlate(self, event: Object, now: float) -> bool:
        """Adjust `event` in place; False when it is to be dropped. A count above 1 means a patch."""
        about = _about(event)
        if not self._allowed(about, now):
            return False
        group = (about, event["type"], event["reason"])
        key: Hashable = (group, event["message"], event["involvedObject"].get("fieldPath"))
        if self._too_similar(group, event["message"], now):
            event["message"] = COMBINED + event["message"]
            key = group
        sent = self._sent.get(key)
        if sent is None:
            self._sent.put(key, _Sent(event["metadata"]["name"], event["firstTimestamp"], 1))
        else:
            sent.count += 1
            event["metadata"]["name"] = sent.name
            event["firstTimestamp"] = sent.first
            event["count"] = sent.count
        return True

    def _allowed(self, about: Hashable, now: float) -> bool:
        bucket = self._buckets.get(about)
        if bucket is None:
            bucket = _Bucket(_SPAM_BURST, now)
            self._buckets.put(about, bucket)
        bucket.tokens = min(_SPAM_BURST, bucket.tokens + (now - bucket.at) * _SPAM_REFILL)
        bucket.at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def _too_similar(self, group: Hashable, message: str, now: float) -> bool:
        similar = self._similar.get(group)
        if similar is None or now - similar.at > _SIMILAR_SECONDS:
            similar = _Similar()
            self._similar.put(group, similar)
        similar.messages.add(message)
        similar.at = now
        if len(similar.messages) < _SIMILAR_LIMIT:
            return False
        similar.messages.pop()
        return True


def _about(event: Object) -> Hashable:
    ref = event["involvedObject"]
    return tuple(ref.get(k, "") for k in ("kind", "namespace", "name", "uid", "apiVersion"))


class EventRecorder:
    """`component` and `host`: who reports, `kubelet` on a node's name."""

    def __init__(self, client: Client, clock: Clock, component: str, host: str = "") -> None:
        self._client = client
        self._clock = clock
        self._component = component
        self._host = host
        self._names = EventNames(clock)
        self._correlator = Correlator()
        self._queue: asyncio.Queue[Object] = asyncio.Queue(_QUEUE)

    def record(self, about: Object, type: str, reason: str, message: str) -> None:
        """`about` is a `reference`. Dropped when too many wait already."""
        try:
            self._queue.put_nowait(self._event(about, type, reason, message))
        except asyncio.QueueFull:
            logger.debug("too many events wait, %s of %s is dropped", reason, about["name"])

    def _event(self, about: Object, type: str, reason: str, message: str) -> Object:
        namespace = about.get("namespace") or "default"
        now = format_time(self._clock.now())
        source = {"component": self._component}
        if self._host:
            source["host"] = self._host
        return {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {"name": self._names.name(about["name"]), "namespace": namespace},
            "involvedObject": about,
            "reason": reason,
            "message": message,
            "source": source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": type,
            "eventTime": None,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }

    async def run(self) -> None:
        """Write what is recorded until cancelled. What the server refuses is lost, as upstream's is."""
        while True:
            event = await self._queue.get()
            if self._correlator.correlate(event, self._clock.monotonic()):
                try:
                    await self._write(event)
                except StatusError as error:
                    logger.debug("event %s was refused: %s", event["metadata"]["name"], error)

    async def _write(self, event: Object) -> None:
        metadata = event["metadata"]
        if event["count"] > 1:
            patch = {k: event[k] for k in ("count", "lastTimestamp", "message")}
            try:
                await self._client.patch(
                    "events", metadata["name"], patch, metadata["namespace"], type="strategic"
                )
                return
            except StatusError as error:
                if error.code != 404:
                    raise
        await self._client.create("events", event, metadata["namespace"])
