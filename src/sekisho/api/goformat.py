"""Go's spellings, which upstream's messages carry: quoted strings, compact JSON, lists, error aggregates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

_SHORT = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def quote(text: str) -> str:
    """Go's `%q` (strconv.Quote): double quotes, backslash escapes for what does not print."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    out = ['"']
    for c in text:
        if c in '"\\':
            out.append("\\" + c)
        elif c in _SHORT:
            out.append(_SHORT[c])
        elif c.isprintable():
            out.append(c)
        elif ord(c) < 0x80:
            out.append(f"\\x{ord(c):02x}")
        elif ord(c) < 0x10000:
            out.append(f"\\u{ord(c):04x}")
        else:
            out.append(f"\\U{ord(c):08x}")
    out.append('"')
    return "".join(out)


def quote_list(items: Iterable[str]) -> str:
    """Go's `%q` of a string slice: `["a" "b"]`."""
    return "[" + " ".join(map(quote, items)) + "]"


def compact_json(value: Any) -> str:
    """encoding/json's compact form: sorted map keys are the caller's affair, `<>&` escaped."""
    return html_escape(orjson.dumps(value)).decode()


def html_escape(data: bytes) -> bytes:
    """encoding/json's default escaping of characters that a browser could misread. `data` is JSON text:
    the three characters and the two separators occur in it inside strings only."""
    if b"<" in data:
        data = data.replace(b"<", b"\\u003c")
    if b">" in data:
        data = data.replace(b">", b"\\u003e")
    if b"&" in data:
        data = data.replace(b"&", b"\\u0026")
    if b"\xe2\x80" in data:
        data = data.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
    return data


def aggregate(messages: Iterable[str]) -> str:
    """utilerrors.Aggregate: one message is itself, several are `[a, b]`, repeated texts are shown once."""
    unique = list(dict.fromkeys(messages))
    return unique[0] if len(unique) == 1 else "[" + ", ".join(unique) + "]"
