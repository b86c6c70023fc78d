"""Patch: the four patch types, each applied to the newest object inside the optimistic loop."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from sekisho.api import jsonpatch, mergepatch, status, strategicmerge
from sekisho.api.field import FieldError, render_value
from sekisho.api.goformat import compact_json
from sekisho.api.goprint import go_print
from sekisho.api.time import format_time
from sekisho.api.types import Object
from sekisho.registry import creating, updating
from sekisho.registry import metadata as meta
from sekisho.registry.options import WriteOptions
from sekisho.registry.rest import Answer, Rest, Subresource
from sekisho.registry.strategy import Context
from sekisho.schema import body
from sekisho.schema.decode import DecodeError
from sekisho.schema.types import Type
from sekisho.schema.walk import Mismatch


class PatchType(enum.Enum):
    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


async def patch(
    rest: Rest, ctx: Context, patch_type: PatchType, data: bytes, options: WriteOptions
) -> Answer:
    """Change the object named in `ctx`. Raises 404 when it is missing (apply creates it), 409, 422 and 400
    for a patch that does not parse."""
    if patch_type is PatchType.APPLY:
        return await _apply(rest, ctx, data, options)
    changed = patcher(rest, ctx, patch_type, data, options)

    async def transform(live: Object) -> Object:
        new = changed(live)
        meta.check_namespace(rest, ctx, new["metadata"])
        meta.check_name(ctx, new["metadata"])
        creating.track(rest, ctx, live, new)
        return new

    return await updating.guaranteed_update(rest, ctx, transform, options, options_kind="PatchOptions")


def patcher(
    target: Rest | Subresource, ctx: Context, patch_type: PatchType, data: bytes, options: WriteOptions
) -> Callable[[Object], Object]:
    """What a patch of any type but apply makes of a live object of the target's kind."""
    change = _PATCHERS[patch_type](target.type, data)

    def changed(live: Object) -> Object:
        patched, duplicates, shown = change(live)
        return _typed(target, ctx, patched, duplicates, options, shown, patch_type)

    return changed


Change = Callable[[Object], tuple[Any, list[str], str]]
"""From the live object to the patched document, the problems of the patch's text, and what an error shows."""


def _json_patch(type_: Type, data: bytes) -> Change:
    def change(live: Object) -> tuple[Any, list[str], str]:
        operations, problems = jsonpatch.decode(data, body.parse_json)
        patched = jsonpatch.apply_json_patch(live, operations)
        return patched, problems, compact_json(patched)

    return change


def _merge_patch(type_: Type, data: bytes) -> Change:
    def change(live: Object) -> tuple[Any, list[str], str]:
        value, duplicates = _decode_patch(data)
        patched = mergepatch.apply_merge_patch(live, value)
        return patched, duplicates, compact_json(patched)

    return change


def _strategic_patch(type_: Type, data: bytes) -> Change:
    def change(live: Object) -> tuple[Any, list[str], str]:
        value, duplicates = _decode_patch(data)
        patched = strategicmerge.apply_strategic_merge_patch(live, value, type_)
        return patched, duplicates, go_print(value)

    return change


_PATCHERS: dict[PatchType, Callable[[Type, bytes], Change]] = {
    PatchType.JSON: _json_patch,
    PatchType.MERGE: _merge_patch,
    PatchType.STRATEGIC: _strategic_patch,
}


def _decode_patch(data: bytes) -> tuple[Object, list[str]]:
    try:
        value, duplicates = body.parse_json(data)
    except ValueError as error:
        raise status.bad_request(f"error decoding patch: {error}")
    if not isinstance(value, dict):
        word = {list: "array", str: "string", bool: "bool", type(None): "null"}.get(type(value), "number")
        if value is None:
            return {}, []
        raise status.bad_request(
            f"error decoding patch: json: cannot unmarshal {word} into Go value of type map[string]interface {{}}"
        )
    return value, duplicates


