"""Decoding as Go does: what is kept, what is written, what is reported, and Go's words for what it cannot take."""

from __future__ import annotations

import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.api.types import GroupVersionKind
from sekisho.schema.builtin import builtin_types
from sekisho.schema.decode import DecodeError, decode
from sekisho.schema.jsonvalue import Literal, RepeatedKeys
from sekisho.schema.types import Type

TYPES = builtin_types()


def kind(api_version: str, name: str) -> Type:
    group, _, version = api_version.rpartition("/")
    return TYPES.for_kind(GroupVersionKind(group, version, name))


POD = kind("v1", "Pod")
DEPLOYMENT = kind("apps/v1", "Deployment")
CONFIG_MAP = kind("v1", "ConfigMap")
SECRET = kind("v1", "Secret")
LEASE = kind("coordination.k8s.io/v1", "Lease")
ROLE = kind("rbac.authorization.k8s.io/v1", "Role")
CRD = kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
SERVICE = kind("v1", "Service")


LIMITS = "ResourceRequirements.spec.containers.resources.limits"
CREATED = "ObjectMeta.metadata.creationTimestamp"
TARGET_PORT = "ServicePort.spec.ports.targetPort"


def read(type_: Type, value: Any) -> Any:
    return decode(type_, value)[0]


def error(type_: Type, value: Any) -> str:
    with pytest.raises(DecodeError) as caught:
        decode(type_, value)
    return str(caught.value)


def deployment(**spec: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {}}, **spec}}


def container(**fields: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "a", **fields}]}}


def test_a_small_pod() -> None:
    sent = {
        "spec": {"containers": [{"image": "b", "name": "a"}]},
        "metadata": {"labels": {"z": "1", "a": "2"}, "name": "p"},
        "apiVersion": "v1",
        "kind": "Pod",
    }
    got = read(POD, sent)
    assert orjson.dumps(got).decode() == (
        '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","labels":{"a":"2","z":"1"}},'
        '"spec":{"containers":[{"name":"a","image":"b","resources":{}}]},"status":{}}'
    )


def test_an_empty_deployment_writes_what_has_no_omitempty() -> None:
    assert read(DEPLOYMENT, {}) == {
        "metadata": {},
        "spec": {
            "selector": None,
            "template": {"metadata": {}, "spec": {"containers": None}},
            "strategy": {},
        },
        "status": {},
    }
    assert read(ROLE, {"rules": []}) == {"metadata": {}, "rules": None}
    assert read(DEPLOYMENT, None) == read(DEPLOYMENT, {})


def test_zero_values_vanish_unless_a_pointer_keeps_them() -> None:
    got = read(DEPLOYMENT, deployment(replicas=0, paused=False, minReadySeconds=0, strategy={"type": ""}))
    assert got["spec"]["replicas"] == 0
    assert "paused" not in got["spec"]
    assert "minReadySeconds" not in got["spec"]
    assert got["spec"]["strategy"] == {}
    pod = read(POD, {"spec": {"enableServiceLinks": False, "hostNetwork": False, "securityContext": {}}})
    assert pod["spec"] == {"containers": None, "securityContext": {}, "enableServiceLinks": False}


def test_nulls_are_zero_values() -> None:
    got = read(POD, {"metadata": None, "spec": {"containers": [None], "volumes": None, "hostname": None}})
    assert got["metadata"] == {}
    assert got["spec"] == {"containers": [{"name": "", "resources": {}}]}
    assert read(POD, container(args=["a", None]))["spec"]["containers"][0]["args"] == ["a", ""]
    assert read(CONFIG_MAP, {"data": {"k": None}})["data"] == {"k": ""}
    assert read(SECRET, {"data": {"k": None}})["data"] == {"k": ""}


def test_empty_collections_vanish() -> None:
    assert read(CONFIG_MAP, {"data": {}, "metadata": {"labels": {}, "finalizers": []}}) == {"metadata": {}}


def test_structs_that_write_themselves_have_zero_texts() -> None:
    service = read(SERVICE, {"spec": {"ports": [{"port": 80}]}})
    assert service["spec"]["ports"] == [{"port": 80, "targetPort": 0}]
    pod = read(POD, container(env=[{"name": "e", "valueFrom": {"resourceFieldRef": {"resource": "cpu"}}}]))
    field = pod["spec"]["containers"][0]["env"][0]["valueFrom"]["resourceFieldRef"]
    assert field == {"resource": "cpu", "divisor": "0"}
    event = read(kind("v1", "Event"), {})
    assert [event[k] for k in ("firstTimestamp", "lastTimestamp", "eventTime")] == [None, None, None]
    assert read(kind("apps/v1", "ControllerRevision"), {})["data"] is None


