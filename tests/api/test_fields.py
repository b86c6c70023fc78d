"""Field selectors: grammar, escapes, complaints, matching."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.api import fields
from sekisho.api.fields import FieldSelector, parse_field_selector
from sekisho.api.types import Requirement


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        (",", []),
        ("a=b", [("a", "=", "b")]),
        ("a==b", [("a", "=", "b")]),
        ("a!=b", [("a", "!=", "b")]),
        ("b=1,a=2,,", [("a", "=", "2"), ("b", "=", "1")]),
        ("=x", [("", "=", "x")]),
        ("a=", [("a", "=", "")]),
        ("a=x!y", [("a", "=", "x!y")]),
        (r"a=x\,y\=z\\", [("a", "=", "x,y=z\\")]),
        (r"a\=b", [("a\\", "=", "b")]),
    ],
)
def test_grammar(text, terms):
    assert parse_field_selector(text).terms == tuple(Requirement(k, o, (v,)) for k, o, v in terms)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("foo", "invalid selector: 'foo'; can't understand 'foo'"),
        ("a=b,foo", "invalid selector: 'a=b,foo'; can't understand 'foo'"),
        (r"a=b\x", r"invalid field selector: invalid escape sequence: \x"),
        ("a=b\\", "invalid field selector: invalid escape sequence: \\"),
        ("a=b=c", "invalid field selector: unescaped character in value: 61"),
    ],
)
def test_complaints(text, complaint):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        parse_field_selector(text)
    assert str(caught.value) == complaint


@given(st.text())
def test_values_are_escaped_and_back(value):
    assert fields.unescape_value(fields.escape_value(value)) == value


TERMS = st.lists(
    st.builds(
        lambda k, o, v: Requirement(k, o, (v,)),
        st.sampled_from(["a", "metadata.name"]),
        st.sampled_from(["=", "!="]),
        st.text(alphabet="xy,=\\", max_size=3),
    ),
    max_size=3,
)


@given(TERMS)
def test_a_selector_is_read_back_from_its_text(terms):
    again = parse_field_selector(str(FieldSelector(terms)))
    assert sorted(again.terms) == sorted(terms)
    assert hash(again) == hash(FieldSelector(again.terms))


@given(TERMS, st.dictionaries(st.sampled_from(["a", "metadata.name"]), st.text(alphabet="xy", max_size=2)))
def test_matching(terms, found):
    expected = all((found.get(t.key, "") == t.values[0]) == (t.operator == "=") for t in terms)
    assert FieldSelector(terms).matches(found) == expected


def test_a_missing_field_is_empty():
    assert parse_field_selector("spec.nodeName=").matches({})
    assert not parse_field_selector("spec.nodeName!=").matches({})


def test_exact_fields():
    selector = parse_field_selector("metadata.name=a,metadata.namespace!=b")
    assert selector.requires_exact("metadata.name") == "a"
    assert selector.requires_exact("metadata.namespace") is None


def test_fields_are_renamed_or_refused():
    renamed = parse_field_selector("spec.host=n").map_fields({"spec.host": "spec.nodeName"}.__getitem__)
    assert str(renamed) == "spec.nodeName=n"
    with pytest.raises(KeyError):
        parse_field_selector("x=n").map_fields({}.__getitem__)
    assert fields.EVERYTHING.empty
