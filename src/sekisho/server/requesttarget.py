"""The target of a request line, read as Go reads it: path and query, and the parameters of a query.

A bad percent escape in the path makes the request a bad one; in the query it costs that one parameter, and so
does a `;` (Go's url.ParseQuery, whose errors upstream ignores).
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_SCHEME = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/?]*")

Query = dict[str, list[str]]


class BadTarget(ValueError):
    """A target that is no URL."""


def parse_target(target: bytes) -> tuple[str, bytes, bytes]:
    """The decoded path, the path as it came, and the query. Bytes that are no UTF-8 become U+FFFD."""
    if target[:1] != b"/" and target != b"*":
        scheme = _SCHEME.match(target)
        if scheme is None:
            raise BadTarget
        target = target[scheme.end() :]
        if target[:1] != b"/":
            target = b"/" + target
    raw, _, query = target.partition(b"?")
    if b"%" not in raw:
        return raw.decode("ascii"), raw, query
    if _BAD_ESCAPE.search(raw):
        raise BadTarget
    return unquote_to_bytes(raw).decode("utf-8", "replace"), raw, query


def parse_query(query: bytes) -> Query:
    """All values by name, in their order; those that cannot be read are left out."""
    found: Query = {}
    for part in query.split(b"&"):
        if not part or b";" in part:
            continue
        if b"%" in part or b"+" in part:
            if _BAD_ESCAPE.search(part):
                continue
            key, _, value = part.replace(b"+", b" ").partition(b"=")
            name = unquote_to_bytes(key).decode("utf-8", "replace")
            text = unquote_to_bytes(value).decode("utf-8", "replace")
        else:
            key, _, value = part.partition(b"=")
            name, text = key.decode("utf-8", "replace"), value.decode("utf-8", "replace")
        found.setdefault(name, []).append(text)
    return found
