"""Kinds without a printer of their own (Roles, LimitRanges, CustomResourceDefinitions, ...)."""

from __future__ import annotations

from sekisho.api.tables import cells
from sekisho.api.tables.printer import NAME, Cells, TablePrinter, column
from sekisho.api.time import ZERO, format_time
from sekisho.api.types import Object


def _cells(obj: Object, now: float) -> Cells:
    return [cells.name(obj), obj["metadata"].get("creationTimestamp") or format_time(ZERO)]


PRINTER = TablePrinter([NAME, column("Created At", "When the object was created.", "date")], _cells)