def _typed(
    target: Rest | Subresource,
    ctx: Context,
    patched: Any,
    duplicates: list[str],
    options: WriteOptions,
    shown: str,
    patch_type: PatchType,
) -> Object:
    """The patched document as an object of the kind; strict about unknown fields when asked to be."""
    if not isinstance(patched, dict):
        raise status.generic_invalid()
    try:
        new, unknown = target.typed(patched)
    except Mismatch as error:
        strategic = patch_type is PatchType.STRATEGIC
        raise _invalid_patch(shown, _conversion_text(error) if strategic else str(error))
    except DecodeError as error:
        raise _invalid_patch(shown, str(error))
    problems = body.merge_problems(duplicates, unknown)
    if problems and options.field_validation == "Strict":
        raise _invalid_patch(shown, f"strict decoding error: {body.strict_text(problems)}")
    if options.field_validation != "Ignore":
        for problem in problems:
            ctx.warn(problem)
    return new


def _conversion_text(error: Mismatch) -> str:
    """Upstream turns merged maps back into structs by another way than JSON, which has words of its own."""
    value, wanted = error.value, error.go_name
    kind = {dict: "map", list: "slice", bool: "bool", int: "int64", float: "float64"}.get(type(value), "string")
    if wanted.startswith("[]"):
        return f"cannot restore slice from {kind}"
    if wanted.startswith("map["):
        return f"cannot restore map from {kind}"
    if "." in wanted:
        return f"cannot restore struct from: {kind}"
    return f"cannot convert {kind} to {wanted}"


def _invalid_patch(shown: str, text: str) -> status.StatusError:
    error = FieldError("patch", "FieldValueInvalid", f"Invalid value: {render_value(shown)}: {text}")
    return status.StatusError(
        422,
        "Invalid",
        f' "" is invalid: {error}',
        {"causes": [{"reason": error.reason, "message": error.body, "field": error.field}]},
    )


async def _apply(rest: Rest, ctx: Context, data: bytes, options: WriteOptions) -> Answer:
    config = decode_apply(ctx, data, options)
    now = format_time(ctx.clock.now())

    def merge(live: Object | None) -> Object:
        merged = rest.fields.apply(
            live,
            config,
            manager=ctx.field_manager,
            force=bool(options.force),
            subresource=rest.subresource,
            now=now,
            reset_paths=rest.strategy.reset_on_main,
        )
        new, _ = rest.typed(merged)
        return new

    async def transform(live: Object) -> Object:
        new = merge(live)
        meta.check_namespace(rest, ctx, new["metadata"])
        meta.check_name(ctx, new["metadata"])
        return new

    if rest.storage.get(ctx.namespace, ctx.name) is None and not rest.subresource:
        return await _create_applied(rest, ctx, config, merge, options)
    return await updating.guaranteed_update(rest, ctx, transform, options, options_kind="PatchOptions")


async def _create_applied(
    rest: Rest, ctx: Context, config: Object, merge: Callable[[Object | None], Object], options: WriteOptions
) -> Answer:
    new = merge(None)
    meta.check_name(ctx, new["metadata"])
    if uid := new["metadata"].get("uid"):
        raise status.conflict(
            rest.resource,
            ctx.name,
            f"uid mismatch: the provided object specified uid {uid}, and no existing object was found",
        )
    new["metadata"].pop("resourceVersion", None)
    await updating.authorise_creation(rest, ctx)
    return await creating.create(rest, ctx, new, options, tracked=True)


def decode_apply(ctx: Context, data: bytes, options: WriteOptions) -> Object:
    """The body of an apply, which is YAML or JSON."""
    try:
        value, duplicates = body.parse_yaml(data)
    except ValueError as error:
        raise status.bad_request(f"error decoding YAML: {error}")
    if duplicates and options.field_validation == "Strict":
        text = body.strict_text(duplicates)
        raise status.bad_request(f"error strict decoding YAML: error converting YAML to JSON: {text}")
    if options.field_validation != "Ignore":
        for problem in duplicates:
            ctx.warn(problem)
    return value  # type: ignore[no-any-return]
