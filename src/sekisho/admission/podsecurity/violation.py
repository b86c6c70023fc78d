"""What a failed check says, and the phrases that all checks share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sekisho.api.types import Object
from sekisho.schema.podwalk import containers


class Violation(NamedTuple):
    """`reason` is short enough for a list, `detail` says who must change what."""

    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


CheckFunction = Callable[[Object, Object], Violation | None]
"""From a pod's metadata and spec to what is wrong, or None."""


def quoted(items: Iterable[str]) -> str:
    """`"a", "b"`, without any escaping, as upstream joins them."""
    return ", ".join(f'"{item}"' for item in items)


def plural(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def named(names: Sequence[str], one: str = "container", many: str = "containers") -> str:
    """`container "a"` or `containers "a", "b"`."""
    return f"{plural(len(names), one, many)} {quoted(names)}"


def setters(pod: bool, names: Sequence[str]) -> str:
    """Who sets something: `pod`, `container "a"`, or `pod and containers "a", "b"`."""
    return " and ".join((["pod"] if pod else []) + ([named(names)] if names else []))


def security_context(owner: Object) -> Object:
    """Of a pod spec or a container; empty when there is none."""
    context: Object = owner.get("securityContext") or {}
    return context


def container_contexts(spec: Object) -> Iterator[tuple[str, Object]]:
    """`(name, securityContext)` of all containers: init, regular, ephemeral."""
    for container in containers(spec):
        yield container.get("name", ""), security_context(container)


def names_where(spec: Object, bad: Callable[[Object], Any]) -> list[str]:
    """The containers whose security context is bad."""
    return [name for name, context in container_contexts(spec) if bad(context)]


def is_windows(spec: Object) -> bool:
    return (spec.get("os") or {}).get("name") == "windows"


def in_user_namespace(spec: Object) -> bool:
    """Whether the pod's users are mapped away from the host's (hostUsers: false, KEP-127)."""
    return spec.get("hostUsers") is False


def unless(skip: Callable[[Object], bool], check: CheckFunction) -> CheckFunction:
    """The check, passed by pods that `skip` is true of."""

    def checked(metadata: Object, spec: Object) -> Violation | None:
        return None if skip(spec) else check(metadata, spec)

    return checked
