"""Pods made from templates and deleted in batches, with the events that tell of each on their owner."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from sekisho.api import names
from sekisho.api.status import StatusError
from sekisho.api.types import Object
from sekisho.controllers.adoption import owner_reference
from sekisho.node.events import NORMAL, WARNING, EventRecorder, reference
from sekisho.registry.client import Client

BURST = 500
"""Pods that are made or deleted in one go at most."""


@dataclass(slots=True)
class Outcome:
    """What a batch of writes came to: what was answered, and the first error."""

    written: list[Object] = field(default_factory=list)
    error: StatusError | None = None
    skipped: int = 0
    """How many were not even tried."""


def is_namespace_terminating(error: StatusError) -> bool:
    causes = (error.details or {}).get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


def name_prefix(owner_name: str) -> str:
    """The start of the names of an owner's pods, without the dash where it would not make a name."""
    prefix = f"{owner_name}-"
    return owner_name if names.dns1123_subdomain(prefix[:-1] + "a") else prefix


async def slow_start(count: int, work: Callable[[int], Awaitable[Object]]) -> Outcome:
    """Call `work` with 0, 1, ... count - 1 in batches that double, so that what cannot succeed is not tried so
    often. Stops after a batch with an error."""
    outcome = Outcome()
    begun, size = 0, 1
    while begun < count:
        size = min(size, count - begun)
        await _gather(outcome, [work(i) for i in range(begun, begun + size)])
        begun += size
        size *= 2
        if outcome.error is not None:
            break
    outcome.skipped = count - begun
    return outcome


async def _gather(outcome: Outcome, work: Iterable[Awaitable[Object]]) -> None:
    for answer in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(answer, StatusError):
            outcome.error = outcome.error or answer
        elif isinstance(answer, BaseException):
            raise answer
        else:
            outcome.written.append(answer)


class PodControl:
    """Speaks as the controller whose client it is given, and reports as its recorder does."""

    def __init__(self, client: Client, events: EventRecorder) -> None:
        self._client = client
        self._events = events

    async def create(self, owner: Object, pod: Object, *, tell: bool = True) -> Object:
        """Make a pod that the owner manages. Raises StatusError, which is told as an event unless the namespace
        is on its way out."""
        namespace = owner["metadata"]["namespace"]
        try:
            created = await self._client.create("pods", pod, namespace)
        except StatusError as error:
            if not is_namespace_terminating(error):
                self._tell(owner, WARNING, "FailedCreate", f"Error creating: {error.message}")
            raise
        if tell:
            self._tell(owner, NORMAL, "SuccessfulCreate", f"Created pod: {created['metadata']['name']}")
        return created

    async def delete(self, owner: Object, pod: Object) -> Object:
        """Delete a pod of the owner's. Raises StatusError; one that is gone already is told of as 404 only."""
        metadata = pod["metadata"]
        try:
            answer = await self._client.delete("pods", metadata["name"], metadata["namespace"])
        except StatusError as error:
            if error.code != 404:
                self._tell(owner, WARNING, "FailedDelete", f"Error deleting: {error.message}")
            raise
        self._tell(owner, NORMAL, "SuccessfulDelete", f"Deleted pod: {metadata['name']}")
        return answer

    async def delete_all(self, owner: Object, pods: Iterable[Object]) -> Outcome:
        """Delete pods side by side; those that are gone already are no error."""

        async def one(pod: Object) -> Object:
            try:
                return await self.delete(owner, pod)
            except StatusError as error:
                if error.code != 404:
                    raise
                return pod

        outcome = Outcome()
        await _gather(outcome, [one(pod) for pod in pods])
        return outcome

    def _tell(self, owner: Object, type_: str, reason: str, message: str) -> None:
        self._events.record(reference(owner), type_, reason, message)


def pod_from_template(template: Object, owner: Object, finalizers: Iterable[str] = ()) -> Object:
    """The pod that a template describes, managed by `owner`, with a name to be generated."""
    held = template.get("metadata") or {}
    metadata: Object = {
        "generateName": name_prefix(owner["metadata"]["name"]),
        "namespace": owner["metadata"]["namespace"],
    }
    for key in ("labels", "annotations"):
        if held.get(key):
            metadata[key] = dict(held[key])
    metadata["ownerReferences"] = [owner_reference(owner)]
    kept = [*(held.get("finalizers") or ()), *finalizers]
    if kept:
        metadata["finalizers"] = kept
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": template.get("spec") or {}}
