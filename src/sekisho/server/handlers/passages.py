"""`/apis/explain.sekisho.dev/v1/passages`: the passage log as a resource that can be read.

Protected by RBAC like any resource (ClusterRole `sekisho:passage-reader`). Lists come newest first, so that
`limit` gives the last ones; `explain=true` adds to each passage its account in sentences, which a get always
has. Nothing here is stored: a passage is gone when the ring has turned, or the server stops.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator

from sekisho.api import fields, labels, status, tables
from sekisho.api.clock import Clock
from sekisho.api.encoding import encode
from sekisho.api.random import RandomSource
from sekisho.api.tables.identity import EXPLAIN
from sekisho.api.time import format_time
from sekisho.api.types import GroupResource, GroupVersionKind, Object
from sekisho.explain.narrative import narrate
from sekisho.explain.passages import Passage, PassageLog
from sekisho.explain.policy import Policy
from sekisho.registry import options
from sekisho.schema.resources import ResourceInfo
from sekisho.server import negotiation, responding
from sekisho.server.handlers.watches import MIN_TIMEOUT
from sekisho.server.negotiation import JSON, Form
from sekisho.server.passagestream import PassageStream, in_order
from sekisho.server.request import Request, Response

KIND = GroupVersionKind(EXPLAIN, "v1", "Passage")
RESOURCE = GroupResource(EXPLAIN, "passages")
INFO = ResourceInfo(
    group=KIND.group,
    version=KIND.version,
    resource=RESOURCE.resource,
    kind=KIND.kind,
    namespaced=False,
    verbs=("get", "list", "watch"),
    singular="passage",
)
FIELDS = ("metadata.name", "auditID", "user", "caller", "code", "decision", "verb", "resource", "namespace")

Match = Callable[[Passage], bool]


def fields_of(passage: Passage) -> dict[str, str]:
    """What a field selector can ask for. `caller` is who was authenticated, `user` who the request went on as."""
    attributes, verdict = passage.attributes, passage.verdict
    caller = passage.impersonator or passage.user
    return {
        "metadata.name": passage.audit_id,
        "auditID": passage.audit_id,
        "user": passage.user.name if passage.user else "",
        "caller": caller.name if caller else "",
        "code": str(passage.code),
        "decision": verdict.decision.value if verdict else "",
        "verb": attributes.verb if attributes else "",
        "resource": attributes.resource if attributes else "",
        "namespace": attributes.namespace if attributes else "",
    }


class PassageHandler:
    """`policy` is what near misses are looked for in; None where RBAC decides nothing."""

    def __init__(self, log: PassageLog, policy: Policy | None, clock: Clock, random: RandomSource) -> None:
        self._log = log
        self._policy = policy
        self._clock = clock
        self._random = random

    async def __call__(self, request: Request) -> Response:
        info = request.info
        if (info.group, info.version, info.resource) != (KIND.group, KIND.version, RESOURCE.resource):
            raise status.route_not_found()
        if info.namespace or info.subresource or info.verb_in_path:
            raise status.route_not_found()
        if request.method != "GET":
            raise status.route_method_not_allowed()
        if len(info.parts) > 1:
            return self._get(request)
        return self._watch(request) if info.verb == "watch" else self._list(request)

    def _get(self, request: Request) -> Response:
        form = responding.form_of(request)
        name = request.info.name
        passage = self._log.find(name)
        if passage is None:
            raise status.not_found(RESOURCE, name)
        obj = self._object(passage, explain=True)
        if form.kind == "Table":
            return responding.respond(request, 200, self._tabulator(request, form).table([obj], {}), form)
        if form.kind:
            return responding.respond(request, 200, responding.partial_metadata(obj, form.version), form)
        return responding.respond(request, 200, obj, form)

    def _list(self, request: Request) -> Response:
        form = responding.form_of(request)
        chosen = options.list_options(request.query)
        match = _match(chosen)
        before = _number(chosen.continue_token) if chosen.continue_token else self._log.answered + 1
        found = (p for p in reversed(in_order(self._log)) if p.number < before and match(p))
        shown, token = _page(found, chosen.limit)
        metadata: Object = {"resourceVersion": str(self._log.answered)}
        if token:
            metadata["continue"] = token
        explain = options.boolean(request.query, "explain")
        items = [self._object(passage, explain) for passage in shown]
        if form.kind == "Table":
            return responding.respond(
                request, 200, self._tabulator(request, form).table(items, metadata), form
            )
        if form.kind:
            items = [responding.partial_metadata(obj, form.version) for obj in items]
            head: Object = {"kind": "PartialObjectMetadataList", "apiVersion": f"meta.k8s.io/{form.version}"}
            return responding.respond(request, 200, {**head, "metadata": metadata, "items": items}, form)
        head = {"kind": f"{KIND.kind}List", "apiVersion": KIND.api_version}
        return responding.respond(request, 200, {**head, "metadata": metadata, "items": items}, form)

    def _watch(self, request: Request) -> Response:
        form = negotiation.negotiate(request.header(b"accept"), frozenset(("Table",)), True)
        if form.media_type != JSON:
            raise status.only_accepted((JSON,))
        chosen = options.list_options(request.query)
        stream = PassageStream(self._log, _number(chosen.resource_version), _match(chosen))
        seconds = float(chosen.timeout_seconds or 0)
        if seconds <= 0:
            seconds = self._random.uniform(MIN_TIMEOUT, 2 * MIN_TIMEOUT)
        tabulator = self._tabulator(request, form) if form.kind else None
        explain = options.boolean(request.query, "explain")
        frames = self._frames(stream, seconds, explain, tabulator)
        response = Response(200, content_type=JSON.encode(), stream=frames)
        response.on_end(stream.close)
        return response

    async def _frames(
        self,
        stream: PassageStream,
        seconds: float,
        explain: bool,
        tabulator: responding.Tabulator | None,
    ) -> AsyncGenerator[bytes, None]:
        columns = True
        async for batch in stream.batches(self._clock, seconds):
            for passage in batch:
                obj = self._object(passage, explain)
                if tabulator is not None:
                    obj = tabulator.table([obj], obj["metadata"], columns)
                    columns = False
                yield encode({"type": "ADDED", "object": obj}) + b"\n"

    def _object(self, passage: Passage, explain: bool) -> Object:
        metadata = {
            "name": passage.audit_id,
            "resourceVersion": str(passage.number),
            "creationTimestamp": format_time(passage.time),
        }
        head = {"kind": KIND.kind, "apiVersion": KIND.api_version, "metadata": metadata}
        obj = {**head, **passage.to_object()}
        if explain:
            obj["explanation"] = narrate(passage, self._policy).to_object()
        return obj

    def _tabulator(self, request: Request, form: Form) -> responding.Tabulator:
        return responding.Tabulator(request, tables.table_for(KIND.group, KIND.kind), self._clock, form)


def _page(found: Iterator[Passage], limit: int) -> tuple[Iterable[Passage], str]:
    """At most `limit` of them (0: all), and the token under which the rest is found."""
    if not limit:
        return found, ""
    shown = [passage for _, passage in zip(range(limit), found, strict=False)]
    more = len(shown) == limit and next(found, None) is not None
    return shown, str(shown[-1].number) if more else ""


def _match(chosen: options.ListOptions) -> Match:
    """Passages have no labels: a label selector selects all or none."""
    try:
        selector = fields.parse_field_selector(chosen.field_selector)
        if not labels.parse_selector(chosen.label_selector).matches({}):
            return lambda passage: False
    except ValueError as error:
        raise status.bad_request(str(error))
    for term in selector.terms:
        if term.key not in FIELDS:
            raise status.bad_request(f"field label not supported: {term.key}")
    if selector.empty:
        return lambda passage: True
    return lambda passage: selector.matches(fields_of(passage))


def _number(text: str) -> int:
    """A resourceVersion or a continue token: the number of a passage."""
    if text and not (text.isascii() and text.isdigit()):
        raise status.bad_request(f'"{text}" is not the number of a passage')
    return int(text or "0")
