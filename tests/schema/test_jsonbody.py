"""JSON texts: Go's messages for broken ones, repeated keys, numbers as written, bytes that are no UTF-8."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.schema.jsonbody import BodyError, load, parse_json
from sekisho.schema.jsonsyntax import syntax_error
from sekisho.schema.jsonvalue import Literal, RepeatedKeys, go_number, number_text

END = "unexpected end of JSON input"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", END),
        (b"{", END),
        (b'{"a":[1', END),
        (b'"abc', END),
        (b"tru", END),
        (b"1.", END),
        (b"hello", "invalid character 'h' looking for beginning of value"),
        (b'{"a":}', "invalid character '}' looking for beginning of value"),
        (b"[1,]", "invalid character ']' looking for beginning of value"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b"{'a':1}", r"invalid character '\'' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b'{"a":1} {"b"', "invalid character '{' after top-level value"),
        (b"01", "invalid character '1' after top-level value"),
        (b'["a\nb"]', r"invalid character '\n' in string literal"),
        (b'"a\\x"', "invalid character 'x' in string escape code"),
        (b'"\\u12g4"', r"invalid character 'g' in \u hexadecimal character escape"),
        (b"-x", "invalid character 'x' in numeric literal"),
        (b"1.x", "invalid character 'x' after decimal point in numeric literal"),
        (b"1e+x", "invalid character 'x' in exponent of numeric literal"),
        (b"trux", "invalid character 'x' in literal true (expecting 'e')"),
        (b"nUll", "invalid character 'U' in literal null (expecting 'u')"),
        (b"NaN", "invalid character 'N' looking for beginning of value"),
        (b"\xc3\xa9", "invalid character '\u00c3' looking for beginning of value"),
        (b"[" * 20000, "invalid character '[' exceeded max depth"),
        (b'{"a":' * 20000, "invalid character '{' exceeded max depth"),
        (b"[" * 300 + b"]" * 300, "invalid character '[' exceeded max depth"),
    ],
)
def test_broken_texts(text: bytes, message: str) -> None:
    with pytest.raises(BodyError) as caught:
        load(text)
    assert str(caught.value) == message


def test_go_reads_deeper_than_we_do() -> None:
    assert syntax_error(b"[" * 10000 + b"]" * 10000) is None
    assert syntax_error(b"[" * 10001) == "invalid character '[' exceeded max depth"


def test_repeated_keys() -> None:
    text = b'{"a":{"b":1,"b":2},"l":[{"x":1,"x":1,"x":1}],"a.b":1,"l":[]}'
    value, duplicates = parse_json(text)
    assert value == {"a": {"b": 2}, "l": [], "a.b": 1}
    assert duplicates == ['duplicate field "a.b"', 'duplicate field "l[0].x"', 'duplicate field "l"']
    assert type(value["a"]) is dict


def test_load_keeps_all_pairs() -> None:
    value = load(b' {"k":"1", "k":"2"}\n')
    assert isinstance(value, RepeatedKeys)
    assert value.pairs == [("k", "1"), ("k", "2")]
    assert value == {"k": "2"}


def test_numbers_keep_their_spelling() -> None:
    value = load(b"[2.0, 1E3, 12345678901234567890, 5, -0]")
    assert [number_text(v) for v in value] == ["2.0", "1E3", "12345678901234567890", "5", "0"]
    assert parse_json(b'{"a": [2.0, 1e2, 1.5, 18446744073709551615]}')[0] == {
        "a": [2, 100, 1.5, 18446744073709552000]
    }


def test_what_only_go_takes() -> None:
    assert load(b'{"a":"\xff\xe2\x82"}') == {"a": "\ufffd\ufffd\ufffd"}
    assert load(rb'{"a":"\ud800x","\udc00":"\ud83d\ude00"}') == {"a": "\ufffdx", "\ufffd": "\U0001f600"}


def test_values_that_look_like_something_else() -> None:
    text = b'{"image": "nginx:1.25", "time": "2026-01-02T03:04:05.000000Z", "n": [1, 2.5]}'
    value = load(text)
    assert value == json.loads(text)
    assert isinstance(value["n"][1], Literal)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1"),
        (-1.5e20, "-150000000000000000000"),
        (1.2345678901234568e20, "123456789012345680000"),
        (1e21, "1e+21"),
        (1e-6, "0.000001"),
        (-2.5e-7, "-2.5e-7"),
        (5e-324, "5e-324"),
        (7, "7"),
    ],
)
def test_go_number(number: float, text: str) -> None:
    assert go_number(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_go_numbers_read_back(number: float) -> None:
    assert float(go_number(number)) == number


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(-1e15, 1e15)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.sampled_from([None, 1]), st.booleans())
def test_agrees_with_the_standard_parser(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    parsed, duplicates = parse_json(text)
    assert duplicates == []
    assert parsed == value
    assert syntax_error(text) is None


@given(st.lists(st.sampled_from([*'{}[],:"\\ 019.e-tn', "true", "null", '"a"']), max_size=12).map("".join))
def test_accepts_what_the_standard_parser_accepts(text: str) -> None:
    try:
        json.loads(text, parse_constant=lambda _: math.nan)
        valid = "NaN" not in text
    except ValueError:
        valid = False
    assert (syntax_error(text.encode()) is None) == valid


@given(st.binary(max_size=20))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(BodyError):
        parse_json(data)
