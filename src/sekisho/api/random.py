"""Where all visible randomness comes from: uids and name suffixes. Secrets never use it."""

from __future__ import annotations

import os
import random
import uuid

SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Upstream's alphabet for generated names: no vowels and no look-alikes, so no words appear."""


class RandomSource:
    """Uids and name suffixes; pass a seed to have the same ones again."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(os.urandom(16) if seed is None else seed)  # noqa: S311

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def suffix(self, length: int = 5) -> str:
        return "".join(self._random.choices(SUFFIX_ALPHABET, k=length))

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)
