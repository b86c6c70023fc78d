"""What a printer is: the columns of a kind's Table, and the cells of one object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sekisho.api.types import Object

Cells = list[Any]


def no_conditions(obj: Object) -> list[Object]:
    return []


def as_listed(objects: list[Object]) -> list[Object]:
    return objects


@dataclass(frozen=True, slots=True)
class TablePrinter:
    """How one kind is shown.

    `cells` gets an object and the present Unix time and gives one value for each column. Objects may lack
    everything but their metadata, as the bookmarks of a watch do. `conditions` are the row's conditions, and
    `order` is the order in which a list's rows are shown.
    """

    columns: list[Object]
    cells: Callable[[Object, float], Cells]
    conditions: Callable[[Object], list[Object]] = no_conditions
    order: Callable[[list[Object]], list[Object]] = as_listed

    def row(self, obj: Object, now: float) -> tuple[Cells, list[Object]]:
        """The cells and the conditions of one row."""
        return self.cells(obj, now), self.conditions(obj)


Tables = dict[tuple[str, str], TablePrinter]
"""(group, kind) to printer."""


def column(
    name: str, description: str, type: str = "string", *, wide: bool = False, format: str = ""
) -> Object:
    """A column definition; clients show wide ones (priority 1) only when asked to."""
    return {
        "name": name,
        "type": type,
        "format": format,
        "description": description,
        "priority": int(wide),
    }


NAME = column("Name", "Name of the object, unique among its kind in its namespace.", format="name")
AGE = column("Age", "Time since the object was created.")
CONTAINERS = column("Containers", "Names of the containers in the pod template.", wide=True)
IMAGES = column("Images", "Images of the containers in the pod template.", wide=True)
SELECTOR = column("Selector", "Labels that a pod must have to belong to this object.", wide=True)
