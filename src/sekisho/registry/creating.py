"""Create: from a decoded body to a stored object, in upstream's order of steps."""

from __future__ import annotations

from sekisho.api import status
from sekisho.api.encoding import copy, go_order
from sekisho.api.time import format_time
from sekisho.api.types import Object
from sekisho.registry import metadata as meta
from sekisho.registry.options import WriteOptions
from sekisho.registry.rest import Answer, Rest
from sekisho.registry.storage import WriteConflict
from sekisho.registry.strategy import Context

GENERATE_ATTEMPTS = 8


async def create(
    rest: Rest, ctx: Context, obj: Object, options: WriteOptions, *, tracked: bool = False
) -> Answer:
    """Store a new object. `obj` is decoded and defaulted, and becomes the registry's; `tracked` says that it already
    holds its managed fields (apply).

    Raises StatusError: 409 when the name is taken, 422 when the object is not valid, whatever admission says.
    """
    metadata: Object = obj["metadata"]
    meta.check_namespace(rest, ctx, metadata)
    if rest.info.namespaced and not ctx.namespace:
        raise status.bad_request("an empty namespace may not be set during creation")
    meta.wipe_system_fields(metadata)
    meta.dedup_owner_references(ctx, metadata)
    if not tracked:
        track(rest, ctx, None, obj)
    options_object = create_options_object(ctx, options)
    await rest.registry.admission.admit(ctx, rest, "CREATE", obj, None, options_object)
    meta.dedup_owner_references(ctx, obj["metadata"])
    generated = not metadata.get("name") and bool(metadata.get("generateName"))
    for attempt in range(GENERATE_ATTEMPTS if generated else 1):
        candidate = copy(obj) if generated and attempt < GENERATE_ATTEMPTS - 1 else obj
        try:
            return await _create_once(rest, ctx, candidate, options_object)
        except status.StatusError as error:
            if not generated or error.reason != "AlreadyExists":
                raise
            last = error
    name = str((last.details or {}).get("name", ""))
    raise status.StatusError(
        409,
        "AlreadyExists",
        f'{rest.resource} "{name}" already exists, the server was not able to generate a unique name for the object',
        {**(last.details or {}), "retryAfterSeconds": 1},
    )


def create_options_object(ctx: Context, options: WriteOptions, kind: str = "CreateOptions") -> Object:
    """The options as admission sees them."""
    out: Object = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
    if options.dry_run:
        out["dryRun"] = ["All"]
    if options.force is not None:
        out["force"] = options.force
    if options.field_manager:
        out["fieldManager"] = options.field_manager
    if options.field_validation:
        out["fieldValidation"] = options.field_validation
    return out


def track(rest: Rest, ctx: Context, live: Object | None, obj: Object) -> None:
    """Record in `obj` which fields this write's manager owns now."""
    managed = rest.fields.update(
        live,
        obj,
        manager=ctx.field_manager,
        subresource=rest.subresource,
        now=format_time(ctx.clock.now()),
        reset_paths=rest.strategy.reset_on_main,
    )
    if managed:
        obj["metadata"]["managedFields"] = managed
    else:
        obj["metadata"].pop("managedFields", None)


async def _create_once(rest: Rest, ctx: Context, obj: Object, options: Object) -> Answer:
    strategy, metadata = rest.strategy, obj["metadata"]
    await strategy.authorise_create(ctx, obj)
    meta.fill_system_fields(rest, ctx, metadata)
    finish = await strategy.begin_create(ctx, obj)
    if finish is None:
        return await _finish_create(rest, ctx, obj, options)
    done = False
    try:
        answer = await _finish_create(rest, ctx, obj, options)
        done = True
    finally:
        await finish(done and not ctx.dry_run)
    return answer


async def _finish_create(rest: Rest, ctx: Context, obj: Object, options: Object) -> Answer:
    strategy, obj = rest.strategy, rest.judged(obj)
    metadata = obj["metadata"]
    strategy.prepare_for_create(ctx, obj)
    if obj.get("status") == {}:
        obj["status"] = copy(rest.zero_object().get("status", {}))
    if strategy.tracks_generation:
        metadata["generation"] = 1
    name = metadata.get("name", "")
    errors = meta.create_errors(rest, metadata) + strategy.validate(ctx, obj)
    if errors:
        raise rest.invalid(name, errors)
    for text in strategy.warnings_on_create(ctx, obj):
        ctx.warn(text)
    await rest.registry.admission.validate(ctx, rest, "CREATE", rest.shown(obj), None, options)
    answer = await _write(rest, ctx, obj)
    answer.created = True
    return answer


async def _write(rest: Rest, ctx: Context, obj: Object) -> Answer:
    metadata = obj["metadata"]
    if _is_version(metadata.pop("resourceVersion", "")):
        raise status.plain_error("resourceVersion should not be set on objects to be created")
    stored = go_order(rest.kept(obj))
    key = rest.storage.key(metadata.get("namespace", ""), metadata["name"])
    existing = rest.storage.cache.get(key)
    if existing is not None:
        raise _already_exists(rest, metadata["name"], existing.obj)
    if ctx.dry_run:
        return Answer(rest.served(stored))
    try:
        return await rest.write(key, stored, expect=0)
    except WriteConflict:
        winner = rest.storage.cache.get(key)
        raise _already_exists(rest, metadata["name"], winner.obj if winner else {})


def _is_version(text: str) -> bool:
    """Whether a resourceVersion in the body is one that etcd could have given out; others count for nothing."""
    return text.isascii() and text.isdigit() and int(text) > 0


def _already_exists(rest: Rest, name: str, existing: Object) -> status.StatusError:
    being_deleted = "deletionTimestamp" in existing.get("metadata", {})
    return status.already_exists(rest.resource, name, "object is being deleted: " if being_deleted else "")
