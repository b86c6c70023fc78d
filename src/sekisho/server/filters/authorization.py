"""May they: asks the authorizer about each request, before anything else is known about its target."""

from __future__ import annotations

from sekisho.api import fields, labels, status
from sekisho.api.types import Attributes, Authorizer, Requirement
from sekisho.authz import softmode
from sekisho.registry.options import first
from sekisho.server import responding
from sekisho.server.app import Filter
from sekisho.server.request import Handler, Request, Response, text

SELECTING_VERBS = frozenset(("list", "watch", "deletecollection"))


def authorization(authorizer: Authorizer) -> Filter:
    def wrap(handler: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            attributes = attributes_of(request)
            verdict = await authorizer.authorize(attributes)
            if request.passage is not None:
                request.passage.authorized(attributes, verdict)
            if verdict.allowed:
                if warning := softmode.warning(attributes, verdict):
                    request.warn(warning)
                request.annotations["authorization.k8s.io/decision"] = "allow"
                request.annotations["authorization.k8s.io/reason"] = verdict.reason
                return await handler(request)
            if verdict.error:
                request.annotations["authorization.k8s.io/reason"] = "internal error"
                uri = status.html_text(request.path)
                return text(500, f'Internal Server Error: "{uri}": {status.html_text(verdict.error)}\n')
            request.annotations["authorization.k8s.io/decision"] = "forbid"
            request.annotations["authorization.k8s.io/reason"] = verdict.reason
            error = status.authorization_forbidden(attributes, verdict.reason)
            response = responding.respond_error(request, error)
            response.headers.append((b"x-content-type-options", b"nosniff"))
            return response

        return handle

    return wrap


def attributes_of(request: Request) -> Attributes:
    """What the authorizer is asked about a request. Selectors only go with collections, not with old watches."""
    info = request.info
    attributes = Attributes(
        user=request.user,
        verb=info.verb,
        namespace=info.namespace,
        api_group=info.group,
        api_version=info.version,
        resource=info.resource,
        subresource=info.subresource,
        name=info.name,
        resource_request=info.resource_request,
        path=info.path,
    )
    if request.query_string and info.verb in SELECTING_VERBS and not info.verb_in_path:
        _add_selectors(attributes, request)
    return attributes


def _add_selectors(attributes: Attributes, request: Request) -> None:
    text = first(request.query, "fieldSelector")
    if text:
        try:
            terms = fields.parse_field_selector(text).terms
            attributes.field_selector = tuple(Requirement(*t) for t in terms)
        except ValueError as error:
            attributes.field_selector_error = str(error)
    text = first(request.query, "labelSelector")
    if text:
        try:
            attributes.label_selector = tuple(labels.parse_selector(text).requirements)
        except ValueError as error:
            attributes.label_selector_error = str(error)
