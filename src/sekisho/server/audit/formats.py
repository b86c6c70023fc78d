"""The forms of lines in an audit log: JSON, and the one-line text of old."""

from __future__ import annotations

from collections.abc import Sequence

from sekisho.api.goformat import quote
from sekisho.api.types import Object
from sekisho.server.audit.backend import Record


def json_line(found: Record) -> bytes:
    return found.data + b"\n"


def legacy_line(found: Record) -> bytes:
    """`<time> AUDIT: id="..." stage="..." ip="..." ...`, upstream's `--audit-log-format=legacy`."""
    event = found.event
    user: Object = event["user"]
    impersonated: Object | None = event.get("impersonatedUser")
    named = bool(user.get("username"))
    parts = {
        "id": quote(event["auditID"]),
        "stage": quote(event["stage"]),
        "ip": quote((event.get("sourceIPs") or ["<unknown>"])[0]),
        "method": quote(event["verb"]),
        "user": quote(user["username"] if named else "<none>"),
        "groups": _groups(user.get("groups") if named else None, "<none>"),
        "as": quote("<self>" if impersonated is None else impersonated.get("username", "")),
        "asgroups": _groups((impersonated or {}).get("groups"), "<lookup>"),
        "user-agent": quote(event.get("userAgent", "")),
        "namespace": quote(event.get("objectRef", {}).get("namespace") or "<none>"),
        "uri": quote(event["requestURI"]),
        "response": quote(_code(event)),
    }
    text = " ".join(f"{key}={value}" for key, value in parts.items())
    return f"{event['requestReceivedTimestamp']} AUDIT: {text}\n".encode("utf-8", "replace")


def _code(event: Object) -> str:
    status = event.get("responseStatus")
    return "<deferred>" if status is None else str(status.get("code", 0))


def _groups(groups: Sequence[str] | None, otherwise: str) -> str:
    return ",".join(map(quote, groups)) if groups else otherwise
