"""Flow schemas and priority levels."""

from __future__ import annotations

from sekisho.api.tables import cells
from sekisho.api.tables.printer import AGE, NAME, Cells, TablePrinter, Tables, column
from sekisho.api.types import Object

GROUP = "flowcontrol.apiserver.k8s.io"


def _flow_schema(obj: Object, now: float) -> Cells:
    spec = cells.part(obj, "spec")
    method = spec.get("distinguisherMethod")
    return [
        cells.name(obj),
        cells.part(spec, "priorityLevelConfiguration").get("name", ""),
        spec.get("matchingPrecedence", 0),
        method.get("type", "") if method else cells.NONE,
        cells.age(obj, now),
        cells.condition_status(obj, "Dangling") or "?",
    ]


def _by_precedence(objects: list[Object]) -> list[Object]:
    """The order in which requests are matched."""
    return sorted(objects, key=lambda o: (cells.part(o, "spec").get("matchingPrecedence", 0), cells.name(o)))


def _priority_level(obj: Object, now: float) -> Cells:
    spec = cells.part(obj, "spec")
    limited = spec.get("limited")
    queuing = cells.part(limited or {}, "limitResponse").get("queuing")
    return [
        cells.name(obj),
        spec.get("type", ""),
        limited.get("nominalConcurrencyShares", 0) if limited is not None else cells.NONE,
        *((queuing or {}).get(key, 0) if queuing else cells.NONE for key in _QUEUING),
        cells.age(obj, now),
    ]


_QUEUING = ("queues", "handSize", "queueLengthLimit")

TABLES: Tables = {
    (GROUP, "FlowSchema"): TablePrinter(
        [
            NAME,
            column("PriorityLevel", "Priority level that its requests get."),
            column("MatchingPrecedence", "Place among the schemas; the smallest is tried first."),
            column("DistinguisherMethod", "What tells its flows apart."),
            AGE,
            column("MissingPL", "Whether its priority level does not exist."),
        ],
        _flow_schema,
        order=_by_precedence,
    ),
    (GROUP, "PriorityLevelConfiguration"): TablePrinter(
        [
            NAME,
            column("Type", "Whether its requests are limited."),
            column("NominalConcurrencyShares", "Its share of the server's seats."),
            column("Queues", "Number of queues."),
            column("HandSize", "Number of queues that one flow is dealt."),
            column("QueueLengthLimit", "Requests that may wait in one queue."),
            AGE,
        ],
        _priority_level,
    ),
}
