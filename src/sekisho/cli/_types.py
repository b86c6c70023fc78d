"""Kinds of flag values that kube-apiserver has and click has not: Go's durations, and lists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sekisho.api.time import format_go_duration, parse_go_duration

PATH = click.Path(path_type=Path)


class Seconds(float):
    """A duration that prints as Go prints it, so that a flag's value can be written down and read again."""

    def __str__(self) -> str:
        return format_go_duration(float(self))


if TYPE_CHECKING:
    _ParamType = click.ParamType[Seconds]
else:
    _ParamType = click.ParamType  # older versions of click have no generic one


class Duration(_ParamType):
    """`5m`, `1h30m`, `0s`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Seconds:
        if isinstance(value, float):
            return Seconds(value)
        try:
            return Seconds(parse_go_duration(str(value)))
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = Duration()


def flatten(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    """The parts of comma-separated values that may come several times; None stays None (nothing was given)."""
    if values is None or (not values and param.default is None):
        return None
    return tuple(part.strip() for value in values if value for part in value.split(","))
