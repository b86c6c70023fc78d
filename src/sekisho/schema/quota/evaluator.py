"""What every evaluator knows of its kind, and how a quota is matched with an object."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sekisho.api.types import Object
from sekisho.schema.quota.amounts import ONE, Amounts

Expression = Object
"""A ScopedResourceSelectorRequirement: scopeName, operator, values."""

_ALIASES = frozenset(("configmaps", "resourcequotas", "replicationcontrollers", "secrets"))
"""Kinds of the core group that are also counted by their bare name."""


def count_name(group: str, resource: str) -> str:
    """The resource that counts a kind's objects: `count/pods`, `count/deployments.apps`."""
    return f"count/{resource}.{group}" if group else f"count/{resource}"


class Evaluator:
    """Counts objects; the base of the evaluators of kinds that have more to them."""

    def __init__(self, group: str, resource: str) -> None:
        self.count_name = count_name(group, resource)
        self.names = frozenset(
            (self.count_name, resource) if not group and resource in _ALIASES else (self.count_name,)
        )

    def handles(self, operation: str, subresource: str) -> bool:
        """Whether a request may change what is used."""
        return operation == "CREATE" and not subresource

    def matching(self, names: Iterable[str]) -> list[str]:
        """Which of a quota's resources this kind can use."""
        return sorted(name for name in names if name in self.names)

    def missing(self, required: Collection[str], obj: Object) -> str:
        """What the object has to say and does not; empty when nothing is missing."""
        return ""

    def usage(self, obj: Object, now: float) -> Amounts:
        return dict.fromkeys(self.names, ONE)

    def in_scope(self, expression: Expression, obj: Object) -> bool:
        """Kinds without scopes are in none."""
        return False


def expressions_of(quota: Object) -> list[Expression]:
    """A quota's scopes and its scope selector, as expressions that must all hold."""
    spec: Object = quota.get("spec") or {}
    scopes = [{"scopeName": scope, "operator": "Exists"} for scope in spec.get("scopes") or ()]
    return scopes + list((spec.get("scopeSelector") or {}).get("matchExpressions") or ())


def matches(evaluator: Evaluator, quota: Object, obj: Object) -> bool:
    """Whether the quota limits something of the kind, and the object is in its scopes."""
    hard = (quota.get("status") or {}).get("hard") or {}
    return bool(evaluator.matching(hard)) and in_scopes(evaluator, quota, obj)


def in_scopes(evaluator: Evaluator, quota: Object, obj: Object) -> bool:
    return all(evaluator.in_scope(expression, obj) for expression in expressions_of(quota))


def selects(expression: Expression, values: Collection[str]) -> bool:
    """Whether a scope expression holds for an object with these values."""
    operator, wanted = expression.get("operator"), expression.get("values") or ()
    if operator == "Exists":
        return bool(values)
    if operator == "DoesNotExist":
        return not values
    hit = any(value in wanted for value in values)
    return hit if operator == "In" else operator == "NotIn" and not hit
