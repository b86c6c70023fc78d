"""Numbers that may be given as a share: `3` or `"25%"` (replicas of rolling updates, disruption budgets)."""

from __future__ import annotations

import re

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, invalid
from sekisho.schema.validation.common import not_negative, problems

_INTEGER = re.compile(r"[+-]?[0-9]+")


def validate_int_or_percent(path: Path, value: int | str) -> ErrorList:
    """A whole number from 0 on, or a share."""
    if isinstance(value, str):
        return problems(path, value, names.percent(value))
    return not_negative(path, value)


def validate_at_most_all(path: Path, value: int | str) -> ErrorList:
    """A share must not be above 100 %."""
    share = _share(value)
    return (
        [invalid(path, value, "must not be greater than 100%")] if share is not None and share > 100 else []
    )


def amount(value: int | str) -> int:
    """The number itself or that of the share; what is neither counts as 0."""
    share = _share(value)
    if share is not None:
        return share
    return int(value) if isinstance(value, int) or _INTEGER.fullmatch(value) else 0


def _share(value: int | str) -> int | None:
    return int(value[:-1]) if isinstance(value, str) and not names.percent(value) else None
