"""The verbs of resources over HTTP: bodies in, registry calls, negotiated answers out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sekisho.api import names, status
from sekisho.api.goformat import quote
from sekisho.api.types import Authorizer, Object
from sekisho.registry import creating, deleting, listing, options, patching, updating
from sekisho.registry.patching import PatchType
from sekisho.registry.registry import Registry
from sekisho.registry.rest import Answer, Rest, Subresource
from sekisho.registry.strategy import Context
from sekisho.schema import body, protobufbody
from sekisho.server import negotiation, responding
from sekisho.server.handlers import watches
from sekisho.server.handlers.connect import Connection
from sekisho.server.request import Request, Response

PATCH_TYPES = {t.value: t for t in PatchType}

Verb = Callable[[Request, Rest, Context], Awaitable[Response]]


class ResourceHandler:
    """Finds the resource a request names and carries out its verb."""

    def __init__(self, registry: Registry, authorizer: Authorizer) -> None:
        self._registry = registry
        self._authorizer = authorizer
        self._verbs: dict[str, Verb] = {
            "get": self._get,
            "list": self._list,
            "watch": watches.watch,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
            "deletecollection": self._delete_collection,
        }

    async def handle(self, request: Request) -> Response:
        """404 and 405 in the router's words for what is not served."""
        info = request.info
        rest = self._registry.rest(info.group, info.version, info.resource)
        if rest is None or not _addresses(rest, request):
            raise status.route_not_found()
        warning = rest.info.deprecation_warning
        if warning:
            request.warn(warning)
        _check_name(info.name)
        ctx = self._context(request)
        if info.subresource:
            return await self._subresource(request, rest, ctx)
        verb = info.verb
        if request.method == "HEAD" or verb not in rest.info.verbs or not _collection_rule(rest, request):
            raise status.route_method_not_allowed()
        _check_route(request)
        return await self._verbs[verb](request, rest, ctx)

    def _context(self, request: Request) -> Context:
        info = request.info
        return Context(
            request.user,
            self._authorizer,
            self._registry.clock,
            self._registry.random,
            self._registry,
            namespace="" if info.resource == "namespaces" and not info.group else info.namespace,
            name=info.name,
            verb=info.verb,
            subresource=info.subresource,
            field_manager=_agent_manager(request),
            warnings=request.warnings,
            annotations=request.annotations,
            mutations=request.passage.admission if request.passage is not None else None,
        )

    async def _subresource(self, request: Request, rest: Rest, ctx: Context) -> Response:
        target = rest.subresources.get(request.info.subresource)
        if target is None or (len(request.info.parts) > 3 and isinstance(target, Rest)):
            raise status.route_not_found()
        verb = request.info.verb
        if request.method == "HEAD" or verb not in rest.info.subresources[request.info.subresource].verbs:
            raise status.route_method_not_allowed()
        if isinstance(target, Connection):
            return await target.connect(request, rest, ctx)
        _check_route(request)
        if isinstance(target, Rest):
            return await self._verbs[verb](request, target, ctx)
        return await self._other_kind(request, rest, target, ctx)

    async def _other_kind(self, request: Request, rest: Rest, target: Subresource, ctx: Context) -> Response:
        """The verbs of a subresource whose bodies are of another kind than the object."""
        form = responding.form_of(request)
        verb = request.info.verb
        if verb == "get":
            answer = await target.get(rest, ctx)
        elif verb == "patch":
            patch_type = _patch_type(request)
            chosen = options.write_options("PatchOptions", request.query, apply=patch_type is PatchType.APPLY)
            _apply_options(ctx, chosen)
            data = await _read_patch(request)
            answer = await target.patch(rest, ctx, patch_type, data, chosen)
        else:
            data, media_type = await _read(request)
            kind = "CreateOptions" if verb == "create" else "UpdateOptions"
            chosen = options.write_options(kind, request.query)
            _apply_options(ctx, chosen)
            obj = decode_body(data, media_type, target, ctx, chosen.field_validation)
            _note_body(request, obj)
            act = target.create if verb == "create" else target.update
            answer = await act(rest, ctx, obj, chosen)
        code = 201 if answer.created or verb == "create" else 200
        return responding.respond_answer(request, code, answer, rest, form)

    async def _get(self, request: Request, rest: Rest, ctx: Context) -> Response:
        form = responding.form_of(request)
        asked = options.first(request.query, "resourceVersion") if request.query_string else ""
        if asked:
            try:
                revision = options.parse_resource_version(asked)
            except ValueError as error:
                raise status.plain_error(str(error))
            await listing.wait_for(rest, revision)
        answer = rest.answer(rest.entry(ctx.namespace, ctx.name))
        return responding.respond_answer(request, 200, answer, rest, form)

    async def _list(self, request: Request, rest: Rest, ctx: Context) -> Response:
        form = responding.form_of(request)
        ctx.name = ""
        result = await listing.list_objects(rest, ctx, options.list_options(request.query))
        return responding.respond_list(request, result, form)

    async def _create(self, request: Request, rest: Rest, ctx: Context) -> Response:
        stored = rest.virtual is None
        conversions = responding.OBJECT_CONVERSIONS if stored else responding.UNSTORED_CONVERSIONS
        form = responding.form_of(request, conversions)
        data, media_type = await _read(request)
        chosen = options.write_options("CreateOptions", request.query)
        _apply_options(ctx, chosen)
        if rest.virtual is not None:
            obj = decode_body(data, media_type, rest.virtual, ctx, chosen.field_validation)
            _note_body(request, obj)
            answer = await rest.virtual.create(rest, ctx, obj, chosen)
        else:
            obj = decode_body(data, media_type, rest, ctx, chosen.field_validation)
            _note_body(request, obj)
            answer = await creating.create(rest, ctx, obj, chosen)
        return responding.respond_answer(request, 201, answer, rest, form)

    async def _update(self, request: Request, rest: Rest, ctx: Context) -> Response:
        form = responding.form_of(request)
        data, media_type = await _read(request)
        chosen = options.write_options("UpdateOptions", request.query)
        _apply_options(ctx, chosen)
        obj = decode_body(data, media_type, rest, ctx, chosen.field_validation)
        _note_body(request, obj)
        answer = await updating.update(rest, ctx, obj, chosen)
        return responding.respond_answer(request, 201 if answer.created else 200, answer, rest, form)

    async def _patch(self, request: Request, rest: Rest, ctx: Context) -> Response:
        form = responding.form_of(request)
        patch_type = _patch_type(request)
        data = await _read_patch(request)
        chosen = options.write_options("PatchOptions", request.query, apply=patch_type is PatchType.APPLY)
        _apply_options(ctx, chosen)
        answer = await patching.patch(rest, ctx, patch_type, data, chosen)
        return responding.respond_answer(request, 201 if answer.created else 200, answer, rest, form)

    async def _delete(self, request: Request, rest: Rest, ctx: Context) -> Response:
        form = responding.form_of(request)
        chosen = await _delete_options(request)
        ctx.dry_run = chosen.dry_run
        answer = await deleting.delete(rest, ctx, chosen)
        code = 200
        if chosen.orphan_dependents is False and not _gone(answer):
            code = 202
        return responding.respond_answer(request, code, answer, rest, form)

    async def _delete_collection(self, request: Request, rest: Rest, ctx: Context) -> Response:
        form = responding.form_of(request)
        list_options = options.list_options(request.query)
        chosen = await _delete_options(request)
        ctx.dry_run = chosen.dry_run
        result = await deleting.delete_collection(rest, ctx, chosen, list_options)
        return responding.respond_list(request, result, form)


