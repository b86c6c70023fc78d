"""The /scale subresource: replicas of any workload, as an autoscaling/v1 Scale."""

from __future__ import annotations

from sekisho.api import status
from sekisho.api.encoding import copy
from sekisho.api.field import Path, invalid
from sekisho.api.labels import selector_from_label_selector, selector_from_labels
from sekisho.api.types import GroupVersionKind, Object
from sekisho.registry import creating, patching, updating
from sekisho.registry.options import WriteOptions
from sekisho.registry.patching import PatchType
from sekisho.registry.rest import Answer, Rest, Subresource
from sekisho.registry.strategy import Context

SCALE = GroupVersionKind("autoscaling", "v1", "Scale")


class ScaleSubresource(Subresource):
    """Reads and writes spec.replicas; a resourceVersion in the Scale is a precondition."""

    def __init__(self, rest: Rest) -> None:
        super().__init__(SCALE, rest.registry.types.for_kind(SCALE))

    async def get(self, rest: Rest, ctx: Context) -> Answer:
        return Answer(scale_of(rest.served(rest.entry(ctx.namespace, ctx.name).obj)))

    async def update(self, rest: Rest, ctx: Context, obj: Object, options: WriteOptions) -> Answer:
        async def change(live: Object) -> Object:
            return obj

        return await self._change(rest, ctx, change, options)

    async def patch(
        self, rest: Rest, ctx: Context, patch_type: PatchType, data: bytes, options: WriteOptions
    ) -> Answer:
        async def change(live: Object) -> Object:
            patched = patching.patched_document(patch_type, data, scale_of(live), self.type)
            return self.typed(patched)[0]

        return await self._change(rest, ctx, change, options)

    async def _change(
        self, rest: Rest, ctx: Context, change: updating.Transform, options: WriteOptions
    ) -> Answer:
        async def transform(live: Object) -> Object:
            scale = await change(live)
            _validate(scale, ctx.name)
            new = {**live, "metadata": dict(live["metadata"]), "spec": copy(live["spec"])}
            new["spec"]["replicas"] = scale.get("spec", {}).get("replicas", 0)
            given = scale["metadata"].get("resourceVersion")
            if given and given != live["metadata"]["resourceVersion"]:
                raise status.conflict(rest.resource, ctx.name, status.MODIFIED)
            creating.track(rest, ctx, live, new)
            return new

        answer = await updating.guaranteed_update(rest, ctx, transform, options)
        return Answer(scale_of(answer.obj))


def _validate(scale: Object, name: str) -> None:
    replicas = scale.get("spec", {}).get("replicas", 0)
    if replicas < 0:
        error = invalid(Path("spec.replicas"), replicas, "must be greater than or equal to 0")
        raise status.invalid(SCALE, name, [error])


def scale_of(obj: Object) -> Object:
    """The Scale of a workload: its identity, spec.replicas, status.replicas and its selector as text."""
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    metadata = {k: obj["metadata"][k] for k in kept if k in obj["metadata"]}
    spec, current = obj.get("spec", {}), obj.get("status", {})
    out_status: Object = {"replicas": current.get("replicas", 0)}
    selector = _selector_text(obj["kind"], spec.get("selector"))
    if selector:
        out_status["selector"] = selector
    replicas = spec.get("replicas")
    return {
        "kind": SCALE.kind,
        "apiVersion": SCALE.api_version,
        "metadata": metadata,
        "spec": {"replicas": replicas} if replicas else {},
        "status": out_status,
    }


def _selector_text(kind: str, selector: Object | None) -> str:
    if not selector:
        return ""
    if kind == "ReplicationController":
        return str(selector_from_labels(selector))
    return str(selector_from_label_selector(selector))
