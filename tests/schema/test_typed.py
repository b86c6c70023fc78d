"""Sets of applied values, list items' keys, removal, and sets whose type has changed."""

from __future__ import annotations

from typing import Any

import pytest

from sekisho.api.types import GroupVersionKind
from sekisho.schema import fieldset, typed
from sekisho.schema.builtin import builtin_types
from sekisho.schema.typed import TypedError
from sekisho.schema.types import Field, Kind, Type

STRING = Type("", Kind.STRING)


def struct(fields: dict[str, Type], **more: Any) -> Type:
    made = {name: Field(name, type_, index=i) for i, (name, type_) in enumerate(fields.items())}
    return Type("", Kind.OBJECT, fields=made, **more)


def lists(element: Type, list_type: str = "", keys: tuple[str, ...] = ()) -> Type:
    return Type("", Kind.LIST, element=element, list_type=list_type, list_map_keys=keys)


ITEM = struct({"k": STRING, "p": STRING, "v": STRING})
ITEM.fields["p"].default = "tcp"
WIDGET = struct(
    {
        "a": STRING,
        "set": lists(STRING, "set"),
        "atomic": lists(STRING, "atomic"),
        "plain": lists(struct({"x": STRING})),
        "map": lists(ITEM, "map", ("k", "p")),
        "labels": Type("", Kind.MAP, element=STRING),
        "whole": struct({"x": STRING}, map_type="atomic"),
        "wholemap": Type("", Kind.MAP, element=STRING, map_type="atomic"),
        "free": struct({}),
        "any": Type("", Kind.ANY),
        "raw": Type("", Kind.RAW_OBJECT),
        "nested": struct({"deep": struct({"s": STRING})}),
        "keeps": struct({"known": STRING}, element=typed.FREE),
    }
)


@pytest.mark.parametrize(
    ("value", "owned"),
    [
        ({"a": "1"}, {"f:a": {}}),
        ({"a": None}, {"f:a": {}}),
        ({"set": ["x", "y"]}, {"f:set": {'v:"x"': {}, 'v:"y"': {}}}),
        ({"set": []}, {}),
        ({"atomic": ["x"]}, {"f:atomic": {}}),
        ({"atomic": []}, {"f:atomic": {}}),
        ({"plain": [{"x": "1"}]}, {"f:plain": {}}),
        (
            {"map": [{"k": "1", "v": "v"}]},
            {"f:map": {'k:{"k":"1","p":"tcp"}': {".": {}, "f:k": {}, "f:v": {}}}},
        ),
        ({"labels": {"l": "1"}}, {"f:labels": {"f:l": {}}}),
        ({"labels": {}}, {"f:labels": {}}),
        ({"labels": None}, {"f:labels": {}}),
        ({"whole": {"x": "1"}}, {"f:whole": {}}),
        ({"wholemap": {"x": "1"}}, {"f:wholemap": {}}),
        ({"nested": {"deep": {"s": "1"}}}, {"f:nested": {"f:deep": {"f:s": {}}}}),
        ({"nested": {"deep": {}}}, {"f:nested": {"f:deep": {}}}),
        ({"nested": {}}, {"f:nested": {}}),
        ({"free": {"x": {"z": 1}}}, {"f:free": {"f:x": {".": {}, "f:z": {}}}}),
        ({"free": {"l": [1, {"y": 1}]}}, {"f:free": {"f:l": {}}}),
        ({"any": 1}, {"f:any": {}}),
        ({"any": [1]}, {"f:any": {}}),
        ({"any": {"x": None}}, {"f:any": {"f:x": {}}}),
        ({"raw": {"x": 1}}, {"f:raw": {}}),
        (
            {"keeps": {"known": "1", "more": {"y": 1}}},
            {"f:keeps": {"f:known": {}, "f:more": {".": {}, "f:y": {}}}},
        ),
    ],
)
def test_what_applying_a_value_owns(value: Any, owned: Any) -> None:
    assert typed.field_set(WIDGET, value) == owned


def test_items_that_repeat_are_owned_as_a_whole() -> None:
    value = {"map": [{"k": "1", "v": "a"}, {"k": "1", "p": "tcp", "v": "b"}, {"k": "2"}]}
    assert typed.field_set(WIDGET, value) == {
        "f:map": {'k:{"k":"1","p":"tcp"}': {}, 'k:{"k":"2","p":"tcp"}': {".": {}, "f:k": {}}}
    }


def test_sets_are_canonical() -> None:
    out = typed.field_set(WIDGET, {"set": ["y", "x"], "a": "1", "map": [{"k": "2"}, {"k": "1"}]})
    assert list(out) == ["f:a", "f:map", "f:set"]
    assert list(out["f:set"]) == ['v:"x"', 'v:"y"']