def _check_name(name: str) -> None:
    """Names that could be mistaken for a path are refused before anything is looked up."""
    if name in (".", "..") or "%" in name:
        problem = names.path_segment(name)[0]
        raise status.bad_request(f"Name parameter invalid: {quote(name)}: {problem}")


def _addresses(rest: Rest, request: Request) -> bool:
    """Whether the path's shape fits the resource's scope; the old /watch/ paths serve what can be watched."""
    info = request.info
    if "//" in request.path.rstrip("/"):
        return False
    if rest.info.resource == "namespaces" and not rest.info.group:
        namespaced_path = False
    else:
        namespaced_path = bool(info.namespace)
    if namespaced_path and not rest.info.namespaced:
        return False
    named = len(info.parts) > 1
    if rest.info.namespaced and named and not namespaced_path:
        return False
    if info.verb_in_path:
        return info.verb == "watch" and "watch" in rest.info.verbs and not info.subresource
    if named and not info.subresource and not rest.info.named_verbs:
        return False
    return len(info.parts) <= 2 or bool(info.subresource)


def _check_route(request: Request) -> None:
    """What upstream's router asks of the headers, before a handler sees them. Custom kinds have no routes."""
    if not responding.has_protobuf(request):
        return
    verb = request.info.verb
    if verb == "patch":
        negotiation.check_route_body(request.header(b"content-type"), tuple(PATCH_TYPES))
    types = negotiation.WITH_WATCH_TYPES if verb in ("list", "watch") else negotiation.MEDIA_TYPES
    negotiation.check_route(request.header(b"accept"), types)


