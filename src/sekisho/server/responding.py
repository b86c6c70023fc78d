"""Objects and lists as response bodies: JSON, YAML or protobuf, whole, as metadata only, or as a Table."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import orjson
import yaml

from sekisho.api import status, tables
from sekisho.api.clock import Clock
from sekisho.api.encoding import encode
from sekisho.api.goformat import html_escape
from sekisho.api.tables import TablePrinter
from sekisho.api.types import Object
from sekisho.registry.listing import ListResult
from sekisho.registry.options import first
from sekisho.registry.rest import Answer, Rest
from sekisho.schema import protobuf
from sekisho.schema.builtin import is_builtin_group
from sekisho.server import negotiation
from sekisho.server.negotiation import JSON, YAML, Form
from sekisho.server.request import Headers, Request, Response

OBJECT_CONVERSIONS = frozenset(("Table", "PartialObjectMetadata", "PartialObjectMetadataList"))
UNSTORED_CONVERSIONS = OBJECT_CONVERSIONS - {"Table"}
"""Reviews and the like have no tables."""

GZIP_THRESHOLD = 128 * 1024
PRETTY_AGENTS = ("curl", "Wget", "Mozilla/5.0")


class _PlainDumper(yaml.CSafeDumper):
    """Writes parts that are shared between objects out each time, instead of as YAML aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text_node(dumper: _PlainDumper, text: str) -> yaml.Node:
    """Texts of several lines as blocks, as Go's YAML writes them."""
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_PlainDumper.add_representer(str, _text_node)


def form_of(request: Request, conversions: frozenset[str] = OBJECT_CONVERSIONS) -> Form:
    """What the client accepts; asked before anything is done, so that a 406 changes nothing."""
    return negotiation.negotiate(request.header(b"accept"), conversions, has_protobuf(request))


def has_protobuf(request: Request) -> bool:
    """Whether the kinds of the request's group can be written as protobuf: only the built-in ones."""
    return is_builtin_group(request.info.group)


def is_pretty(request: Request, form: Form) -> bool:
    if form.pretty:
        return True
    if b"pretty" in request.query_string and (asked := first(request.query, "pretty")):
        return asked in ("1", "t", "T", "true", "TRUE", "True")
    agent = request.header(b"user-agent")
    return agent.startswith(PRETTY_AGENTS)


def respond(request: Request, code: int, obj: Object, form: Form, headers: Headers | None = None) -> Response:
    """An object as it is, no conversion."""
    if request.audit is not None:
        request.audit.response_object(obj)
    return _finish(request, code, serialize(obj, form, is_pretty(request, form)), form, headers)


def respond_answer(request: Request, code: int, answer: Answer, rest: Rest, form: Form) -> Response:
    """A verb's answer in the asked form; a Status is never converted."""
    if form.kind and not _is_status(answer.obj):
        return respond(request, code, convert_object(request, answer.obj, rest, form), form)
    if form.media_type == JSON and answer.entry is not None and not is_pretty(request, form):
        if request.audit is not None:
            request.audit.response_object(answer.obj)
        return _finish(request, code, answer.data() + b"\n", form, None)
    return respond(request, code, answer.obj, form)


def respond_list(request: Request, result: ListResult, form: Form) -> Response:
    if form.kind:
        return respond(request, 200, convert_list(request, result, form), form)
    if form.media_type == JSON and not is_pretty(request, form):
        if request.audit is not None and request.audit.wants_response:
            request.audit.response_object(result.list_object())
        return _finish(request, 200, result.data() + b"\n", form, None)
    return respond(request, 200, result.list_object(), form)


def respond_error(request: Request, error: status.StatusError) -> Response:
    """A Status in what the client accepts, with the headers its reason asks for."""
    form = negotiation.error_form(request.header(b"accept"))
    response = respond(request, error.code, error.to_object(), form)
    if error.retry_after:
        response.headers.append((b"retry-after", b"%d" % error.retry_after))
    return response


def serialize(obj: Object, form: Form, pretty: bool) -> bytes:
    if form.media_type == JSON:
        if pretty:
            return html_escape(orjson.dumps(obj, option=orjson.OPT_INDENT_2))
        return encode(obj) + b"\n"
    if form.media_type == YAML:
        return yaml.dump(obj, Dumper=_PlainDumper, allow_unicode=True, default_flow_style=False).encode()
    return protobuf.encode_protobuf(obj)


