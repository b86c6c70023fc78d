"""The chain of authorizers: the first that allows or denies decides, as in upstream's union.

Authorizers that decide without waiting (they have a method `decide`) are called as plain functions,
because nearly every request is decided by them and a coroutine for each would cost as much as the decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from sekisho.api.goformat import aggregate
from sekisho.api.types import Attributes, Authorizer, Decision, Rules, UserInfo, Verdict
from sekisho.explain.evidence import Refusals

Observer = Callable[[str, str, Decision], None]
"""Told of each decision: authorizer type, configured name, allow or deny."""


class NamedAuthorizer(Authorizer, Protocol):
    """An authorizer of the chain. `name` is the mode's name (`RBAC`, `Node`), or a webhook's own."""

    name: str


class UnionAuthorizer:
    """Asks each authorizer in order. When none decides, reasons are joined by newlines, errors aggregated,
    and the verdict's evidence lists every answer."""

    def __init__(self, authorizers: Sequence[NamedAuthorizer], observe: Observer | None = None) -> None:
        self.authorizers = tuple(authorizers)
        self._steps = [(a.name, getattr(a, "decide", None), a) for a in self.authorizers]
        self._observe = observe

    async def authorize(self, attributes: Attributes) -> Verdict:
        passed: list[tuple[str, Verdict]] = []
        for name, decide, authorizer in self._steps:
            verdict = decide(attributes) if decide is not None else await authorizer.authorize(attributes)
            if verdict.decision is not Decision.NO_OPINION:
                if self._observe is not None:
                    self._observe(type_name(authorizer), name, verdict.decision)
                return verdict
            passed.append((name, verdict))
        return _refusal(passed)

    async def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        """All authorizers' rules in order; incomplete if one is, errors aggregated."""
        answers = [await a.rules_for(user, namespace) for a in self.authorizers]
        errors = [a.error for a in answers if a.error]
        return Rules(
            [rule for a in answers for rule in a.resource_rules],
            [rule for a in answers for rule in a.non_resource_rules],
            any(a.incomplete for a in answers),
            aggregate(errors) if errors else "",
        )


def type_name(authorizer: NamedAuthorizer) -> str:
    """The mode of an authorizer: `Webhook` for every webhook, its name for the others."""
    return str(getattr(authorizer, "type", authorizer.name))


def _refusal(passed: Iterable[tuple[str, Verdict]]) -> Verdict:
    asked = tuple(passed)
    errors = [v.error for _, v in asked if v.error]
    return Verdict(
        Decision.NO_OPINION,
        "\n".join(v.reason for _, v in asked if v.reason),
        aggregate(errors) if errors else "",
        Refusals(asked),
    )
