"""One look at one Deployment: the steps that bring its ReplicaSets to what it wants. Follows upstream's sync loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sekisho.api.clock import Clock
from sekisho.api.status import StatusError
from sekisho.api.types import Object
from sekisho.controllers.adoption import is_owned_by
from sekisho.controllers.deployment import conditions, revisions, sizes
from sekisho.controllers.deployment.revisions import Sets
from sekisho.controllers.podcontrol import is_namespace_terminating
from sekisho.node.events import NORMAL, WARNING, EventRecorder, reference
from sekisho.registry.client import Client

DEPLOYMENTS = "deployments.apps"
SETS = "replicasets.apps"


class Rollout:
    """`deployment` and `owned` are what is known; writes replace them. `recheck` asks for another look after so
    many seconds. Raises StatusError for the queue to retry."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        events: EventRecorder,
        deployment: Object,
        owned: Iterable[Object],
        pods_of: Callable[[Object], list[Object]],
        recheck: Callable[[float], None],
    ) -> None:
        self._client = client
        self._clock = clock
        self._events = events
        self._pods_of = pods_of
        self._recheck = recheck
        self.deployment = deployment
        self.sets: Sets = revisions.split(deployment, owned)
        self.written: list[Object] = []
        """ReplicaSets as they were answered to writes."""
        self.noted = deployment
        """The Deployment as it was answered last."""

    async def run(self) -> None:
        if self.deployment["metadata"].get("deletionTimestamp"):
            await self._write_counts()
            return
        await self._note_pause()
        if self.deployment["spec"].get("paused") or self._was_resized():
            await self._resize()
        elif sizes.is_rolling(self.deployment):
            await self._roll()
        else:
            await self._recreate()

    # The ways to go on, one for each state of a Deployment.

    async def _resize(self) -> None:
        await self._number_new()
        await self._scale_to_wanted()
        if self.deployment["spec"].get("paused"):
            await self._clean_up()
        await self._write_counts()

    async def _roll(self) -> None:
        new = await self._make_new()
        if new is None:
            return
        if not await self._grow(new) and not await self._shrink_old():
            await self._finish()
        await self._write_progress()

    async def _recreate(self) -> None:
        """No new pod before all old ones have gone."""
        await self._number_new()
        active = [s for s in self.sets.old if sizes.replicas(s) > 0]
        for replica_set in active:
            await self._scale(replica_set, 0)
        if not active and not self._old_pods_run():
            new = await self._make_new()
            if new is None:
                return
            await self._scale(new, sizes.replicas(self.deployment))
            await self._finish()
        await self._write_progress()

    def _was_resized(self) -> bool:
        wanted = sizes.replicas(self.deployment)
        noted = (sizes.annotated(s, sizes.DESIRED) for s in self.sets.all if sizes.replicas(s) > 0)
        return any(size is not None and size != wanted for size in noted)

    def _old_pods_run(self) -> bool:
        if sizes.total_counted(self.sets.old, "replicas") > 0:
            return True
        finished = ("Failed", "Succeeded")
        return any(
            (pod.get("status") or {}).get("phase") not in finished
            for replica_set in self.sets.old
            for pod in self._pods_of(replica_set)
        )

    # The new ReplicaSet.

    async def _number_new(self) -> None:
        """Where there is a new set, let it and the Deployment say which revision it is."""
        new = self.sets.new
        if new is None:
            return
        number = revisions.next_revision(self.sets.old)
        annotations = revisions.annotations_of_new(self.deployment, new, number)
        ready = self.deployment["spec"].get("minReadySeconds", 0)
        if annotations != (new["metadata"].get("annotations") or {}) or ready != new["spec"].get(
            "minReadySeconds", 0
        ):
            new = await self._update_set(
                {
                    **new,
                    "metadata": {**new["metadata"], "annotations": annotations},
                    "spec": {**new["spec"], "minReadySeconds": ready},
                }
            )
        condition = None
        held = conditions.find(conditions.conditions_of(self.deployment), conditions.PROGRESSING)
        if held is None and conditions.deadline(self.deployment) is not None:
            text = f'Found new replica set "{new["metadata"]["name"]}"'
            condition = self._condition("True", conditions.FOUND, text)
        await self._note(new["metadata"]["annotations"].get(revisions.REVISION), condition)

    async def _make_new(self) -> Object | None:
        """The new set, made when there is none yet. None when it has to be tried again."""
        if self.sets.new is not None:
            await self._number_new()
            return self.sets.new
        wanted = revisions.new_set(self.deployment)
        size = sizes.new_size(self.deployment, self.sets.all, 0)
        number = revisions.next_revision(self.sets.old)
        wanted["spec"]["replicas"] = size
        annotations = revisions.annotations_of_new(self.deployment, wanted, number)
        wanted["metadata"]["annotations"] = {**annotations, **sizes.size_annotations(self.deployment)}
        name = wanted["metadata"]["name"]
        existed = False
        try:
            created = await self._client.create(SETS, wanted, wanted["metadata"]["namespace"])
        except StatusError as error:
            if is_namespace_terminating(error):
                return None
            if error.reason != "AlreadyExists":
                await self._note_failure(name, error)
                raise
            found = await self._existing(name)
            if found is None:
                return None
            created, existed = found, True
        self._adopt_new(created)
        condition = None
        if not existed:
            if size > 0:
                self._tell(NORMAL, "ScalingReplicaSet", f"Scaled up replica set {name} from 0 to {size}")
            if conditions.deadline(self.deployment) is not None:
                text = f'Created new replica set "{name}"'
                condition = self._condition("True", conditions.CREATED, text)
        await self._note(str(number), condition)
        return created

    async def _existing(self, name: str) -> Object | None:
        """The set that has the name already, if it is the one that was to be made; else the collision is
        counted, and the next look finds another name."""
        found = await self._client.get(SETS, name, self.deployment["metadata"]["namespace"])
        if is_owned_by(found, self.deployment) and revisions.same_template(self.deployment, found):
            return found
        status = self.deployment.get("status") or {}
        await self._write_status({**status, "collisionCount": status.get("collisionCount", 0) + 1})
        self._recheck(0)
        return None

    async def _note_failure(self, name: str, error: StatusError) -> None:
        text = f'Failed to create new replica set "{name}": {error.message}'
        if conditions.deadline(self.deployment) is not None:
            await self._note(None, self._condition("False", conditions.CREATE_ERROR, text))
        self._tell(WARNING, conditions.CREATE_ERROR, text)

    def _adopt_new(self, created: Object) -> None:
        self.written.append(created)
        self.sets = Sets(created, self.sets.old)

    # Sizes.

    async def _grow(self, new: Object) -> bool:
        """Bring the new set closer to the wanted size; whether there was something to do."""
        wanted = sizes.replicas(self.deployment)
        if sizes.replicas(new) == wanted:
            return False
        if sizes.replicas(new) > wanted:
            size = wanted
        else:
            size = sizes.new_size(self.deployment, self.sets.all, sizes.replicas(new))
        return await self._scale(new, size)

    async def _shrink_old(self) -> bool:
        new, old = self.sets.new, self.sets.old
        if new is None or sizes.total(old) == 0:
            return False
        most = sizes.surplus_of_old(self.deployment, new, old)
        if most <= 0:
            return False
        unhealthy = sizes.unhealthy_first(old, most)
        await self._scale_all(unhealthy)
        rest = sizes.scale_down(self.deployment, new, self.sets.old)
        await self._scale_all(rest)
        return bool(unhealthy or rest)

    async def _scale_to_wanted(self) -> None:
        """After a change of the Deployment's own size, or while it is paused."""
        active = [s for s in self.sets.all if sizes.replicas(s) > 0]
        new, wanted = self.sets.new, sizes.replicas(self.deployment)
        if len(active) <= 1:
            latest = active[0] if active else new or (self.sets.old[-1] if self.sets.old else None)
            if latest is not None and sizes.replicas(latest) != wanted:
                await self._scale(latest, wanted)
            return
        if new is not None and _is_saturated(self.deployment, new):
            for replica_set in self.sets.old:
                if sizes.replicas(replica_set) > 0:
                    await self._scale(replica_set, 0)
        elif sizes.is_rolling(self.deployment):
            await self._scale_all(sizes.proportional(self.deployment, active))

    async def _scale_all(self, wanted: dict[str, int]) -> None:
        for replica_set in self.sets.all:
            size = wanted.get(replica_set["metadata"]["name"])
            if size is not None:
                await self._scale(replica_set, size)

    async def _scale(self, replica_set: Object, size: int) -> bool:
        """Whether the size changed. The annotations that tell of the Deployment's size are kept true as well."""
        before = sizes.replicas(replica_set)
        noted = replica_set["metadata"].get("annotations") or {}
        annotations = {**noted, **sizes.size_annotations(self.deployment)}
        if size == before and annotations == noted:
            return False
        await self._update_set(
            {
                **replica_set,
                "metadata": {**replica_set["metadata"], "annotations": annotations},
                "spec": {**replica_set["spec"], "replicas": size},
            }
        )
        if size == before:
            return False
        name = replica_set["metadata"]["name"]
        way = "up" if size > before else "down"
        text = f"Scaled {way} replica set {name} from {before} to {size}"
        self._tell(NORMAL, "ScalingReplicaSet", text)
        return True

    async def _update_set(self, replica_set: Object) -> Object:
        answer = await self._client.update(SETS, replica_set, replica_set["metadata"]["namespace"])
        self.written.append(answer)
        uid = answer["metadata"]["uid"]
        new, old = self.sets
        if new is not None and new["metadata"]["uid"] == uid:
            new = answer
        self.sets = Sets(new, [answer if s["metadata"]["uid"] == uid else s for s in old])
        return answer

    # The end of a rollout, and what is told of it.

    async def _finish(self) -> None:
        if conditions.is_complete(self.deployment, self.deployment.get("status") or {}):
            await self._clean_up()

    async def _clean_up(self) -> None:
        limit = self.deployment["spec"].get("revisionHistoryLimit")
        if limit is None or limit == 2**31 - 1:
            return
        for replica_set in revisions.outdated(self.sets.old, limit):
            metadata = replica_set["metadata"]
            try:
                await self._client.delete(SETS, metadata["name"], metadata["namespace"])
            except StatusError as error:
                if error.code != 404:
                    raise

    async def _note_pause(self) -> None:
        condition = conditions.pause_condition(self.deployment, self._clock.now())
        if condition is not None:
            await self._note(None, condition)

    async def _note(self, revision: str | None, condition: Object | None) -> None:
        """Write the revision, as an annotation, and a condition where they are news."""
        annotations = self.deployment["metadata"].get("annotations") or {}
        if revision is None or annotations.get(revisions.REVISION) == revision:
            if condition is None:
                return
        else:
            annotations = {**annotations, revisions.REVISION: revision}
        held = conditions.conditions_of(self.deployment)
        status = {**(self.deployment.get("status") or {})}
        if condition is not None:
            status["conditions"] = conditions.with_condition(held, condition)
        await self._write_status(status, annotations)

    async def _write_counts(self) -> None:
        status = conditions.counts(self.deployment, self.sets, self._clock.now())
        if not conditions.same(status, self.deployment.get("status") or {}):
            await self._write_status(status)

    async def _write_progress(self) -> None:
        now = self._clock.now()
        status = conditions.progress(self.deployment, self.sets, now)
        if conditions.same(status, self.deployment.get("status") or {}):
            wait = conditions.recheck_after(self.deployment, status, now)
            if wait is not None:
                self._recheck(wait)
            return
        await self._write_status(status)

    async def _write_status(self, status: Object, annotations: dict[str, str] | None = None) -> None:
        metadata = self.deployment["metadata"]
        if annotations:
            metadata = {**metadata, "annotations": annotations}
        self.deployment = await self._client.update(
            DEPLOYMENTS,
            {**self.deployment, "metadata": metadata, "status": status},
            metadata["namespace"],
            "status",
        )
        self.noted = self.deployment

    def _condition(self, status: str, reason: str, message: str) -> Object:
        return conditions.new_condition(conditions.PROGRESSING, status, reason, message, self._clock.now())

    def _tell(self, type_: str, reason: str, message: str) -> None:
        self._events.record(reference(self.deployment), type_, reason, message)


def _is_saturated(deployment: Object, new: Object) -> bool:
    wanted = sizes.replicas(deployment)
    return (
        sizes.replicas(new) == wanted
        and sizes.annotated(new, sizes.DESIRED) == wanted
        and sizes.counted(new, "availableReplicas") == wanted
    )
