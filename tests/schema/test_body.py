"""Bodies of requests: which kind they claim, and upstream's answers to those that will not do."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from sekisho.api.status import StatusError
from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema import body
from sekisho.schema.builtin import builtin_types
from sekisho.schema.decode import decode
from sekisho.schema.jsonvalue import RepeatedKeys

CONFIG_MAP = GroupVersionKind("", "v1", "ConfigMap")
DEPLOYMENT = GroupVersionKind("apps", "v1", "Deployment")
WIDGET = GroupVersionKind("example.com", "v1", "Widget")
JSON = "application/json"
STRUCT = (
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
)
LEGACY = 'in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"'
UNRECOGNIZED = "the object provided is unrecognized (must be of type ConfigMap): "
NO_JSON = UNRECOGNIZED + "couldn't get version/kind; json parse error: "


def read(data: bytes | dict[str, Any], kind: GroupVersionKind = CONFIG_MAP, media_type: str = JSON) -> Any:
    return body.decode_body(data if isinstance(data, bytes) else orjson.dumps(data), media_type, kind)


def refusal(data: bytes | dict[str, Any], kind: GroupVersionKind = CONFIG_MAP, media_type: str = JSON) -> str:
    with pytest.raises(StatusError) as caught:
        read(data, kind, media_type)
    assert (caught.value.code, caught.value.reason) == (400, "BadRequest")
    return caught.value.message


def typed(kind: GroupVersionKind) -> Any:
    return lambda raw: decode(builtin_types().for_kind(kind), raw)


def test_kind_and_version_may_be_missing() -> None:
    assert read({}) == ({}, [])
    assert read(b"null") == ({}, [])
    assert read({"kind": "ConfigMap", "data": {}})[0]["data"] == {}
    assert read({"apiVersion": "v1"})[0] == {"apiVersion": "v1"}
    assert read({"kind": None, "apiVersion": None}) == ({"kind": None, "apiVersion": None}, [])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", f"{NO_JSON}unexpected end of JSON input (<empty>)"),
        (
            b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"',
            f'{NO_JSON}unexpected end of JSON input ({{"apiVersion":"v1","kind":"Con ...)',
        ),
        (b"hello", f"{NO_JSON}invalid character 'h' looking for beginning of value (68656c6c6f)"),
        (b'"text"', f"{NO_JSON}json: cannot unmarshal string into Go value of type {STRUCT} (227465787422)"),
        (
            b'{"kind":5}',
            f'{NO_JSON}json: cannot unmarshal number into Go struct field .kind of type string ({{"kind":5}})',
        ),
        (
            b'{"apiVersion":"a/b/c"}',
            f'{UNRECOGNIZED}unexpected GroupVersion string: a/b/c ({{"apiVersion":"a/b/c"}})',
        ),
    ],
)
def test_unrecognized(data: bytes, message: str) -> None:
    assert refusal(data) == message


def test_kinds_are_found_in_any_case() -> None:
    assert refusal({"KIND": "Gadget"}).startswith('Gadget in version "v1" cannot be handled')


@pytest.mark.parametrize(
    ("sent", "actual", "message"),
    [
        (
            {"kind": "Gadget"},
            'Gadget in version "v1"',
            f'no kind "Gadget" is registered for version "v1" {LEGACY}',
        ),
        (
            {"apiVersion": "apps/v1"},
            'ConfigMap in version "v1"',
            f'no kind "ConfigMap" is registered for version "apps/v1" {LEGACY}',
        ),
        (
            {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata"},
            'PartialObjectMetadata in version "v1"',
            f'no kind "PartialObjectMetadata" is registered for version "meta.k8s.io/v1" {LEGACY}',
        ),
        (
            {"kind": "Secret"},
            'Secret in version "v1"',
            "converting (v1.Secret) to (core.ConfigMap): unknown conversion",
        ),
        (
            {"kind": "Secret", "data": 5},
            'Secret in version "v1"',
            "json: cannot unmarshal number into Go struct field Secret.data of type map[string][]uint8",
        ),
        (
            {"apiVersion": "apps/"},
            'ConfigMap in version ""',
            "Object 'apiVersion' is missing in '{\"apiVersion\":\"apps/\"}'",
        ),
    ],
)
def test_other_kinds(sent: dict[str, Any], actual: str, message: str) -> None:
    assert refusal(sent) == f"{actual} cannot be handled as a ConfigMap: {message}"


@pytest.mark.parametrize(
    ("kind", "sent", "want"),
    [
        (DEPLOYMENT, "apps/v1beta1", "apps/v1"),
        (
            GroupVersionKind("autoscaling", "v2", "HorizontalPodAutoscaler"),
            "autoscaling/v1",
            "autoscaling/v2",
        ),
        (GroupVersionKind("", "v1", "Event"), "events.k8s.io/v1", "v1"),
        (
            GroupVersionKind("storage.k8s.io", "v1", "StorageClass"),
            "storage.k8s.io/v1beta1",
            "storage.k8s.io/v1",
        ),
        (WIDGET, "example.com/v2", "example.com/v1"),
    ],
)
def test_other_versions(kind: GroupVersionKind, sent: str, want: str) -> None:
    assert refusal({"apiVersion": sent, "kind": kind.kind}, kind) == (
        f"the API version in the data ({sent}) does not match the expected API version ({want})"
    )


def test_eviction_is_taken_in_its_old_version() -> None:
    kind = GroupVersionKind("policy", "v1", "Eviction")
    assert read({"apiVersion": "policy/v1beta1", "kind": "Eviction"}, kind)[1] == []


def test_custom_kinds_must_be_named() -> None:
    assert refusal({"apiVersion": "example.com/v1"}, WIDGET) == (
        "the object provided is unrecognized (must be of type Widget): Object 'Kind' is missing in "
        '\'{"apiVersion":"example.com/v1"}\' ({"apiVersion":"example.com/v1" ...)'
    )
    value, problems = read(b'{"apiVersion":"example.com/v1","kind":"Widget","a":{"b":1.0,"b":2.0}}', WIDGET)
    assert value["a"] == {"b": 2}
    assert type(value["a"]) is dict
    assert problems == ['duplicate field "a.b"']


def test_conform_reports_both_sorts_of_problems() -> None:
    raw, problems = read(b'{"metadata":{"name":"a","name":"b"},"data":{"k":"1","k":"2"},"x":1}')
    assert problems == []
    assert isinstance(raw["data"], RepeatedKeys)
    obj, unknown = body.conform(raw, typed(CONFIG_MAP), CONFIG_MAP)
    assert obj == {"metadata": {"name": "b"}, "data": {"k": "2"}}
    error = body.strict_error(raw, CONFIG_MAP, body.merge_problems(problems, unknown))
    assert error.message == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
        'duplicate field "metadata.name", duplicate field "data.k", unknown field "x"'
    )


def test_conform_answers_in_gos_words() -> None:
    raw, _ = read({"spec": {"replicas": 2.0}}, DEPLOYMENT)
    with pytest.raises(StatusError) as caught:
        body.conform(raw, typed(DEPLOYMENT), DEPLOYMENT)
    assert caught.value.message == (
        'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal number 2.0 into Go '
        "struct field DeploymentSpec.spec.replicas of type int32"
    )


def test_yaml() -> None:
    text = (
        b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: h\ndata:\n  k: a\n  k: b\nextra: 1\nalpha: 1\n"
    )
    raw, problems = read(text, media_type="application/yaml")
    obj, unknown = body.conform(raw, typed(CONFIG_MAP), CONFIG_MAP)
    problems = body.merge_problems(problems, unknown)
    assert obj["data"] == {"k": "b"}
    assert problems == [
        'line 7: key "k" already set in map',
        'unknown field "alpha"',
        'unknown field "extra"',
    ]
    assert body.strict_text(problems) == (
        'yaml: unmarshal errors:\n  line 7: key "k" already set in map, unknown field "alpha", unknown field "extra"'
    )
    assert refusal(b"apiVersion: v1\n kind: ConfigMap\nmetadata: [", media_type="application/yaml") == (
        f"{UNRECOGNIZED}yaml: line 2: mapping values are not allowed in this context "
        "(61706956657273696f6e3a2076310a206b696e643a20436f6e6669674d61 ...)"
    )
    assert read(b"", media_type="application/yaml") == ({}, [])


def test_apply_bodies() -> None:
    assert body.parse_yaml(b"a: 1\nb: 2.0\na: 3\n") == (
        {"a": 3, "b": 2},
        ['line 3: key "a" already set in map'],
    )
    assert body.parse_yaml(b"") == ({}, [])
    with pytest.raises(body.BodyError) as caught:
        body.parse_yaml(b"a: [")
    assert (
        str(caught.value) == "error converting YAML to JSON: yaml: line 1: did not find expected node content"
    )
    with pytest.raises(body.BodyError) as caught:
        body.parse_yaml(b"- a")
    assert str(caught.value) == (
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type "
        "map[string]interface {}"
    )


def options(data: bytes, media_type: str = JSON) -> Object:
    return body.decode_delete_options(data, media_type)


def test_delete_options() -> None:
    assert options(b'{"gracePeriodSeconds":0,"other":1}')["gracePeriodSeconds"] == 0
    assert options(b'{"kind":"DeleteOptions","apiVersion":"foo/v9","dryRun":["All"]}')["dryRun"] == ["All"]
    assert options(b"kind: DeleteOptions\ndryRun:\n- All\n", "application/yaml")["dryRun"] == ["All"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b'{"kind":"ConfigMap","apiVersion":"v1"}',
            'no kind "ConfigMap" is registered for version "v1" in scheme '
            '"k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"',
        ),
        (
            b'{"gracePeriodSeconds":"5"}',
            "json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64",
        ),
        (
            b"abc",
            "couldn't get version/kind; json parse error: invalid character 'a' looking for beginning of value",
        ),
    ],
)
def test_wrong_delete_options(data: bytes, message: str) -> None:
    with pytest.raises(StatusError) as caught:
        options(data)
    assert (caught.value.code, caught.value.message) == (400, message)
