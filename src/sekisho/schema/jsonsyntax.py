"""What is wrong with a JSON text, in the words of Go's encoding/json.

Only texts that the quick parser refused come here. The scanner takes tokens by regular expression and keeps
its own stack, so neither length nor depth of a hostile body hurts; it builds no values.
"""

from __future__ import annotations

import re

from sekisho.api.goformat import quote

MAX_DEPTH = 10000
END = "unexpected end of JSON input"

_SPACE = re.compile(rb"[ \t\r\n]*")
_STRING = re.compile(
    rb'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+"',
)
_STRING_START = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*+')
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}
_HEX = frozenset(b"0123456789abcdefABCDEF")
_DIGITS = frozenset(b"0123456789")


class _Wrong(Exception):
    """The message is the finding."""


def syntax_error(data: bytes, max_depth: int = MAX_DEPTH) -> str | None:
    """Go's message about the first mistake in the text, or None when it is JSON."""
    try:
        _scan(data, max_depth)
    except _Wrong as wrong:
        return str(wrong)
    return None


def _scan(data: bytes, max_depth: int) -> None:
    stack = bytearray()
    at = _value(data, 0, stack, max_depth)
    while stack:
        at = _space(data, at)
        char = _char(data, at)
        if stack[-1] == ord("{"):
            if char == ord(","):
                at = _key(data, _space(data, at + 1))
                at = _value(data, at, stack, max_depth)
            elif char == ord("}"):
                stack.pop()
                at += 1
            else:
                raise _unexpected(char, "after object key:value pair")
        elif char == ord(","):
            at = _value(data, at + 1, stack, max_depth)
        elif char == ord("]"):
            stack.pop()
            at += 1
        else:
            raise _unexpected(char, "after array element")
    at = _space(data, at)
    if at < len(data):
        raise _unexpected(data[at], "after top-level value")


def _value(data: bytes, at: int, stack: bytearray, max_depth: int) -> int:
    """Read up to the end of a scalar or of an empty container, or into the first scalar of a container."""
    while True:
        at = _space(data, at)
        char = _char(data, at)
        if char not in b"{[":
            return _scalar(data, at, char)
        if len(stack) >= max_depth:
            raise _unexpected(char, "exceeded max depth")
        at = _space(data, at + 1)
        closing = _char(data, at)
        if closing == char + 2:
            return at + 1
        stack.append(char)
        if char == ord("{"):
            at = _key(data, at)


def _key(data: bytes, at: int) -> int:
    """Read a key and its colon."""
    char = _char(data, at)
    if char != ord('"'):
        raise _unexpected(char, "looking for beginning of object key string")
    at = _space(data, _string(data, at))
    char = _char(data, at)
    if char != ord(":"):
        raise _unexpected(char, "after object key")
    return at + 1


def _scalar(data: bytes, at: int, char: int) -> int:
    if char == ord('"'):
        return _string(data, at)
    if char in _WORDS:
        return _word(data, at, _WORDS[char])
    if char == ord("-") or char in _DIGITS:
        return _number(data, at)
    raise _unexpected(char, "looking for beginning of value")


def _string(data: bytes, at: int) -> int:
    match = _STRING.match(data, at)
    if match is not None:
        return match.end()
    start = _STRING_START.match(data, at)
    at = start.end() if start is not None else at + 1
    char = _char(data, at)
    if char != ord("\\"):
        raise _unexpected(char, "in string literal")
    char = _char(data, at + 1)
    if char != ord("u"):
        raise _unexpected(char, "in string escape code")
    at += 2
    while _char(data, at) in _HEX:
        at += 1
    raise _unexpected(data[at], "in \\u hexadecimal character escape")


def _word(data: bytes, at: int, word: bytes) -> int:
    for offset in range(1, len(word)):
        char = _char(data, at + offset)
        if char != word[offset]:
            raise _unexpected(char, f"in literal {word.decode()} (expecting '{chr(word[offset])}')")
    return at + len(word)


def _number(data: bytes, at: int) -> int:
    match = _NUMBER.match(data, at)
    if match is None:
        raise _unexpected(_char(data, at + 1), "in numeric literal")
    at = match.end()
    text = match.group()
    after = data[at : at + 1]
    exponent = b"e" in text or b"E" in text
    if after == b"." and b"." not in text and not exponent:
        raise _unexpected(_char(data, at + 1), "after decimal point in numeric literal")
    if after in (b"e", b"E") and not exponent:
        at += 1
        if _char(data, at) in b"+-":
            at += 1
        raise _unexpected(_char(data, at), "in exponent of numeric literal")
    return at


def _space(data: bytes, at: int) -> int:
    match = _SPACE.match(data, at)
    return match.end() if match is not None else at


def _char(data: bytes, at: int) -> int:
    if at >= len(data):
        raise _Wrong(END)
    return data[at]


def _unexpected(char: int, where: str) -> _Wrong:
    shown = {ord("'"): r"\'", ord('"'): '"'}.get(char) or quote(chr(char))[1:-1]
    return _Wrong(f"invalid character '{shown}' {where}")
