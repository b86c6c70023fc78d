"""JSON patch: RFC 6902, and the laxer points of upstream's library."""

from __future__ import annotations

import copy

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.api import jsonpatch
from sekisho.api.jsonpatch import apply_json_patch, decode
from sekisho.api.status import StatusError


def op(kind, path, **more):
    return {"op": kind, "path": path, **more}


def moved(kind, source, path):
    return {"op": kind, "from": source, "path": path}


@pytest.mark.parametrize(
    ("doc", "operations", "result"),
    [
        ({}, [], {}),
        ({"a": 1}, [op("add", "/b", value=2)], {"a": 1, "b": 2}),
        ({"a": 1}, [op("add", "/a", value=2)], {"a": 2}),
        ({"a": 1}, [op("add", "/b")], {"a": 1, "b": None}),
        ({"a": [1, 3]}, [op("add", "/a/1", value=2)], {"a": [1, 2, 3]}),
        ({"a": [1]}, [op("add", "/a/-", value=2)], {"a": [1, 2]}),
        ({"a": [1]}, [op("add", "/a/1", value=2)], {"a": [1, 2]}),
        ({"a": [1, 3]}, [op("add", "/a/-2", value=2)], {"a": [1, 2, 3]}),
        ({"a": [1, 2]}, [op("remove", "/a/-1")], {"a": [1]}),
        ({"a": 1}, [op("remove", "/a")], {}),
        ({"a": None}, [op("remove", "/a")], {}),
        ({"a": 1}, [op("replace", "/b", value=2)], {"a": 1, "b": 2}),
        ({"a": [1]}, [op("replace", "/a/0", value=2)], {"a": [2]}),
        ({"a": 1}, [op("replace", "", value={"b": 1})], {"b": 1}),
        ({"a": 1}, [moved("move", "/a", "/b")], {"b": 1}),
        ({"a": [1, 2, 3]}, [moved("move", "/a/0", "/a/2")], {"a": [2, 3, 1]}),
        (
            {"a": {"x": 1}},
            [moved("copy", "/a", "/b"), op("add", "/b/x", value=2)],
            {"a": {"x": 1}, "b": {"x": 2}},
        ),
        ({"a": 1}, [moved("copy", "/x", "/b")], {"a": 1, "b": None}),
        ({"a": 1}, [op("test", "/a", value=1)], {"a": 1}),
        ({"a": 1}, [op("test", "/b", value=None)], {"a": 1}),
        ({"a": 1}, [op("test", "/b")], {"a": 1}),
        ({"a": {"b": [1, "x"]}}, [op("test", "", value={"a": {"b": [1, "x"]}})], {"a": {"b": [1, "x"]}}),
        ({"a/b": 1, "m~n": 2}, [op("remove", "/a~1b"), op("remove", "/m~0n")], {}),
        ({"~1": 1}, [op("remove", "/~01")], {}),
        ({"a": {"b": 1}}, [op("remove", "ignored/a/b")], {"a": {}}),
    ],
)
def test_operations(doc, operations, result):
    before = copy.deepcopy(doc)
    assert apply_json_patch(doc, operations) == result
    assert doc == before


@pytest.mark.parametrize(
    "operation",
    [
        op("remove", "/x"),
        op("remove", "/list/5"),
        op("remove", "/list/-3"),
        op("remove", "/list/x"),
        op("remove", "/list/-"),
        op("remove", ""),
        op("add", "", value={}),
        op("add", "/x/y", value=1),
        op("add", "/text/y", value=1),
        op("add", "/nothing/y", value=1),
        op("add", "/list/3", value=1),
        op("add", "/list/-4", value=1),
        op("replace", "/list/2", value=1),
        op("replace", "", value=1),
        op("replace", ""),
        op("test", "/text", value="u"),
        op("test", "/text"),
        op("test", "/one", value=1.0),
        op("test", "/one", value=True),
        op("test", "/list", value=[1]),
        op("test", "/x/y", value=None),
        moved("move", "/x", "/y"),
        moved("copy", "/text", "/x/y"),
        {"op": "add", "value": 1},
        {"op": "copy", "path": "/a"},
        {"path": "/a"},
        op("frob", "/a"),
        {},
    ],
)
def test_every_failure_is_the_same_422(operation):
    doc = {"text": "t", "one": 1, "list": [1, 2], "nothing": None}
    with pytest.raises(StatusError) as caught:
        apply_json_patch(doc, [operation])
    assert (caught.value.code, caught.value.reason, caught.value.details) == (422, "Invalid", {})
    assert caught.value.message == "the server rejected our request due to an error in our request"


def test_too_many_operations():
    operations = [op("test", "/a", value=1)] * 10001
    assert apply_json_patch({"a": 1}, operations[1:]) == {"a": 1}
    with pytest.raises(StatusError) as caught:
        apply_json_patch({"a": 1}, operations)
    assert caught.value.code == 413
    assert caught.value.message == (
        "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001"
    )


def test_copies_may_not_grow_without_end():
    bomb = [moved("copy", "/a", "/a/-")] * 40
    with pytest.raises(StatusError):
        apply_json_patch({"a": ["x" * 100]}, bomb)


class TestDecode:
    def test_operations_and_complaints(self):
        body = b'[{"op":"add","path":"/a","note":1},{"op":"test","path":"/b","a.b":1}]'
        operations, problems = decode(body)
        assert [o["op"] for o in operations] == ["add", "test"]
        assert problems == ['json patch unknown field "[0].note"', 'json patch unknown field "[1].a.b"']

    def test_duplicates_come_from_the_parser(self):
        operations, problems = decode(b"x", lambda _: ([{"op": "add"}], ['duplicate field "[0].op"']))
        assert operations == [{"op": "add"}]
        assert problems == ['json patch duplicate field "[0].op"']

    @pytest.mark.parametrize(
        ("body", "complaint"),
        [
            (b"{}", "object into Go value of type []handlers.jsonPatchOp"),
            (b'"x"', "string into Go value of type []handlers.jsonPatchOp"),
            (b"[1]", "number into Go value of type handlers.jsonPatchOp"),
            (b'[{"op":true}]', "bool into Go struct field jsonPatchOp.op of type string"),
            (b'[{"path":[]}]', "array into Go struct field jsonPatchOp.path of type string"),
        ],
    )
    def test_bodies_that_are_no_patch(self, body, complaint):
        with pytest.raises(StatusError) as caught:
            decode(body)
        assert caught.value.code == 400
        assert caught.value.message == f"error decoding patch: json: cannot unmarshal {complaint}"

    def test_broken_json(self):
        with pytest.raises(StatusError, match=r"^error decoding patch: "):
            decode(b"[{")

    def test_null_is_no_operation(self):
        assert decode(b"null") == ([], [])
        assert decode(b"[null]") == ([{}], [])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text("ab/~", max_size=2), JSON, max_size=3)


def pointer(*keys):
    return "".join("/" + k.replace("~", "~0").replace("/", "~1") for k in keys)


@given(OBJECTS, st.text("ab/~", max_size=2), JSON)
def test_add_test_remove(doc, key, value):
    path = pointer(key)
    added = apply_json_patch(doc, [op("add", path, value=value), op("test", path, value=value)])
    assert added == {**doc, key: value}
    removed = apply_json_patch(added, [op("remove", path)])
    assert removed == {k: v for k, v in doc.items() if k != key}


@given(OBJECTS)
def test_every_document_equals_itself(doc):
    again = orjson.loads(orjson.dumps(doc))
    assert jsonpatch.same(doc, again)
    assert apply_json_patch(doc, [op("test", "", value=again)]) == doc
