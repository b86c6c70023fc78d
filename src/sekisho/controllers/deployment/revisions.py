"""Which ReplicaSet is a Deployment's newest, what it is called, and which revision it says it is. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sekisho.api.encoding import encode
from sekisho.api.types import Object
from sekisho.controllers.adoption import owner_reference
from sekisho.controllers.deployment.sizes import DESIRED, MAX
from sekisho.controllers.hashing import fnv32a, safe_text

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
HASH = "pod-template-hash"

HISTORY_LENGTH = 2000
"""Characters that the history of revisions may have in its annotation."""

_NOT_COPIED = frozenset(
    (
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        HISTORY,
        DESIRED,
        MAX,
        "deprecated.deployment.rollback.to",
    )
)


class Sets(NamedTuple):
    """The ReplicaSets of a Deployment: the one with its template, if there is one, and the others."""

    new: Object | None
    old: list[Object]

    @property
    def all(self) -> list[Object]:
        return self.old if self.new is None else [*self.old, self.new]


def by_age(sets: Iterable[Object]) -> list[Object]:
    """Oldest first, those of one second by name."""
    return sorted(sets, key=lambda s: (s["metadata"].get("creationTimestamp") or "", s["metadata"]["name"]))


def split(deployment: Object, sets: Iterable[Object]) -> Sets:
    """The oldest set with the Deployment's template is its new one."""
    template = _without_hash(deployment["spec"]["template"])
    ordered = by_age(sets)
    new = next((s for s in ordered if _without_hash(s["spec"].get("template") or {}) == template), None)
    return Sets(new, [s for s in ordered if s is not new])


def same_template(deployment: Object, replica_set: Object) -> bool:
    held = replica_set["spec"].get("template") or {}
    return _without_hash(deployment["spec"]["template"]) == _without_hash(held)


def _without_hash(template: Object) -> Object:
    metadata = template.get("metadata") or {}
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k != HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}


def revision(obj: Object) -> int:
    """The number in the annotation; 0 without one."""
    text = (obj["metadata"].get("annotations") or {}).get(REVISION, "")
    try:
        return int(text)
    except ValueError:
        return 0


def next_revision(old: Iterable[Object]) -> int:
    return max(map(revision, old), default=0) + 1


def template_hash(template: Object, collisions: int | None) -> str:
    """Ten letters that follow from the template; another ten for each collision with a different one."""
    data = encode(_sorted(template))
    if collisions is not None:
        data += collisions.to_bytes(8, "little")
    return safe_text(fnv32a(data))


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value


def new_set(deployment: Object) -> Object:
    """The ReplicaSet for a Deployment's template, without pods and annotations yet."""
    spec = deployment["spec"]
    template = spec["template"]
    metadata = template.get("metadata") or {}
    hashed = template_hash(template, (deployment.get("status") or {}).get("collisionCount"))
    labels = {**(metadata.get("labels") or {}), HASH: hashed}
    selector = spec.get("selector") or {}
    return {
        "kind": "ReplicaSet",
        "apiVersion": "apps/v1",
        "metadata": {
            "name": f"{deployment['metadata']['name']}-{hashed}",
            "namespace": deployment["metadata"]["namespace"],
            "labels": labels,
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {
            "replicas": 0,
            "minReadySeconds": spec.get("minReadySeconds", 0),
            "selector": {
                **selector,
                "matchLabels": {**(selector.get("matchLabels") or {}), HASH: hashed},
            },
            "template": {**template, "metadata": {**metadata, "labels": labels}},
        },
    }


def annotations_of_new(deployment: Object, replica_set: Object, number: int) -> dict[str, str]:
    """The annotations of the new set: the Deployment's, its revision, and the revisions it had before."""
    held: dict[str, str] = dict(replica_set["metadata"].get("annotations") or {})
    given = deployment["metadata"].get("annotations") or {}
    held.update({key: value for key, value in given.items() if key not in _NOT_COPIED})
    before = held.get(REVISION)
    if (_number(before) or 0) < number:
        held[REVISION] = str(number)
        if before:
            held[HISTORY] = _with_history(held.get(HISTORY), before)
    return held


def _number(text: str | None) -> int | None:
    try:
        return int(text or "")
    except ValueError:
        return None


def _with_history(history: str | None, before: str) -> str:
    """The oldest entries go when it gets too long."""
    entries = [e for e in (history or "").split(",") if e]
    if before not in entries:
        entries.append(before)
    while len(",".join(entries)) > HISTORY_LENGTH and len(entries) > 1:
        entries.pop(0)
    return ",".join(entries)


def outdated(old: Sequence[Object], limit: int) -> list[Object]:
    """Old sets beyond the limit of history, those of the lowest revisions, as far as they have no pods left."""
    living = [s for s in old if not s["metadata"].get("deletionTimestamp")]
    surplus = sorted(living, key=revision)[: max(len(living) - limit, 0)]
    return [s for s in surplus if _is_empty(s)]


def _is_empty(replica_set: Object) -> bool:
    status = replica_set.get("status") or {}
    return (
        not status.get("replicas")
        and not replica_set["spec"].get("replicas", 1)
        and replica_set["metadata"].get("generation", 0) <= status.get("observedGeneration", 0)
    )
