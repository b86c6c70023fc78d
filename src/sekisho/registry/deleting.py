"""Delete and deletecollection: preconditions, grace, finalizers, and what is answered (KEP-less old rules).

An object goes at once, or stays terminating with a deletionTimestamp until its finalizers or its grace
period are done with it.
"""

from __future__ import annotations

from sekisho.api import status
from sekisho.api.encoding import go_order
from sekisho.api.goformat import quote
from sekisho.api.time import format_time, parse_time
from sekisho.api.types import Object
from sekisho.registry import listing
from sekisho.registry.options import DeleteOptions, ListOptions
from sekisho.registry.rest import Answer, Rest
from sekisho.registry.storage import WriteConflict
from sekisho.registry.strategy import Context
from sekisho.store.cache import Entry
from sekisho.store.entry import with_resource_version

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"


async def delete(rest: Rest, ctx: Context, options: DeleteOptions, *, admitted: bool = False) -> Answer:
    """Delete the object named in `ctx`. The answer is the object or a Status, as upstream answers for the kind.

    `admitted`: admission has judged the request already, as what it is (an eviction)."""
    _warn_of_orphans(rest, ctx, options)
    while True:
        entry = rest.entry(ctx.namespace, ctx.name)
        try:
            return await _delete_once(rest, ctx, entry, options, admitted=admitted)
        except WriteConflict:
            continue


def _warn_of_orphans(rest: Rest, ctx: Context, options: DeleteOptions) -> None:
    if (
        rest.strategy.orphan_warning
        and options.orphan_dependents is None
        and options.propagation_policy is None
    ):
        ctx.warn(rest.strategy.orphan_warning)


async def _delete_once(
    rest: Rest, ctx: Context, entry: Entry, options: DeleteOptions, *, admitted: bool
) -> Answer:
    live = rest.served(entry.obj)
    _check_preconditions(rest, live, options)
    await rest.strategy.check_delete(ctx, live)
    if not admitted:
        options_object = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1", **options.raw}
        await rest.registry.admission.admit(ctx, rest, "DELETE", None, live, options_object)
        await rest.registry.admission.validate(ctx, rest, "DELETE", None, live, options_object)
    terminating = _terminating(rest, ctx, live, options)
    if terminating is None:
        return await _remove(rest, ctx, entry, live)
    if terminating is live:
        return _pending(rest, live, entry)
    if ctx.dry_run:
        return Answer(go_order(terminating))
    stored = go_order(rest.stored(terminating))
    answer = await rest.write(entry.key, stored, expect=entry.revision)
    if _nothing_holds(rest, terminating):
        return await _remove_marked(rest, ctx, answer)
    return _pending(rest, answer.obj, answer.entry)


def _nothing_holds(rest: Rest, terminating: Object) -> bool:
    metadata = terminating["metadata"]
    return not (
        metadata.get("finalizers")
        or metadata.get("deletionGracePeriodSeconds")
        or rest.strategy.keeps_when_finalized(terminating)
    )


async def _remove_marked(rest: Rest, ctx: Context, marked: Answer) -> Answer:
    """Remove what was marked a moment ago, as it is now: a graceful kind's object that need not wait. Watchers
    see both."""
    while True:
        entry = rest.storage.get(ctx.namespace, ctx.name)
        if entry is None:
            return marked
        try:
            return await _remove(rest, ctx, entry, rest.served(entry.obj))
        except WriteConflict:
            continue


def _pending(rest: Rest, obj: Object, entry: Entry | None) -> Answer:
    return Answer(obj, None if rest.from_storage else entry)


async def _remove(rest: Rest, ctx: Context, entry: Entry, live: Object) -> Answer:
    if not ctx.dry_run:
        revision = await rest.storage.remove(entry.key, entry.revision)
        await rest.strategy.after_delete(ctx, live)
        live = with_resource_version(live, revision)
    if rest.strategy.returns_deleted_object:
        return Answer(live)
    return Answer(deleted_status(rest, live))


def deleted_status(rest: Rest, obj: Object) -> Object:
    """The Success Status for an object that is gone."""
    metadata = obj["metadata"]
    details: Object = {"name": metadata["name"]}
    if rest.info.group:
        details["group"] = rest.info.group
    details["kind"] = rest.info.resource
    details["uid"] = metadata["uid"]
    return status.success(details)


def _check_preconditions(rest: Rest, live: Object, options: DeleteOptions) -> None:
    metadata = live["metadata"]
    name = metadata["name"]
    kind = rest.kind
    gk = f"{kind.kind}.{kind.group}" if kind.group else kind.kind

    def conflict(why: str) -> status.StatusError:
        error = status.conflict(rest.resource, name, why)
        error.message = f"Operation cannot be fulfilled on {gk} {quote(name)}: {why}"
        details: Object = {"name": name}
        if kind.group:
            details["group"] = kind.group
        error.details = {**details, "kind": kind.kind}
        return error

    if options.uid is not None and options.uid != metadata["uid"]:
        raise conflict(
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({metadata['uid']}). "
            "The object might have been deleted and then recreated"
        )
    if options.resource_version is not None and options.resource_version != metadata["resourceVersion"]:
        raise conflict(
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match the "
            f"ResourceVersion in record ({metadata['resourceVersion']}). The object might have been modified"
        )


