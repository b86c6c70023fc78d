"""Set algebra, the FieldsV1 form and the text form of field sets."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.schema import fieldset
from sekisho.schema.fieldset import LEAF, FieldSet, Path

ELEMENTS = [
    "f:a",
    "f:b",
    "f:c.d/e",
    fieldset.item({"name": "x"}),
    fieldset.item({"name": "x-y"}),
    fieldset.item({"port": 80, "protocol": "TCP"}),
    fieldset.item({"port": 443, "protocol": "TCP"}),
    fieldset.member("m"),
    fieldset.member(3),
    fieldset.member(20),
    fieldset.member(True),
]
PATHS = st.lists(st.sampled_from(ELEMENTS), min_size=1, max_size=4).map(tuple)
SETS = st.lists(PATHS, max_size=12).map(fieldset.make)


def members(fields: FieldSet) -> set[Path]:
    return set(fieldset.paths(fields))


@given(SETS, SETS)
def test_algebra_is_that_of_sets_of_paths(a: FieldSet, b: FieldSet) -> None:
    assert members(fieldset.union(a, b)) == members(a) | members(b)
    assert members(fieldset.intersection(a, b)) == members(a) & members(b)
    assert members(fieldset.difference(a, b)) == members(a) - members(b)


@given(SETS, SETS)
def test_recursive_difference_takes_what_is_below_too(a: FieldSet, b: FieldSet) -> None:
    below = {p for p in members(a) if any(p[: len(q)] == q for q in members(b))}
    assert members(fieldset.recursive_difference(a, b)) == members(a) - below


@given(SETS, SETS)
def test_results_are_canonical(a: FieldSet, b: FieldSet) -> None:
    for out in (
        fieldset.union(a, b),
        fieldset.intersection(a, b),
        fieldset.difference(a, b),
        fieldset.recursive_difference(a, b),
    ):
        assert orjson.dumps(fieldset.make(sorted(members(out)))) == orjson.dumps(out)


@given(SETS, SETS)
def test_laws(a: FieldSet, b: FieldSet) -> None:
    assert fieldset.union(a, b) == fieldset.union(b, a)
    assert fieldset.intersection(a, b) == fieldset.intersection(b, a)
    assert fieldset.union(a, a) == a == fieldset.intersection(a, a)
    assert fieldset.difference(a, a) == {}
    assert fieldset.union(fieldset.difference(a, b), fieldset.intersection(a, b)) == a


@given(SETS, SETS)
def test_nothing_is_changed_in_place(a: FieldSet, b: FieldSet) -> None:
    before = orjson.dumps([a, b])
    for operation in (
        fieldset.union,
        fieldset.intersection,
        fieldset.difference,
        fieldset.recursive_difference,
    ):
        operation(a, b)
    assert orjson.dumps([a, b]) == before
    assert LEAF == {}


@given(SETS)
def test_round_trip_through_json(a: FieldSet) -> None:
    assert orjson.dumps(fieldset.parse(orjson.loads(orjson.dumps(a)))) == orjson.dumps(a)


@given(SETS)
def test_has_knows_exactly_the_members(a: FieldSet) -> None:
    for path in fieldset.paths(a):
        assert fieldset.has(a, path)
    for path in {p[:i] for p in members(a) for i in range(len(p))}:
        assert fieldset.has(a, path) == (path in members(a))


@given(SETS)
def test_leaves_have_nothing_below(a: FieldSet) -> None:
    expected = {p for p in members(a) if not any(q != p and q[: len(p)] == p for q in members(a))}
    assert members(fieldset.leaves(a)) == expected


def test_untouched_sets_stay_the_same_object() -> None:
    a = fieldset.make([("f:a", "f:b"), ("f:c",)])
    other = fieldset.make([("f:x",)])
    assert fieldset.union(a, {}) is a
    assert fieldset.difference(a, other) is a
    assert fieldset.recursive_difference(a, other) is a


def test_parent_and_child_are_different_members() -> None:
    parent, child = fieldset.make([("f:a",)]), fieldset.make([("f:a", "f:b")])
    both = fieldset.union(parent, child)
    assert both == {"f:a": {".": {}, "f:b": {}}}
    assert fieldset.difference(both, parent) == child
    assert fieldset.difference(both, child) == parent
    assert fieldset.difference(parent, child) == parent
    assert fieldset.intersection(parent, child) == {}
    assert fieldset.recursive_difference(both, parent) == {}


def test_order_is_upstreams() -> None:
    elements = [
        "f:b",
        "f:B",
        "f:\u00e9",
        fieldset.item({"port": 443}),
        fieldset.item({"port": 80}),
        fieldset.item({"name": "a-b"}),
        fieldset.item({"name": "a"}),
        fieldset.member("x"),
        fieldset.member(10),
        fieldset.member(9),
        fieldset.member(False),
        "i:10",
        "i:9",
    ]
    out = fieldset.make([(element,) for element in elements])
    assert list(out) == [
        "f:B",
        "f:b",
        "f:\u00e9",
        'k:{"name":"a"}',
        'k:{"name":"a-b"}',
        'k:{"port":80}',
        'k:{"port":443}',
        "v:9",
        "v:10",
        'v:"x"',
        "v:false",
        "i:9",
        "i:10",
    ]
    assert list(fieldset.make([("f:a", "f:b"), ("f:a",)])["f:a"]) == [".", "f:b"]


def test_paths_list_a_level_before_what_is_below() -> None:
    fields = fieldset.make([("f:a", "f:z"), ("f:b",), ("f:a", "f:c", "f:d")])
    assert list(fieldset.paths(fields)) == [("f:b",), ("f:a", "f:z"), ("f:a", "f:c", "f:d")]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("f:spec", "f:replicas"), ".spec.replicas"),
        (("f:c", fieldset.item({"name": "c"}), "f:image"), '.c[name="c"].image'),
        (("f:set", fieldset.member("x")), '.set[="x"]'),
        (
            ("f:p", fieldset.item({"containerPort": 80, "protocol": "TCP"})),
            '.p[containerPort=80,protocol="TCP"]',
        ),
        (("f:args", "i:0"), ".args[0]"),
        (("f:m", "f:example.com/l"), ".m.example.com/l"),
        (("f:n", fieldset.member(2000000)), ".n[=2e+06]"),
        (("f:n", fieldset.member(0.25)), ".n[=0.25]"),
        (("f:n", fieldset.member(True)), ".n[=true]"),
        (("f:n", fieldset.item({"k": None})), ".n[k=null]"),
    ],
)
def test_path_text(path: Path, text: str) -> None:
    assert fieldset.path_text(path) == text


@pytest.mark.parametrize(
    ("value", "element"),
    [
        ("a<b", 'v:"a\\u003cb"'),
        (80, "v:80"),
        (80.0, "v:80"),
        (1.5, "v:1.5"),
        (0.000125, "v:0.000125"),
        (-120.0, "v:-120"),
        (1e21, "v:1e+21"),
        (1.5e-7, "v:1.5e-7"),
        (True, "v:true"),
        (0.0, "v:0"),
    ],
)
def test_members_are_written_as_go_writes_them(value: Any, element: str) -> None:
    assert fieldset.member(value) == element


def test_parse_brings_a_clients_set_into_canonical_form() -> None:
    sent = {
        "f:b": {".": {}},
        ".": {},
        'k:{"protocol":"TCP", "containerPort":80.0}': {"f:x": None},
        "f:a": {"f:c": {}, ".": {}},
        "x:later": {"f:y": {}},
        "f:only": {"q:unknown": {}},
    }
    out = fieldset.parse(sent)
    assert out == {
        "f:a": {".": {}, "f:c": {}},
        "f:b": {},
        "f:only": {},
        'k:{"containerPort":80,"protocol":"TCP"}': {"f:x": {}},
    }
    assert list(out) == ["f:a", "f:b", "f:only", 'k:{"containerPort":80,"protocol":"TCP"}']


def test_parse_joins_elements_that_mean_the_same() -> None:
    out = fieldset.parse({'k:{"a":1,"b":2}': {"f:x": {}}, 'k:{"b":2,"a":1}': {"f:y": {}}})
    assert out == {'k:{"a":1,"b":2}': {"f:x": {}, "f:y": {}}}


@pytest.mark.parametrize(
    "fields",
    [
        {"data": {}},
        {"f": {}},
        {"f:a": {"": {}}},
        {"v:{": {}},
        {"k:[]": {}},
        {"i:x": {}},
        {"f:a": "x"},
        [],
        "x",
    ],
)
def test_parse_refuses_what_is_no_set(fields: object) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        fieldset.parse(fields)


def test_parse_of_nothing_is_the_empty_set() -> None:
    assert fieldset.parse(None) == fieldset.parse({}) == fieldset.parse({".": {}}) == {}
