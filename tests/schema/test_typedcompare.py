"""What two versions of an object differ in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.api.types import GroupVersionKind
from sekisho.schema import fieldset
from sekisho.schema.builtin import builtin_types
from sekisho.schema.typed import TypedError, field_set
from sekisho.schema.typedcompare import Comparison, compare
from sekisho.schema.types import Field, Kind, Type

STRING = Type("", Kind.STRING)
ITEM = Type(
    "",
    Kind.OBJECT,
    fields={"k": Field("k", STRING), "v": Field("v", STRING, index=1)},
)
INNER = Type(
    "",
    Kind.OBJECT,
    fields={
        "s": Field("s", STRING, always=True),
        "list": Field("list", Type("", Kind.LIST, element=STRING), always=True, index=1),
    },
)
WIDGET = Type(
    "",
    Kind.OBJECT,
    fields={
        "a": Field("a", STRING),
        "set": Field("set", Type("", Kind.LIST, element=STRING, list_type="set"), index=1),
        "map": Field(
            "map", Type("", Kind.LIST, element=ITEM, list_type="map", list_map_keys=("k",)), index=2
        ),
        "labels": Field("labels", Type("", Kind.MAP, element=STRING), index=3),
        "any": Field("any", Type("", Kind.ANY), index=4),
        "inner": Field("inner", INNER, always=True, index=5),
        "pointer": Field("pointer", INNER, index=6),
    },
)

Difference = dict[str, Any]


def difference(old: Any, new: Any) -> Difference:
    out = compare(WIDGET, old, new)._asdict()
    return {name: fields for name, fields in out.items() if fields}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": "1"}, {"a": "1"}, {}),
        ({"a": "1"}, {"a": "2"}, {"modified": {"f:a": {}}}),
        ({}, {"a": "1"}, {"added": {"f:a": {}}}),
        ({"a": "1"}, {}, {"removed": {"f:a": {}}}),
        ({}, {"labels": {"x": "1"}}, {"added": {"f:labels": {".": {}, "f:x": {}}}}),
        ({"labels": {}}, {"labels": {"x": "1"}}, {"added": {"f:labels": {"f:x": {}}}}),
        ({"labels": {"x": "1"}}, {"labels": {}}, {"removed": {"f:labels": {"f:x": {}}}}),
        ({"labels": {"x": "1"}}, {"labels": None}, {"removed": {"f:labels": {"f:x": {}}}}),
        ({"labels": {}}, {"labels": None}, {"modified": {"f:labels": {}}}),
        ({}, {"labels": {}}, {"added": {"f:labels": {}}}),
        ({"labels": {"x": "1"}}, {}, {"removed": {"f:labels": {".": {}, "f:x": {}}}}),
        ({}, {"set": ["b", "a"]}, {"added": {"f:set": {".": {}, 'v:"a"': {}, 'v:"b"': {}}}}),
        (
            {"set": ["a", "b"]},
            {"set": ["c", "b"]},
            {"added": {"f:set": {'v:"c"': {}}}, "removed": {"f:set": {'v:"a"': {}}}},
        ),
        ({"set": ["a", "b"]}, {"set": ["b", "a"]}, {}),
        (
            {"map": [{"k": "1", "v": "a"}]},
            {"map": [{"k": "1", "v": "b"}, {"k": "2"}]},
            {
                "added": {"f:map": {'k:{"k":"2"}': {".": {}, "f:k": {}}}},
                "modified": {"f:map": {'k:{"k":"1"}': {"f:v": {}}}},
            },
        ),
        ({"any": 1}, {"any": True}, {"modified": {"f:any": {}}}),
        ({"any": 1}, {"any": 1.0}, {}),
        ({"any": {"x": 1}}, {"any": {"x": 2}}, {"modified": {"f:any": {"f:x": {}}}}),
        (
            {"any": 1},
            {"any": {"x": 2}},
            {"modified": {"f:any": {}}, "added": {"f:any": {"f:x": {}}}},
        ),
        (
            {"any": {"x": 2}},
            {"any": [1]},
            {"modified": {"f:any": {}}, "removed": {"f:any": {"f:x": {}}}},
        ),
        ({"any": None}, {"any": {"x": 2}}, {"added": {"f:any": {"f:x": {}}}}),
        ({"any": None}, {"any": [1]}, {"modified": {"f:any": {}}}),
        ({"any": {"x": [1]}}, {"any": {"x": [1, 2]}}, {"modified": {"f:any": {"f:x": {}}}}),
    ],
)
def test_compare(old: Any, new: Any, expected: Difference) -> None:
    assert difference(old, new) == expected


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        ({"inner": {"s": "", "list": None}}, {}),
        ({"inner": {"s": "x", "list": ["1"]}}, {"modified": {"f:inner": {"f:list": {}, "f:s": {}}}}),
        ({"inner": {}}, {}),
        ({"pointer": {"s": "", "list": None}}, {"added": {"f:pointer": {".": {}, "f:list": {}, "f:s": {}}}}),
    ],
)
def test_what_go_always_writes_is_there_before(new: Any, expected: Difference) -> None:
    assert difference({}, new) == expected
    back = {"modified": "modified", "added": "removed"}
    assert difference(new, {}) == {back[name]: fields for name, fields in expected.items()}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (["1", "1"], ["1", "1"], {}),
        (["1", "1"], ["1"], {"added": True, "removed": True}),
        (["1"], ["1", "1"], {"added": True, "removed": True}),
        ([], ["1", "1"], {"added": True}),
        (["1", "1"], [], {"removed": True}),
        (["1", "1"], ["1", "1", "1"], {"modified": True}),
    ],
)
def test_members_that_repeat_come_and_go_together(
    old: list[str], new: list[str], expected: Difference
) -> None:
    out = difference({"set": old, "a": "1"}, {"set": new, "a": "1"})
    assert out == {name: {"f:set": {'v:"1"': {}}} for name in expected}


def test_items_without_keys_cannot_be_compared() -> None:
    with pytest.raises(TypedError, match="element 0: associative list with keys has an element that omits"):
        compare(WIDGET, {}, {"map": [{"v": "1"}]})


def test_a_created_deployment_owns_new_containers_but_no_structs() -> None:
    type_ = builtin_types().for_kind(GroupVersionKind("apps", "v1", "Deployment"))
    new = {
        "metadata": {"name": "d", "finalizers": ["example.com/f"]},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "d"}},
            "template": {
                "metadata": {"labels": {"app": "d"}},
                "spec": {
                    "containers": [
                        {
                            "name": "one",
                            "args": ["a"],
                            "ports": [{"containerPort": 80, "protocol": "TCP"}],
                            "env": [{"name": "A", "value": "1"}],
                            "resources": {},
                        }
                    ],
                    "securityContext": {},
                },
            },
            "strategy": {"rollingUpdate": {"maxSurge": "25%"}},
        },
        "status": {},
    }
    assert compare(type_, {}, new, strict=False).written == {
        "f:metadata": {"f:finalizers": {".": {}, 'v:"example.com/f"': {}}, "f:name": {}},
        "f:spec": {
            "f:replicas": {},
            "f:selector": {},
            "f:strategy": {"f:rollingUpdate": {".": {}, "f:maxSurge": {}}},
            "f:template": {
                "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                "f:spec": {
                    "f:containers": {
                        'k:{"name":"one"}': {
                            ".": {},
                            "f:args": {},
                            "f:env": {".": {}, 'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}},
                            "f:name": {},
                            "f:ports": {
                                ".": {},
                                'k:{"containerPort":80,"protocol":"TCP"}': {
                                    ".": {},
                                    "f:containerPort": {},
                                    "f:protocol": {},
                                },
                            },
                            "f:resources": {},
                        }
                    },
                    "f:securityContext": {},
                },
            },
        },
    }


def test_leaving_fields_out() -> None:
    both = compare(WIDGET, {"a": "1"}, {"labels": {"x": "1"}, "set": ["1"]})
    left = both.without(fieldset.make([("f:labels",), ("f:a",)]))
    assert left == Comparison({"f:set": {".": {}, 'v:"1"': {}}}, {}, {})
    assert both.without({}) is both


TEXT = st.sampled_from(["1", "2", "3"])
WIDGETS = st.fixed_dictionaries(
    {},
    optional={
        "a": TEXT,
        "set": st.lists(TEXT, unique=True),
        "map": st.lists(
            st.fixed_dictionaries({"k": TEXT}, optional={"v": TEXT}), unique_by=lambda item: item["k"]
        ),
        "labels": st.dictionaries(TEXT, TEXT),
        "any": st.recursive(TEXT, lambda below: st.dictionaries(TEXT, below), max_leaves=5),
        "pointer": st.fixed_dictionaries({"s": TEXT, "list": st.lists(TEXT)}),
    },
)


@given(WIDGETS, WIDGETS)
def test_swapping_the_versions_swaps_added_and_removed(old: Any, new: Any) -> None:
    forth, back = compare(WIDGET, old, new), compare(WIDGET, new, old)
    assert forth == Comparison(back.removed, back.modified, back.added)


@given(WIDGETS)
def test_nothing_differs_from_itself(value: Any) -> None:
    assert compare(WIDGET, value, value).is_same
    assert compare(WIDGET, value, dict(value), strict=False).is_same


@given(WIDGETS, WIDGETS)
def test_strictness_changes_nothing_where_true_is_never_one(old: Any, new: Any) -> None:
    assert compare(WIDGET, old, new) == compare(WIDGET, old, new, strict=False)


@given(WIDGETS)
def test_everything_applied_is_among_what_is_added(value: Any) -> None:
    added = compare(WIDGET, {}, value).written
    assert fieldset.difference(field_set(WIDGET, value), added) == {}


@given(WIDGETS, WIDGETS)
def test_what_is_added_is_new_and_what_is_removed_was_old(old: Any, new: Any) -> None:
    out = compare(WIDGET, old, new)
    assert fieldset.intersection(out.added, out.removed) == {}
    before, after = compare(WIDGET, {}, old).written, compare(WIDGET, {}, new).written
    assert fieldset.difference(out.removed, before) == {}
    assert fieldset.difference(out.added, after) == {}
