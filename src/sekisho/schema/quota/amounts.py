"""Arithmetic on lists of resources."""

from __future__ import annotations

from collections.abc import Container, Mapping

from sekisho.api.quantity import Quantity
from sekisho.api.types import Object

Amounts = dict[str, Quantity]

ZERO = Quantity(0)
ONE = Quantity(1)


def parsed(amounts: Object | None) -> Amounts:
    return {name: Quantity.parse(amount) for name, amount in (amounts or {}).items()}


def written(amounts: Mapping[str, Quantity]) -> Object:
    """As the API shows them: canonical texts, sorted by name."""
    return {name: str(amounts[name]) for name in sorted(amounts)}


def added(a: Mapping[str, Quantity], b: Mapping[str, Quantity]) -> Amounts:
    out = dict(a)
    for name, amount in b.items():
        out[name] = out[name] + amount if name in out else amount
    return out


def grown(new: Mapping[str, Quantity], old: Mapping[str, Quantity]) -> Amounts:
    """By how much `new` exceeds `old`; what shrank costs nothing."""
    out: Amounts = {}
    for name in new.keys() | old.keys():
        difference = new.get(name, ZERO) - old.get(name, ZERO)
        out[name] = difference if difference.sign > 0 else ZERO
    return out


def masked(amounts: Mapping[str, Quantity], names: Container[str]) -> Amounts:
    return {name: amount for name, amount in amounts.items() if name in names}


def exceeding(amounts: Mapping[str, Quantity], limits: Mapping[str, Quantity]) -> set[str]:
    return {name for name, limit in limits.items() if name in amounts and amounts[name] > limit}


def pretty(amounts: Mapping[str, Quantity]) -> str:
    """`cpu=1,memory=1Gi`, as messages show them."""
    return ",".join(f"{name}={amounts[name]}" for name in sorted(amounts))
