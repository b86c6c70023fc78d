"""API services."""

from __future__ import annotations

from sekisho.api.tables import cells
from sekisho.api.tables.printer import AGE, NAME, Cells, TablePrinter, Tables, column
from sekisho.api.types import Object


def _api_service(obj: Object, now: float) -> Cells:
    service = cells.part(obj, "spec").get("service")
    where = f"{service.get('namespace', '')}/{service.get('name', '')}" if service else "Local"
    return [cells.name(obj), where, _available(obj), cells.age(obj, now)]


def _available(obj: Object) -> str:
    found = cells.condition(obj, "Available")
    if found is None:
        return "Unknown"
    status = str(found.get("status", ""))
    return f"{status} ({found['reason']})" if status != "True" and found.get("reason") else status


TABLES: Tables = {
    ("apiregistration.k8s.io", "APIService"): TablePrinter(
        [
            NAME,
            column("Service", "Service that answers for this version of the API."),
            column("Available", "Whether it answers."),
            AGE,
        ],
        _api_service,
    )
}
