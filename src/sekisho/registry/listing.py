"""List: selectors, pages, and the resourceVersion matrix, all from the watch cache."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import orjson

from sekisho.api import fields, labels, status
from sekisho.api.encoding import encode
from sekisho.api.types import Object, Requirement
from sekisho.registry.options import ListOptions, parse_resource_version, validate_list_options
from sekisho.registry.rest import Rest
from sekisho.registry.strategy import Context
from sekisho.schema import body
from sekisho.store.cache import Entry, Expired

CONTINUE_VERSION = "meta.k8s.io/v1"
FUTURE_WAIT = 3.0
"""Seconds a read waits for a resourceVersion that the server has not seen yet."""

Match = Callable[[Object], bool]

PAGE_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)
LIST_EXPIRED = "The resourceVersion for the provided list is too old."


@dataclass(slots=True)
class Selection:
    """What a list or watch is narrowed to. `match` None selects everything in the namespace."""

    match: Match | None
    namespace: str
    name: str = ""


@dataclass(slots=True)
class ListResult:
    rest: Rest
    entries: list[Entry]
    revision: int
    continue_token: str = ""
    remaining: int | None = None

    def objects(self) -> Iterator[Object]:
        return (self.rest.served(entry.obj) for entry in self.entries)

    def metadata(self) -> Object:
        out: Object = {"resourceVersion": str(self.revision)}
        if self.continue_token:
            out["continue"] = self.continue_token
            if self.remaining is not None:
                out["remainingItemCount"] = self.remaining
        return out

    def list_object(self) -> Object:
        """The List as an object: items without kind and apiVersion, as upstream sends built-in kinds."""
        return {
            "kind": self.rest.info.list_kind,
            "apiVersion": self.rest.kind.api_version,
            "metadata": self.metadata(),
            "items": [
                {k: v for k, v in obj.items() if k not in ("kind", "apiVersion")} for obj in self.objects()
            ],
        }

    def data(self) -> bytes:
        """The List's JSON, made by joining what each entry already has."""
        if self.rest.from_storage:
            return encode(self.list_object())
        head = orjson.dumps(
            {
                "kind": self.rest.info.list_kind,
                "apiVersion": self.rest.kind.api_version,
                "metadata": self.metadata(),
            }
        )
        items = b",".join([entry.item_data for entry in self.entries])
        return b'%b,"items":[%b]}' % (head[:-1], items)


def select(rest: Rest, ctx: Context, options: ListOptions) -> Selection:
    """Parse the selectors. 400 with upstream's texts when one is wrong or names a field the kind lacks."""
    try:
        label = labels.parse_selector(options.label_selector) if options.label_selector else None
        field = fields.parse_field_selector(options.field_selector) if options.field_selector else None
    except ValueError as error:
        raise status.bad_request(str(error))
    namespace, name = ctx.namespace, ctx.name
    if field is not None:
        field = _own_fields(rest, field)
        exact = field.requires_exact("metadata.name")
        if exact is not None:
            if name and exact != name:
                raise status.bad_request("fieldSelector metadata.name doesn't match requested name")
            name = exact
        namespace = namespace or field.requires_exact("metadata.namespace") or ""
    elif name:
        field = fields.FieldSelector([Requirement("metadata.name", "=", (name,))])
    return Selection(_matcher(rest, label, field), namespace, name)


def _own_fields(rest: Rest, selector: fields.FieldSelector) -> fields.FieldSelector:
    """The selector over the kind's own names. 400 for a field the kind does not offer."""
    strategy = rest.strategy
    allowed = {"metadata.name", *strategy.field_labels}
    if rest.info.namespaced or not strategy.field_labels:
        allowed.add("metadata.namespace")

    def convert(label: str) -> str:
        own = strategy.field_alias(label)
        if own not in allowed:
            raise status.bad_request(strategy.unknown_field_message(label))
        return own

    return selector.map_fields(convert)


def _matcher(rest: Rest, label: labels.Selector | None, field: fields.FieldSelector | None) -> Match | None:
    if label is not None and not label.requirements:
        label = None
    if field is not None and field.empty:
        field = None
    if label is None and field is None:
        return None
    own_fields = field is not None and any(not t.key.startswith("metadata.") for t in field.terms)

    def match(obj: Object) -> bool:
        metadata = obj["metadata"]
        if label is not None and not label.matches(metadata.get("labels") or {}):
            return False
        if field is None:
            return True
        values = dict(rest.strategy.fields(obj)) if own_fields else {}
        values["metadata.name"] = metadata["name"]
        values["metadata.namespace"] = metadata.get("namespace", "")
        return field.matches(values)

    return match


