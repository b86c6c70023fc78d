"""One request's audit event: what is known of it, stage by stage, in upstream's layout.

Follows k8s.io/apiserver/pkg/audit and its v1 types. Objects are encoded when they are handed over, because
those of the request are changed by admission afterwards; they are spliced into the event as they are.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

import orjson

from sekisho.api.encoding import encode
from sekisho.api.time import format_micro_time
from sekisho.api.types import Attributes, Object, UserInfo
from sekisho.explain.passages import without_secrets
from sekisho.server.audit.policy import API_VERSION, LEVEL_NAMES, Level, Ruling
from sekisho.server.request import Request

MAX_USER_AGENT = 1024
TRUNCATED = "...TRUNCATED"
SLOW = 0.5
"""Seconds from which on an event says how long its request took."""
LATENCY = "apiserver.latency.k8s.io/total"

_STATUS_FIELDS = ("status", "message", "reason", "details", "code")


class AuditedRequest:
    """What becomes the events of one request. `user` is who was authenticated, None when nobody was."""

    __slots__ = (
        "_addresses",
        "_agent",
        "_annotations",
        "_audit_id",
        "_constraint",
        "_head",
        "_impersonated",
        "_received",
        "_ref",
        "_request_object",
        "_response_object",
        "_response_status",
        "ruling",
    )

    def __init__(
        self, request: Request, attributes: Attributes, user: UserInfo | None, ruling: Ruling
    ) -> None:
        self.ruling = ruling
        self._received = request.received
        self._audit_id = request.audit_id
        self._head: Object = {
            "requestURI": request_uri(request),
            "verb": attributes.verb,
            "user": user.to_object() if user is not None else {},
        }
        self._addresses = source_ips(request)
        self._agent = _cut(request.header(b"user-agent"))
        self._impersonated: UserInfo | None = None
        self._constraint = ""
        self._ref = _object_ref(attributes) if attributes.resource_request else None
        self._request_object: bytes | None = None
        self._response_object: bytes | None = None
        self._response_status: Object | None = None
        self._annotations: Mapping[str, str] = request.annotations

    def impersonated(self, user: UserInfo, constraint: str) -> None:
        self._impersonated = user
        self._constraint = constraint

    def without_annotations(self) -> None:
        """For requests of nobody: upstream's events of these carry none."""
        self._annotations = {}

    def request_object(self, obj: Object) -> None:
        """The decoded body, before admission. It also names what the path does not."""
        metadata = obj.get("metadata")
        if self._ref is not None and isinstance(metadata, dict):
            for field, key in (("namespace", "namespace"), ("name", "name"), ("uid", "uid")):
                if metadata.get(key) and not self._ref.get(field):
                    self._ref[field] = metadata[key]
            if metadata.get("resourceVersion"):
                self._ref["resourceVersion"] = metadata["resourceVersion"]
        if self.ruling.level >= Level.REQUEST:
            self._request_object = self._encoded(obj)

    def request_patch(self, data: bytes) -> None:
        """The patch as it was sent; what is no JSON is kept as a string of it."""
        if self.ruling.level < Level.REQUEST:
            return
        try:
            self._request_object = encode(orjson.loads(data))
        except orjson.JSONDecodeError:
            self._request_object = encode(data.decode("utf-8", "replace"))

    def response_object(self, obj: Object) -> None:
        """What the request is answered with. Of a Status, the event's status tells the bounded fields."""
        if obj.get("kind") == "Status" and obj.get("apiVersion") == "v1":
            self._response_status = {k: obj[k] for k in _STATUS_FIELDS if k in obj}
        if self.wants_response:
            self._response_object = self._encoded(obj)

    @property
    def wants_response(self) -> bool:
        """Whether `response_object` keeps the whole object."""
        return self.ruling.level >= Level.REQUEST_RESPONSE

    def status(self, code: int, **fields: str) -> None:
        """How it was answered; `fields` (`status`, `message`, `reason`) where no Status says them."""
        self._response_status = {**(self._response_status or {}), **fields, "code": code}

    def at(self, stage: str, now: float) -> Object:
        """The event of a stage, its fields in upstream's order."""
        out: Object = {
            "kind": "Event",
            "apiVersion": API_VERSION,
            "level": LEVEL_NAMES[self.ruling.level],
            "auditID": self._audit_id,
            "stage": stage,
            **self._head,
        }
        if self._impersonated is not None:
            out["impersonatedUser"] = self._impersonated.to_object()
            if self._constraint:
                out["authenticationMetadata"] = {"impersonationConstraint": self._constraint}
        if self._addresses:
            out["sourceIPs"] = self._addresses
        if self._agent:
            out["userAgent"] = self._agent
        if self._ref is not None:
            out["objectRef"] = {k: self._ref[k] for k in _REF_ORDER if self._ref.get(k)}
        if self._response_status is not None:
            out["responseStatus"] = {"metadata": {}, **self._response_status}
        if self._request_object is not None:
            out["requestObject"] = orjson.Fragment(self._request_object)
        if self._response_object is not None:
            out["responseObject"] = orjson.Fragment(self._response_object)
        out["requestReceivedTimestamp"] = format_micro_time(self._received)
        out["stageTimestamp"] = format_micro_time(now)
        annotations = dict(self._annotations)
        if stage == "ResponseComplete" and now - self._received > SLOW:
            annotations.setdefault(LATENCY, f"{now - self._received:.6f}s")
        if annotations:
            out["annotations"] = dict(sorted(annotations.items()))
        return out

    def _encoded(self, obj: Object) -> bytes:
        return encode(_without_managed_fields(obj) if self.ruling.omit_managed_fields else obj)


