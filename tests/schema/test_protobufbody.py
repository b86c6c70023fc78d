"""Protobuf request bodies: what is taken, and the words in which the rest is refused."""

from __future__ import annotations

import pytest

from sekisho.api.status import StatusError
from sekisho.api.types import GroupVersionKind
from sekisho.schema.builtin import builtin_types
from sekisho.schema.decode import decode
from sekisho.schema.protobuf import encode_protobuf
from sekisho.schema.protobufbody import decode_body, decode_delete_options

REVIEW = GroupVersionKind("authorization.k8s.io", "v1", "SelfSubjectAccessReview")
POD = GroupVersionKind("", "v1", "Pod")


def refusal(data: bytes, kind: GroupVersionKind) -> str:
    with pytest.raises(StatusError) as caught:
        decode_body(data, kind)
    assert (caught.value.code, caught.value.reason) == (400, "BadRequest")
    return caught.value.message


def test_a_review_as_kubectl_sends_it() -> None:
    review = {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": {"resourceAttributes": {"namespace": "default", "verb": "list", "resource": "pods"}},
        "status": {"allowed": False},
    }
    obj, problems = decode(builtin_types().for_kind(REVIEW), decode_body(encode_protobuf(review), REVIEW))
    assert problems == []
    assert obj == review


def test_zero_values_are_told_from_absent_ones() -> None:
    kind = GroupVersionKind("apps", "v1", "Deployment")
    body = {"kind": "Deployment", "apiVersion": "apps/v1", "spec": {"replicas": 0, "paused": False}}
    obj, _ = decode(builtin_types().for_kind(kind), decode_body(encode_protobuf(body), kind))
    assert obj["spec"]["replicas"] == 0
    assert "paused" not in obj["spec"]


def test_the_endpoint_says_what_the_envelope_leaves_out() -> None:
    body = b"k8s\x00\x12\x05\x0a\x03\x0a\x01n"
    obj = decode_body(body, POD)
    assert (obj["kind"], obj["apiVersion"], obj["metadata"]["name"]) == ("Pod", "v1", "n")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "the object provided is unrecognized (must be of type Pod): empty data (<empty>)"),
        (
            b"{}",
            "the object provided is unrecognized (must be of type Pod): provided data does not appear to be a "
            "protobuf message, expected prefix [107 56 115 0] ({})",
        ),
        (
            b"k8s\x00\x0a",
            "the object provided is unrecognized (must be of type Pod): unexpected EOF (6b3873000a)",
        ),
        (b"k8s\x00\x12\x01\x0a", 'Pod in version "v1" cannot be handled as a Pod: unexpected EOF'),
    ],
)
def test_bodies_that_cannot_be_read(data: bytes, text: str) -> None:
    assert refusal(data, POD) == text


def test_bodies_of_another_kind() -> None:
    deployment = encode_protobuf({"kind": "Deployment", "apiVersion": "apps/v1"})
    assert refusal(deployment, POD).startswith('Deployment in version "v1" cannot be handled as a Pod: ')
    unknown = b"k8s\x00\x0a\x0c\x0a\x02v1\x12\x06Nought"
    assert 'no kind "Nought" is registered for version "v1"' in refusal(unknown, POD)
    old = encode_protobuf({"kind": "CronJob", "apiVersion": "batch/v1beta1"})
    kind = GroupVersionKind("batch", "v1", "CronJob")
    assert refusal(old, kind) == (
        "the API version in the data (batch/v1beta1) does not match the expected API version (batch/v1)"
    )


def test_an_eviction_may_be_of_the_old_version() -> None:
    kind = GroupVersionKind("policy", "v1", "Eviction")
    body = encode_protobuf({"kind": "Eviction", "apiVersion": "policy/v1beta1", "metadata": {"name": "p"}})
    assert decode_body(body, kind)["apiVersion"] == "policy/v1"


def test_delete_options() -> None:
    for version in ("v1", "apps/v1", "policy/v1"):
        body = {"kind": "DeleteOptions", "apiVersion": version, "gracePeriodSeconds": 0}
        assert decode_delete_options(encode_protobuf(body))["gracePeriodSeconds"] == 0
    with pytest.raises(StatusError, match="no kind"):
        decode_delete_options(encode_protobuf({"kind": "Pod", "apiVersion": "v1"}))
    with pytest.raises(StatusError, match="empty data"):
        decode_delete_options(b"")
