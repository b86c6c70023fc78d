"""Requests for handlers that are called without the chain around them."""

from __future__ import annotations

from sekisho.server.request import Request, Scope


def get(target: str, method: str = "GET", **headers: str) -> Request:
    """A request without a body; header names are written with underscores."""
    path, _, query = target.partition("?")
    scope: Scope = {
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()],
    }
    return Request(scope, _no_body)


async def _no_body() -> dict[str, object]:
    return {"type": "http.request", "body": b"", "more_body": False}
