"""Ports on the nodes for Services. What is taken is read off the Services themselves; what is being written
meanwhile is held here."""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.api.random import RandomSource
from sekisho.api.types import Object
from sekisho.schema.servicefacts import node_ports

FIRST, LAST = 30000, 32767
_FREE_CHOICE = 86
"""So many ports at the start of the range are left to those who ask for one (KEP-3668)."""


class PortError(Exception):
    """Why there is no port; the text is upstream's."""


class NodePorts:
    """All node ports of a cluster."""

    def __init__(self) -> None:
        self._held: set[int] = set()

    def begin(self, services: Iterable[Object], random: RandomSource) -> PortOperation:
        """Start giving out ports for one Service; `services` are those that are stored."""
        taken = {port for service in services for port in node_ports(service.get("spec") or {})}
        return PortOperation(self._held, taken, random)


class PortOperation:
    """The ports that one write takes. They are held until `end`; by then the cache shows them, or nobody does."""

    def __init__(self, held: set[int], taken: set[int], random: RandomSource) -> None:
        self._held = held
        self._taken = taken
        self._random = random
        self._mine: list[int] = []

    def allocate(self, port: int) -> None:
        """Raises PortError when the port is taken or none of ours."""
        if not FIRST <= port <= LAST:
            text = f"provided port is not in the valid range. The range of valid ports is {FIRST}-{LAST}"
            raise PortError(text)
        if not self._is_free(port):
            raise PortError("provided port is already allocated")
        self._hold(port)

    def allocate_next(self) -> int:
        """Any port. Raises PortError when there is none."""
        for low, high in ((FIRST + _FREE_CHOICE, LAST), (FIRST, FIRST + _FREE_CHOICE - 1)):
            start = int(self._random.uniform(low, high + 1))
            candidates: list[int] = [*range(start, high + 1), *range(low, start)]
            for port in candidates:
                if self._is_free(port):
                    self._hold(port)
                    return port
        raise PortError("range is full")

    def _is_free(self, port: int) -> bool:
        return port not in self._taken and port not in self._held

    def _hold(self, port: int) -> None:
        self._held.add(port)
        self._mine.append(port)

    def end(self) -> None:
        self._held.difference_update(self._mine)
        self._mine.clear()
