"""Strategic merge patch: merging by key, every directive, every complaint."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.api.status import StatusError
from sekisho.api.strategicmerge import apply_strategic_merge_patch


@dataclass
class Kind:
    value: str


@dataclass
class Type:
    kind: Kind
    go_name: str = ""
    fields: dict[str, Field] = field(default_factory=dict)
    element: Type | None = None


@dataclass
class Field:
    type: Type
    patch_strategy: tuple[str, ...] = ()
    patch_merge_key: str = ""


STRING = Type(Kind("string"), "string")
INTEGER = Type(Kind("integer"), "int32")
MAP = Type(Kind("map"), "map[string]string", element=STRING)
STRINGS = Type(Kind("list"), "[]string", element=STRING)
PORT = Type(Kind("object"), "v1.Port", {"port": Field(INTEGER), "name": Field(STRING)})
ITEM = Type(Kind("object"), "v1.Item", {"name": Field(STRING), "image": Field(STRING)})
ITEM.fields["ports"] = Field(Type(Kind("list"), element=PORT), ("merge",), "port")
ITEM.fields["args"] = Field(STRINGS)
THING = Type(
    Kind("object"),
    "v1.Thing",
    {
        "labels": Field(MAP),
        "items": Field(Type(Kind("list"), element=ITEM), ("merge", "retainKeys"), "name"),
        "plain": Field(Type(Kind("list"), element=ITEM)),
        "keyless": Field(Type(Kind("list"), element=ITEM), ("merge",)),
        "set": Field(STRINGS, ("merge",)),
        "spec": Field(ITEM, ("retainKeys",)),
        "whole": Field(ITEM, ("replace",)),
        "nested": Field(Type(Kind("map"), element=MAP)),
        "matrix": Field(Type(Kind("list"), element=STRINGS)),
    },
)


def patched(doc: dict[str, Any], patch: dict[str, Any] | None) -> dict[str, Any]:
    before = copy.deepcopy((doc, patch))
    result = apply_strategic_merge_patch(doc, patch, THING)
    assert (doc, patch) == before
    return result


def items(*names: str) -> list[dict[str, Any]]:
    return [{"name": n} for n in names]


def named(*names: str, **more: Any) -> dict[str, Any]:
    return {"items": [{"name": n, **more} for n in names]}


@pytest.mark.parametrize(
    ("doc", "patch", "result"),
    [
        ({"a": 1}, None, {"a": 1}),
        ({"a": 1}, {}, {"a": 1}),
        (
            {"labels": {"a": "1", "b": "2"}},
            {"labels": {"a": None, "c": "3"}},
            {"labels": {"b": "2", "c": "3"}},
        ),
        ({}, {"labels": {"a": None, "b": "1"}}, {"labels": {"b": "1"}}),
        ({"labels": "x"}, {"labels": {"a": None}}, {"labels": {}}),
        ({"LABELS": {"a": "1"}}, {"LABELS": {"b": "2"}}, {"LABELS": {"a": "1", "b": "2"}}),
        ({"plain": items("a")}, {"plain": items("b")}, {"plain": items("b")}),
        ({"whole": {"name": "a"}}, {"whole": {"image": "i"}}, {"whole": {"image": "i"}}),
        ({"set": ["a", "b"]}, {"set": ["c", "a", "c"]}, {"set": ["c", "a", "b"]}),
        ({"set": []}, {"set": []}, {"set": []}),
        (
            named("a", image="i"),
            named("a", args=["x"]),
            {"items": [{"name": "a", "image": "i", "args": ["x"]}]},
        ),
        (named("a"), {"items": [{"name": "a", "image": None}]}, named("a")),
        (named("a", "b"), named("c"), named("c", "a", "b")),
        (named("a", "b"), named("b", "a"), named("b", "a")),
        (named("a", "b", "c"), named("c", "a"), named("b", "c", "a")),
    ],
)
def test_merging(doc, patch, result):
    assert patched(doc, patch) == result


def test_inner_lists_merge_by_their_own_key():
    doc = {"items": [{"name": "a", "ports": [{"port": 80, "name": "x"}, {"port": 81}]}]}
    patch = {"items": [{"name": "a", "ports": [{"port": 80, "name": "y"}]}]}
    assert patched(doc, patch) == {
        "items": [{"name": "a", "ports": [{"port": 80, "name": "y"}, {"port": 81}]}]
    }


@pytest.mark.parametrize(
    ("doc", "patch", "result"),
    [
        ({"labels": {"a": "1"}}, {"labels": {"$patch": "replace", "b": "2"}}, {"labels": {"b": "2"}}),
        ({"labels": {"a": "1"}}, {"labels": {"$patch": "delete"}}, {"labels": {}}),
        ({}, {"labels": {"$patch": "frob"}}, {}),
        ({"a": 1}, {"$patch": "replace", "labels": {}}, {"labels": {}}),
        (named("a", "b"), {"items": [{"$patch": "delete", "name": "a"}]}, named("b")),
        (named("a", "b"), {"items": [{"$patch": "delete", "name": "z"}]}, named("a", "b")),
        (named("a", "b"), {"items": [{"$patch": "replace"}, {"name": "c"}]}, named("c")),
        (named("a"), {"items": [{"$patch": "replace"}]}, {"items": []}),
        ({}, {"items": [{"$patch": "delete", "name": "a"}, {"name": "b"}]}, named("b")),
        ({"set": ["a", "b"]}, {"$deleteFromPrimitiveList/set": ["a", "z"]}, {"set": ["b"]}),
        ({}, {"$deleteFromPrimitiveList/set": ["a"]}, {}),
        (
            {"set": ["a", "b"]},
            {"$deleteFromPrimitiveList/set": ["a"], "set": ["c"]},
            {"set": ["c", "b"]},
        ),
        (
            {"spec": {"name": "a", "image": "i"}},
            {"spec": {"$retainKeys": ["name"], "name": "b"}},
            {"spec": {"name": "b"}},
        ),
        (
            {"spec": {"name": "a", "image": "i"}},
            {"spec": {"$retainKeys": ["name"], "image": None}},
            {"spec": {"name": "a"}},
        ),
    ],
)
def test_directives(doc, patch, result):
    assert patched(doc, patch) == result


@pytest.mark.parametrize(
    ("live", "patch", "order", "result"),
    [
        ("abc", "", "cba", "cba"),
        ("abc", "x", "axb", "axbc"),
        ("abc", "", "ca", "bca"),
        ("abc", "c", "cb", "acb"),
        ("", "ab", "acb", "ab"),
        ("ab", "", "", "ab"),
    ],
)
def test_element_order(live, patch, order, result):
    change: dict[str, Any] = {"$setElementOrder/items": items(*order)}
    change |= {"items": items(*patch)} if patch else {}
    doc = {"items": items(*live)} if live else {}
    assert patched(doc, change) == {"items": items(*result)}
    change = {"$setElementOrder/set": list(order)}
    change |= {"set": list(patch)} if patch else {}
    assert patched({"set": list(live)} if live else {}, change) == {"set": list(result)}


def test_element_order_of_a_list_that_is_nowhere():
    assert patched({}, {"$setElementOrder/items": items("a")}) == {}


def test_element_order_and_deletion():
    change = {
        "$setElementOrder/items": items("c", "b"),
        "items": [{"$patch": "delete", "name": "a"}, {"name": "b", "image": "i"}],
    }
    assert patched({"items": items("a", "b", "c")}, change) == {
        "items": [{"name": "c"}, {"name": "b", "image": "i"}]
    }


@pytest.mark.parametrize(
    ("doc", "patch", "code", "message"),
    [
        (
            {"labels": {}},
            {"labels": {"$patch": "frob", "o": "p"}},
            500,
            "unknown patch type: frob in map: map[$patch:frob o:p]",
        ),
        (
            {"labels": {}},
            {"labels": {"$patch": "merge"}},
            500,
            "unknown patch type: merge in map: map[$patch:merge]",
        ),
        (
            {"labels": {}},
            {"labels": {"$patch": 1}},
            500,
            "unknown patch type: %!s(int64=1) in map: map[$patch:1]",
        ),
        (
            named("a"),
            {"items": [{"$patch": "merge", "name": "a"}]},
            500,
            "merging lists cannot yet be specified in the patch",
        ),
        (
            named("a"),
            {"items": [{"$patch": "delete"}]},
            500,
            "map: map[$patch:delete] does not contain declared merge key: name",
        ),
        (
            named("a"),
            {"items": [{"image": "i"}]},
            500,
            "map: map[image:i] does not contain declared merge key: name",
        ),
        (named("a"), {"items": ["a"]}, 500, "list element types are not identical: [[map[name:a]] [a]]"),
        ({"items": []}, {"items": ["a"]}, 500, "expected a map[string]interface {}, but received a string"),
        (
            {"keyless": items("a")},
            {"keyless": items("b")},
            500,
            "cannot merge lists without merge key for struct",
        ),
        (
            {"set": [["a"]]},
            {"set": [["b"]]},
            422,
            "the server rejected our request due to an error in our request",
        ),
        ({"matrix": [[]]}, {"matrix": [[]]}, 500, "unexpected slice of slice"),
        (
            {"nested": {"a": {}}},
            {"nested": {"a": {"b": "c"}}},
            500,
            "merging an object in json but data type is not struct, instead is: map",
        ),
        ({"x": {}}, {"x": {"a": 1}}, 500, 'unable to find api field in struct Thing for the json field "x"'),
        ({"labels": []}, {"labels": [1]}, 500, "expected slice or array type, but got: struct"),
        ({"spec": {}}, {"spec": {"$retainKeys": "name"}}, 400, "invalid patch format of retainKeys"),
        ({"spec": {}}, {"spec": {"$retainKeys": [], "name": "a"}}, 400, "invalid patch format of retainKeys"),
        ({}, {"$deleteFromPrimitiveList": ["a"]}, 400, "invalid patch format of primitive list"),
        ({}, {"$deleteFromPrimitiveListX/set": ["a"]}, 400, "invalid patch format of primitive list"),
        ({}, {"$setElementOrder": ["a"]}, 400, "invalid patch format of setElementOrder list"),
        (
            {},
            {"$setElementOrder/set": "a"},
            500,
            "expected a []interface {}, but received a string",
        ),
        (
            {"items": items("a")},
            {"$setElementOrder/items": items("b"), "items": items("a")},
            500,
            "The order in patch list:\n[map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:b]]\n",
        ),
        (
            {"items": items("a", "b")},
            {"$setElementOrder/items": items("a", "b"), "items": items("b", "a")},
            500,
            "The order in patch list:\n[map[name:b] map[name:a]]\n"
            " doesn't match $setElementOrder list:\n[map[name:a] map[name:b]]\n",
        ),
    ],
)
def test_complaints(doc, patch, code, message):
    with pytest.raises(StatusError) as caught:
        patched(doc, patch)
    assert (caught.value.code, caught.value.message) == (code, message)


NAMES = st.lists(st.sampled_from("abcdef"), unique=True, max_size=5)


@given(NAMES, NAMES)
def test_nothing_is_lost_and_both_orders_are_kept(live, new):
    result = [i["name"] for i in patched({"items": items(*live)}, {"items": items(*new)})["items"]]
    assert sorted(result) == sorted({*live, *new})
    assert [n for n in result if n in new] == new
    assert [n for n in result if n not in new] == [n for n in live if n not in new]
    assert patched({"set": live}, {"set": new}) == {"set": result}


@given(NAMES, NAMES)
def test_replacing_a_list_by_directive(live, new):
    result = patched({"items": items(*live)}, {"items": [{"$patch": "replace"}, *items(*new)]})
    assert result == {"items": items(*new)}
