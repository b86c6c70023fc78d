"""Watch streams over HTTP: events framed for the client, bookmarks in time, an end when the time is up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from sekisho.api.encoding import encode
from sekisho.api.types import Object
from sekisho.registry import options, watching
from sekisho.registry.rest import Rest
from sekisho.registry.strategy import Context
from sekisho.registry.watching import Event, Stream
from sekisho.schema import protobuf
from sekisho.server import negotiation, responding
from sekisho.server.negotiation import JSON, PROTOBUF, Form
from sekisho.server.request import Request, Response

MIN_TIMEOUT = 1800.0
BOOKMARK_PERIOD = 60.0
LAST_BOOKMARK = 2.0
"""Seconds before the end of a stream at which a last bookmark is sent."""

WATCH_CONVERSIONS = frozenset(("Table", "PartialObjectMetadata"))

Frame = Callable[[Event], bytes]


async def watch(request: Request, rest: Rest, ctx: Context) -> Response:
    binary = responding.has_protobuf(request)
    form = negotiation.negotiate(request.header(b"accept"), WATCH_CONVERSIONS, binary, True)
    chosen = options.list_options(request.query)
    if request.info.name and not request.info.verb_in_path:
        ctx.name = ""
    frame = _frame(request, rest, form)
    stream = await watching.watch(rest, ctx, chosen)
    seconds = float(chosen.timeout_seconds or 0)
    if seconds <= 0:
        seconds = ctx.random.uniform(MIN_TIMEOUT, 2 * MIN_TIMEOUT)
    content_type = form.media_type if form.media_type == JSON else f"{form.media_type};stream=watch"
    response = Response(
        200,
        content_type=content_type.encode(),
        stream=_frames(stream, frame, ctx, seconds, chosen.allow_watch_bookmarks),
    )
    response.on_end(stream.close)
    return response


async def _frames(
    stream: Stream, frame: Frame, ctx: Context, seconds: float, bookmarks: bool
) -> AsyncGenerator[bytes, None]:
    """The stream's bytes until its time is up. Batches are joined, so that a burst is one write."""
    end = ctx.clock.monotonic() + seconds
    next_bookmark = _next_bookmark(ctx, end) if bookmarks else None
    waiting: asyncio.Future[list[Event] | None] | None = None
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(stream.next_batch())
            now = ctx.clock.monotonic()
            until = end if next_bookmark is None else min(end, next_bookmark)
            if not waiting.done():
                await asyncio.wait((waiting,), timeout=max(until - now, 0))
            if waiting.done():
                batch = waiting.result()
                waiting = None
                if batch is None:
                    return
                yield b"".join(map(frame, batch))
            elif ctx.clock.monotonic() >= end:
                return
            elif next_bookmark is not None and ctx.clock.monotonic() >= next_bookmark:
                yield frame(stream.bookmark())
                next_bookmark = _next_bookmark(ctx, end)
    finally:
        if waiting is not None:
            waiting.cancel()


def _next_bookmark(ctx: Context, end: float) -> float:
    now = ctx.clock.monotonic()
    last = end - LAST_BOOKMARK
    periodic = now + BOOKMARK_PERIOD * ctx.random.uniform(0.95, 1.15)
    return min(periodic, last) if now < last else end + BOOKMARK_PERIOD


def _frame(request: Request, rest: Rest, form: Form) -> Frame:
    """How one event is written. Plain JSON splices the bytes that all readers of the object share."""
    convert = _converter(request, rest, form)
    if form.media_type == JSON:
        if convert is None:
            return _json_frame

        def json_frame(event: Event) -> bytes:
            return encode({"type": event.type, "object": convert(event)}) + b"\n"

        return json_frame

    def other_frame(event: Event) -> bytes:
        obj = event.obj if convert is None else convert(event)
        if form.media_type == PROTOBUF:
            return protobuf.watch_frame(event.type, protobuf.encode_protobuf(obj))
        return responding.serialize({"type": event.type, "object": obj}, form, False) + b"---\n"

    return other_frame


def _json_frame(event: Event) -> bytes:
    if event.change is not None:
        return event.change.frame
    data = event.entry.data if event.entry is not None else encode(event.obj)
    return b'{"type":"%b","object":%b}\n' % (event.type.encode(), data)


def _converter(request: Request, rest: Rest, form: Form) -> Callable[[Event], Object] | None:
    if not form.kind:
        return None
    if form.kind == "PartialObjectMetadata":

        def partial(event: Event) -> Object:
            return (
                event.obj if event.type == "ERROR" else responding.partial_metadata(event.obj, form.version)
            )

        return partial
    tabulator = responding.tabulator(request, rest, form)
    first = True

    def table(event: Event) -> Object:
        nonlocal first
        if event.type == "ERROR":
            return event.obj
        columns, first = first, False
        return tabulator.table([event.obj], event.obj["metadata"], columns)

    return table
