"""PEM blocks as Go's encoding/pem reads them: text around blocks and malformed blocks are skipped."""

from __future__ import annotations

import base64
import binascii
import re
from typing import NamedTuple

_BLOCK = re.compile(
    rb"(?:\A|(?<=\n))-----BEGIN ([^\n]*?)-----[ \t\r]*\n(.*?)-----END \1-----[ \t\r]*(?=\n|\Z)", re.DOTALL
)
_HEADER = re.compile(rb"[ \t]*([^:\n]*?)[ \t]*:[ \t]*([^\n]*?)[ \t\r]*\n")


class Block(NamedTuple):
    """`type` is the label (`CERTIFICATE`), `data` the decoded DER."""

    type: str
    headers: dict[str, str]
    data: bytes


def _parse_body(body: bytes) -> tuple[dict[str, str], bytes] | None:
    headers: dict[str, str] = {}
    position = 0
    while header := _HEADER.match(body, position):
        headers[header[1].decode("utf-8", "replace")] = header[2].decode("utf-8", "replace")
        position = header.end()
    text = b"".join(body[position:].split())
    try:
        return headers, base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def blocks(text: bytes) -> list[Block]:
    """All well-formed blocks in order."""
    out = []
    for match in _BLOCK.finditer(text):
        parsed = _parse_body(match[2])
        if parsed is not None:
            out.append(Block(match[1].decode("utf-8", "replace"), *parsed))
    return out


def first(text: bytes) -> Block | None:
    """The first well-formed block, as pem.Decode returns it."""
    found = blocks(text)
    return found[0] if found else None


def rest_after_blocks(text: bytes) -> bytes:
    """What follows the last block: pem.Decode's final rest."""
    end = 0
    for match in _BLOCK.finditer(text):
        end = match.end()
    return text[end:].lstrip(b"\r\n") if end else text


def encode(label: str, data: bytes) -> bytes:
    """One block with 64-character lines and a final newline."""
    body = base64.b64encode(data)
    lines = [body[i : i + 64] for i in range(0, len(body), 64)]
    head, tail = f"-----BEGIN {label}-----".encode(), f"-----END {label}-----".encode()
    return b"\n".join([head, *lines, tail, b""])