def test_quantities_are_canonical() -> None:
    limits = {"cpu": "1000m", "memory": 1073741824, "storage": "1024Mi", "x": Literal.read("0.50"), "y": None}
    got = read(POD, container(resources={"limits": limits}))
    assert got["spec"]["containers"][0]["resources"]["limits"] == {
        "cpu": "1",
        "memory": "1073741824",
        "storage": "1Gi",
        "x": "500m",
        "y": "0",
    }


def test_times_are_in_utc() -> None:
    meta = {"creationTimestamp": "2026-01-02T05:04:05.9+02:00", "deletionTimestamp": "2026-02-03T00:00:00Z"}
    got = read(CONFIG_MAP, {"metadata": meta})["metadata"]
    assert got == {
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "deletionTimestamp": "2026-02-03T00:00:00Z",
    }
    zero = {"creationTimestamp": "0001-01-01T00:00:00Z", "deletionTimestamp": "0001-01-01T00:00:00Z"}
    assert read(CONFIG_MAP, {"metadata": zero})["metadata"] == {"deletionTimestamp": None}
    lease = read(LEASE, {"spec": {"renewTime": "2026-01-02T05:04:05.123456+02:00"}})
    assert lease["spec"]["renewTime"] == "2026-01-02T03:04:05.123456Z"


def test_bytes() -> None:
    data = {"a": "YQ==", "b": "YQ\n==", "c": [1, 2, None], "d": ""}
    assert read(SECRET, {"data": data})["data"] == {"a": "YQ==", "b": "YQ==", "c": "AQIA", "d": ""}


def test_json_values_are_carried() -> None:
    schema = {
        "default": {"b": [1, Literal.read("2.0")], "a": None},
        "enum": [None, "x"],
        "additionalProperties": {"type": "string", "typ": "x"},
        "items": [{"type": "string"}],
        "dependencies": {"a": ["b"], "c": {"type": "object"}, "d": []},
        "maximum": Literal.read("1.50"),
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    got, problems = decode(CRD, {"spec": {"versions": [version]}})
    assert problems == []
    schema = got["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert list(schema["default"]) == ["a", "b"]
    assert schema == {
        "default": {"a": None, "b": [1, 2]},
        "maximum": 1.5,
        "enum": [None, "x"],
        "items": [{"type": "string"}],
        "additionalProperties": {"type": "string"},
        "dependencies": {"a": ["b"], "c": {"type": "object"}, "d": None},
    }


def test_unknown_fields_are_dropped_and_reported_in_order() -> None:
    sent = {
        "surplus": 1,
        "metadata": {"colour": "red", "Labels": {}},
        "spec": {
            "containers": [{"imag": "x", "ports": [{"prot": "TCP"}], "resources": {"limits": {"cpu": "1"}}}],
            "nodeSelecter": {},
        },
        "a.b": {},
    }
    got, problems = decode(POD, sent)
    assert problems == [
        'unknown field "surplus"',
        'unknown field "metadata.colour"',
        'unknown field "metadata.Labels"',
        'unknown field "spec.containers[0].imag"',
        'unknown field "spec.containers[0].ports[0].prot"',
        'unknown field "spec.nodeSelecter"',
        'unknown field "a.b"',
    ]
    assert got["metadata"] == {}
    assert decode(POD, {"x": 1}, path="spec.template")[1] == ['unknown field "spec.template.x"']


def test_paths_of_problems_name_map_keys() -> None:
    claims = {"allocatedResourceStatuses": {}, "capacity": {}}
    volume = {"status": claims | {"conditions": [{"x": 1}]}}
    assert decode(kind("v1", "PersistentVolumeClaim"), volume)[1] == [
        'unknown field "status.conditions[0].x"'
    ]
    slice_ = {"spec": {"sharedCounters": [{"name": "a", "counters": {"m": {"valu": "1"}}}]}}
    problems = decode(kind("resource.k8s.io/v1", "ResourceSlice"), slice_)[1]
    assert problems == ['unknown field "spec.sharedCounters[0].counters.m.valu"']


def test_no_more_than_a_hundred_problems() -> None:
    assert len(decode(POD, {f"f{i}": 1 for i in range(150)})[1]) == 100


def test_repeated_keys_are_reported_where_they_stand() -> None:
    metadata = RepeatedKeys([("name", "g"), ("shade", 1), ("name", "h")])
    sent = RepeatedKeys(
        [("metadata", metadata), ("data", {"k": "1"}), ("data", {"l": "2"}), ("zeta", {}), ("alpha", [])]
    )
    got, problems = decode(CONFIG_MAP, sent)
    assert problems == [
        'unknown field "metadata.shade"',
        'duplicate field "metadata.name"',
        'duplicate field "data"',
        'unknown field "zeta"',
        'unknown field "alpha"',
    ]
    assert got == {"metadata": {"name": "h"}, "data": {"k": "1", "l": "2"}}


def test_repeated_values_are_joined_as_go_joins_them() -> None:
    first = {
        "containers": [{"name": "a", "image": "i"}, {"name": "b"}],
        "hostname": "x",
        "nodeSelector": {"a": "b"},
    }
    second = {"containers": [{"image": "j"}], "nodeSelector": None, "hostname": None}
    got, _ = decode(POD, RepeatedKeys([("spec", first), ("spec", second)]))
    assert got["spec"] == {
        "containers": [{"name": "a", "image": "j", "resources": {}}],
        "hostname": "x",
    }
    got, problems = decode(CONFIG_MAP, {"data": RepeatedKeys([("k", "1"), ("k", "2")])})
    assert (got["data"], problems) == ({"k": "2"}, ['duplicate field "data.k"'])


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("3", "string"),
        (1.5, "number 1.5"),
        (Literal.read("2.0"), "number 2.0"),
        (Literal.read("1E3"), "number 1E3"),
        (2147483648, "number 2147483648"),
        (-2147483649, "number -2147483649"),
        (True, "bool"),
        ([], "array"),
        ({}, "object"),
    ],
)
def test_no_whole_number(value: Any, what: str) -> None:
    assert error(DEPLOYMENT, deployment(replicas=value)) == (
        f"json: cannot unmarshal {what} into Go struct field DeploymentSpec.spec.replicas of type int32"
    )


