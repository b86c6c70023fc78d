from __future__ import annotations

import asyncio
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from sekisho.api.random import RandomSource
from sekisho.api.status import StatusError
from sekisho.api.types import Object
from sekisho.credentials.keys import SigningKey
from sekisho.credentials.tokenrequest import TokenIssuer

ISSUER = "https://kubernetes.default.svc.cluster.local"
NOW = 1_800_000_000.0
KEY = SigningKey(ec.generate_private_key(ec.SECP256R1()))


class Clock:
    def now(self) -> float:
        return NOW + 0.7

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None: ...


class Cluster:
    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.put("serviceaccounts", "ns1", "s2")
        self.warnings: list[str] = []
        self.annotations: dict[str, str] = {}

    def put(self, resource: str, namespace: str, name: str, **more: Any) -> None:
        metadata = {"name": name, "namespace": namespace, "uid": f"{name}-uid"}
        self.objects[(resource, namespace, name)] = {"metadata": metadata, **more}

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        return self.objects.get((resource, namespace, name))

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def annotate(self, key: str, value: str) -> None:
        self.annotations[key] = value

    def issue(
        self, body: Object | None = None, name: str = "s2", validate: Any = None, **options: Any
    ) -> Object:
        issuer = TokenIssuer(KEY, ISSUER, (ISSUER,), self, Clock(), RandomSource(1), **options)
        return asyncio.run(issuer.issue(self, "ns1", name, body or {}, validate))

    def refused(self, body: Object, name: str = "s2") -> StatusError:
        with pytest.raises(StatusError) as caught:
            self.issue(body, name)
        return caught.value


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def claims(made: Object) -> Any:
    options = {"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
    return jwt.decode(made["status"]["token"], KEY.key.public_key(), ["ES256"], options=options)


def bound(kind: str, name: str, **more: Any) -> Object:
    return {"spec": {"boundObjectRef": {"kind": kind, "apiVersion": "v1", "name": name, **more}}}


def test_an_empty_request(cluster: Cluster) -> None:
    made = cluster.issue(
        {"metadata": {"labels": {"a": "b"}, "generateName": "g-"}, "status": {"token": "mine"}}
    )
    assert list(made["metadata"]) == [
        "name",
        "generateName",
        "namespace",
        "uid",
        "creationTimestamp",
        "labels",
    ]
    assert made["spec"] == {"audiences": [ISSUER], "expirationSeconds": 3600, "boundObjectRef": None}
    assert made["status"]["expirationTimestamp"] == "2027-01-15T09:00:00Z"
    told = claims(made)
    assert told == {
        "aud": [ISSUER],
        "exp": NOW + 3600,
        "iat": NOW,
        "iss": ISSUER,
        "jti": told["jti"],
        "kubernetes.io": {"namespace": "ns1", "serviceaccount": {"name": "s2", "uid": "s2-uid"}},
        "nbf": NOW,
        "sub": "system:serviceaccount:ns1:s2",
    }
    assert cluster.annotations == {"authentication.kubernetes.io/issued-credential-id": f"JTI={told['jti']}"}


def test_audiences_are_taken_as_they_are(cluster: Cluster) -> None:
    for audiences in (["z", ISSUER, "a"], ["a", "a"], [""]):
        made = cluster.issue({"spec": {"audiences": audiences}})
        assert made["spec"]["audiences"] == claims(made)["aud"] == audiences
    assert cluster.issue({"spec": {"audiences": []}})["spec"]["audiences"] == [ISSUER]


@pytest.mark.parametrize(
    ("kind", "namespace", "claim"), [("Pod", "ns1", "pod"), ("Secret", "ns1", "secret"), ("Node", "", "node")]
)
def test_binding(cluster: Cluster, kind: str, namespace: str, claim: str) -> None:
    cluster.put(kind.lower() + "s", namespace, "x", spec={"serviceAccountName": "s2"})
    assert claims(cluster.issue(bound(kind, "x")))["kubernetes.io"][claim] == {"name": "x", "uid": "x-uid"}
    assert cluster.issue(bound(kind, "x", uid="x-uid"))
    error = cluster.refused(bound(kind, "x", uid="other"))
    assert error.code == 409
    assert error.message == (
        f'Operation cannot be fulfilled on {kind} "x": the UID in the bound object reference (other) does not '
        "match the UID in record. The object might have been deleted and then recreated"
    )
    error = cluster.refused(bound(kind, "absent"))
    assert error.message == f'{kind.lower()}s "absent" not found'


@pytest.mark.parametrize(
    ("ref", "text"),
    [
        ({"kind": "ConfigMap", "apiVersion": "v1", "name": "x"}, "/v1, Kind=ConfigMap"),
        ({"kind": "Deployment", "apiVersion": "apps/v1", "name": "x"}, "apps/v1, Kind=Deployment"),
        ({}, "/, Kind="),
        ({"name": "sec"}, "/, Kind="),
        ({"kind": "Pod", "apiVersion": "x/v1", "name": "x"}, "x/v1, Kind=Pod"),
    ],
)
def test_what_cannot_be_bound(cluster: Cluster, ref: Object, text: str) -> None:
    error = cluster.refused({"spec": {"boundObjectRef": ref}})
    assert (error.code, error.message) == (400, f"cannot bind token to object of type {text}")


def test_a_malformed_api_version_counts_as_core(cluster: Cluster) -> None:
    cluster.put("secrets", "ns1", "x")
    assert cluster.issue(bound("Secret", "x", apiVersion="a/b/c"))
    assert cluster.refused(bound("Secret", "")).message == "Name parameter required."
    assert (
        cluster.refused(bound("Secret", "a/b")).message
        == "Name parameter invalid: \"a/b\": may not contain '/'"
    )


def test_pods_of_others_and_pods_on_nodes(cluster: Cluster) -> None:
    cluster.put("pods", "ns1", "theirs", spec={"serviceAccountName": "other"})
    assert cluster.refused(bound("Pod", "theirs")).message == (
        'cannot bind token for serviceaccount "s2" to pod running with different serviceaccount name.'
    )
    cluster.put("pods", "ns1", "p", spec={"serviceAccountName": "s2", "nodeName": "n"})
    assert claims(cluster.issue(bound("Pod", "p")))["kubernetes.io"]["node"] == {"name": "n"}
    cluster.put("nodes", "", "n")
    assert claims(cluster.issue(bound("Pod", "p")))["kubernetes.io"]["node"] == {"name": "n", "uid": "n-uid"}


@pytest.mark.parametrize(
    ("change", "extended"),
    [
        ({}, True),
        ({"expirationSeconds": 3606}, False),
        ({"audiences": ["vault"]}, False),
        ({"boundObjectRef": None}, False),
    ],
)
def test_pods_get_a_year(cluster: Cluster, change: Object, extended: bool) -> None:
    cluster.put("pods", "ns1", "p", spec={"serviceAccountName": "s2"})
    spec = {"expirationSeconds": 3607, **bound("Pod", "p")["spec"]} | change
    made = cluster.issue({"spec": spec})
    told = claims(made)
    life = spec["expirationSeconds"]
    assert told["exp"] == NOW + (31536000 if extended else life)
    assert told["kubernetes.io"].get("warnafter") == (NOW + 3607 if extended else None)
    assert made["spec"]["expirationSeconds"] == life
    if extended:
        assert made["status"]["expirationTimestamp"] == "2027-01-15T09:00:07Z"
        plain = cluster.issue({"spec": spec}, extend=False)
        assert claims(plain)["exp"] == NOW + 3607


def test_the_longest_life(cluster: Cluster) -> None:
    made = cluster.issue({"spec": {"expirationSeconds": 7200}}, longest=3600)
    assert made["spec"]["expirationSeconds"] == 3600
    assert cluster.warnings == ["requested expiration of 7200 seconds shortened to 3600 seconds"]


@pytest.mark.parametrize(
    ("body", "name", "code", "message"),
    [
        ({}, "missing", 404, 'serviceaccounts "missing" not found'),
        (
            {"metadata": {"name": "zz"}},
            "missing",
            422,
            'TokenRequest.authentication.k8s.io "missing" is invalid: metadata.name: Invalid value: "zz": '
            "must match the service account name if specified",
        ),
        (
            {"metadata": {"namespace": "other", "name": "zz"}},
            "s2",
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            {"metadata": {"uid": "abc"}, "spec": {"expirationSeconds": 1}},
            "s2",
            409,
            'Operation cannot be fulfilled on TokenRequest.authentication.k8s.io "s2": the UID in the token '
            "request (abc) does not match the UID of the service account (s2-uid)",
        ),
        (
            {"spec": {"expirationSeconds": 599}},
            "s2",
            422,
            'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 599: '
            "may not specify a duration less than 10 minutes",
        ),
        (
            {"spec": {"expirationSeconds": (1 << 32) + 1}},
            "s2",
            422,
            'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 4294967297: '
            "may not specify a duration larger than 2^32 seconds",
        ),
    ],
)
def test_refusals(cluster: Cluster, body: Object, name: str, code: int, message: str) -> None:
    error = cluster.refused(body, name)
    assert (error.code, error.message) == (code, message)


def test_admission_sees_the_filled_in_request(cluster: Cluster) -> None:
    seen = []

    async def validate(request: Object) -> None:
        seen.append(request["metadata"]["uid"])
        assert request["status"]["token"] == ""

    cluster.issue({}, validate=validate)
    assert seen == ["s2-uid"]
