"""Base64 as Go's StdEncoding reads it: line breaks anywhere, padding demanded, and the place of a mistake
told."""

from __future__ import annotations

import binascii

_ALPHABET = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_BREAKS = b"\r\n"


class CorruptInputError(ValueError):
    """Go's base64.CorruptInputError. `offset` counts the bytes of the UTF-8 text."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"illegal base64 data at input byte {offset}")
        self.offset = offset


def decode_base64(text: str) -> bytes:
    """The bytes a text stands for. Raises CorruptInputError."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        data = text.encode("utf-8", "surrogatepass")
        _check(data)
        return binascii.a2b_base64(data.translate(None, _BREAKS))


def encode_base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def _check(data: bytes) -> None:
    """Walk in groups of four as Go does, and raise where it would stop."""
    at = 0
    while at < len(data):
        at = _check_group(data, at)


def _check_group(data: bytes, at: int) -> int:
    end = len(data)
    taken = 0
    while taken < 4:
        if at == end:
            if taken == 0:
                return at
            raise CorruptInputError(at - taken)
        char = data[at]
        at += 1
        if char in _ALPHABET:
            taken += 1
        elif char not in _BREAKS:
            if char != ord("=") or taken < 2:
                raise CorruptInputError(at - 1)
            return _check_padding(data, at, taken)
    return at


def _check_padding(data: bytes, at: int, taken: int) -> int:
    """The first `=` is read; after two characters a second one must follow, and then nothing."""
    if taken == 2:
        at = _skip_breaks(data, at)
        if at == len(data):
            raise CorruptInputError(at)
        if data[at] != ord("="):
            raise CorruptInputError(at - 1)
        at += 1
    at = _skip_breaks(data, at)
    if at < len(data):
        raise CorruptInputError(at)
    return at


def _skip_breaks(data: bytes, at: int) -> int:
    while at < len(data) and data[at] in _BREAKS:
        at += 1
    return at