def _finish(request: Request, code: int, body: bytes, form: Form, headers: Headers | None) -> Response:
    response = Response(code, body, form.media_type.encode(), headers)
    if len(body) > GZIP_THRESHOLD and _accepts_gzip(request):
        response.body = gzip.compress(body, 1)
        response.headers += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
    return response


def _accepts_gzip(request: Request) -> bool:
    return any(t.strip() == "gzip" for t in request.header(b"accept-encoding").split(","))


def _is_status(obj: Object) -> bool:
    return obj.get("kind") == "Status" and obj.get("apiVersion") == "v1"


def convert_object(request: Request, obj: Object, rest: Rest, form: Form) -> Object:
    if form.kind == "Table":
        return tabulator(request, rest, form).table([obj], obj["metadata"])
    if form.kind == "PartialObjectMetadata":
        return partial_metadata(obj, form.version)
    raise status.not_acceptable(
        "you requested PartialObjectMetadataList, but the requested object is not a list "
        f"(*{rest.info.go_package}.{rest.info.kind})"
    )


def convert_list(request: Request, result: ListResult, form: Form) -> Object:
    if form.kind == "Table":
        return tabulator(request, result.rest, form).table(list(result.objects()), result.metadata())
    if form.kind == "PartialObjectMetadataList":
        items = [partial_metadata(obj, form.version) for obj in result.objects()]
        return {
            "kind": "PartialObjectMetadataList",
            "apiVersion": f"meta.k8s.io/{form.version}",
            "metadata": result.metadata(),
            "items": items or None,
        }
    info = result.rest.info
    raise status.not_acceptable(
        "you requested PartialObjectMetadata, but the requested object is a list "
        f"(*{info.go_package}.{info.list_kind})"
    )


def partial_metadata(obj: Object, version: str) -> Object:
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": obj["metadata"],
    }


def tabulator(request: Request, rest: Rest, form: Form) -> Tabulator:
    registry = rest.registry
    printer = tables.table_for(
        rest.info.group, rest.info.kind, token_secrets=registry.settings.token_secrets_auto
    )
    return Tabulator(request, printer, registry.clock, form, rest.judged)


class Tabulator:
    """Makes Tables of one kind; what the rows carry is read from the request once. `printed` is the form of an
    object that the printer reads, where that is not the served one."""

    def __init__(
        self,
        request: Request,
        printer: TablePrinter,
        clock: Clock,
        form: Form,
        printed: Callable[[Object], Object] | None = None,
    ) -> None:
        self.include = first(request.query, "includeObject") if request.query_string else ""
        if self.include not in ("", "Metadata", "Object", "None"):
            detail = f"includeObject: Invalid value: \"{self.include}\": must be 'Metadata', 'Object', 'None', or empty"
            raise status.bad_request(f"Unable to convert to Table as requested: {detail}")
        self.version = form.version
        self.printer = printer
        self.printed = printed
        self.clock = clock

    def table(self, objects: list[Object], list_metadata: Object, columns: bool = True) -> Object:
        metadata = {
            k: list_metadata[k]
            for k in ("resourceVersion", "continue", "remainingItemCount")
            if k in list_metadata
        }
        return {
            "kind": "Table",
            "apiVersion": f"meta.k8s.io/{self.version}",
            "metadata": metadata,
            "columnDefinitions": self.printer.columns if columns else None,
            "rows": self._rows(objects),
        }

    def _rows(self, objects: list[Object]) -> list[Object] | None:
        """A list without items has no rows; upstream's generic table then says null."""
        if not objects and self.printer is tables.generic.PRINTER:
            return None
        now = self.clock.now()
        return [self._row(obj, now) for obj in self.printer.order(objects)]

    def _row(self, obj: Object, now: float) -> Object:
        cells, conditions = self.printer.row(self.printed(obj) if self.printed else obj, now)
        row: Object = {"cells": cells}
        if conditions:
            row["conditions"] = conditions
        if self.include == "Object":
            row["object"] = obj
        elif self.include == "None":
            row["object"] = None
        else:
            row["object"] = partial_metadata(obj, self.version)
        return row
