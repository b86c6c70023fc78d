"""The containers of a pod in the order in which upstream visits them, each with its field path."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.api.field import Path
from sekisho.api.types import Object

CONTAINER_FIELDS = ("initContainers", "containers", "ephemeralContainers")


def containers(spec: Object) -> Iterator[Object]:
    """Init containers, containers, ephemeral containers."""
    for field in CONTAINER_FIELDS:
        yield from spec.get(field) or ()


def containers_with_paths(spec: Object, path: Path) -> Iterator[tuple[Object, Path]]:
    """As `containers`, with the path of each below the spec's `path`."""
    for field in CONTAINER_FIELDS:
        for i, container in enumerate(spec.get(field) or ()):
            yield container, path.child(field).index(i)


def is_sidecar(container: Object) -> bool:
    """Whether an init container keeps running beside the pod's containers (KEP-753)."""
    return container.get("restartPolicy") == "Always"