@pytest.mark.parametrize(
    ("list_type", "keys", "item", "message"),
    [
        ("set", (), {"a": 1}, "associative list without keys has an element that's a map type"),
        ("set", (), ["a"], "not supported: associative list with lists as elements"),
        ("set", (), None, "associative list without keys has an element that's an explicit null"),
        ("map", ("k",), None, "associative list with keys may not have a null element"),
        ("map", ("k",), "x", "associative list with keys may not have non-map elements"),
        (
            "map",
            ("k", "v"),
            {"x": "1"},
            'associative list with keys has an element that omits all key fields ["k" "v"] '
            "(and doesn't have default values for any key fields)",
        ),
    ],
)
def test_items_that_cannot_be_told_apart(
    list_type: str, keys: tuple[str, ...], item: Any, message: str
) -> None:
    with pytest.raises(TypedError) as caught:
        typed.item_element(lists(ITEM, list_type, keys), item)
    assert str(caught.value) == message


def test_an_absent_key_counts_only_with_its_default() -> None:
    assert typed.item_element(lists(ITEM, "map", ("p", "k")), {"k": "1"}) == 'k:{"k":"1","p":"tcp"}'
    assert typed.item_element(lists(ITEM, "map", ("k", "v")), {"k": "1"}) == 'k:{"k":"1"}'


def test_keys_of_built_in_lists() -> None:
    pod = builtin_types().for_kind(GroupVersionKind("", "v1", "Pod"))
    containers = pod.fields["spec"].type.fields["containers"].type
    container = typed.element_type(containers)
    assert typed.item_element(container.fields["ports"].type, {"containerPort": 80}) == (
        'k:{"containerPort":80,"protocol":"TCP"}'
    )
    assert typed.item_element(containers, {"image": "x"}) == 'k:{"name":""}'


def test_free_form_is_found_wherever_it_is() -> None:
    types = builtin_types()
    assert typed.has_free_form(WIDGET)
    assert not typed.has_free_form(types.for_kind(GroupVersionKind("", "v1", "Pod")))
    crd = GroupVersionKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
    assert typed.has_free_form(types.for_kind(crd))


def test_same_tells_true_from_one() -> None:
    assert typed.same({"a": [1, "x", None]}, {"a": [1.0, "x", None]})
    assert not typed.same({"a": [1]}, {"a": [True]})
    assert not typed.same({"a": 0}, {"a": False})
    assert not typed.same({"a": None}, {})


def test_named_fields_are_added_but_not_free_keys() -> None:
    fields = fieldset.make(
        [
            ("f:nested", "f:deep", "f:s"),
            ("f:free", "f:x", "f:y"),
            ("f:map", 'k:{"k":"1"}', "f:v"),
            ("f:labels", "f:l"),
        ]
    )
    assert typed.with_named_fields(WIDGET, fields) == {
        "f:nested": {".": {}, "f:deep": {".": {}, "f:s": {}}},
        "f:free": {".": {}, "f:x": {"f:y": {}}},
        "f:map": {".": {}, 'k:{"k":"1"}': {"f:v": {}}},
        "f:labels": {".": {}, "f:l": {}},
    }


VALUE = {
    "a": "1",
    "set": ["x", "y"],
    "atomic": ["p"],
    "map": [{"k": "1", "p": "tcp", "v": "v"}, {"k": "2"}],
    "labels": {"l": "1", "m": "2"},
    "free": {"x": {"y": 1, "z": 2}},
}


@pytest.mark.parametrize(
    ("paths", "left"),
    [
        ([("f:a",)], {k: v for k, v in VALUE.items() if k != "a"}),
        ([("f:set", 'v:"x"')], {**VALUE, "set": ["y"]}),
        ([("f:set", 'v:"x"'), ("f:set", 'v:"y"')], {**VALUE, "set": None}),
        ([("f:atomic", "i:0")], {**VALUE, "atomic": None}),
        ([("f:map", 'k:{"k":"2","p":"tcp"}')], {**VALUE, "map": [{"k": "1", "p": "tcp", "v": "v"}]}),
        ([("f:map", 'k:{"k":"1","p":"tcp"}', "f:v")], {**VALUE, "map": [{"k": "1", "p": "tcp"}, {"k": "2"}]}),
        ([("f:labels", "f:l")], {**VALUE, "labels": {"m": "2"}}),
        ([("f:free", "f:x", "f:y")], {**VALUE, "free": {"x": {"z": 2}}}),
        ([("f:unknown",)], VALUE),
    ],
)
def test_remove(paths: list[tuple[str, ...]], left: Any) -> None:
    before = repr(VALUE)
    assert typed.remove(WIDGET, VALUE, fieldset.make(paths)) == left
    assert repr(VALUE) == before


def test_fields_below_what_became_atomic_are_owned_as_one() -> None:
    fields = fieldset.make(
        [
            ("f:whole", "f:x"),
            ("f:whole",),
            ("f:atomic", 'v:"x"'),
            ("f:labels", "f:l"),
            ("f:raw", "f:x"),
            ("f:any", "f:x"),
            ("f:map", 'k:{"k":"1"}', "f:v"),
            ("f:gone", "f:x"),
        ]
    )
    assert typed.reconcile(WIDGET, fields) == {
        "f:whole": {},
        "f:atomic": {},
        "f:raw": {},
        "f:labels": {"f:l": {}},
        "f:any": {"f:x": {}},
        "f:map": {'k:{"k":"1"}': {"f:v": {}}},
        "f:gone": {"f:x": {}},
    }
    settled = typed.reconcile(WIDGET, fields)
    assert typed.reconcile(WIDGET, settled) is settled
