"""What happens to an object's metadata on its way in, the same for all kinds."""

from __future__ import annotations

from sekisho.api import names, objectmeta, status
from sekisho.api.field import ErrorList, Path
from sekisho.api.time import format_time
from sekisho.api.types import Object
from sekisho.registry.rest import Rest
from sekisho.registry.strategy import Context

METADATA = Path("metadata")
MAX_GENERATED_BASE = 58
"""A generated name's base is cut so that five more characters stay within 63."""

NAMESPACE_MISMATCH = "the namespace of the provided object does not match the namespace sent on the request"


def check_namespace(rest: Rest, ctx: Context, metadata: Object) -> None:
    """Fill in the namespace of the URL, or refuse another one. Cluster-scoped objects lose theirs."""
    if not rest.info.namespaced:
        metadata.pop("namespace", None)
        return
    given = metadata.get("namespace", "")
    if given and given != ctx.namespace:
        raise status.bad_request(NAMESPACE_MISMATCH)
    metadata["namespace"] = ctx.namespace


def check_name(ctx: Context, metadata: Object) -> None:
    """A PUT's or a patch result's name must be the URL's."""
    given = metadata.get("name", "")
    if not given:
        raise status.bad_request(
            f"the name of the object ({ctx.name} based on URL) was undeterminable: name must be provided"
        )
    if given != ctx.name:
        raise status.bad_request(
            f"the name of the object ({given}) does not match the name on the URL ({ctx.name})"
        )


def dedup_owner_references(ctx: Context, metadata: Object) -> None:
    """Drop exact repetitions of owner references, with upstream's warning."""
    references = metadata.get("ownerReferences")
    if not references or len(references) < 2:
        return
    kept: list[Object] = []
    uids: list[str] = []
    for reference in references:
        if reference in kept:
            uids.append(reference.get("uid", ""))
        else:
            kept.append(reference)
    if uids:
        metadata["ownerReferences"] = kept
        ctx.warn(
            ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, "
            "and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: "
            + ", ".join(dict.fromkeys(uids))
        )


def wipe_system_fields(metadata: Object) -> None:
    for key in ("creationTimestamp", "uid", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"):
        metadata.pop(key, None)


def fill_system_fields(rest: Rest, ctx: Context, metadata: Object) -> None:
    """Give a new object its uid, time and, with generateName, its name."""
    metadata["uid"] = ctx.random.uuid()
    metadata["creationTimestamp"] = format_time(ctx.clock.now())
    metadata.pop("selfLink", None)
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = generated_name(ctx, metadata["generateName"])


def generated_name(ctx: Context, base: str) -> str:
    return base.encode()[:MAX_GENERATED_BASE].decode(errors="ignore") + ctx.random.suffix()


def create_errors(rest: Rest, metadata: Object) -> ErrorList:
    return objectmeta.validate_object_meta(
        metadata, rest.info.namespaced, rest.strategy.name_errors, METADATA
    )


def update_errors(rest: Rest, new: Object, old: Object) -> ErrorList:
    """The generic checks of any update, of what is there and of what changed, and, where the kind's own validation
    repeats the latter, that one as well."""
    errors = objectmeta.validate_object_meta(
        new, rest.info.namespaced, names.path_segment, METADATA, kube_finalizers=False
    )
    errors += objectmeta.validate_object_meta_update(new, old, METADATA, kube_finalizers=False)
    if rest.strategy.repeats_metadata_check and not rest.subresource:
        errors = errors + objectmeta.validate_object_meta_update(new, old, METADATA)
    return errors


def restore_immutable(new: Object, old: Object) -> None:
    """What an update leaves as it is whatever the client sends; the rest of the rules are validation's."""
    if "creationTimestamp" in old:
        new["creationTimestamp"] = old["creationTimestamp"]
    else:
        new.pop("creationTimestamp", None)
    new.pop("selfLink", None)
    if not new.get("uid") and "uid" in old:
        new["uid"] = old["uid"]
    if "deletionTimestamp" in old:
        new["deletionTimestamp"] = old["deletionTimestamp"]
        if "deletionGracePeriodSeconds" in old:
            new["deletionGracePeriodSeconds"] = old["deletionGracePeriodSeconds"]
    if "generation" in old:
        new["generation"] = old["generation"]
    else:
        new.pop("generation", None)