@pytest.mark.parametrize(
    ("type_", "value", "what", "field", "go_type"),
    [
        (POD, {"metadata": "x"}, "string", "Pod.metadata", "v1.ObjectMeta"),
        (POD, {"spec": {"containers": {}}}, "object", "PodSpec.spec.containers", "[]v1.Container"),
        (POD, {"spec": {"containers": ["x"]}}, "string", "PodSpec.spec.containers", "v1.Container"),
        (POD, container(image=5), "number", "Container.spec.containers.image", "string"),
        (POD, container(args=["a", 1]), "number", "Container.spec.containers.args", "string"),
        (
            POD,
            container(ports=[{"protocol": 5}]),
            "number",
            "ContainerPort.spec.containers.ports.protocol",
            "v1.Protocol",
        ),
        (POD, container(resources={"limits": 1}), "number", LIMITS, "v1.ResourceList"),
        (CONFIG_MAP, {"data": "x"}, "string", "ConfigMap.data", "map[string]string"),
        (CONFIG_MAP, {"data": {"a": True}}, "bool", "ConfigMap.data", "string"),
        (SECRET, {"data": {"a": {}}}, "object", "Secret.data", "[]uint8"),
        (SECRET, {"data": {"a": [256]}}, "number 256", "Secret.data", "uint8"),
        (CONFIG_MAP, {"metadata": {"labels": {"a": 1}}}, "number", "ObjectMeta.metadata.labels", "string"),
        (CONFIG_MAP, {"metadata": {"creationTimestamp": 5}}, "number", CREATED, "string"),
        (SERVICE, {"spec": {"ports": [{"targetPort": True}]}}, "bool", TARGET_PORT, "int32"),
        (SERVICE, {"spec": {"ports": [{"targetPort": 0.5}]}}, "number 0.5", TARGET_PORT, "int32"),
        (ROLE, {"rules": [{"verbs": "get"}]}, "string", "PolicyRule.rules.verbs", "[]string"),
    ],
)  # fmt: skip
def test_wrong_types(type_: Type, value: Any, what: str, field: str, go_type: str) -> None:
    assert error(type_, value) == (
        f"json: cannot unmarshal {what} into Go struct field {field} of type {go_type}"
    )


