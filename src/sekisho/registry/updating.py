"""Update: the optimistic loop that PUT, every patch and every subresource write goes through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sekisho.api import status
from sekisho.api.encoding import copy, go_order
from sekisho.api.field import Path, invalid
from sekisho.api.goformat import quote
from sekisho.api.types import Attributes, Object
from sekisho.registry import creating
from sekisho.registry import metadata as meta
from sekisho.registry.managedfields import keep_times
from sekisho.registry.options import WriteOptions, parse_resource_version
from sekisho.registry.rest import Answer, Rest
from sekisho.registry.storage import WriteConflict
from sekisho.registry.strategy import Context
from sekisho.store.cache import Entry
from sekisho.store.entry import with_resource_version

Transform = Callable[[Object], Awaitable[Object]]
"""From the live object (shared; in the served version) to the one that should replace it."""


@dataclass(frozen=True, slots=True)
class View:
    """What admission is shown of an update whose body is of another kind than the object: a Scale."""

    rest: Rest
    show: Callable[[Object], Object]


async def update(rest: Rest, ctx: Context, obj: Object, options: WriteOptions) -> Answer:
    """PUT: replace the object named in `ctx` by `obj`, decoded and defaulted. Creates it for the few kinds
    that allow that, with a second authorization for `create`."""
    meta.check_namespace(rest, ctx, obj["metadata"])
    meta.check_name(ctx, obj["metadata"])
    first = True

    async def transform(live: Object) -> Object:
        nonlocal first
        check_uid(rest, ctx, obj, live)
        new = obj if first and not rest.strategy.create_on_update else copy(obj)
        first = False
        creating.track(rest, ctx, live, new)
        return new

    if (
        rest.storage.get(ctx.namespace, ctx.name) is None
        and rest.strategy.create_on_update
        and not rest.subresource
    ):
        await authorise_creation(rest, ctx)
        return await creating.create(rest, ctx, obj, options)
    return await guaranteed_update(rest, ctx, transform, options)


async def authorise_creation(rest: Rest, ctx: Context) -> None:
    """The check for `create` that a PUT or an apply of a missing object needs besides its own. 403 otherwise."""
    attributes = Attributes(
        user=ctx.user,
        verb="create",
        namespace=ctx.namespace,
        api_group=rest.info.group,
        api_version=rest.info.version,
        resource=rest.info.resource,
        subresource=rest.subresource,
        name=ctx.name,
    )
    verdict = await ctx.authorizer.authorize(attributes)
    if not verdict.allowed:
        raise status.authorization_forbidden(attributes, verdict.reason)


async def guaranteed_update(
    rest: Rest,
    ctx: Context,
    transform: Transform,
    options: WriteOptions,
    *,
    options_kind: str = "UpdateOptions",
    view: View | None = None,
) -> Answer:
    """Apply `transform` to the live object until no other write gets between.

    The object's own resourceVersion, if `transform` sets one, must be the live one (409 otherwise); without one
    a race is retried on the newest object. With a `view`, `transform` has let mutating admission see the body.
    """
    options_object = creating.create_options_object(ctx, options, options_kind)
    while True:
        entry = rest.entry(ctx.namespace, ctx.name)
        live = rest.served(entry.obj)
        new = await transform(live)
        try:
            return await _update_once(rest, ctx, new, live, entry, options_object, view)
        except WriteConflict:
            continue


async def _update_once(
    rest: Rest,
    ctx: Context,
    new: Object,
    live: Object,
    entry: Entry,
    options: Object,
    view: View | None,
) -> Answer:
    meta.dedup_owner_references(ctx, new["metadata"])
    if view is None:
        await rest.registry.admission.admit(ctx, rest, "UPDATE", new, live, options)
        view = View(rest, rest.shown)
    await rest.strategy.authorise_update(ctx, new, live)
    _check_version(rest, ctx, new["metadata"], live["metadata"])
    finish = await rest.strategy.begin_update(ctx, new, live)
    if finish is None:
        return await _finish_update(rest, ctx, new, entry, options, view)
    done = False
    try:
        answer = await _finish_update(rest, ctx, new, entry, options, view)
        done = True
    finally:
        await finish(done and not ctx.dry_run)
    return answer


async def _finish_update(
    rest: Rest, ctx: Context, new: Object, entry: Entry, options: Object, view: View
) -> Answer:
    live = entry.obj if rest.strategy.judges_stored else rest.served(entry.obj)
    new = _before_update(rest, ctx, rest.judged(new), live)
    shown, before = view.show(new), view.show(live)
    await rest.registry.admission.validate(ctx, view.rest, "UPDATE", shown, before, options)
    return await _write(rest, ctx, new, live, entry)


def check_uid(rest: Rest, ctx: Context, new: Object, live: Object) -> None:
    """The uid of a PUT is a precondition; that of a patch is only validated."""
    sent, stored = new["metadata"].get("uid"), live["metadata"].get("uid", "")
    if sent and sent != stored:
        key = rest.storage.key(ctx.namespace, ctx.name)
        raise status.conflict(
            rest.resource,
            ctx.name,
            f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: "
            f"Precondition failed: UID in precondition: {sent}, UID in object meta: {stored}",
        )


def _check_version(rest: Rest, ctx: Context, new: Object, live: Object) -> None:
    given = new.get("resourceVersion", "")
    if not given or given == "0":
        if rest.strategy.unconditional_update:
            return
        error = invalid(Path("metadata.resourceVersion"), 0, "must be specified for an update")
        raise status.StatusError(
            422,
            "Invalid",
            f"{rest.resource} {quote(ctx.name)} is invalid: {error}",
            {
                "name": ctx.name,
                **({"group": rest.info.group} if rest.info.group else {}),
                "kind": rest.info.resource,
                "causes": [{"reason": error.reason, "message": error.body, "field": error.field}],
            },
        )
    if given != live["resourceVersion"]:
        try:
            parse_resource_version(given)
        except ValueError as error:
            raise status.plain_error(str(error))
        raise status.conflict(rest.resource, ctx.name, status.MODIFIED)


def _before_update(rest: Rest, ctx: Context, new: Object, live: Object) -> Object:
    strategy = rest.strategy
    metadata = new["metadata"]
    meta.restore_immutable(metadata, live["metadata"])
    strategy.prepare_for_update(ctx, new, live)
    if strategy.tracks_generation and not rest.subresource and strategy.spec_changed(new, live):
        metadata["generation"] = live["metadata"].get("generation", 0) + 1
    metadata["resourceVersion"] = live["metadata"]["resourceVersion"]
    errors = meta.update_errors(rest, metadata, live["metadata"]) + strategy.validate_update(ctx, new, live)
    if errors:
        raise rest.invalid(metadata.get("name", ""), errors)
    for text in strategy.warnings_on_update(ctx, new, live):
        ctx.warn(text)
    return go_order(new)


async def _write(rest: Rest, ctx: Context, new: Object, live: Object, entry: Entry) -> Answer:
    key = entry.key
    if _is_deleted_by(rest, new, live):
        if ctx.dry_run:
            return Answer(rest.shown(new))
        revision = await rest.storage.remove(key, entry.revision)
        await rest.strategy.after_delete(ctx, new)
        return Answer(with_resource_version(rest.shown(new), revision))
    stored = go_order(keep_times(entry.obj, rest.kept(new)))
    stored["metadata"]["resourceVersion"] = entry.obj["metadata"]["resourceVersion"]
    if stored == entry.obj:
        return rest.answer(entry)
    if ctx.dry_run:
        return Answer(rest.shown(new))
    return await rest.write(key, stored, expect=entry.revision)


def _is_deleted_by(rest: Rest, new: Object, live: Object) -> bool:
    """Whether this update takes away what still held a terminating object."""
    metadata = new["metadata"]
    if rest.strategy.keeps_when_finalized(new):
        return False
    return (
        not metadata.get("finalizers")
        and "deletionTimestamp" in metadata
        and not live["metadata"].get("deletionGracePeriodSeconds")
    )
