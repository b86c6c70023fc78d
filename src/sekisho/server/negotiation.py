"""Which form an answer takes: Accept clauses against the serializers, and upstream's conversions (`as=Table`).

Two parts of upstream look at Accept, and refuse in words of their own. The router (go-restful) compares bare media
types before anything else; the handler reads the clauses in the order of their preference (goautoneg), and passes
over those whose conversion is not offered: that is how `...;as=Table...,application/json` falls back to plain JSON.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from sekisho.api import status

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
MEDIA_TYPES = (JSON, YAML, PROTOBUF)
TEXT_TYPES = (JSON, YAML)
STREAM_TYPES = (JSON, PROTOBUF)
WATCH_TYPES = tuple(f"{media_type};stream=watch" for media_type in STREAM_TYPES)
WITH_WATCH_TYPES = MEDIA_TYPES + WATCH_TYPES

UNKNOWN_BODY = "the body of the request was in an unknown format - accepted media types include: "

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_MEDIA_TYPE = re.compile(
    rf"\s*({_TOKEN}(?:/{_TOKEN})?)\s*"
    + rf'(?:;\s*{_TOKEN}\s*=\s*(?:{_TOKEN}|"(?:[^"\\]|\\.)*")\s*)*'
    + r";?\s*\Z"
)


class Clause(NamedTuple):
    media_type: str
    parameters: dict[str, str]


class Form(NamedTuple):
    """A serializer and, with `kind`, the conversion into it (`version` is v1 or v1beta1)."""

    media_type: str
    kind: str = ""
    version: str = ""
    pretty: bool = False


# The router


@functools.lru_cache(256)
def check_route(accept: str, produced: tuple[str, ...] = MEDIA_TYPES) -> None:
    """406 unless Accept names a type that the route produces, or all. Parameters and wildcards of subtypes do
    not count."""
    if not accept:
        return
    for part in accept.split(","):
        media_type = part.partition(";")[0].strip()
        if media_type in ("", "*/*") or media_type in produced:
            return
    raise status.route_not_acceptable(produced)


def check_route_body(content_type: str, consumed: tuple[str, ...]) -> None:
    """415 unless the body's type is one that the route consumes; there is no default."""
    for part in content_type.split(","):
        if part.partition(";")[0].strip() in consumed:
            return
    raise status.route_unsupported_media_type()


# The handler


@functools.lru_cache(256)
def parse_accept(header: str) -> tuple[Clause, ...]:
    """The clauses in the order of preference; malformed ones are left out."""
    found: list[tuple[float, Clause]] = []
    for part in header.split(","):
        media_type, *rest = part.split(";")
        kind, slash, subtype = (p.strip() for p in media_type.partition("/"))
        if not slash and kind == "*":
            subtype = "*"
        elif not subtype or "/" in subtype:
            continue
        quality = 1.0
        parameters = {}
        for item in rest:
            key, _, value = item.partition("=")
            key = key.strip()
            if not value or "=" in value:
                continue
            if key == "q":
                quality = _quality(value)
            else:
                parameters[key] = value.strip()
        _insert(found, (quality, Clause(f"{kind}/{subtype}", parameters)))
    return tuple(clause for _, clause in found)


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _insert(found: list[tuple[float, Clause]], new: tuple[float, Clause]) -> None:
    """Upstream's order is no order in the strict sense (a wildcard steps back behind what is named, whatever
    their q), so the result depends on how it sorts: by insertion."""
    place = len(found)
    while place and _before(new, found[place - 1]):
        place -= 1
    found.insert(place, new)


def _before(one: tuple[float, Clause], other: tuple[float, Clause]) -> bool:
    if one[0] > other[0]:
        return True
    kind, _, subtype = one[1].media_type.partition("/")
    other_kind, _, other_subtype = other[1].media_type.partition("/")
    return (kind != "*" and other_kind == "*") or (subtype != "*" and other_subtype == "*")


def serializer_for(media_type: str, offered: tuple[str, ...] = MEDIA_TYPES) -> str:
    """The first serializer that a media type, which may be a wildcard, stands for; empty when there is none."""
    if media_type in offered:
        return media_type
    return offered[0] if media_type in ("*/*", "application/*") else ""


@functools.lru_cache(256)
def negotiate(accept: str, conversions: frozenset[str], binary: bool = True, streaming: bool = False) -> Form:
    """The form of an answer that can be converted to `conversions`, in the handler's opinion. 406 when there is
    none.

    `binary`: whether the kind has a protobuf form; one that has none can send its metadata as protobuf, nothing
    else. `streaming`: for watches, which know no YAML.
    """
    if not accept:
        return Form(JSON)
    for clause in parse_accept(accept):
        for media_type in _candidates(clause.media_type):
            form = _accepted(media_type, clause.parameters, conversions, binary)
            if form is not None:
                if streaming and media_type not in STREAM_TYPES:
                    raise status.only_accepted(WATCH_TYPES)
                return form
    raise status.only_accepted(MEDIA_TYPES if binary else TEXT_TYPES)


def _candidates(media_type: str) -> tuple[str, ...]:
    if media_type in MEDIA_TYPES:
        return (media_type,)
    return MEDIA_TYPES if media_type in ("*/*", "application/*") else ()


def _accepted(
    media_type: str, parameters: dict[str, str], conversions: frozenset[str], binary: bool
) -> Form | None:
    stream = parameters.get("stream", "")
    if parameters.get("sv") or (stream and (stream != "watch" or media_type not in STREAM_TYPES)):
        return None
    pretty = parameters.get("pretty") == "1"
    if not parameters.keys() & {"as", "g", "v"}:
        return None if media_type == PROTOBUF and not binary else Form(media_type, pretty=pretty)
    kind, version = parameters.get("as", ""), parameters.get("v", "")
    if parameters.get("g") != "meta.k8s.io" or version not in ("v1", "v1beta1"):
        return None
    if kind not in conversions or (kind == "Table" and media_type == PROTOBUF):
        return None
    return Form(media_type, kind, version, pretty)


_NONE: frozenset[str] = frozenset()


def error_form(accept: str) -> Form:
    """The form of an error: what Accept asks for without any conversion, else JSON, indented."""
    try:
        return negotiate(accept, _NONE)
    except status.StatusError:
        return Form(JSON, pretty=True)


@functools.lru_cache(256)
def body_media_type(content_type: str, accepted: tuple[str, ...] = MEDIA_TYPES) -> str:
    """The serializer of a request body; absent is JSON, the values of parameters do not matter. 415 otherwise."""
    if not content_type:
        return JSON
    match = _MEDIA_TYPE.match(content_type)
    if match is None or match[1].lower() not in accepted:
        raise status.unsupported_media_type(UNKNOWN_BODY + ", ".join(accepted))
    return match[1].lower()
