"""Object metadata: what create and update refuse, in upstream's order and words."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sekisho.api import names, objectmeta
from sekisho.api.field import Path

METADATA = Path("metadata")


def create(**meta: Any) -> list[str]:
    meta = {"name": "a", "namespace": "ns", **meta}
    errors = objectmeta.validate_object_meta(meta, True, names.dns1123_subdomain, METADATA)
    return [str(e) for e in errors]


def update(new: dict[str, Any], old: dict[str, Any]) -> list[str]:
    base = {"name": "a", "namespace": "ns", "uid": "u"}
    return [
        str(e) for e in objectmeta.validate_object_meta_update({**base, **new}, {**base, **old}, METADATA)
    ]


def test_a_good_object_has_no_errors():
    assert not create(
        labels={"app.kubernetes.io/name": "x"},
        annotations={"EXAMPLE.com/Upper": "any text\n"},
        finalizers=["example.com/a", "orphan", "kubernetes"],
        ownerReferences=[{"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "1"}],
        managedFields=[{"manager": "m", "operation": "Apply", "fieldsType": "FieldsV1"}],
        generation=1,
    )


def test_names():
    assert create(name="") == ["metadata.name: Required value: name or generateName is required"]
    assert create(name="A_")[0].startswith(
        'metadata.name: Invalid value: "A_": a lowercase RFC 1123 subdomain'
    )
    assert create(name="web-x7x7x", generateName="web-") == []
    assert create(name="Bad_x", generateName="Bad_")[0].startswith(
        'metadata.generateName: Invalid value: "Bad_"'
    )


def test_namespaces():
    assert create(namespace="") == ["metadata.namespace: Required value"]
    assert create(namespace="a.b") == ['metadata.namespace: Invalid value: "a.b": must not contain dots']
    errors = objectmeta.validate_object_meta(
        {"name": "a", "namespace": "n"}, False, names.dns1123_subdomain, METADATA
    )
    assert [str(e) for e in errors] == ["metadata.namespace: Forbidden: not allowed on this type"]


def test_labels_and_annotations_name_the_map():
    assert create(labels={"a b": "x y"}) == [
        f'metadata.labels: Invalid value: "a b": {names.qualified_name("a b")[0]}',
        f'metadata.labels: Invalid value: "x y": {names.label_value("x y")[0]}',
    ]
    assert create(annotations={"A B": ""}) == [
        f'metadata.annotations: Invalid value: "A B": {names.qualified_name("a b")[0]}'
    ]


def test_annotations_are_limited_together():
    half = "x" * (128 * 1024 - 1)
    assert create(annotations={"a": half, "b": half}) == []
    assert create(annotations={"a": half, "b": half + "é"}) == [
        "metadata.annotations: Too long: may not be more than 262144 bytes"
    ]


def test_owner_references_are_complete():
    assert create(ownerReferences=[{"apiVersion": "a/b/c"}]) == [
        'metadata.ownerReferences.apiVersion: Invalid value: "a/b/c": version must not be empty',
        'metadata.ownerReferences.kind: Invalid value: "": must not be empty',
        'metadata.ownerReferences.name: Invalid value: "": must not be empty',
        'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
    ]


def test_events_own_nothing():
    reference = {"uid": "1", "name": "e", "kind": "Event", "apiVersion": "v1", "controller": False}
    assert create(ownerReferences=[reference]) == [
        'metadata.ownerReferences: Invalid value: {"apiVersion":"v1","kind":"Event","name":"e","uid":"1",'
        '"controller":false}: /v1, Kind=Event is disallowed from being an owner'
    ]


def test_one_controller():
    one = {"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "1", "controller": True}
    two = {**one, "name": "b"}
    (error,) = create(ownerReferences=[one, two])
    assert error.endswith(
        'Only one reference can have Controller set to true. Found "true" in references for Pod/a and Pod/b'
    )


def test_finalizers():
    assert create(finalizers=["orphan", "foregroundDeletion"]) == [
        'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]:'
        " finalizer orphan and foregroundDeletion cannot be both set"
    ]
    assert create(finalizers=["example.com/a", "plain"]) == [
        'metadata.finalizers[1]: Invalid value: "plain":'
        " name is neither a standard finalizer name nor is it fully qualified"
    ]
    custom = objectmeta.validate_object_meta(
        {"name": "a", "finalizers": ["plain"]},
        False,
        names.dns1123_subdomain,
        METADATA,
        kube_finalizers=False,
    )
    assert custom == []


def test_finalizer_warnings_are_for_new_ones():
    new = {"finalizers": ["plain", "example.com", "example.com/a", "old"]}
    sentence = "to avoid accidental conflicts with other finalizer writers"
    assert objectmeta.finalizer_warnings(new, {"finalizers": ["old"]}, METADATA.child("finalizers")) == [
        f'metadata.finalizers: "example.com": prefer a domain-qualified finalizer name including a path (/) {sentence}',
        f'metadata.finalizers: "plain": prefer a domain-qualified finalizer name {sentence}',
    ]
    assert len(objectmeta.finalizer_warnings(new, None, METADATA.child("finalizers"))) == 3


def test_managed_fields():
    entry = {"manager": "a\nb", "operation": "Put", "fieldsType": "V2", "subresource": "s" * 257}
    assert create(managedFields=[{"operation": "Update"}, entry]) == [
        'metadata.managedFields[1].operation: Invalid value: "Put": must be `Apply` or `Update`',
        'metadata.managedFields[1].fieldsType: Invalid value: "V2": must be `FieldsV1`',
        'metadata.managedFields[1].manager: Invalid value: "a\\nb": invalid character U+000A (at position 1)',
        "metadata.managedFields[1].subresource: Too long: may not be more than 256 bytes",
    ]


def test_field_managers():
    path = Path("fieldManager")
    assert [str(e) for e in objectmeta.validate_field_manager("é" * 65, path)] == [
        "fieldManager: Too long: may not be more than 128 bytes"
    ]
    assert "(at position 2)" in str(objectmeta.validate_field_manager("é\x7f", path)[0])


def test_generations():
    assert create(generation=-1) == [
        "metadata.generation: Invalid value: -1: must be greater than or equal to 0"
    ]
    assert update({"generation": 1}, {"generation": 2}) == [
        "metadata.generation: Invalid value: 1: must not be decremented"
    ]


def test_what_cannot_change():
    assert update({"name": "b", "uid": "v", "deletionGracePeriodSeconds": 30}, {}) == [
        'metadata.name: Invalid value: "b": field is immutable',
        'metadata.uid: Invalid value: "v": field is immutable',
        "metadata.deletionGracePeriodSeconds: Invalid value: 30: field is immutable",
    ]
    assert update({}, {"deletionTimestamp": "2026-01-02T03:04:05Z"}) == [
        "metadata.deletionTimestamp: Invalid value: null: field is immutable"
    ]


def test_no_new_finalizers_on_an_object_that_goes():
    going = {"deletionTimestamp": "2026-01-02T03:04:05Z", "finalizers": ["example.com/a"]}
    assert update({**going, "finalizers": []}, going) == []
    assert update({**going, "finalizers": ["example.com/c", "example.com/a", "example.com/b"]}, going) == [
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found "
        'new finalizers []string{"example.com/b", "example.com/c"}'
    ]


SELECTOR = Path("spec.selector")


def selector(value: dict[str, Any] | None, **options: bool) -> list[str]:
    return [str(e) for e in objectmeta.validate_label_selector(value, SELECTOR, **options)]


def test_label_selectors():
    assert selector(None) == []
    assert (
        selector({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "Exists"}]}) == []
    )
    expressions = [
        {"key": "a", "operator": "In"},
        {"key": "a", "operator": "Exists", "values": ["x"]},
        {"key": "", "operator": "Near", "values": ["-"]},
    ]
    errors = selector({"matchExpressions": expressions})
    path = "spec.selector.matchExpressions"
    assert (
        errors[0] == f"{path}[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"
    )
    assert errors[1] == (
        f"{path}[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
    )
    assert errors[2] == f'{path}[2].operator: Invalid value: "Near": not a valid selector operator'
    assert errors[3].startswith(f'{path}[2].key: Invalid value: "": name part must be non-empty')
    assert errors[5].startswith(f'{path}[2].values[0]: Invalid value: "-": a valid label must be')


def test_lenient_label_selectors():
    bad = {"matchExpressions": [{"key": "a", "operator": "Near", "values": ["-"]}]}
    assert selector(bad, allow_invalid_values=True, allow_unknown_operators=True) == []
    assert objectmeta.has_invalid_label_value(bad)
    assert not objectmeta.has_invalid_label_value({"matchLabels": {"a": "-"}})


def test_field_selector_requirements():
    path = Path("f")
    check = objectmeta.validate_field_selector_requirement
    assert [str(e) for e in check({"operator": "In"}, path)] == [
        "f.key: Required value: must be specified",
        "f.values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    ]
    assert check({"key": "any thing", "operator": "Near"}, path, allow_unknown_operators=True) == []


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3))
def test_errors_name_only_what_is_wrong(labels):
    bad = sum(len(names.qualified_name(k)) + len(names.label_value(v)) for k, v in labels.items())
    assert len(objectmeta.validate_labels(labels, METADATA)) == bad
