"""The Status errors a client sees, one constructor a reason, as k8s.io/apimachinery/pkg/api/errors makes them.

Every error that reaches a client is a StatusError raised where the mistake is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sekisho.api.field import FieldError
from sekisho.api.goformat import aggregate, quote
from sekisho.api.types import Attributes, GroupResource, GroupVersionKind, Object


class StatusError(Exception):
    """A failed request: HTTP code, machine reason, message, and optional details.

    `details` None leaves the key out; an empty dict is sent as `{}`, as upstream's router errors do.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Object | None = None,
        metadata: Object | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.metadata = metadata

    @property
    def retry_after(self) -> int:
        """Seconds for the Retry-After header; 0 when there is none."""
        return int((self.details or {}).get("retryAfterSeconds", 0))

    def to_object(self) -> Object:
        out: Object = {"kind": "Status", "apiVersion": "v1", "metadata": self.metadata or {}, "status": "Failure"}
        if self.message:
            out["message"] = self.message
        if self.reason:
            out["reason"] = self.reason
        if self.details is not None:
            out["details"] = self.details
        out["code"] = self.code
        return out


def success(details: Object | None = None, code: int = 0) -> Object:
    out: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if details is not None:
        out["details"] = details
    if code:
        out["code"] = code
    return out


def _details(resource: GroupResource, name: str, **more: Any) -> Object:
    out: Object = {}
    if name:
        out["name"] = name
    if resource.group:
        out["group"] = resource.group
    if resource.resource:
        out["kind"] = resource.resource
    out.update({k: v for k, v in more.items() if v})
    return out


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def unauthorized() -> StatusError:
    return StatusError(401, "Unauthorized", "Unauthorized")


def forbidden(resource: GroupResource, name: str, text: str) -> StatusError:
    """403 as admission and storage say it: `<resource> "<name>" is forbidden: <text>`."""
    if not resource.resource:
        message = f"forbidden: {text}"
    elif name:
        message = f"{resource} {quote(name)} is forbidden: {text}"
    else:
        message = f"{resource} is forbidden: {text}"
    return StatusError(403, "Forbidden", message, _details(resource, name))


def authorization_forbidden(attributes: Attributes, reason: str) -> StatusError:
    """403 of the authorization filter. Only the generated part is HTML-escaped, as upstream does."""
    what = f"User {quote(attributes.user.name)} cannot {attributes.verb} "
    if not attributes.resource_request:
        what = html_text(f"{what}path {quote(attributes.path)}")
        return StatusError(403, "Forbidden", _because(f"forbidden: {what}", reason), {})
    resource = attributes.resource
    if attributes.subresource:
        resource += "/" + attributes.subresource
    what += f"resource {quote(resource)} in API group {quote(attributes.api_group)}"
    if attributes.namespace:
        what += f" in the namespace {quote(attributes.namespace)}"
    else:
        what += " at the cluster scope"
    coordinates = GroupResource(attributes.api_group, attributes.resource)
    named = f" {quote(attributes.name)}" if attributes.name else ""
    return StatusError(
        403,
        "Forbidden",
        _because(f"{coordinates}{named} is forbidden: {html_text(what)}", reason),
        _details(coordinates, attributes.name),
    )


def _because(message: str, reason: str) -> str:
    return f"{message}: {reason}" if reason else message


def html_text(text: str) -> str:
    """Text with `&`, `<` and `>` as HTML entities, as upstream guards what it echoes."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def not_found(resource: GroupResource, name: str) -> StatusError:
    return StatusError(404, "NotFound", f"{resource} {quote(name)} not found", _details(resource, name))


def route_not_found() -> StatusError:
    return StatusError(404, "NotFound", "the server could not find the requested resource", {})


def route_method_not_allowed() -> StatusError:
    return StatusError(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {}
    )


def method_not_supported(resource: GroupResource, verb: str) -> StatusError:
    return StatusError(
        405,
        "MethodNotAllowed",
        f"{verb} is not supported on resources of kind {quote(str(resource))}",
        _details(resource, ""),
    )


def not_acceptable(message: str) -> StatusError:
    return StatusError(406, "NotAcceptable", message)


def only_accepted(media_types: Iterable[str]) -> StatusError:
    """406 of a handler."""
    return not_acceptable(f"only the following media types are accepted: {', '.join(media_types)}")


def route_not_acceptable(media_types: Iterable[str]) -> StatusError:
    """406 of the router, before the handler is asked."""
    text = f"406: Not Acceptable\n\nAvailable representations: {', '.join(media_types)}"
    return StatusError(406, "NotAcceptable", text, {})


def route_unsupported_media_type() -> StatusError:
    return StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def unsupported_media_type(message: str) -> StatusError:
    return StatusError(415, "UnsupportedMediaType", message)


def already_exists(resource: GroupResource, name: str, prefix: str = "") -> StatusError:
    return StatusError(
        409, "AlreadyExists", f"{prefix}{resource} {quote(name)} already exists", _details(resource, name)
    )


def conflict(resource: GroupResource, name: str, why: str) -> StatusError:
    return StatusError(
        409, "Conflict", f"Operation cannot be fulfilled on {resource} {quote(name)}: {why}", _details(resource, name)
    )


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def expired(message: str, metadata: Object | None = None) -> StatusError:
    return StatusError(410, "Expired", message, metadata=metadata)


def request_entity_too_large(why: str) -> StatusError:
    return StatusError(413, "RequestEntityTooLarge", f"Request entity too large: {why}")


def invalid(kind: GroupVersionKind, name: str, errors: Sequence[FieldError]) -> StatusError:
    """422 from field errors; the message shows each text once, the causes list shows all."""
    gk = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    causes = [{"reason": e.reason, "message": e.body, "field": e.field} for e in errors]
    details: Object = {}
    if name:
        details["name"] = name
    if kind.group:
        details["group"] = kind.group
    if kind.kind:
        details["kind"] = kind.kind
    details["causes"] = causes
    return StatusError(
        422, "Invalid", f"{gk} {quote(name)} is invalid: {aggregate(str(e) for e in errors)}", details
    )


def generic_invalid() -> StatusError:
    return StatusError(422, "Invalid", "the server rejected our request due to an error in our request", {})


def too_many_requests(message: str, retry_after: int = 0, causes: list[Object] | None = None) -> StatusError:
    details: Object = {}
    if causes:
        details["causes"] = causes
    if retry_after:
        details["retryAfterSeconds"] = retry_after
    return StatusError(429, "TooManyRequests", message, details or None)


def internal_error(error: str) -> StatusError:
    return StatusError(500, "InternalError", f"Internal error occurred: {error}", {"causes": [{"message": error}]})


def plain_error(message: str) -> StatusError:
    """500 without a reason: how upstream shows an error that is no Status."""
    return StatusError(500, "", message)


def server_timeout(resource: GroupResource, operation: str, retry_after: int = 2) -> StatusError:
    return StatusError(
        500,
        "ServerTimeout",
        f"The {operation} operation against {resource} could not be completed at this time, please try again.",
        _details(resource, operation, retryAfterSeconds=retry_after),
    )


def service_unavailable(message: str, retry_after: int = 0) -> StatusError:
    return StatusError(
        503, "ServiceUnavailable", message, {"retryAfterSeconds": retry_after} if retry_after else None
    )


def timeout(message: str, details: Object | None = None) -> StatusError:
    return StatusError(504, "Timeout", f"Timeout: {message}", details if details is not None else {})


def resource_version_too_large(asked: int, current: int) -> StatusError:
    return timeout(
        f"Too large resource version: {asked}, current: {current}",
        {
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        },
    )
