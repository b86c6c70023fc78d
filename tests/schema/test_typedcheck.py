"""What an apply body is refused for, word by word."""

from __future__ import annotations

from typing import Any

import pytest

from sekisho.api.types import GroupVersionKind
from sekisho.schema.builtin import builtin_types
from sekisho.schema.typed import FREE
from sekisho.schema.typedcheck import problem
from sekisho.schema.types import Field, Kind, Type

TYPES = builtin_types()
DEPLOYMENT = TYPES.for_kind(GroupVersionKind("apps", "v1", "Deployment"))
CONFIG_MAP = TYPES.for_kind(GroupVersionKind("", "v1", "ConfigMap"))
POD = TYPES.for_kind(GroupVersionKind("", "v1", "Pod"))


def pod(**spec: Any) -> Any:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        (CONFIG_MAP, {"data": {"k": "1"}}, ""),
        (CONFIG_MAP, {"surplus": {"x": 1}}, ".surplus: field not declared in schema"),
        (CONFIG_MAP, {"data": {"k": 5}}, ".data.k: expected string, got &value.valueUnstructured{Value:5}"),
        (
            CONFIG_MAP,
            {"data": {"k": ["a", None, 1.5]}},
            '.data.k: expected string, got &value.valueUnstructured{Value:[]interface {}{"a", '
            "interface {}(nil), 1.5}}",
        ),
        (
            CONFIG_MAP,
            {"data": {"k": {"b": True, "a": 1000000}}},
            '.data.k: expected string, got &value.valueUnstructured{Value:map[string]interface {}{"a":1e+06, '
            '"b":true}}',
        ),
        (CONFIG_MAP, {"data": None, "metadata": None}, ""),
        (CONFIG_MAP, {"data": {"k": None}}, ""),
        (CONFIG_MAP, {"data": "x"}, ".data: expected map, got &{x}"),
        (CONFIG_MAP, {"data": [1, "b", {"c": None}]}, ".data: expected map, got &{[1 b map[c:<nil>]]}"),
        (CONFIG_MAP, {"immutable": "yes"}, ".immutable: expected boolean, got &{yes}"),
        (
            DEPLOYMENT,
            {"spec": {"replicas": "3"}},
            ".spec.replicas: expected numeric (int or float), got string",
        ),
        (
            DEPLOYMENT,
            {"spec": {"replicas": True}},
            ".spec.replicas: expected numeric (int or float), got bool",
        ),
        (
            DEPLOYMENT,
            {"spec": {"replicas": {}}},
            ".spec.replicas: expected numeric (int or float), got map[string]interface {}",
        ),
        (
            DEPLOYMENT,
            {"spec": {"replicas": []}},
            ".spec.replicas: expected numeric (int or float), got []interface {}",
        ),
        (DEPLOYMENT, {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 1}}}}, ""),
        (DEPLOYMENT, {"spec": {"strategy": {"rollingUpdate": {"maxSurge": "25%"}}}}, ""),
        (POD, pod(containers="x"), ".spec.containers: expected list, got &{x}"),
        (
            POD,
            pod(containers=[{"name": "a"}, {"name": "a"}]),
            '.spec.containers: duplicate entries for key [name="a"]',
        ),
        (
            POD,
            pod(
                containers=[
                    {"name": "a", "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "TCP"}]}
                ]
            ),
            '.spec.containers[name="a"].ports: duplicate entries for key [containerPort=80,protocol="TCP"]',
        ),
        (
            POD,
            pod(containers=[{"name": "a", "args": ["x", 1]}]),
            '.spec.containers[name="a"].args[1]: expected string, got &value.valueUnstructured{Value:1}',
        ),
        (
            POD,
            pod(containers=[{"name": "a"}, None]),
            ".spec.containers: element 1: associative list with keys may not have a null element",
        ),
        (
            POD,
            pod(containers=[{"name": "a", "imagine": "x"}]),
            '.spec.containers[name="a"].imagine: field not declared in schema',
        ),
        (POD, pod(containers=[{"name": "a", "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}]), ""),
        (
            POD,
            pod(containers=[{"name": "a", "resources": {"limits": {"cpu": {"x": 1}}}}]),
            '.spec.containers[name="a"].resources.limits.cpu: expected any scalar, got &{map[x:1]}',
        ),
        (
            POD,
            {"metadata": {"finalizers": ["a", "a"]}},
            '.metadata.finalizers: duplicate entries for key [="a"]',
        ),
        (
            POD,
            pod(hostNetwork="x", nodeName=1),
            "errors:\n  .spec.hostNetwork: expected boolean, got &{x}\n"
            "  .spec.nodeName: expected string, got &value.valueUnstructured{Value:1}",
        ),
    ],
)
def test_problem(type_: Type, value: Any, text: str) -> None:
    assert problem(type_, value) == text


def test_a_list_by_key_needs_a_key() -> None:
    item = Type("", Kind.OBJECT, fields={"k": Field("k", Type("", Kind.STRING))})
    type_ = Type("", Kind.LIST, element=item, list_type="map", list_map_keys=("k",))
    assert problem(type_, [{"k": "1"}, {}]) == (
        'element 1: associative list with keys has an element that omits all key fields ["k"] '
        "(and doesn't have default values for any key fields)"
    )


def test_live_objects_may_repeat_keys() -> None:
    value = {"metadata": {"finalizers": ["a", "a"]}}
    assert problem(POD, value)
    assert problem(POD, value, duplicates=True) == ""


def test_values_without_a_schema_are_taken_as_they_are() -> None:
    kept = Type("", Kind.OBJECT, fields={"k": Field("k", Type("", Kind.STRING))}, element=FREE)
    assert problem(kept, {"k": "1", "x": [{"y": 1}]}) == ""
    assert problem(kept, {"k": 1}) == ".k: expected string, got &value.valueUnstructured{Value:1}"
    assert problem(Type("", Kind.OBJECT), {"x": 1}) == ""
    assert problem(Type("", Kind.RAW_OBJECT), {"x": [1]}) == ""
