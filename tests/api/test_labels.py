"""Label selectors: grammar, complaints, matching."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.api import labels
from sekisho.api.labels import EVERYTHING, NOTHING, parse_selector, selector_from_label_selector
from sekisho.api.types import Requirement

OPERATOR = "expected: in, notin, =, ==, !=, gt, lt"


@pytest.mark.parametrize(
    ("text", "requirements"),
    [
        ("", []),
        ("  ", []),
        ("a", [("a", "exists", ())]),
        ("!a", [("a", "!", ())]),
        ("! a", [("a", "!", ())]),
        ("a=", [("a", "=", ("",))]),
        ("a==b", [("a", "=", ("b",))]),
        ("a!=b,c", [("a", "!=", ("b",)), ("c", "exists", ())]),
        ("b,a", [("a", "exists", ()), ("b", "exists", ())]),
        ("a in (c,b,c)", [("a", "in", ("b", "c"))]),
        ("a in ()", [("a", "in", ("",))]),
        ("a in (,b)", [("a", "in", ("", "b"))]),
        ("a in (b,)", [("a", "in", ("", "b"))]),
        ("a in (b,,c)", [("a", "in", ("", "b", "c"))]),
        ("a\tnotin\r\n( b )", [("a", "notin", ("b",))]),
        ("in in (in,notin)", [("in", "in", ("in", "notin"))]),
        ("a>5,b<1", [("a", "gt", ("5",)), ("b", "lt", ("1",))]),
        ("a\0", [("a", "exists", ())]),
    ],
)
def test_grammar(text, requirements):
    assert parse_selector(text).requirements == tuple(Requirement(*r) for r in requirements)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("env=prod=x", "found '=', expected: ',' or 'end of string'"),
        ("=x", "found '=', expected: !, identifier, or 'end of string'"),
        ("env in prod", "unable to parse requirement: found 'prod' expected: '('"),
        ("env in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"),
        ("env in (=", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
        ("env in (prod", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("env in (,", "unable to parse requirement: found '', expected: ',', or identifier"),
        ("env in (a,(", "unable to parse requirement: found '(', expected: ',', or identifier"),
        ("env in", "unable to parse requirement: found '' expected: '('"),
        ("env exists", f"unable to parse requirement: found 'exists', {OPERATOR}"),
        ("env ! x", f"unable to parse requirement: found '!', {OPERATOR}"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("!!x", "unable to parse requirement: found '!', expected: identifier"),
        ("env=(x)", "unable to parse requirement: found '(', expected: identifier"),
        ("env=a,", "found '', expected: identifier after ','"),
        ("env=a,,b", "found ',', expected: identifier after ','"),
        ("env in (a)b", "found 'b', expected: ',' or 'end of string'"),
        (
            "env>abc",
            'unable to parse requirement: values[0]: Invalid value: "abc": '
            "for 'Gt', 'Lt' operators, the value must be an integer",
        ),
        (
            "env=" + "v" * 64,
            f'unable to parse requirement: values[0][env]: Invalid value: "{"v" * 64}": '
            "must be no more than 63 bytes",
        ),
        (
            "k" * 64,
            f'unable to parse requirement: <nil>: Invalid value: "{"k" * 64}": '
            "name part must be no more than 63 bytes",
        ),
    ],
)
def test_complaints(text, complaint):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        parse_selector(text)
    assert str(caught.value) == complaint


def test_all_bad_values_are_named():
    with pytest.raises(ValueError, match=r"\[values\[0\]\[env\]: .*, values\[2\]\[env\]: .*\]$"):
        parse_selector("env in (a,b_,-c)")


KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["", "1", "2", "10", "x"])
LABELS = st.dictionaries(KEYS, VALUES)


@given(LABELS, KEYS, st.lists(VALUES, min_size=1, max_size=3))
def test_operators_mean_what_they_say(found, key, values):
    listed = ",".join(values)
    one = values[0]
    assert parse_selector(f"{key} in ({listed})").matches(found) == (found.get(key) in values)
    assert parse_selector(f"{key} notin ({listed})").matches(found) == (found.get(key) not in values)
    assert parse_selector(f"{key}={one}").matches(found) == (found.get(key) == one)
    assert parse_selector(f"{key}!={one}").matches(found) == (found.get(key) != one)
    assert parse_selector(key).matches(found) == (key in found)
    assert parse_selector(f"!{key}").matches(found) == (key not in found)
    number = int(found[key]) if found.get(key, "").isdigit() else None
    assert parse_selector(f"{key}>1").matches(found) == (number is not None and number > 1)
    assert parse_selector(f"{key}<2").matches(found) == (number is not None and number < 2)


REQUIREMENTS = st.lists(
    st.one_of(
        st.builds(lambda k: Requirement(k, "exists"), KEYS),
        st.builds(lambda k: Requirement(k, "!"), KEYS),
        st.builds(lambda k, o, v: Requirement(k, o, (v,)), KEYS, st.sampled_from(["=", "!="]), VALUES),
        st.builds(
            lambda k, o, v: Requirement(k, o, tuple(sorted(v))),
            KEYS,
            st.sampled_from(["in", "notin"]),
            st.sets(VALUES, min_size=1),
        ),
        st.builds(lambda k, o: Requirement(k, o, ("5",)), KEYS, st.sampled_from(["gt", "lt"])),
    ),
    max_size=4,
)


@given(REQUIREMENTS)
def test_a_selector_is_read_back_from_its_text(requirements):
    selector = labels.Selector(requirements)
    again = parse_selector(str(selector))
    assert again == selector
    assert hash(again) == hash(selector)


@given(st.text(alphabet="ab=!,()<> inot\t\0-", max_size=20))
def test_no_text_makes_the_parser_fail_otherwise(text):
    try:
        selector = parse_selector(text)
    except ValueError:
        return
    assert parse_selector(str(selector)) == selector


def test_missing_labels_are_no_labels():
    assert parse_selector("!a").matches(None)
    assert not parse_selector("a").matches(None)


def test_values_beyond_64_bits_are_no_numbers():
    assert not parse_selector("a>1").matches({"a": str(2**63)})
    assert parse_selector("a>1").matches({"a": "+9"})


def test_exact_requirements():
    selector = parse_selector("a=1,b in (2),c in (3,4),d")
    assert [selector.requires_exact(k) for k in "abcde"] == ["1", "2", None, None, None]


class TestLabelSelectorObjects:
    def test_none_selects_nothing_and_empty_everything(self):
        assert selector_from_label_selector(None) == NOTHING
        assert not NOTHING.matches({})
        assert not NOTHING.empty
        assert selector_from_label_selector({}) == EVERYTHING
        assert EVERYTHING.matches({})
        assert EVERYTHING.empty

    def test_both_halves_hold(self):
        selector = selector_from_label_selector(
            {
                "matchLabels": {"app": "web"},
                "matchExpressions": [
                    {"key": "tier", "operator": "In", "values": ["b", "a"]},
                    {"key": "old", "operator": "DoesNotExist"},
                ],
            }
        )
        assert str(selector) == "app=web,!old,tier in (a,b)"
        assert selector.matches({"app": "web", "tier": "a"})
        assert not selector.matches({"app": "web", "tier": "a", "old": ""})

    def test_bad_operators_and_values(self):
        with pytest.raises(ValueError, match='"Gt" is not a valid label selector operator'):
            selector_from_label_selector({"matchExpressions": [{"key": "a", "operator": "Gt"}]})
        with pytest.raises(ValueError, match="values set must be empty"):
            selector_from_label_selector(
                {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}
            )
        with pytest.raises(ValueError, match="values set can't be empty"):
            selector_from_label_selector({"matchExpressions": [{"key": "a", "operator": "In"}]})
        with pytest.raises(ValueError, match='key: Invalid value: "-"'):
            selector_from_label_selector({"matchExpressions": [{"key": "-", "operator": "Exists"}]})

    def test_unchecked_labels(self):
        assert labels.selector_from_labels({"a": "no label value!"}).matches({"a": "no label value!"})
