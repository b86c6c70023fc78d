"""Leaves audit events of each request that the policy asks for, stage by stage, as kube-apiserver does.

Two filters: one inside authentication for those who were let in, one outside for requests that were refused
before anybody knew whose they were.
"""

from __future__ import annotations

import asyncio

from sekisho.api import status
from sekisho.api.status import StatusError
from sekisho.api.types import Attributes, UserInfo
from sekisho.server import negotiation
from sekisho.server.app import Filter
from sekisho.server.audit.auditor import Auditor
from sekisho.server.audit.event import AuditedRequest
from sekisho.server.filters.authentication import peer_chain
from sekisho.server.filters.authorization import attributes_of
from sekisho.server.request import ClientDisconnected, Handler, Request, Response

RECEIVED, STARTED, COMPLETE, PANIC = "RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"
UNAUTHORIZED, GONE, TIMED_OUT, FAULT = 401, 499, 504, 500


def audit(auditor: Auditor) -> Filter:
    """For requests whose user is known; the user that counts is the one who was authenticated."""

    def wrap(handler: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            audited = auditor.begin(request, attributes_of(request), request.user)
            if audited is None:
                return await handler(request)
            if not await auditor.emit(audited, RECEIVED):
                raise status.internal_error("failed to store audit event")
            request.audit = audited
            try:
                response = await handler(request)
            except BaseException as error:
                await _failed(auditor, audited, request, error)
                raise
            await _answered(auditor, audited, request, response)
            return response

        return handle

    return wrap


async def _answered(auditor: Auditor, audited: AuditedRequest, request: Request, response: Response) -> None:
    _note_impersonation(audited, request)
    audited.status(response.code)
    if request.info.long_running:
        await auditor.emit(audited, STARTED)
    if response.stream is None:
        await auditor.emit(audited, COMPLETE)
    else:
        response.on_end(lambda: auditor.emit_later(audited, COMPLETE))


async def _failed(auditor: Auditor, audited: AuditedRequest, request: Request, error: BaseException) -> None:
    _note_impersonation(audited, request)
    if isinstance(error, StatusError):
        _note_status(audited, request, error)
        if request.info.long_running:
            await auditor.emit(audited, STARTED)
    elif isinstance(error, asyncio.CancelledError):
        audited.status(TIMED_OUT)
    elif isinstance(error, ClientDisconnected):
        audited.status(GONE)
    else:
        audited.status(FAULT, status="Failure", message=f"APIServer panic'd: {error}", reason="InternalError")
        await auditor.emit(audited, PANIC)
        return
    await auditor.emit(audited, COMPLETE)


def _note_status(audited: AuditedRequest, request: Request, error: StatusError) -> None:
    """A Status that is sent in another form than was asked for is not told, as upstream's is not."""
    if servable(request):
        audited.response_object(error.to_object())
    audited.status(error.code)


def _note_impersonation(audited: AuditedRequest, request: Request) -> None:
    passage = request.passage
    if passage is not None and passage.impersonator is not None:
        audited.impersonated(passage.user, passage.constraint)


def servable(request: Request) -> bool:
    """Whether the error can be sent in a form that the client accepts."""
    try:
        negotiation.negotiate(request.header(b"accept"), frozenset())
    except StatusError:
        return False
    return True


def audit_unknown(auditor: Auditor) -> Filter:
    """For requests that were refused before their user was known: one event, without user and annotations."""

    def wrap(handler: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            headers = request.headers
            try:
                response = await handler(request)
            except StatusError as error:
                if not hasattr(request, "user"):
                    await _refused(auditor, request, error, headers)
                raise
            if not hasattr(request, "user") and response.code == UNAUTHORIZED:
                await _refused(auditor, request, status.unauthorized(), headers)
            return response

        return handle

    return wrap


async def _refused(
    auditor: Auditor, request: Request, error: StatusError, headers: list[tuple[bytes, bytes]]
) -> None:
    audited = auditor.begin(request, _attributes(request), None)
    if audited is None:
        return
    audited.without_annotations()
    if error.code == UNAUTHORIZED:
        methods = attempted(request, headers)
        text = f"attempted: {methods}" if methods else "no credentials provided"
        audited.status(UNAUTHORIZED, message=f"Authentication failed, {text}")
    _note_status(audited, request, error)
    await auditor.emit(audited, STARTED)


def _attributes(request: Request) -> Attributes:
    request_user = UserInfo("")
    info = request.info
    return Attributes(
        user=request_user,
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


def attempted(request: Request, headers: list[tuple[bytes, bytes]]) -> str:
    """Which sorts of credential a request carried, in upstream's words and order."""
    found = []
    value = next((v for k, v in headers if k == b"authorization"), b"").strip()
    scheme = value.split(b" ", 1)[0].lower() if b" " in value else b""
    if scheme in (b"basic", b"bearer"):
        found.append(scheme.decode())
    if request.query_string and any(v.strip() for v in request.query.get("access_token", ())):
        found.append("access_token")
    if peer_chain(request):
        found.append("x509")
    return ", ".join(found)