async def list_objects(rest: Rest, ctx: Context, options: ListOptions) -> ListResult:
    """One page, or all, of the objects `options` selects, in the byte order of their keys."""
    options.watch = False
    selection = select(rest, ctx, options)
    validate_list_options(options)
    if options.continue_token:
        return _continued(rest, selection, options)
    try:
        asked = parse_resource_version(options.resource_version)
    except ValueError as error:
        raise status.bad_request(f"invalid resource version: {error}")
    match = options.resource_version_match
    limit = max(options.limit, 0)
    exact = match == "Exact" or (asked > 0 and limit > 0 and not match)
    if asked:
        await wait_for(rest, asked)
    if exact:
        return _page(rest, selection, "", limit, asked)
    if options.resource_version == "0":
        limit = 0
    return _page(rest, selection, "", limit, None)


async def wait_for(rest: Rest, revision: int) -> None:
    """Until the cache has seen `revision`; 504 after upstream's three seconds."""
    cache = rest.registry.cache
    if revision <= cache.revision:
        return
    if not await cache.wait_for(revision, FUTURE_WAIT):
        raise status.resource_version_too_large(revision, cache.revision)


def _page(rest: Rest, selection: Selection, start: str, limit: int, revision: int | None) -> ListResult:
    """Entries from the key suffix `start` on; `revision` None is now."""
    cache = rest.storage.cache
    namespace = selection.namespace if rest.info.namespaced else ""
    prefix = f"{rest.storage.prefix}{namespace}/" if namespace else rest.storage.prefix
    if selection.name and not start and revision is None and (namespace or not rest.info.namespaced):
        entry = cache.get(prefix + selection.name)
        candidates = [entry] if entry is not None else []
    else:
        try:
            candidates = (
                cache.list(prefix, prefix + start)
                if revision is None
                else cache.list_at(revision, prefix, prefix + start)
            )
        except Expired:
            raise status.expired(LIST_EXPIRED)
    current = rest.registry.cache.revision if revision is None else revision
    match = selection.match
    if not limit:
        entries = candidates if match is None else [e for e in candidates if match(rest.served(e.obj))]
        return ListResult(rest, list(entries), current)
    taken: list[Entry] = []
    for position, entry in enumerate(candidates):
        if match is None or match(rest.served(entry.obj)):
            taken.append(entry)
        if len(taken) == limit:
            left = len(candidates) - position - 1
            if not left:
                break
            token = encode_continue(current, entry.key[len(prefix) :] + "\0")
            return ListResult(rest, taken, current, token, left if match is None else None)
    return ListResult(rest, taken, current)


def _continued(rest: Rest, selection: Selection, options: ListOptions) -> ListResult:
    if options.resource_version not in ("", "0"):
        raise status.bad_request("specifying resource version is not allowed when using continue")
    revision, start = decode_continue(options.continue_token)
    limit = 0 if options.resource_version == "0" else max(options.limit, 0)
    if revision < 0:
        return _page(rest, selection, start, limit, None)
    try:
        return _page(rest, selection, start, limit, revision)
    except status.StatusError as error:
        if error.reason != "Expired":
            raise
        raise status.expired(PAGE_EXPIRED, {"continue": encode_continue(-1, start)})


def encode_continue(revision: int, start: str) -> str:
    data = orjson.dumps({"v": CONTINUE_VERSION, "rv": revision, "start": start})
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode_continue(token: str) -> tuple[int, str]:
    """The revision and the key to start from. 400 with upstream's words for each way a token can be wrong."""

    def wrong(why: str) -> status.StatusError:
        return status.bad_request(f"invalid continue token: continue key is not valid: {why}")

    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise wrong(f"illegal base64 data at input byte {_bad_base64_position(token)}")
    try:
        value, _ = body.parse_json(data)
    except ValueError as error:
        raise wrong(str(error))
    if not isinstance(value, dict):
        raise wrong("json: cannot unmarshal into Go value of type storage.continueToken")
    version, revision, start = value.get("v", ""), value.get("rv", 0), value.get("start", "")
    if version != CONTINUE_VERSION:
        raise wrong(f"server does not recognize this encoded version {version}")
    if revision == 0:
        raise wrong(f"incorrect encoded start resourceVersion (version {CONTINUE_VERSION})")
    if not start:
        raise wrong(f"encoded start key empty (version {CONTINUE_VERSION})")
    if any(part == ".." for part in start.split("/")):
        raise wrong(start)
    return revision, start


def _bad_base64_position(token: str) -> int:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for position, character in enumerate(token):
        if character not in alphabet:
            return position
    return len(token)
