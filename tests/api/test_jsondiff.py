"""Changes lead from one value to the other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sekisho.api.jsondiff import changes
from sekisho.api.jsonpatch import apply_json_patch

LEAVES = st.one_of(st.none(), st.booleans(), st.integers(0, 2), st.sampled_from(("a", "b")))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(("a", "b/c", "d~e")), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from(("x", "y")), VALUES, max_size=2)


def test_shown_changes():
    assert changes({"a": 1, "b": [1, 2], "c": 0}, {"a": 2, "b": [1], "d": {}}) == [
        {"op": "remove", "path": "/c"},
        {"op": "replace", "path": "/a", "value": 2},
        {"op": "remove", "path": "/b/1"},
        {"op": "add", "path": "/d", "value": {}},
    ]
    assert changes({"a": []}, {"a": [{"b": 1}]}) == [{"op": "add", "path": "/a/0", "value": {"b": 1}}]


@given(OBJECTS, OBJECTS)
def test_changes_lead_there(before, after):
    assert apply_json_patch(before, changes(before, after)) == after
    assert changes(after, after) == []
