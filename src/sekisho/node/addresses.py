"""The addresses that a node gives its pods."""

from __future__ import annotations

import ipaddress


class AddressPool:
    """Hands out addresses of a range in turn, so that one just given back is not at once somebody else's.

    The range's first two addresses (the network and its gateway) and the last are never given.
    """

    def __init__(self, cidr: str) -> None:
        network = ipaddress.ip_network(cidr)
        self._base = int(network.network_address)
        self._size = max(0, network.num_addresses - 3)
        self._make = ipaddress.IPv4Address if network.version == 4 else ipaddress.IPv6Address
        self._taken: set[str] = set()
        self._next = 0

    def take(self) -> str:
        """An address nobody has; empty when the range is used up."""
        if len(self._taken) >= self._size:
            return ""
        while True:
            address = str(self._make(self._base + 2 + self._next))
            self._next = (self._next + 1) % self._size
            if address not in self._taken:
                self._taken.add(address)
                return address

    def claim(self, address: str) -> None:
        """Note one that a pod has already."""
        self._taken.add(address)

    def give_back(self, address: str) -> None:
        self._taken.discard(address)
