"""kubectl's move from client-side to server-side apply."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sekisho.api.status import StatusError
from sekisho.api.types import GroupVersionKind, Object
from sekisho.registry.fieldmanager import FieldManager
from sekisho.registry.lastapplied import ANNOTATION
from sekisho.schema.builtin import builtin_types

NOW = "2026-01-02T03:04:05Z"
KIND = GroupVersionKind("", "v1", "ConfigMap")
MAPS = FieldManager(builtin_types().for_kind(KIND), KIND)


def config(**data: Any) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}


def live_with(annotation: str, **data: str) -> Object:
    live = config(**data)
    live["metadata"] = {"name": "a", "uid": "1", "annotations": {ANNOTATION: annotation, "n": "1"}}
    live["metadata"]["managedFields"] = MAPS.update(None, live, manager="kubectl-client-side-apply", now=NOW)
    return live


def apply(live: Object, body: Object, manager: str = "kubectl") -> Object:
    return MAPS.apply(live, body, manager=manager, now=NOW)


def test_kubectl_takes_over_what_it_applied_on_the_clients_side() -> None:
    live = live_with(json.dumps(config(x="1")), x="1", y="1")
    out = apply(live, config(x="2"))
    assert out["data"] == {"x": "2", "y": "1"}
    annotation = out["metadata"]["annotations"][ANNOTATION]
    assert annotation == ('{"apiVersion":"v1","data":{"x":"2"},"kind":"ConfigMap","metadata":{"name":"a"}}\n')
    assert out["metadata"]["annotations"]["n"] == "1"


def test_another_name_opts_out() -> None:
    live = live_with(json.dumps(config(x="1")), x="1")
    with pytest.raises(StatusError, match="conflict with"):
        apply(live, config(x="2"), "other")
    out = apply(live, config(x="1"), "other")
    assert out["metadata"]["annotations"] == live["metadata"]["annotations"]


def test_what_the_annotation_does_not_say_is_a_conflict_still() -> None:
    live = live_with(json.dumps(config(x="1", z="old")), x="1", y="1", z="1")
    with pytest.raises(StatusError) as caught:
        apply(live, config(x="2", y="2", z="2"))
    assert caught.value.message == (
        'Apply failed with 2 conflicts: conflicts with "kubectl-client-side-apply" using v1:\n'
        "- .data.y\n- .data.z"
    )


@pytest.mark.parametrize(
    "annotation",
    [
        "{",
        "[]",
        json.dumps({**config(x="1"), "apiVersion": "v2"}),
        json.dumps({**config(x="1"), "surplus": 1}),
    ],
)
def test_an_annotation_that_cannot_be_read(annotation: str) -> None:
    with pytest.raises(StatusError, match="1 conflict: "):
        apply(live_with(annotation, x="1"), config(x="2"))


def test_no_annotation_and_none_written() -> None:
    live = live_with("", x="1")
    with pytest.raises(StatusError, match="1 conflict: "):
        apply(live, config(x="2"))
    out = apply(live, config(x="1"))
    assert out["metadata"]["annotations"][ANNOTATION] == ""


def test_the_annotation_does_not_contain_itself() -> None:
    body = config(x="<1>")
    body["metadata"] = {"name": "a", "annotations": {ANNOTATION: "old", "m": "1"}}
    out = apply(live_with("old", x="<1>"), {**body, "data": {"x": "<1>"}})
    assert out["metadata"]["annotations"][ANNOTATION] == (
        '{"apiVersion":"v1","data":{"x":"\\u003c1\\u003e"},"kind":"ConfigMap","metadata":'
        '{"annotations":{"m":"1"},"name":"a"}}\n'
    )


def test_an_annotation_that_gets_too_large_is_dropped() -> None:
    live = live_with(json.dumps(config(x="1")), x="1")
    out = apply(live, config(x="1", large="l" * (256 * 1024)))
    assert out["metadata"]["annotations"] == {"n": "1"}


def test_a_create_has_nothing_to_take_over() -> None:
    out = MAPS.apply(None, config(x="1"), manager="kubectl", now=NOW)
    assert "annotations" not in out["metadata"]
