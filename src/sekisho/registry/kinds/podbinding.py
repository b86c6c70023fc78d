"""pods/binding, and the older bindings collection: the scheduler puts a pod on a node."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sekisho.api import status
from sekisho.api.encoding import go_order
from sekisho.api.goformat import aggregate, quote
from sekisho.api.time import format_time
from sekisho.api.types import GroupResource, GroupVersionKind, Object
from sekisho.registry.creating import create_options_object
from sekisho.registry.kinds.podconditions import with_condition
from sekisho.registry.metadata import check_namespace
from sekisho.registry.options import WriteOptions
from sekisho.registry.rest import Answer, Rest, Subresource
from sekisho.registry.storage import WriteConflict
from sekisho.registry.strategy import Context
from sekisho.schema.validation.pod import validate_pod_binding

if TYPE_CHECKING:
    from sekisho.registry.registry import Registry

BINDING = GroupVersionKind("", "v1", "Binding")
_RESOURCE = GroupResource("", "pods/binding")


class BindingSubresource(Subresource):
    """Takes a Binding and answers with Success; the pod is known by the URL, or else by the Binding's name."""

    def __init__(self, registry: Registry, rest: Rest) -> None:
        super().__init__(BINDING, registry.types.for_kind(BINDING))
        self._registry = registry

    async def create(self, rest: Rest, ctx: Context, obj: Object, options: WriteOptions) -> Answer:
        pods = self._registry.named("pods")
        check_namespace(pods, ctx, obj["metadata"])
        view = replace(pods, subresource="binding", subresources={})
        admission = self._registry.admission
        options_object = create_options_object(ctx, options)
        await admission.admit(ctx, view, "CREATE", obj, None, options_object)
        name = obj["metadata"].get("name", "")
        if name != (ctx.name or name):
            raise status.bad_request("name in URL does not match name in Binding object")
        errors = validate_pod_binding(obj)
        if errors:
            raise status.plain_error(aggregate(map(str, errors)))
        await admission.validate(ctx, view, "CREATE", obj, None, options_object)
        await _assign(pods, ctx.for_object(name), obj)
        return Answer(status.success(code=201), created=True)


async def _assign(pods: Rest, ctx: Context, binding: Object) -> None:
    while True:
        entry = pods.entry(ctx.namespace, ctx.name)
        _check_preconditions(pods, ctx, binding["metadata"], entry.obj["metadata"])
        pod = _bound(ctx, entry.obj, binding)
        if ctx.dry_run:
            return
        try:
            await pods.write(entry.key, go_order(pod), expect=entry.revision)
        except WriteConflict:
            continue
        return


def _check_preconditions(pods: Rest, ctx: Context, wanted: Object, live: Object) -> None:
    for field, label in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        value = wanted.get(field)
        if value and value != live.get(field):
            raise status.conflict(
                pods.resource,
                ctx.name,
                f"StorageError: invalid object, Code: 4, Key: {pods.storage.key(ctx.namespace, ctx.name)}, "
                "ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: "
                f"{label} in precondition: {value}, {label} in object meta: {live.get(field, '')}",
            )


def _bound(ctx: Context, pod: Object, binding: Object) -> Object:
    """The pod with its node. Raises the 409 for a pod that cannot have one."""
    metadata, spec = pod["metadata"], pod["spec"]
    name = metadata["name"]
    problem = ""
    if metadata.get("deletionTimestamp"):
        problem = f"pod {name} is being deleted, cannot be assigned to a host"
    elif spec.get("nodeName"):
        problem = f"pod {name} is already assigned to node {quote(spec['nodeName'])}"
    elif spec.get("schedulingGates"):
        problem = f"pod {name} has non-empty .spec.schedulingGates"
    if problem:
        raise status.conflict(_RESOURCE, name, problem)
    metadata = dict(metadata)
    for field in ("annotations", "labels"):
        added = binding["metadata"].get(field)
        if added:
            metadata[field] = dict(sorted({**metadata.get(field, {}), **added}.items()))
    current = with_condition(
        pod.get("status") or {},
        {"type": "PodScheduled", "status": "True"},
        format_time(ctx.clock.now()),
    )
    current.pop("nominatedNodeName", None)
    return {
        **pod,
        "metadata": metadata,
        "spec": {**spec, "nodeName": binding["target"]["name"]},
        "status": current,
    }
