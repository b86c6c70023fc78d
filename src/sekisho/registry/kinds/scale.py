"""The /scale subresource: replicas of any workload, as an autoscaling/v1 Scale.

A write becomes one of the workload, which is prepared and validated as in any other update; admission sees the
Scale instead. Owners of the Scale's one field are those of the workload's replicas (`scalefields`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sekisho.api import names, status
from sekisho.api.field import Path
from sekisho.api.labels import selector_from_label_selector, selector_from_labels
from sekisho.api.objectmeta import validate_object_meta
from sekisho.api.time import format_time
from sekisho.api.types import GroupResource, GroupVersionKind, Object
from sekisho.registry import metadata as meta
from sekisho.registry import patching, updating
from sekisho.registry.creating import create_options_object
from sekisho.registry.fieldmanager import FieldManager
from sekisho.registry.options import WriteOptions
from sekisho.registry.patching import PatchType
from sekisho.registry.rest import Answer, Rest, Subresource
from sekisho.registry.scalefields import to_parent, to_scale
from sekisho.registry.strategy import Context
from sekisho.schema.validation.common import not_negative

SCALE = GroupVersionKind("autoscaling", "v1", "Scale")

_SUBRESOURCE = "scale"
_REPLICAS = ("spec", "replicas")

Change = Callable[[Object], Object]
"""From the Scale of the live workload, with its managedFields, to the one that is asked for."""


class ScaleSubresource(Subresource):
    """Reads and writes spec.replicas; uid and resourceVersion of the Scale are preconditions."""

    def __init__(self, rest: Rest) -> None:
        type_ = rest.registry.types.for_kind(SCALE)
        super().__init__(SCALE, type_)
        self._fields = FieldManager(type_, SCALE)

    async def get(self, rest: Rest, ctx: Context) -> Answer:
        return Answer(scale_of(rest.served(rest.entry(ctx.namespace, ctx.name).obj)))

    async def update(self, rest: Rest, ctx: Context, obj: Object, options: WriteOptions) -> Answer:
        meta.check_namespace(rest, ctx, obj["metadata"])
        meta.check_name(ctx, obj["metadata"])

        def change(scale: Object) -> Object:
            updating.check_uid(rest, ctx, obj, scale)
            return self._tracked(ctx, scale, {**obj, "metadata": dict(obj["metadata"])})

        return await self._change(rest, ctx, change, options, "UpdateOptions")

    async def patch(
        self, rest: Rest, ctx: Context, patch_type: PatchType, data: bytes, options: WriteOptions
    ) -> Answer:
        if patch_type is PatchType.APPLY:
            config = patching.decode_apply(ctx, data, options)
            patched = self._applier(ctx, config, options)
        else:
            patched = self._patcher(ctx, patch_type, data, options)

        def change(scale: Object) -> Object:
            new = patched(scale)
            meta.check_namespace(rest, ctx, new["metadata"])
            meta.check_name(ctx, new["metadata"])
            return new

        return await self._change(rest, ctx, change, options, "PatchOptions")

    def _patcher(self, ctx: Context, patch_type: PatchType, data: bytes, options: WriteOptions) -> Change:
        changed = patching.patcher(self, ctx, patch_type, data, options)
        return lambda scale: self._tracked(ctx, scale, changed(scale))

    def _applier(self, ctx: Context, config: Object, options: WriteOptions) -> Change:
        def applied(scale: Object) -> Object:
            merged = self._fields.apply(
                scale,
                config,
                manager=ctx.field_manager,
                force=bool(options.force),
                subresource=_SUBRESOURCE,
                now=format_time(ctx.clock.now()),
            )
            return self.typed(merged)[0]

        return applied

    def _tracked(self, ctx: Context, live: Object, new: Object) -> Object:
        """`new` with this write's manager among the owners."""
        new["metadata"]["managedFields"] = self._fields.update(
            live,
            new,
            manager=ctx.field_manager,
            subresource=_SUBRESOURCE,
            now=format_time(ctx.clock.now()),
        )
        return new

    async def _change(
        self, rest: Rest, ctx: Context, change: Change, options: WriteOptions, options_kind: str
    ) -> Answer:
        view = updating.View(replace(rest, subresource=_SUBRESOURCE, subresources={}), scale_of)
        options_object = create_options_object(ctx, options, options_kind)
        paths = {rest.kind.api_version: _REPLICAS}

        async def transform(live: Object) -> Object:
            owners: list[Object] = live["metadata"].get("managedFields") or []
            before = scale_of(live)
            before["metadata"]["managedFields"] = to_scale(owners, paths)
            scale = change(before)
            await rest.registry.admission.admit(ctx, view.rest, "UPDATE", scale, before, options_object)
            _validate(rest, scale, live["metadata"])
            left = scale["metadata"].get("managedFields") or []
            return _scaled(live, scale, to_parent(owners, left, paths, rest.kind.api_version))

        answer = await updating.guaranteed_update(
            rest, ctx, transform, options, options_kind=options_kind, view=view
        )
        return Answer(scale_of(answer.obj))


def _validate(rest: Rest, scale: Object, live: Object) -> None:
    """The Scale by itself, and the uid that it may have as a precondition."""
    metadata = scale["metadata"]
    errors = validate_object_meta(metadata, True, names.dns1123_subdomain, Path("metadata"))
    errors += not_negative(Path("spec.replicas"), _replicas(scale))
    if errors:
        raise status.invalid(SCALE, live["name"], errors)
    uid = metadata.get("uid")
    if uid and uid != live["uid"]:
        text = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {live['uid']}"
        resource = GroupResource(rest.info.group, f"{rest.info.resource}/{_SUBRESOURCE}")
        raise status.conflict(resource, live["name"], text)


def _replicas(scale: Object) -> int:
    replicas: int = (scale.get("spec") or {}).get("replicas", 0)
    return replicas


def _scaled(live: Object, scale: Object, owners: list[Object]) -> Object:
    """The workload with the Scale's replicas and resourceVersion, and new owners."""
    metadata = {k: v for k, v in live["metadata"].items() if k not in ("resourceVersion", "managedFields")}
    version = scale["metadata"].get("resourceVersion")
    if version:
        metadata["resourceVersion"] = version
    if owners:
        metadata["managedFields"] = owners
    return {**live, "metadata": metadata, "spec": {**live["spec"], "replicas": _replicas(scale)}}


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
