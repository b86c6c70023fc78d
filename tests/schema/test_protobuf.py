"""Protobuf bodies: exact bytes, what JSON inlines, special values, refusals, and inputs nobody would send."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema.protobuf import (
    ProtobufError,
    decode_protobuf,
    encode_list,
    encode_message,
    encode_protobuf,
    has_protobuf,
    kind_of,
    watch_frame,
)
from sekisho.schema.protobuf.decoding import message_reader, value_reader
from sekisho.schema.protobuf.encoding import message_writer
from sekisho.schema.protobuf.fields import META, FieldSpec, message_fields
from sekisho.schema.protobuf.values import VALUES
from sekisho.schema.protobuf.wire import delimited, tag, varint

POD = GroupVersionKind("", "v1", "Pod")
NOTHING = GroupVersionKind("", "", "")
CORE = "k8s.io.api.core.v1."
EXTENSIONS = "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1."


def field(number: int, payload: bytes) -> bytes:
    return delimited(tag(number, 2), payload)


def read(message: str, data: bytes) -> Object:
    out: Object = {}
    message_reader(message)(data, 0, len(data), out)
    return out


def write(message: str, value: Any) -> bytes:
    return message_writer(message)(value)


def prune(value: Any) -> Any:
    """Without the zero values that only protobuf shows."""
    if isinstance(value, dict):
        kept = {k: prune(v) for k, v in value.items()}
        return {k: v for k, v in kept.items() if v not in ("", 0, False, {}, []) or v is None}
    return [prune(v) for v in value] if isinstance(value, list) else value


def test_the_envelope_is_byte_for_byte_upstreams() -> None:
    body = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
    expected = b"k8s\x00\x0a\x13\x0a\x02v1\x12\x0dDeleteOptions\x12\x0c\x22\x0aBackground\x1a\x00\x22\x00"
    assert encode_protobuf(body) == expected
    assert decode_protobuf(expected, NOTHING) == body
    assert kind_of(expected, NOTHING) == ("", "v1", "DeleteOptions")


def test_fields_that_are_not_pointers_go_out_even_when_zero() -> None:
    assert write(META + "OwnerReference", {"name": "a"}) == b"\x0a\x00\x1a\x01a\x22\x00\x2a\x00"
    assert write(CORE + "ContainerPort", {}) == b"\x0a\x00\x10\x00\x18\x00\x22\x00\x2a\x00"
    assert write(CORE + "PodReadinessGate", {}) == b"\x0a\x00"
    assert write("k8s.io.api.apps.v1.DeploymentSpec", {"replicas": 0}).startswith(b"\x08\x00")
    assert not write("k8s.io.api.apps.v1.DeploymentSpec", {}).startswith(b"\x08")


def test_zero_values_are_left_to_the_schema() -> None:
    spec = read("k8s.io.api.apps.v1.DeploymentSpec", b"\x08\x00\x28\x00")
    assert spec == {"replicas": 0, "minReadySeconds": 0}


@pytest.mark.parametrize(
    ("message", "value"),
    [
        ("Volume", {"name": "v", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}),
        (
            "Volume",
            {"name": "v", "projected": {"sources": [{"configMap": {"name": "ca"}}], "defaultMode": 420}},
        ),
        ("Probe", {"httpGet": {"path": "/", "port": "web"}, "periodSeconds": 5}),
        ("EphemeralContainer", {"name": "d", "image": "i", "targetContainerName": "c"}),
        ("PersistentVolumeSpec", {"capacity": {"storage": "1Gi"}, "hostPath": {"path": "/p"}}),
        ("EnvVar", {"name": "E", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}}),
        ("EnvFromSource", {"prefix": "P", "configMapRef": {"name": "c"}}),
        ("DaemonEndpoint", {"Port": 10250}),
    ],
)
def test_what_json_inlines(message: str, value: Object) -> None:
    assert prune(read(CORE + message, write(CORE + message, value))) == value


def test_embedded_rules_are_two_messages_deep() -> None:
    message = "k8s.io.api.admissionregistration.v1.NamedRuleWithOperations"
    value = {"resourceNames": ["a"], "operations": ["CREATE"], "apiGroups": ["*"], "resources": ["pods"]}
    assert prune(read(message, write(message, value))) == value


def test_names_that_differ_from_jsons() -> None:
    assert read("k8s.io.api.authentication.v1.BoundObjectReference", field(4, b"u")) == {"uid": "u"}
    schema = {
        "$ref": "#/a",
        "x-kubernetes-list-map-keys": ["k"],
        "x-kubernetes-preserve-unknown-fields": True,
    }
    assert (
        prune(read(EXTENSIONS + "JSONSchemaProps", write(EXTENSIONS + "JSONSchemaProps", schema))) == schema
    )


def test_times() -> None:
    meta = {"creationTimestamp": "2026-01-02T03:04:05Z"}
    assert prune(read(META + "ObjectMeta", write(META + "ObjectMeta", meta))) == meta
    assert "creationTimestamp" not in read(META + "ObjectMeta", field(8, b""))
    fractions = field(8, b"\x08\x01\x10" + varint(999_999_999))
    assert read(META + "ObjectMeta", fractions)["creationTimestamp"] == "1970-01-01T00:00:01Z"
    lease = "k8s.io.api.coordination.v1.LeaseSpec"
    assert read(lease, field(4, b"\x08\x01\x10" + varint(1_234_567))) == {
        "renewTime": "1970-01-01T00:00:01.001234Z"
    }
    renewed = {"renewTime": "2026-01-02T03:04:05.000006Z"}
    assert read(lease, write(lease, renewed)) == renewed
    early = field(8, b"\x08" + varint(-1) + b"\x10\x00")
    assert read(META + "ObjectMeta", early)["creationTimestamp"] == "1969-12-31T23:59:59Z"


def test_a_time_that_json_cannot_write_is_refused() -> None:
    with pytest.raises(ProtobufError, match="year outside of range"):
        read(META + "ObjectMeta", field(8, b"\x08" + varint(1 << 60)))


def test_int_or_string() -> None:
    message = CORE + "ServicePort"
    for value in ("http", 8080, 0, "", -1):
        got = read(message, write(message, {"targetPort": value}))
        assert got["targetPort"] == value
    with pytest.raises(ProtobufError, match="impossible"):
        read(message, field(4, b"\x08\x02"))


def test_quantities() -> None:
    assert read(CORE + "ResourceRequirements", field(1, field(1, b"cpu") + field(2, field(1, b"100m")))) == {
        "limits": {"cpu": "100m"}
    }
    assert read(CORE + "ResourceRequirements", field(1, field(1, b"cpu"))) == {"limits": {"cpu": "0"}}


def test_wrapped_lists() -> None:
    user = "k8s.io.api.authentication.v1.UserInfo"
    value = {"username": "a", "groups": ["g"], "extra": {"k": ["1", "2"], "none": []}}
    assert read(user, write(user, value)) == {**value, "uid": ""}
    resource = META + "APIResource"
    assert read(resource, write(resource, {"name": "pods", "verbs": ["get"]}))["verbs"] == ["get"]


def test_schema_unions() -> None:
    message = EXTENSIONS + "JSONSchemaProps"
    schema = {
        "type": "object",
        "default": {"a": [1, None, 1.5]},
        "enum": ["a", 1, {}],
        "maximum": 3.5,
        "minimum": 2,
        "items": {"type": "string"},
        "additionalProperties": {"type": "integer"},
        "dependencies": {"a": ["b"], "c": {"type": "null"}},
        "properties": {
            "p": {"allOf": [{"not": {"type": "string"}}], "items": [{"type": "a"}, {"type": "b"}]}
        },
    }
    again = read(message, write(message, schema))
    assert again["default"] == schema["default"]
    assert prune(again) == prune(schema)
    assert read(message, write(message, {"additionalProperties": False}))["additionalProperties"] is False
    assert read(message, write(message, {"additionalProperties": True}))["additionalProperties"] is True


def test_raw_extensions_hold_json_or_an_envelope() -> None:
    message = "k8s.io.api.apps.v1.ControllerRevision"
    assert read(message, field(2, field(1, b'{"a": 1}')))["data"] == {"a": 1}
    pod = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}}
    inner = read(message, field(2, field(1, encode_protobuf(pod))))["data"]
    assert (inner["kind"], inner["metadata"]["name"]) == ("Pod", "p")
    with pytest.raises(ProtobufError):
        read(message, field(2, field(1, b"{")))


def test_fields_v1_are_raw_json() -> None:
    entry = {"manager": "m", "fieldsV1": {"f:metadata": {"f:labels": {".": {}}}}}
    assert read(META + "ManagedFieldsEntry", write(META + "ManagedFieldsEntry", entry)) == {
        **entry,
        "operation": "",
        "apiVersion": "",
        "fieldsType": "",
        "subresource": "",
    }


def test_map_entries_are_sorted_and_bytes_are_base64() -> None:
    secret = {"data": {"b": "dg==", "a": ""}}
    assert write(CORE + "Secret", secret).find(b"\x0a\x01a") < write(CORE + "Secret", secret).find(
        b"\x0a\x01b"
    )
    assert read(CORE + "Secret", write(CORE + "Secret", secret))["data"] == {"a": "", "b": "dg=="}


def test_numbers() -> None:
    message = CORE + "PodSpec"
    assert read(message, write(message, {"activeDeadlineSeconds": -5, "priority": -2000000000})) == {
        **read(message, write(message, {})),
        "activeDeadlineSeconds": -5,
        "priority": -2000000000,
    }
    assert read(CORE + "PodSecurityContext", b"\x20\x01\x20\x02") == {"supplementalGroups": [1, 2]}
    assert read(CORE + "PodSecurityContext", b"\x22\x02\x01\x02") == {"supplementalGroups": [1, 2]}


def test_a_repeated_singular_message_is_merged_as_go_does() -> None:
    data = field(1, field(1, b"a") + field(14, b"x")) + field(1, field(3, b"n") + field(14, b"y"))
    assert read(CORE + "Pod", data)["metadata"] == {"name": "a", "namespace": "n", "finalizers": ["x", "y"]}


def test_lists() -> None:
    pods = [{"metadata": {"name": n}} for n in "ab"]
    gvk = GroupVersionKind("", "v1", "PodList")
    data = encode_list(gvk, {"resourceVersion": "7"}, [encode_message(p, POD) for p in pods])
    whole = {"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": pods}
    assert data == encode_protobuf(whole)
    assert [p["metadata"]["name"] for p in decode_protobuf(data, NOTHING)["items"]] == ["a", "b"]


def test_the_beta_metadata_list_numbers_its_fields_the_other_way_round() -> None:
    gvk = GroupVersionKind("meta.k8s.io", "v1beta1", "PartialObjectMetadataList")
    item = {"metadata": {"name": "a"}}
    data = encode_list(
        gvk, {"resourceVersion": "7"}, [encode_message(item, gvk._replace(kind="PartialObjectMetadata"))]
    )
    assert prune(decode_protobuf(data, NOTHING)) == {
        "kind": gvk.kind,
        "apiVersion": "meta.k8s.io/v1beta1",
        "metadata": {"resourceVersion": "7"},
        "items": [item],
    }


def test_watch_frames_are_bare_events_around_enveloped_objects() -> None:
    pod = encode_protobuf({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}})
    frame = watch_frame("ADDED", pod)
    assert struct.unpack(">I", frame[:4])[0] == len(frame) - 4
    event = read(META + "WatchEvent", frame[4:])
    assert event["type"] == "ADDED"
    assert event["object"] == decode_protobuf(pod, NOTHING)


def test_kinds_with_and_without_protobuf() -> None:
    assert has_protobuf(POD)
    assert has_protobuf(GroupVersionKind("apps", "v1", "DeleteOptions"))
    assert has_protobuf(GroupVersionKind("apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList"))
    assert not has_protobuf(GroupVersionKind("meta.k8s.io", "v1", "Table"))
    assert not has_protobuf(GroupVersionKind("stable.example.com", "v1", "CronTab"))
    with pytest.raises(KeyError):
        encode_protobuf({"kind": "CronTab", "apiVersion": "stable.example.com/v1"})


def test_the_default_completes_what_the_envelope_leaves_out() -> None:
    body = b"k8s\x00" + field(2, field(1, field(1, b"n")))
    assert prune(decode_protobuf(body, POD)) == {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "n"}}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "empty data"),
        (b"k8s\x00", "empty body"),
        (b"{}", "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"),
        (b"k8s\x00\x0a", "unexpected EOF"),
        (b"k8s\x00\x0a\x7f", "unexpected EOF"),
        (b"k8s\x00\x08\x01", "proto: wrong wireType = 0 for field TypeMeta"),
        (b"k8s\x00\x0c", "proto: Unknown: wiretype end group for non-group"),
        (b"k8s\x00\x02\x00", "proto: Unknown: illegal tag 0 (wire type 2)"),
        (b"k8s\x00\x0a" + b"\xff" * 9 + b"\x01", "proto: negative length found during unmarshaling"),
        (b"k8s\x00" + b"\xff" * 12, "proto: integer overflow"),
        (b"k8s\x00\x2f", "proto: illegal wireType 7"),
    ],
)
def test_envelopes_that_cannot_be_read(data: bytes, text: str) -> None:
    with pytest.raises(ProtobufError) as caught:
        decode_protobuf(data, POD)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x0a\x05ab", "unexpected EOF"),
        (b"\x08\x01", "proto: wrong wireType = 0 for field Name"),
        (b"\x3a\x01\x01", "proto: wrong wireType = 2 for field Generation"),
        (b"\x38\x80", "unexpected EOF"),
        (b"\xf9\x01\x00", "unexpected EOF"),
        (b"\xfb\x01\x0a\x01", "unexpected EOF"),
        (b"\x04", "proto: ObjectMeta: wiretype end group for non-group"),
        (b"\x5a\x01\x0a", "unexpected EOF"),
        (b"\x5a\x02\x08\x01", "proto: wrong wireType = 0 for field Labels"),
    ],
)
def test_messages_that_cannot_be_read(data: bytes, text: str) -> None:
    body = b"k8s\x00" + field(2, field(1, data))
    with pytest.raises(ProtobufError) as caught:
        decode_protobuf(body, POD)
    assert str(caught.value) == text


def test_unknown_fields_and_groups_are_skipped() -> None:
    unknown = b"\xf8\x01\x05" + b"\xf9\x01" + bytes(8) + b"\xfd\x01" + bytes(4) + field(31, b"x")
    group = b"\xfb\x01" + b"\x08\x01" + b"\xfb\x01\xfc\x01" + b"\xfc\x01"
    assert read(META + "ObjectMeta", unknown + group + field(1, b"n")) == {"name": "n"}


def test_bytes_that_are_no_utf8_become_replacement_characters() -> None:
    assert read(META + "ObjectMeta", field(1, b"a\xff")) == {"name": "a�"}


def test_deep_nesting_is_an_error() -> None:
    schema = b""
    for _ in range(5000):
        schema = field(27, schema)
    spec = field(2, field(7, field(4, field(1, schema))))
    crd = GroupVersionKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
    with pytest.raises(ProtobufError, match="max depth"):
        decode_protobuf(b"k8s\x00" + field(2, spec), crd)


MESSAGES = [
    CORE + "Pod",
    CORE + "Service",
    CORE + "Node",
    CORE + "Event",
    CORE + "PersistentVolume",
    "k8s.io.api.apps.v1.Deployment",
    "k8s.io.api.networking.v1.Ingress",
    "k8s.io.api.resource.v1.ResourceClaim",
    "k8s.io.api.authorization.v1.SubjectAccessReview",
    "k8s.io.api.certificates.v1.CertificateSigningRequest",
    "k8s.io.api.admissionregistration.v1.ValidatingAdmissionPolicy",
    META + "Status",
]

_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=5),
    "bool": st.booleans(),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False, allow_infinity=False).filter(lambda v: not v.is_integer()),
    "bytes": st.sampled_from(["", "AA==", "AQID"]),
}
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    META + "Time": st.sampled_from(["2026-01-02T03:04:05Z", "1969-12-31T23:59:59Z"]),
    META + "MicroTime": st.sampled_from(["2026-01-02T03:04:05.000006Z"]),
    META + "FieldsV1": st.sampled_from([{"f:a": {}}]),
    "k8s.io.apimachinery.pkg.api.resource.Quantity": st.sampled_from(["1", "100m"]),
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": st.one_of(_SCALARS["int32"], _SCALARS["string"]),
    "k8s.io.apimachinery.pkg.runtime.RawExtension": st.sampled_from([{"a": [1]}]),
}


@st.composite
def objects(draw: st.DrawFn, message: str, depth: int = 0) -> Object:
    """An object of the message with a few of its fields set, however deep they are."""
    specs = message_fields(message)
    chosen = draw(st.lists(st.sampled_from(specs), max_size=4, unique=True)) if specs else []
    out: Object = {}
    for spec in chosen:
        if spec.inline:
            out.update(draw(objects(spec.type, depth + 1)))
        elif depth < 4 or spec.type in _SCALARS or spec.type in _VALUES:
            out[spec.name] = draw(_field_values(spec, depth))
    return out


def _field_values(spec: FieldSpec, depth: int) -> st.SearchStrategy[Any]:
    one = _one_value(spec.type, depth)
    if spec.label == "map":
        return st.dictionaries(st.text(max_size=3), one, min_size=1, max_size=2)
    return st.lists(one, min_size=1, max_size=2) if spec.label == "repeated" else one


def _one_value(type_: str, depth: int) -> st.SearchStrategy[Any]:
    if type_ in _SCALARS:
        return _SCALARS[type_]
    if type_ in _VALUES:
        return _VALUES[type_]
    if type_.endswith((".ExtraValue", ".Verbs")):
        return st.lists(st.text(max_size=3), max_size=2)
    assert value_reader(type_) is None
    return objects(type_, depth + 1)


@given(st.sampled_from(MESSAGES).flatmap(lambda m: st.tuples(st.just(m), objects(m))))
@settings(max_examples=150, deadline=None)
def test_what_is_written_is_read_again(case: tuple[str, Object]) -> None:
    message, value = case
    once = read(message, write(message, value))
    for key, item in value.items():
        assert _covers(once.get(key), item)
    assert read(message, write(message, once)) == once


def _covers(got: Any, want: Any) -> bool:
    """`got` has all that `want` has, and may have zero values besides."""
    if isinstance(want, dict):
        return isinstance(got, dict) and all(_covers(got.get(k), v) for k, v in want.items())
    if isinstance(want, list) and isinstance(got, list):
        return len(got) == len(want) and all(map(_covers, got, want))
    return bool(got == want)


@given(st.sampled_from(MESSAGES), st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_arbitrary_bytes_are_read_or_refused(message: str, data: bytes) -> None:
    kind = message.rsplit(".", 1)[-1]
    try:
        out = decode_protobuf(b"k8s\x00" + field(2, data), _gvk(message, kind))
    except ProtobufError:
        return
    assert out["kind"] == kind


@given(
    st.sampled_from(MESSAGES).flatmap(lambda m: st.tuples(st.just(m), objects(m))),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4),
    st.integers(0, 200),
)
@settings(max_examples=200, deadline=None)
def test_damaged_bodies_are_read_or_refused(
    case: tuple[str, Object], damage: list[tuple[int, int]], cut: int
) -> None:
    message, value = case
    data = bytearray(write(message, value))
    for position, byte in damage:
        if data:
            data[position % len(data)] = byte
    if cut < len(data):
        del data[cut:]
    try:
        decode_protobuf(b"k8s\x00" + field(2, bytes(data)), _gvk(message, message.rsplit(".", 1)[-1]))
    except ProtobufError:
        return


_GROUPS = {
    "core": "",
    "networking": "networking.k8s.io",
    "resource": "resource.k8s.io",
    "authorization": "authorization.k8s.io",
    "certificates": "certificates.k8s.io",
    "admissionregistration": "admissionregistration.k8s.io",
    "meta": "",
}


def _gvk(message: str, kind: str) -> GroupVersionKind:
    package = message.split(".")[-3]
    return GroupVersionKind(_GROUPS.get(package, package), "v1", kind)


def test_every_special_value_is_a_message() -> None:
    for message in VALUES:
        assert message_fields(message)
