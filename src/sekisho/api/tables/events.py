"""Events, in the core group's shape and in that of events.k8s.io: one object under two names."""

from __future__ import annotations

from sekisho.api.tables import cells
from sekisho.api.tables.printer import Cells, TablePrinter, Tables, column
from sekisho.api.types import Object


def _core(obj: Object, now: float) -> Cells:
    return _cells(obj, now, "involvedObject", "source", "message", "firstTimestamp", "lastTimestamp", "count")


def _grouped(obj: Object, now: float) -> Cells:
    return _cells(
        obj,
        now,
        "regarding",
        "deprecatedSource",
        "note",
        "deprecatedFirstTimestamp",
        "deprecatedLastTimestamp",
        "deprecatedCount",
    )


def _cells(
    obj: Object, now: float, about: str, source: str, message: str, first: str, last: str, count: str
) -> Cells:
    target, series = cells.part(obj, about), obj.get("series")
    first_seen = cells.since(obj.get(first) or obj.get("eventTime"), now)
    last_seen = cells.since(obj[last], now) if obj.get(last) else first_seen
    times = obj.get(count) or 1
    if series is not None:
        last_seen = cells.since(series.get("lastObservedTime"), now)
        times = series.get("count", 0)
    kind = target.get("kind", "").lower()
    return [
        last_seen,
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{kind}/{target['name']}" if target.get("name") else kind,
        target.get("fieldPath", ""),
        _source(obj, cells.part(obj, source)),
        obj.get(message, "").strip(),
        first_seen,
        times,
        cells.name(obj),
    ]


def _source(obj: Object, source: Object) -> str:
    component = source.get("component") or obj.get("reportingComponent") or obj.get("reportingController", "")
    instance = source.get("host") or obj.get("reportingInstance", "")
    return f"{component}, {instance}" if instance else component


_COLUMNS = [
    column("Last Seen", "Time since the event happened last."),
    column("Type", "Normal, or Warning."),
    column("Reason", "Machine-readable cause."),
    column("Object", "What the event is about."),
    column("Subobject", "Part of the object the event is about.", wide=True),
    column("Source", "Who reports the event.", wide=True),
    column("Message", "What happened, for people."),
    column("First Seen", "Time since the event happened first.", wide=True),
    column("Count", "How often the event has happened.", wide=True),
    column("Name", "Name of the event.", wide=True, format="name"),
]

TABLES: Tables = {
    ("", "Event"): TablePrinter(_COLUMNS, _core),
    ("events.k8s.io", "Event"): TablePrinter(_COLUMNS, _grouped),
}