def _collection_rule(rest: Rest, request: Request) -> bool:
    """Whether the method fits a collection or an object: no POST to an object, no PUT to a collection."""
    info = request.info
    named = len(info.parts) > 1
    if info.verb_in_path:
        return request.method == "GET"
    if info.verb in ("create", "list", "watch", "deletecollection"):
        if named:
            return False
        everywhere = rest.info.namespaced and not info.namespace
        return not (everywhere and info.verb in ("create", "deletecollection"))
    return named


def _patch_type(request: Request) -> PatchType:
    content_type = request.header(b"content-type").split(";", 1)[0]
    patch_type = PATCH_TYPES.get(content_type)
    if patch_type is None:
        accepted = negotiation.UNKNOWN_BODY + ", ".join(PATCH_TYPES)
        raise status.unsupported_media_type(accepted)
    return patch_type


def _agent_manager(request: Request) -> str:
    """The field manager of a request that names none: the User-Agent up to its first slash."""
    agent = request.header(b"user-agent").split("/", 1)[0]
    return "".join(c for c in agent if c.isprintable())[:128] or "unknown"


def _apply_options(ctx: Context, chosen: options.WriteOptions) -> None:
    ctx.dry_run = chosen.dry_run
    if chosen.field_manager:
        ctx.field_manager = chosen.field_manager


def _gone(answer: Answer) -> bool:
    return answer.obj.get("kind") == "Status" or "deletionTimestamp" not in answer.obj["metadata"]


async def _read(request: Request) -> tuple[bytes, str]:
    media_type = negotiation.body_media_type(request.header(b"content-type"))
    return await request.body(), media_type


async def _read_patch(request: Request) -> bytes:
    data = await request.body()
    if request.audit is not None:
        request.audit.request_patch(data)
    return data


def _note_body(request: Request, obj: Object) -> None:
    """Audit events tell the body as it was decoded, before admission changes it."""
    if request.audit is not None:
        request.audit.request_object(obj)


def decode_body(
    data: bytes, media_type: str, rest: Rest | Subresource, ctx: Context, validation: str
) -> Object:
    """A request body as an object of the endpoint's kind, defaulted. 400 with upstream's texts otherwise."""
    if media_type == negotiation.PROTOBUF:
        raw, problems = protobufbody.decode_body(data, rest.kind), list[str]()
    else:
        raw, problems = body.decode_body(data, media_type, rest.kind)
    obj, unknown = body.conform(raw, rest.typed, rest.kind)
    problems = body.merge_problems(problems, unknown)
    if problems and validation == "Strict":
        raise body.strict_error(raw, rest.kind, problems)
    if validation != "Ignore":
        for problem in problems:
            ctx.warn(problem)
    return obj


async def _delete_options(request: Request) -> options.DeleteOptions:
    data = await request.body()
    if not data:
        return options.delete_options_from_query(request.query)
    media_type = negotiation.body_media_type(request.header(b"content-type"))
    if media_type == negotiation.PROTOBUF:
        raw = protobufbody.decode_delete_options(data)
    else:
        raw = body.decode_delete_options(data, media_type)
    _note_body(request, {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1", **raw})
    return options.delete_options(raw)