_REF_ORDER = (
    "resource",
    "namespace",
    "name",
    "uid",
    "apiGroup",
    "apiVersion",
    "resourceVersion",
    "subresource",
)


def _cut(agent: str) -> str:
    return agent[:MAX_USER_AGENT] + TRUNCATED if len(agent) > MAX_USER_AGENT else agent


def _object_ref(a: Attributes) -> Object:
    return {
        "resource": a.resource,
        "namespace": a.namespace,
        "name": a.name,
        "apiGroup": a.api_group,
        "apiVersion": a.api_version,
        "subresource": a.subresource,
    }


def _without_managed_fields(obj: Object) -> Object:
    """The object, or each of a list's items, without metadata.managedFields. The input stays as it is."""
    metadata = obj.get("metadata")
    if isinstance(metadata, dict) and "managedFields" in metadata:
        obj = {**obj, "metadata": {k: v for k, v in metadata.items() if k != "managedFields"}}
    items: Any = obj.get("items")
    if isinstance(items, list):
        obj = {**obj, "items": [_without_managed_fields(i) if isinstance(i, dict) else i for i in items]}
    return obj


def request_uri(request: Request) -> str:
    """Path and query as they were sent, without the values of parameters that carry credentials."""
    raw: bytes = request.scope.get("raw_path") or request.path.encode()
    path = raw.split(b"?", 1)[0].decode("latin-1")
    query = without_secrets(request.query_string)
    return f"{path}?{query}" if query else path


def source_ips(request: Request) -> list[str]:
    """Where a request came from: what proxies say, then the peer, as upstream's SourceIPs."""
    found = [_address(part) for part in request.header(b"x-forwarded-for").split(",")]
    addresses = [address for address in found if address]
    real = _address(request.header(b"x-real-ip"))
    if real and real not in addresses:
        addresses.append(real)
    client = request.scope.get("client")
    peer = _address(client[0]) if client else ""
    if peer and (not addresses or addresses[-1] != peer):
        addresses.append(peer)
    return addresses


def _address(text: str) -> str:
    """An IP address in its usual form, empty when it is none."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)