def _terminating(rest: Rest, ctx: Context, live: Object, options: DeleteOptions) -> Object | None:
    """The object with its deletion marked; `live` itself when nothing changes; None when it goes unmarked."""
    asked = options.grace_period_seconds
    if asked is not None and asked < 0:
        asked = 1
    metadata = live["metadata"]
    grace = rest.strategy.grace_period(ctx, live, asked)
    graceful = _graceful(ctx, live, grace, asked) if grace is not None else None
    pending_grace = bool((graceful or metadata).get("deletionGracePeriodSeconds"))
    finalizers = _finalizers(rest, live, options)
    changed_finalizers = finalizers != list(metadata.get("finalizers", ()))
    stays = bool(finalizers) or pending_grace or rest.strategy.keeps_when_finalized(live)
    if not stays and graceful is None:
        return None
    new = dict(graceful or metadata)
    if changed_finalizers:
        new["finalizers"] = finalizers
        if not finalizers:
            del new["finalizers"]
    if not pending_grace:
        _mark(ctx, new)
    if new == metadata and not rest.strategy.marks_termination(live):
        return live
    terminating = {**live, "metadata": new}
    rest.strategy.begin_termination(terminating)
    return terminating


def _mark(ctx: Context, metadata: Object) -> None:
    now = format_time(ctx.clock.now())
    if "deletionTimestamp" not in metadata:
        if metadata.get("generation"):
            metadata["generation"] += 1
        metadata["deletionTimestamp"] = now
    elif metadata["deletionTimestamp"] > now:
        metadata["deletionTimestamp"] = now
    metadata["deletionGracePeriodSeconds"] = 0


def _graceful(ctx: Context, live: Object, grace: int, asked: int | None) -> Object | None:
    """Metadata with the grace period begun or shortened; None when this delete does not change it."""
    metadata: Object = live["metadata"]
    now = ctx.clock.now()
    if "deletionTimestamp" not in metadata:
        generation = {"generation": metadata["generation"] + 1} if metadata.get("generation") else {}
        return {
            **metadata,
            **generation,
            "deletionTimestamp": format_time(now + grace),
            "deletionGracePeriodSeconds": grace,
        }
    present = metadata.get("deletionGracePeriodSeconds")
    if not present:
        return None
    if asked is None or asked >= present:
        return metadata
    if asked == 0:
        return {**metadata, "deletionGracePeriodSeconds": 0, "deletionTimestamp": format_time(now)}
    end = parse_time(metadata["deletionTimestamp"]) - present + asked
    if end < now:
        return {**metadata, "deletionGracePeriodSeconds": 1, "deletionTimestamp": format_time(now)}
    return {**metadata, "deletionGracePeriodSeconds": asked, "deletionTimestamp": format_time(end)}


def _finalizers(rest: Rest, live: Object, options: DeleteOptions) -> list[str]:
    present = list(live["metadata"].get("finalizers", ()))
    if not rest.strategy.garbage_collected:
        return present
    orphan, foreground = _policy(rest, present, options)
    kept = [f for f in present if f not in (ORPHAN, FOREGROUND)]
    if orphan:
        kept.append(ORPHAN)
    if foreground:
        kept.append(FOREGROUND)
    return present if sorted(kept) == sorted(present) else kept


def _policy(rest: Rest, present: list[str], options: DeleteOptions) -> tuple[bool, bool]:
    """Whether the orphan and the foreground finalizer belong on the object."""
    if options.orphan_dependents is not None:
        return options.orphan_dependents, False
    policy = options.propagation_policy
    if policy is not None:
        return policy == "Orphan", policy == "Foreground"
    if ORPHAN in present or FOREGROUND in present:
        return ORPHAN in present, FOREGROUND in present
    return rest.strategy.orphans_by_default, False


async def delete_collection(
    rest: Rest, ctx: Context, options: DeleteOptions, list_options: ListOptions
) -> listing.ListResult:
    """Delete what a list with the same options shows; answers with that list, objects that went meanwhile too."""
    _warn_of_orphans(rest, ctx, options)
    result = await listing.list_objects(rest, ctx, list_options)
    for obj in result.objects():
        ctx_one = ctx.for_object(obj["metadata"]["name"])
        try:
            await delete(rest, ctx_one, options)
        except status.StatusError as error:
            if error.code != 404:
                raise
    return result
