"""How questions about rights are answered: the granting path in the columns of a table, or as data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from sekisho.api.types import Object
from sekisho.explain.evidence import GrantEvidence
from sekisho.explain.sentences import binding_text, role_text, rule_sentence

F = TypeVar("F", bound=Callable[..., Any])

OTHERWISE = 3
"""Exit code of an answer that a script should notice; 1 and 2 are errors."""
SEVERE = 4
"""Exit code of an answer that somebody should look at now."""

MOST_SHOWN = 5
PATH_COLUMNS = ("through", "role", "rule")

output_with_sarif: Callable[[F], F] = click.option(
    "-o",
    "--output",
    type=click.Choice(["json", "yaml", "sarif"]),
    help="Print the data as JSON, YAML, or SARIF 2.1.0, which code hosts show beside the lines.",
)
namespace_option: Callable[[F], F] = click.option(
    "-n", "--namespace", metavar="NS", help="Where.  [default: the context's namespace, or default]"
)
groups_option: Callable[[F], F] = click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="GROUP",
    help="A group that the user is in besides those that its name implies. Repeatable.",
)


def where(namespace: str) -> str:
    return namespace or "everywhere"


def path(grant: GrantEvidence) -> list[str]:
    """The columns of a granting path; rules are counted from 1."""
    ref = grant.binding
    rule = f"{grant.rule_index + 1}: {short_rule(grant.rule)}"
    return [binding_text(ref), role_text(ref.role_kind, ref.role_name), rule]


def short_rule(rule: Object) -> str:
    """A rule as a sentence that fits into a table: of a long list the beginning. The data has all of it."""
    cut = {key: _beginning(values) for key, values in rule.items() if key != "verbs" and key != "apiGroups"}
    return rule_sentence({**rule, **cut})


def _beginning(values: Sequence[str]) -> list[str]:
    if len(values) <= MOST_SHOWN:
        return list(values)
    return [*values[: MOST_SHOWN - 1], f"{len(values) - MOST_SHOWN + 1} more"]
