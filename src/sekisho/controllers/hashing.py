"""The hashes in the names of ReplicaSets, revisions and slices: FNV, spelled in the alphabet of names."""

from __future__ import annotations

from sekisho.api.random import SUFFIX_ALPHABET

_OFFSET = 2166136261
_PRIME = 16777619


def fnv32(data: bytes) -> int:
    """FNV-1 of 32 bits."""
    value = _OFFSET
    for byte in data:
        value = (value * _PRIME & 0xFFFFFFFF) ^ byte
    return value


def fnv32a(data: bytes) -> int:
    """FNV-1a of 32 bits."""
    value = _OFFSET
    for byte in data:
        value = (value ^ byte) * _PRIME & 0xFFFFFFFF
    return value


def safe_text(number: int) -> str:
    """A number as text without vowels: each digit becomes another letter, which is always the same."""
    return "".join(SUFFIX_ALPHABET[ord(digit) % len(SUFFIX_ALPHABET)] for digit in str(number))
