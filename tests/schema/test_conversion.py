"""Events and autoscalers from one version to another and back."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema.autoscalers import BEHAVIOR, CONDITIONS, CURRENT_METRICS, METRICS
from sekisho.schema.builtin import builtin_types
from sekisho.schema.conversion import AUTOSCALER_V1, AUTOSCALER_V2, CORE_EVENT, EVENT, converter
from sekisho.schema.decode import decode

REF = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}


def make(kind: GroupVersionKind, **fields: Any) -> Object:
    sent = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {"name": "x"}, **fields}
    obj: Object = decode(builtin_types().for_kind(kind), sent)[0]
    return obj


def v1(annotations: dict[str, str] | None = None, status: Object | None = None, **spec: Any) -> Object:
    metadata = {"name": "x", "annotations": annotations or {}, "finalizers": ["a/b"]}
    return make(
        AUTOSCALER_V1,
        metadata=metadata,
        spec={"scaleTargetRef": REF, "maxReplicas": 3, **spec},
        status=status,
    )


def v2(status: Object | None = None, **spec: Any) -> Object:
    return make(AUTOSCALER_V2, spec={"scaleTargetRef": REF, "maxReplicas": 3, **spec}, status=status)


TO_V2 = converter(AUTOSCALER_V1, AUTOSCALER_V2)
TO_V1 = converter(AUTOSCALER_V2, AUTOSCALER_V1)


def cpu(utilization: int) -> Object:
    target = {"type": "Utilization", "averageUtilization": utilization}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def test_the_same_version_is_the_same_object() -> None:
    obj = v1()
    assert converter(AUTOSCALER_V1, AUTOSCALER_V1)(obj) is obj
    with pytest.raises(KeyError):
        converter(AUTOSCALER_V1, EVENT)


def test_the_cpu_target_is_a_metric() -> None:
    got = TO_V2(v1(targetCPUUtilizationPercentage=70, minReplicas=1))
    assert list(got) == ["kind", "apiVersion", "metadata", "spec", "status"]
    assert got["apiVersion"] == "autoscaling/v2"
    assert got["spec"] == {"scaleTargetRef": REF, "minReplicas": 1, "maxReplicas": 3, "metrics": [cpu(70)]}
    assert got["status"] == {"desiredReplicas": 0, "currentMetrics": None}
    assert TO_V1(got) == v1(targetCPUUtilizationPercentage=70, minReplicas=1)


def test_without_metrics_cpu_is_the_default() -> None:
    for text in ("not json", "[]", '[{"type":5}]', "{}", "null"):
        got = TO_V2(v1({METRICS: text}))
        assert got["spec"]["metrics"] == [cpu(80)]
        assert "annotations" not in got["metadata"]


def test_other_metrics_travel_in_an_annotation() -> None:
    text = '[{"type":"Pods","pods":{"metricName":"rps","targetAverageValue":"10"}}]'
    got = TO_V2(v1({METRICS: text, "keep": "me"}, targetCPUUtilizationPercentage=60))
    pods = {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "10"}}
    assert got["spec"]["metrics"] == [{"type": "Pods", "pods": pods}, cpu(60)]
    assert list(got["metadata"]) == ["name", "annotations", "finalizers"]
    assert got["metadata"]["annotations"] == {"keep": "me"}
    back = TO_V1(got)
    assert back["metadata"]["annotations"] == {METRICS: text, "keep": "me"}
    assert back["spec"]["targetCPUUtilizationPercentage"] == 60


METRIC_SPECS = [
    {
        "type": "Object",
        "object": {
            "describedObject": REF,
            "target": {"type": "Value", "value": "5"},
            "metric": {"name": "m", "selector": {"matchLabels": {"a": "b"}}},
        },
    },
    {
        "type": "ContainerResource",
        "containerResource": {
            "name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 5},
            "container": "c",
        },
    },
    {
        "type": "External",
        "external": {"metric": {"name": "q"}, "target": {"type": "AverageValue", "averageValue": "30"}},
    },
    {
        "type": "Resource",
        "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}},
    },
    {
        "type": "Pods",
        "pods": {"metric": {"name": "p"}, "target": {"type": "AverageValue", "averageValue": "1"}},
    },
    cpu(50),
]

METRIC_STATES = [
    {
        "type": "Object",
        "object": {
            "metric": {"name": "m"},
            "current": {"value": "5", "averageValue": "1"},
            "describedObject": REF,
        },
    },
    {
        "type": "ContainerResource",
        "containerResource": {
            "name": "cpu",
            "current": {"averageValue": "5m", "averageUtilization": 5},
            "container": "c",
        },
    },
    {
        "type": "External",
        "external": {"metric": {"name": "q"}, "current": {"value": "0", "averageValue": "30"}},
    },
    {"type": "Pods", "pods": {"metric": {"name": "p"}, "current": {"averageValue": "1"}}},
    {
        "type": "Resource",
        "resource": {"name": "cpu", "current": {"averageValue": "5m", "averageUtilization": 41}},
    },
]


@given(st.lists(st.sampled_from(METRIC_SPECS[:-1]), max_size=4), st.booleans())
def test_metrics_come_back(metrics: list[Object], with_cpu: bool) -> None:
    obj = v2(metrics=[*metrics, cpu(50)] if with_cpu or not metrics else metrics)
    assert TO_V2(TO_V1(obj)) == obj


@given(st.lists(st.sampled_from(METRIC_STATES), min_size=1, max_size=4))
def test_states_come_back(states: list[Object]) -> None:
    condition = {"type": "AbleToScale", "status": "True", "lastTransitionTime": "2026-01-02T03:04:05Z"}
    status = {"currentReplicas": 2, "desiredReplicas": 3, "currentMetrics": states, "conditions": [condition]}
    obj = v2(status, metrics=[cpu(50)])
    old = TO_V1(obj)
    assert old["status"].get("currentCPUUtilizationPercentage") == (
        41 if METRIC_STATES[-1] in states else None
    )
    assert CURRENT_METRICS in old["metadata"]["annotations"]
    assert orjson.loads(old["metadata"]["annotations"][CONDITIONS]) == [condition]
    assert TO_V2(old) == obj


def test_behavior_is_written_in_capitals() -> None:
    rules = {"stabilizationWindowSeconds": 7, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}
    old = TO_V1(v2(metrics=[cpu(50)], behavior={"scaleDown": rules}))
    assert old["metadata"]["annotations"][BEHAVIOR] == (
        '{"ScaleUp":null,"ScaleDown":{"StabilizationWindowSeconds":7,"SelectPolicy":null,'
        '"Policies":[{"Type":"Pods","Value":1,"PeriodSeconds":60}],"Tolerance":null}}'
    )


def test_behavior_is_read_in_any_case_and_completed() -> None:
    got = TO_V2(v1({BEHAVIOR: '{"scaleUp":{"selectpolicy":"Min"},"other":1}'}))
    assert got["spec"]["behavior"] == {
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Min",
            "policies": [
                {"type": "Pods", "value": 4, "periodSeconds": 15},
                {"type": "Percent", "value": 100, "periodSeconds": 15},
            ],
        },
        "scaleDown": {
            "selectPolicy": "Max",
            "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
        },
    }
    for text in ("", "[]", "{}", '{"ScaleUp":5}', "null"):
        assert "behavior" not in TO_V2(v1({BEHAVIOR: text}))["spec"]


def test_the_cpu_state_of_v1() -> None:
    got = TO_V2(v1(status={"currentReplicas": 1, "desiredReplicas": 2, "currentCPUUtilizationPercentage": 9}))
    state = {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 9}}}
    assert got["status"] == {"currentReplicas": 1, "desiredReplicas": 2, "currentMetrics": [state]}


def test_events() -> None:
    sent = make(
        EVENT,
        eventTime="2024-01-02T03:04:05.000006Z",
        reportingController="example.com/c",
        reportingInstance="i-1",
        action="Doing",
        reason="Because",
        regarding={"kind": "Pod", "name": "p"},
        related={"kind": "Node", "name": "n"},
        note="hello",
        type="Normal",
        series={"count": 3, "lastObservedTime": "2024-01-02T03:05:05.000001Z"},
        deprecatedCount=4,
    )
    core = converter(EVENT, CORE_EVENT)(sent)
    assert list(core) == [
        "kind",
        "apiVersion",
        "metadata",
        "involvedObject",
        "reason",
        "message",
        "source",
        "firstTimestamp",
        "lastTimestamp",
        "count",
        "type",
        "eventTime",
        "series",
        "action",
        "related",
        "reportingComponent",
        "reportingInstance",
    ]
    assert (core["apiVersion"], core["message"], core["source"]) == ("v1", "hello", {})
    assert (core["firstTimestamp"], core["reportingComponent"], core["count"]) == (None, "example.com/c", 4)
    assert converter(CORE_EVENT, EVENT)(core) == sent


def test_inputs_are_left_alone() -> None:
    obj = v1({METRICS: "[]", "b": "c"}, targetCPUUtilizationPercentage=1)
    before = orjson.dumps(obj)
    TO_V2(obj)["spec"]["scaleTargetRef"]["name"] = "other"
    assert orjson.dumps(obj) == before
