"""YAML texts as go-yaml v2 reads them: its words and numbers, keys that repeat, aliases, and its messages."""

from __future__ import annotations

import contextlib
import itertools
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sekisho.schema.jsonbody import BodyError
from sekisho.schema.jsonvalue import number_text
from sekisho.schema.yamlbody import go_syntax, load


def value(text: str) -> Any:
    return load(text.encode())[0]


def error(text: str | bytes) -> str:
    with pytest.raises(BodyError) as caught:
        load(text if isinstance(text, bytes) else text.encode())
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", True),
        ("Off", False),
        ("y", True),
        ("N", False),
        ("yEs", "yEs"),
        ("~", None),
        ("", None),
        ("Null", None),
        ("010", 8),
        ("08", 8),
        ("0o17", 15),
        ("0x1F", 31),
        ("-0x10", -16),
        ("0b11", 3),
        ("1_000", 1000),
        ("+5", 5),
        ("12:30:45", "12:30:45"),
        ("1.50", 1.5),
        (".5", 0.5),
        ("1e3", 1000),
        ("1e999", "1e999"),
        ("2020-01-01", "2020-01-01"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        ("+", "+"),
        (".", "."),
        ("<<", "<<"),
        ("=", "="),
        ("'yes'", "yes"),
        ('"5"', "5"),
        ("!!str 5", "5"),
        ("!!float 5", 5),
        ("!!binary aGk=", "hi"),
        ("!own x", "x"),
    ],
)
def test_scalars(text: str, expected: Any) -> None:
    got = value(f"a: {text}\n")["a"]
    assert got == expected
    assert type(got) is type(expected) or isinstance(got, float)


def test_numbers_go_through_json() -> None:
    got = value("[2.0, 1.50, 18446744073709551615, 99999999999999999999, 1e22]")
    assert [number_text(v) for v in got] == [
        "2",
        "1.5",
        "18446744073709551615",
        "100000000000000000000",
        "1e+22",
    ]
    assert type(got[0]) is int


def test_keys_become_text_and_are_sorted() -> None:
    assert list(value("on: 1\n2: b\n1.5: c\na: d\nfalse: e\n").items()) == [
        ("1.5", "c"),
        ("2", "b"),
        ("a", "d"),
        ("false", "e"),
        ("true", 1),
    ]


def test_repeated_keys_are_told_with_the_line_of_the_value() -> None:
    parsed, problems = load(b"a:\n  k: 1\n  k: 2\n'b': x\nb: z\n1: p\n1: q\n'1': r\n")
    assert parsed == {"1": "r", "a": {"k": 2}, "b": "z"}
    assert problems == [
        'line 3: key "k" already set in map',
        'line 5: key "b" already set in map',
        "line 7: key 1 already set in map",
    ]


def test_aliases_and_merges() -> None:
    assert value("a: &x [1]\nb: *x\n") == {"a": [1], "b": [1]}
    parsed, problems = load(b"d: &d {x: 1, z: 2}\nc:\n  x: 9\n  <<: *d\n  w: 3\n")
    assert parsed["c"] == {"w": 3, "x": 1, "z": 2}
    assert problems == ['line 1: key "x" already set in map']
    assert value("a: &a {p: 1}\nb: &b {p: 2, q: 2}\nc: {<<: [*a, *b]}\n")["c"] == {"p": 1, "q": 2}


def test_only_the_first_document_counts() -> None:
    assert value("a: 1\n---\nb: [\n") == {"a": 1}
    assert value("---\n") is None
    assert value("# nothing\n") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("apiVersion: v1\n kind: X\nm: [", "line 2: mapping values are not allowed in this context"),
        ("a: [", "line 1: did not find expected node content"),
        ("{a: 1, b", "line 1: did not find expected ',' or '}'"),
        ("a: b: c", "mapping values are not allowed in this context"),
        ("a:\n\t- b", "line 2: found character that cannot start any token"),
        ("a: *x", "unknown anchor 'x' referenced"),
        ("a: &a [*a]", "anchor 'a' value contains itself"),
        ("a: !!int abc", "cannot decode !!str `abc` as a !!int"),
        ("? [1]\n: 2", "invalid map key: []interface {}{1}"),
        ("? {b: 1}\n: 2", 'invalid map key: map[interface {}]interface {}{"b":1}'),
        ("a: {<<: 1}", "map merge requires map or sequence of maps as the value"),
        ("a: !!binary '%'", "!!binary value contains invalid base64 data"),
        ("a: \x01", "control characters are not allowed"),
        (b"a: \xff", "invalid leading UTF-8 octet"),
    ],
)
def test_broken_texts(text: str | bytes, message: str) -> None:
    assert error(text) == f"yaml: {message}"


def test_what_json_cannot_say() -> None:
    assert error("a: .nan") == "json: unsupported value: NaN"
    assert error("a: -.inf") == "json: unsupported value: -Inf"
    assert error("~: x") == 'unsupported map key of type: %!s(<nil>), key: <nil>, value: "x"'


def test_bombs_and_pits() -> None:
    names = "abcdefgh"
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{n}: &{n} [{', '.join(['*' + p] * 10)}]" for p, n in itertools.pairwise(names)]
    assert error("\n".join(lines)) == "yaml: document contains excessive aliasing"
    assert "exceeded max depth of 10000" in error("[" * 20000)
    assert "exceeded max depth of 10000" in error("- " * 5000)


def test_go_syntax() -> None:
    assert go_syntax([None, True, "a\n", 1.5]) == '[]interface {}{interface {}(nil), true, "a\\n", 1.5}'


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(codec="ascii"), max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abcxz ", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON)
def test_json_in_yaml_is_itself(document: Any) -> None:
    text = json.dumps(document).encode()
    assert load(text) == (document, [])


@given(JSON)
def test_dumped_yaml_is_read_back(document: Any) -> None:
    assert load(yaml.safe_dump(document).encode()) == (document, [])


@given(st.text("ab:-[]{}&*!?|>'\"#%@, \n\t01.~<", max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(BodyError):
        load(text.encode())
