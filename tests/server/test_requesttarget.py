from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.server.requesttarget import BadTarget, parse_query, parse_target


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", {}),
        (b"a=1&b=2&a=3", {"a": ["1", "3"], "b": ["2"]}),
        (b"watch", {"watch": [""]}),
        (b"watch=", {"watch": [""]}),
        (b"=x", {"": ["x"]}),
        (b"a==b", {"a": ["=b"]}),
        (b"a%3D+b=c%20d+e", {"a= b": ["c d e"]}),
        (b"labelSelector=%zz&x=1", {"x": ["1"]}),
        (b"a=%2&b=1", {"b": ["1"]}),
        (b"a%=1&b=1", {"b": ["1"]}),
        (b"a=1;b=2&c=3", {"c": ["3"]}),
        (b"a=%3B", {"a": [";"]}),
        (b"&&a=1&", {"a": ["1"]}),
        (b"a=%C3%BC%ff\xfe", {"a": ["ü��"]}),
    ],
)
def test_queries_are_read_as_go_reads_them(query: bytes, expected: dict[str, list[str]]) -> None:
    assert parse_query(query) == expected


@given(st.binary())
def test_any_query_can_be_read(query: bytes) -> None:
    assert all(parse_query(query).values())


@given(st.binary())
def test_any_target_is_read_or_refused(target: bytes) -> None:
    with contextlib.suppress(BadTarget, UnicodeDecodeError):
        path, _, _ = parse_target(target)
        assert path == "*" or path.startswith("/")


@pytest.mark.parametrize("target", [b"", b"a", b"/%", b"/%4", b"/%g0", b"http:/x", b"://x"])
def test_bad_targets(target: bytes) -> None:
    with pytest.raises(BadTarget):
        parse_target(target)
