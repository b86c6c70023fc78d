"""JSON merge patch: RFC 7386, and where upstream's library differs."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.api.mergepatch import apply_merge_patch
from sekisho.api.status import StatusError


@pytest.mark.parametrize(
    ("doc", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": 1}, {"a": {"b": None, "c": 2}}, {"a": {"c": 2}}),
        ({"a": [1]}, {"a": [{"b": None}, None]}, {"a": [{}, None]}),
        ({"a": {"x": 1}}, {"a": [{"b": None}]}, {"a": [{"b": None}]}),
        ({"a": 1}, [{"b": None}], [{}]),
    ],
)
def test_merging(doc, patch, result):
    assert apply_merge_patch(doc, patch) == result


@pytest.mark.parametrize("patch", [None, "x", 1, True])
def test_a_patch_that_is_no_object(patch):
    with pytest.raises(StatusError) as caught:
        apply_merge_patch({}, patch)
    assert (caught.value.code, caught.value.message) == (400, "Invalid JSON Patch")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)


@given(OBJECTS, OBJECTS)
def test_inputs_are_left_alone(doc, patch):
    before = copy.deepcopy((doc, patch))
    apply_merge_patch(doc, patch)
    assert (doc, patch) == before


TREES = st.recursive(
    st.none() | st.integers(-9, 9),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(OBJECTS, st.dictionaries(st.sampled_from("abc"), TREES, max_size=3))
def test_a_second_time_changes_nothing(doc, patch):
    once = apply_merge_patch(doc, patch)
    assert apply_merge_patch(once, patch) == once


@given(OBJECTS, OBJECTS)
def test_each_key_of_the_patch_decides(doc, patch):
    merged = apply_merge_patch(doc, patch)
    for key in "abc":
        if key not in patch:
            assert merged.get(key) == doc.get(key)
        elif patch[key] is None:
            assert key not in merged
        elif not isinstance(patch[key], dict | list):
            assert merged[key] == patch[key]
