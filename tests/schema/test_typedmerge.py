"""The structured merge of a live value with an applied one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.schema import fieldset
from sekisho.schema.typed import field_set
from sekisho.schema.typedcompare import compare
from sekisho.schema.typedmerge import merge
from sekisho.schema.types import Field, Kind, Type

STRING = Type("", Kind.STRING)
ITEM = Type(
    "",
    Kind.OBJECT,
    fields={"k": Field("k", STRING), "v": Field("v", STRING, index=1), "w": Field("w", STRING, index=2)},
)
WIDGET = Type(
    "",
    Kind.OBJECT,
    fields={
        "a": Field("a", STRING),
        "b": Field("b", STRING, index=1),
        "set": Field("set", Type("", Kind.LIST, element=STRING, list_type="set"), index=2),
        "atomic": Field("atomic", Type("", Kind.LIST, element=STRING), index=3),
        "map": Field(
            "map", Type("", Kind.LIST, element=ITEM, list_type="map", list_map_keys=("k",)), index=4
        ),
        "labels": Field("labels", Type("", Kind.MAP, element=STRING), index=5),
        "whole": Field("whole", Type("", Kind.MAP, element=STRING, map_type="atomic"), index=6),
        "any": Field("any", Type("", Kind.ANY), index=7),
    },
)


@pytest.mark.parametrize(
    ("live", "config", "merged"),
    [
        ({"a": "1"}, {"b": "2"}, {"a": "1", "b": "2"}),
        ({"a": "1"}, {"a": None}, {"a": None}),
        ({"atomic": ["1", "2"]}, {"atomic": ["3"]}, {"atomic": ["3"]}),
        ({"atomic": ["1"]}, {"atomic": []}, {"atomic": []}),
        ({"whole": {"x": "1"}}, {"whole": {"y": "2"}}, {"whole": {"y": "2"}}),
        ({"labels": {"x": "1"}}, {"labels": {"y": "2", "x": "3"}}, {"labels": {"x": "3", "y": "2"}}),
        ({"labels": {"x": "1"}}, {"labels": {}}, {"labels": {"x": "1"}}),
        ({"labels": {"x": "1"}}, {"labels": None}, {"labels": {"x": "1"}}),
        ({"labels": {}}, {"labels": None}, {"labels": None}),
        ({"set": ["1"]}, {"set": []}, {"set": ["1"]}),
        ({"set": ["1"]}, {"set": None}, {"set": ["1"]}),
        (
            {"map": [{"k": "1", "v": "a"}]},
            {"map": [{"k": "2"}, {"k": "1", "w": "b"}]},
            {"map": [{"k": "2"}, {"k": "1", "v": "a", "w": "b"}]},
        ),
        ({"any": {"x": 1}}, {"any": {"y": [2]}}, {"any": {"x": 1, "y": [2]}}),
        ({"any": {"x": 1}}, {"any": 5}, {"any": 5}),
        ({"any": [1]}, {"any": {"y": 1}}, {"any": {"y": 1}}),
        ({"any": {"x": 1}}, {"any": None}, {"any": {"x": 1}}),
        ({"any": [1]}, {"any": None}, {"any": None}),
    ],
)
def test_merge(live: Any, config: Any, merged: Any) -> None:
    before = repr((live, config))
    out = merge(WIDGET, live, config)
    assert out == merged
    assert repr((live, config)) == before


def test_fields_come_in_the_order_of_the_type_and_keys_sorted() -> None:
    out = merge(WIDGET, {"b": "1", "labels": {"m": "1"}}, {"labels": {"z": "1", "a": "1"}, "a": "2"})
    assert list(out) == ["a", "b", "labels"]
    assert list(out["labels"]) == ["a", "m", "z"]


@pytest.mark.parametrize(
    ("live", "config", "merged"),
    [
        ("abc", "d", "abcd"),
        ("abc", "cb", "acb"),
        ("abc", "b", "abc"),
        ("abc", "dab", "dabc"),
        ("abc", "adb", "adbc"),
        ("abcd", "xdyb", "acxdyb"),
        ("ab", "ba", "ba"),
        ("", "ba", "ba"),
        ("aabc", "c", "aabc"),
        ("aab", "a", "ab"),
        ("aba", "xa", "xab"),
    ],
)
def test_order_of_members(live: str, config: str, merged: str) -> None:
    assert merge(WIDGET, {"set": list(live)}, {"set": list(config)})["set"] == list(merged)


def test_an_item_that_live_repeats_is_replaced() -> None:
    live = {"map": [{"k": "1", "v": "a"}, {"k": "1", "v": "b"}, {"k": "2", "v": "c"}]}
    out = merge(WIDGET, live, {"map": [{"k": "1", "w": "x"}]})
    assert out == {"map": [{"k": "1", "w": "x"}, {"k": "2", "v": "c"}]}


TEXT = st.sampled_from(["1", "2", "3", "4"])
WIDGETS = st.fixed_dictionaries(
    {},
    optional={
        "a": TEXT,
        "b": TEXT,
        "set": st.lists(TEXT, unique=True, min_size=1),
        "atomic": st.lists(TEXT),
        "map": st.lists(
            st.fixed_dictionaries({"k": TEXT}, optional={"v": TEXT, "w": TEXT}),
            unique_by=lambda item: item["k"],
            min_size=1,
        ),
        "labels": st.dictionaries(TEXT, TEXT, min_size=1),
        "whole": st.dictionaries(TEXT, TEXT),
        "any": st.recursive(TEXT, lambda below: st.dictionaries(TEXT, below, min_size=1), max_leaves=5),
    },
)


@given(WIDGETS, WIDGETS)
def test_merging_twice_is_merging_once(live: Any, config: Any) -> None:
    once = merge(WIDGET, live, config)
    assert merge(WIDGET, once, config) == once


@given(WIDGETS, WIDGETS)
def test_only_what_is_applied_changes(live: Any, config: Any) -> None:
    changed = compare(WIDGET, live, merge(WIDGET, live, config))
    applied = field_set(WIDGET, config)
    containers = fieldset.make(path[:i] for path in fieldset.paths(applied) for i in range(1, len(path) + 1))
    assert fieldset.difference(changed.written, containers) == {}
    assert "any" in config or not changed.removed


@given(WIDGETS, WIDGETS)
def test_all_that_is_applied_is_there(live: Any, config: Any) -> None:
    merged = merge(WIDGET, live, config)
    assert fieldset.difference(field_set(WIDGET, config), field_set(WIDGET, merged)) == {}


@given(WIDGETS)
def test_merging_with_nothing_changes_nothing(value: Any) -> None:
    assert merge(WIDGET, value, {}) == value
    assert merge(WIDGET, {}, value) == value
