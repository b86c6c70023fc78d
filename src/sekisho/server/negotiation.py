"""Which form an answer takes: Accept clauses against the serializers, and upstream's conversions (`as=Table`).

Clauses are tried in the order of their q; one whose conversion is not offered is passed over, which is how
`...;as=Table...,application/json` falls back to plain JSON.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

from sekisho.api import status

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
MEDIA_TYPES = (JSON, YAML, PROTOBUF)
STREAM_TYPES = (JSON, PROTOBUF)

ONLY_ACCEPTED = "only the following media types are accepted: " + ", ".join(MEDIA_TYPES)
ONLY_TEXT_ACCEPTED = f"only the following media types are accepted: {JSON}, {YAML}"
UNKNOWN_BODY = "the body of the request was in an unknown format - accepted media types include: "


class Clause(NamedTuple):
    media_type: str
    parameters: dict[str, str]


class Form(NamedTuple):
    """A serializer and, with `kind`, the conversion into it (`version` is v1 or v1beta1)."""

    media_type: str
    kind: str = ""
    version: str = ""
    pretty: bool = False


@functools.lru_cache(256)
def parse_accept(header: str) -> tuple[Clause, ...]:
    """The clauses in the order of preference; malformed ones are left out."""
    clauses: list[tuple[float, int, Clause]] = []
    for position, part in enumerate(header.split(",")):
        media_type, *rest = (p.strip() for p in part.split(";"))
        if "/" not in media_type and media_type != "*":
            continue
        parameters = {}
        for item in rest:
            key, _, value = item.partition("=")
            parameters[key.strip().lower()] = value.strip().strip('"')
        try:
            quality = float(parameters.pop("q", "1"))
        except ValueError:
            quality = 1.0
        clauses.append((-quality, position, Clause(media_type.lower(), parameters)))
    clauses.sort(key=lambda c: (c[0], c[1]))
    return tuple(c[2] for c in clauses)


def _serializer(media_type: str) -> str:
    if media_type in MEDIA_TYPES:
        return media_type
    if media_type in ("*/*", "application/*", "*"):
        return JSON
    return ""


@functools.lru_cache(256)
def negotiate(
    accept: str, conversions: frozenset[str], streaming: bool = False, binary: bool = True
) -> Form:
    """The form of an answer that can be converted to `conversions`. Without `binary`, for kinds that have no
    protobuf form, only their metadata can be sent as protobuf.

    406 in the router's words when no bare media type can be produced, in the handler's when a conversion is
    all that is asked for and none of them is offered."""
    if not accept:
        return Form(JSON)
    clauses = parse_accept(accept)
    if not any(c.media_type == "*/*" or c.media_type in MEDIA_TYPES for c in clauses):
        raise router_not_acceptable(streaming)
    for clause in clauses:
        media_type = _serializer(clause.media_type)
        if not media_type:
            continue
        parameters = clause.parameters
        if not _known_stream(parameters):
            continue
        pretty = parameters.get("pretty") == "1"
        kind = parameters.get("as", "")
        if not kind and not parameters.keys() & {"g", "v"}:
            if media_type == PROTOBUF and not binary:
                continue
            return Form(media_type, pretty=pretty)
        if (
            kind in conversions
            and parameters.get("g") == "meta.k8s.io"
            and parameters.get("v") in ("v1", "v1beta1")
            and not (kind == "Table" and media_type == PROTOBUF)
        ):
            return Form(media_type, kind, parameters["v"], pretty)
    raise status.not_acceptable(ONLY_ACCEPTED if binary else ONLY_TEXT_ACCEPTED)


def _known_stream(parameters: dict[str, str]) -> bool:
    return parameters.get("stream", "watch") == "watch"


def router_not_acceptable(streaming: bool) -> status.StatusError:
    available = list(MEDIA_TYPES)
    if streaming:
        available += [f"{t};stream=watch" for t in STREAM_TYPES]
    return status.not_acceptable("406: Not Acceptable\n\nAvailable representations: " + ", ".join(available))


def error_form(accept: str) -> Form:
    """The form of an error: what Accept asks for if it can be had, else JSON, indented."""
    try:
        form = negotiate(accept, frozenset(("Table", "PartialObjectMetadata", "PartialObjectMetadataList")))
    except status.StatusError:
        return Form(JSON, pretty=True)
    return Form(form.media_type, pretty=form.pretty)


def body_media_type(content_type: str, accepted: tuple[str, ...] = MEDIA_TYPES) -> str:
    """The serializer of a request body; absent is JSON, parameters do not matter. 415 otherwise."""
    if not content_type:
        return JSON
    media_type = content_type.split(";", 1)[0].strip().lower()
    if media_type not in accepted:
        raise status.unsupported_media_type(UNKNOWN_BODY + ", ".join(accepted))
    return media_type
