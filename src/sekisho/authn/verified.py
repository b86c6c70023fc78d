"""Client certificate chains checked once: results per chain, kept while roots and time allow it.

A keep-alive connection shows the same chain with every request, and many connections show the same one, so
the check is a dictionary look-up after the first. The key is the whole chain: the same leaf with other
intermediates may have another result.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from cryptography import x509

from sekisho.api.clock import Clock
from sekisho.authn import chains
from sekisho.authn.chains import VerifyError, Window

CAPACITY = 8192
Chain = tuple[bytes, ...]
_R = TypeVar("_R")
_ALWAYS = Window(float("-inf"), float("inf"))


class Roots:
    """The CA certificates that one authenticator trusts; `replace` takes a new bundle from now on."""

    def __init__(self, pem: bytes = b"") -> None:
        self.certificates: tuple[x509.Certificate, ...] = ()
        self.version = 0
        if pem:
            self.replace(pem)

    def replace(self, pem: bytes) -> None:
        """ValueError when there is no certificate in the bundle; then the old one stays."""
        self.certificates = tuple(chains.load_bundle(pem))
        self.version += 1


@dataclass(frozen=True, slots=True)
class Checked:
    """A chain's leaf, None when it is no certificate, and why it was refused, None when it holds."""

    leaf: x509.Certificate | None
    error: VerifyError | None


@dataclass(frozen=True, slots=True)
class _Entry(Generic[_R]):
    result: _R
    window: Window
    roots: int


class ChainCache(Generic[_R]):
    """Results that `conclude` draws from checked chains, least recently used ones dropped."""

    def __init__(
        self, roots: Roots, clock: Clock, conclude: Callable[[Chain, Checked], _R], capacity: int = CAPACITY
    ) -> None:
        self._roots = roots
        self._now = clock.now
        self._conclude = conclude
        self._capacity = capacity
        self._entries: OrderedDict[Chain, _Entry[_R]] = OrderedDict()

    def result(self, chain: Chain) -> _R:
        entry = self._entries.get(chain)
        now = self._now()
        if (
            entry is not None
            and entry.roots == self._roots.version
            and entry.window.start <= now <= entry.window.end
        ):
            self._entries.move_to_end(chain)
            return entry.result
        return self._compute(chain, now)

    def _compute(self, chain: Chain, now: float) -> _R:
        checked, window = check(chain, self._roots.certificates, now)
        result = self._conclude(chain, checked)
        if window is None:
            self._entries.pop(chain, None)
            return result
        self._entries[chain] = _Entry(result, window, self._roots.version)
        self._entries.move_to_end(chain)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
        return result


def check(chain: Chain, roots: tuple[x509.Certificate, ...], now: float) -> tuple[Checked, Window | None]:
    """One verification and how long it holds; None for a result that only time has made what it is."""
    leaf = None
    try:
        leaf = chains.load(chain[0])
        rest = [chains.load(der) for der in chain[1:]]
        return Checked(leaf, None), chains.verify_client([leaf, *rest], roots, now)
    except VerifyError as error:
        window = chains.lifetime(leaf) if leaf is not None else _ALWAYS
        return Checked(leaf, error), None if error.timely else window
