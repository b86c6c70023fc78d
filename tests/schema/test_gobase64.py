"""Base64 as Go reads it, and the offsets of its complaints."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.schema.gobase64 import CorruptInputError, decode_base64, encode_base64


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("%%", 0),
        ("a", 0),
        ("abc", 0),
        ("abcde", 4),
        ("ab=", 3),
        ("ab=c", 2),
        ("a===", 1),
        ("=", 0),
        ("YQ==YQ==", 4),
        ("YWI=x", 4),
        ("YQ==\n=", 5),
        ("ab-_", 2),
        ("é", 0),
        ("YWJj YWJj", 4),
    ],
)
def test_corrupt(text: str, offset: int) -> None:
    with pytest.raises(CorruptInputError) as caught:
        decode_base64(text)
    assert str(caught.value) == f"illegal base64 data at input byte {offset}"


def test_line_breaks_are_skipped() -> None:
    assert decode_base64("Y\r\nQ\n=\n=\n") == b"a"
    assert decode_base64("\n") == b""


@given(st.binary(max_size=30))
def test_round_trip(data: bytes) -> None:
    assert encode_base64(data) == base64.b64encode(data).decode()
    assert decode_base64(encode_base64(data)) == data


@given(st.text("ABab01+/=\n-é", max_size=10))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        data = decode_base64(text)
    except CorruptInputError:
        return
    assert base64.b64decode(text.replace("\n", ""), validate=True) == data