def test_wrong_types_at_the_top_and_below_schemas() -> None:
    assert error(POD, []) == "json: cannot unmarshal array into Go value of type v1.Pod"
    schema = {"properties": {"a": {"items": {"type": 5, "surplus": 1}}}}
    version = {"schema": {"openAPIV3Schema": schema}}
    assert error(CRD, {"spec": {"versions": [version]}}) == (
        "json: cannot unmarshal number into Go struct field "
        "JSONSchemaProps.spec.versions.schema.openAPIV3Schema.properties.items of type string"
    )
    schema = {"additionalProperties": 5}
    assert error(CRD, {"spec": {"versions": [{"schema": {"openAPIV3Schema": schema}}]}}) == (
        "boolean or JSON schema expected"
    )


def test_the_first_mismatch_is_told_but_a_value_that_refuses_wins() -> None:
    assert ".spec.replicas of" in error(DEPLOYMENT, {"spec": {"replicas": "1", "paused": "x"}})
    assert ".spec.paused of" in error(DEPLOYMENT, {"spec": {"paused": "x", "replicas": "1"}})
    later = {"spec": {"replicas": "1"}, "metadata": {"creationTimestamp": "yesterday"}}
    assert error(DEPLOYMENT, later).startswith('parsing time "yesterday" as "2006-01-02T15:04:05Z07:00"')


def test_values_with_their_own_words() -> None:
    assert error(POD, container(resources={"limits": {"cpu": "lots"}})) == (
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    )
    assert error(SECRET, {"data": {"k": "%%"}}) == "illegal base64 data at input byte 0"
    assert error(LEASE, {"spec": {"renewTime": "2020-01-01T00:00:00Z"}}) == (
        'parsing time "2020-01-01T00:00:00Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"'
    )


def test_guessed_numbers_are_marked() -> None:
    with pytest.raises(DecodeError) as caught:
        decode(DEPLOYMENT, deployment(replicas=2.0))
    assert caught.value.guessed
    with pytest.raises(DecodeError) as caught:
        decode(DEPLOYMENT, deployment(replicas=Literal.read("2.0")))
    assert not caught.value.guessed


def test_depth_is_an_error() -> None:
    schema: dict[str, Any] = {}
    for _ in range(5000):
        schema = {"not": schema}
    assert "max depth" in error(CRD, {"spec": {"versions": [{"schema": {"openAPIV3Schema": schema}}]}})


def test_nothing_is_shared_with_the_input() -> None:
    sent = {
        "metadata": {"labels": {"a": "b"}, "managedFields": [{"fieldsV1": {"f:a": {}}}]},
        "data": {"k": "v"},
    }
    got = read(CONFIG_MAP, sent)
    got["metadata"]["labels"]["x"] = got["data"]["x"] = "y"
    got["metadata"]["managedFields"][0]["fieldsV1"]["f:b"] = {}
    assert sent == {
        "metadata": {"labels": {"a": "b"}, "managedFields": [{"fieldsV1": {"f:a": {}}}]},
        "data": {"k": "v"},
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def values_for(type_: Type, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that often fit the type, and sometimes not."""
    if depth > 5 or not type_.fields:
        return JSON | st.sampled_from(["1", "10Mi", "2026-01-02T03:04:05Z", 5, True, ["a"], {"a": "b"}, []])
    names = sorted(type_.fields)
    return st.lists(st.sampled_from(names), max_size=4, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({n: value_of(type_.fields[n].type, depth + 1) for n in chosen})
    )


def value_of(type_: Type, depth: int) -> st.SearchStrategy[Any]:
    if type_.element is not None and type_.element.fields and depth < 4:
        return st.lists(values_for(type_.element, depth), max_size=2) | JSON
    return values_for(type_, depth)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([POD, DEPLOYMENT, CRD, SECRET, LEASE]).flatmap(
        lambda t: st.tuples(st.just(t), values_for(t))
    )
)
def test_decoding_twice_changes_nothing_and_nothing_but_decode_errors_are_raised(
    case: tuple[Type, Any],
) -> None:
    type_, value = case
    try:
        once, _ = decode(type_, value)
    except DecodeError:
        return
    again, problems = decode(type_, once)
    assert problems == []
    assert again == once
    assert orjson.dumps(again) == orjson.dumps(once)


@given(JSON)
def test_any_json_is_decoded_or_refused(value: Any) -> None:
    with contextlib.suppress(DecodeError):
        decode(POD, value)
