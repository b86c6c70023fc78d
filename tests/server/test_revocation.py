"""Revocations over HTTP: refused from the next request on, open watches included, across restarts."""

from __future__ import annotations

import json
import threading

import pytest
from cryptography import x509

from sekisho.authn.revocation import Revocations
from sekisho.credentials.certificates import Authority, issue_client
from sekisho.testing import Cluster

PATH = "/apis/identity.sekisho.dev/v1/revocations"
REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


@pytest.fixture(scope="module")
def cluster():
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def admin(cluster):
    return cluster.admin().client


@pytest.fixture
def revoke(admin):
    """Make a Revocation, and take all back after the test."""

    def make(name, **spec):
        answer = admin.post(PATH, json=body(name, spec))
        assert answer.status_code == 201, answer.text
        return answer

    yield make
    assert admin.delete(PATH).status_code == 200


def body(name, spec, **more):
    head = {"apiVersion": "identity.sekisho.dev/v1", "kind": "Revocation"}
    return {**head, "metadata": {"name": name}, "spec": spec, **more}


def whoami(identity):
    return identity.client.post(REVIEWS, json={}).status_code


def credential_of(identity):
    user = identity.client.post(REVIEWS, json={}).json()["status"]["userInfo"]
    return user["extra"]["authentication.kubernetes.io/credential-id"][0]


def serial_of(identity):
    return x509.load_pem_x509_certificate(identity.certificate.read_bytes()).serial_number


def test_nothing_is_asked_while_nothing_is_revoked(cluster, admin, revoke):
    gate = cluster.inner.checkpoint.authentication.gate
    assert gate.guard is None
    revoke("x", user="somebody")
    assert gate.guard is not None
    admin.delete(f"{PATH}/x")
    assert gate.guard is None


def test_a_certificate_by_its_serial_number(cluster, admin, revoke):
    ann, other = cluster.user("ann"), cluster.user("ann")
    assert whoami(ann) == 201
    written = f"{serial_of(ann):040X}"
    revoke("ann-1", certificateSerial=":".join(written[i : i + 2] for i in range(0, 40, 2)))
    answer = ann.client.post(REVIEWS, json={})
    assert answer.status_code == 401
    assert answer.json() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "Unauthorized",
        "reason": "Unauthorized",
        "code": 401,
    }
    assert whoami(other) == 201
    assert admin.get(f"{PATH}/ann-1").json()["spec"]["certificateSerial"] == f"{serial_of(ann):x}"
    admin.delete(f"{PATH}/ann-1")
    assert whoami(ann) == 201


def test_a_certificate_by_its_credential_id(cluster, revoke):
    ann, other = cluster.user("ann"), cluster.user("ann")
    revoke("ann-2", credentialID=credential_of(ann))
    assert (whoami(ann), whoami(other)) == (401, 201)


def test_a_token_by_its_id(cluster, revoke):
    first, second = (cluster.service_account("default/default") for _ in range(2))
    token_id = credential_of(first).removeprefix("JTI=")
    assert (whoami(first), whoami(second)) == (201, 201)
    revoke("token", tokenID=token_id)
    assert (whoami(first), whoami(second)) == (401, 201)


def test_a_user_with_all_credentials(cluster, revoke):
    uma = [cluster.user("uma"), cluster.user("uma", groups=["dev"])]
    revoke("uma", user="uma")
    assert [whoami(u) for u in uma] == [401, 401]
    assert whoami(cluster.user("uma")) == 401
    assert whoami(cluster.user("umar")) == 201


def test_a_whole_account(cluster, admin, revoke):
    account = cluster.service_account("default/robot")
    revoke("robot", serviceAccount={"namespace": "default", "name": "robot"})
    assert whoami(account) == 401
    assert whoami(cluster.service_account("default/robot")) == 401
    assert whoami(cluster.service_account("default/default")) == 201
    review = {"spec": {"token": account.token}}
    status = admin.post("/apis/authentication.k8s.io/v1/tokenreviews", json=review).json()["status"]
    assert status["error"] == 'revoked by Revocation "robot"'
    assert not status.get("authenticated")


def test_the_certificate_of_a_front_proxy(cluster, revoke):
    pki = cluster.inner.pki
    authority = Authority.from_pem(pki.front_proxy_ca.certificate, pki.front_proxy_ca.key)
    pair = issue_client(authority, "front-proxy-client", [], cluster.inner.clock.now(), 3600.0)
    proxy = cluster._add("proxy", certificate=pair.certificate, key=pair.key)
    headers = {"X-Remote-User": "pia"}
    assert proxy.client.post(REVIEWS, json={}, headers=headers).status_code == 201
    revoke("proxy", certificateSerial=f"{serial_of(proxy):x}")
    assert proxy.client.post(REVIEWS, json={}, headers=headers).status_code == 401


def test_why_is_in_the_passage(cluster, admin, revoke):
    vera = cluster.user("vera")
    revoke("vera", user="vera", reason="left the company")
    answer = vera.client.get("/api")
    passage = admin.get(f"/apis/explain.sekisho.dev/v1/passages/{answer.headers['audit-id']}").json()
    assert passage["authentication"]["refusals"] == ['revoked by Revocation "vera"']
    assert {"authenticator": "revocation", "text": 'revoked by Revocation "vera"'} in (
        passage["authentication"]["findings"]
    )


def test_open_watches_end(cluster, admin, revoke):
    gone, stays = cluster.service_account("default/gone"), cluster.service_account("default/stays")
    group = "system:serviceaccounts"
    admin.post(
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        json={
            "metadata": {"name": "viewers"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
        },
    )
    url = "/api/v1/namespaces/default/configmaps?watch=1"
    ended, opened = threading.Event(), threading.Event()

    def watch():
        with gone.client.stream("GET", url) as stream:
            opened.set()
            for _ in stream.iter_lines():
                pass
        ended.set()

    thread = threading.Thread(target=watch)
    with stays.client.stream("GET", url) as other:
        lines = other.iter_lines()
        next(lines)
        thread.start()
        assert opened.wait(5)
        revoke("gone", serviceAccount={"namespace": "default", "name": "gone"})
        assert ended.wait(5)
        thread.join()
        admin.post("/api/v1/namespaces/default/configmaps", json={"metadata": {"name": "after"}})
        assert any(json.loads(line)["object"]["metadata"]["name"] == "after" for line in lines)
    assert gone.client.get(url).status_code == 401


def test_impersonating_the_revoked_is_another_matter(cluster, admin, revoke):
    revoke("ines", user="ines")
    answer = admin.post(REVIEWS, json={}, headers={"Impersonate-User": "ines"})
    assert answer.status_code == 201


def test_who_and_when_are_noted_and_cannot_be_changed(admin, revoke):
    made = revoke("w", user="w", reason="r").json()
    assert made["status"]["revokedBy"] == {
        "username": "kubernetes-admin",
        "groups": ["system:masters", "system:authenticated"],
    }
    assert made["metadata"]["creationTimestamp"]
    forged = body("f", {"user": "f"}, status={"revokedBy": {"username": "x"}})
    assert admin.post(PATH, json=forged).json()["status"]["revokedBy"]["username"] == "kubernetes-admin"
    answer = admin.put(f"{PATH}/w", json={**made, "spec": {"user": "v"}})
    assert answer.status_code == 422
    assert answer.json()["message"] == (
        'Revocation.identity.sekisho.dev "w" is invalid: spec: Forbidden: a revocation cannot be changed; make '
        "another one"
    )
    labelled = {**made, "metadata": {**made["metadata"], "labels": {"a": "b"}}, "status": {}}
    answer = admin.put(f"{PATH}/w", json=labelled)
    assert answer.status_code == 200
    assert answer.json()["status"] == made["status"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {},
            "spec: Required value: one of certificateSerial, credentialID, tokenID, user, serviceAccount must be set",
        ),
        (
            {"user": "a", "tokenID": "b"},
            "spec.user: Forbidden: may not be set together with tokenID",
        ),
        (
            {"certificateSerial": "xyz"},
            'spec.certificateSerial: Invalid value: "xyz": must be the serial number of a certificate in hexadecimal '
            "digits",
        ),
        (
            {"credentialID": "abc"},
            'spec.credentialID: Invalid value: "abc": must be X509SHA256= with 64 hexadecimal digits in lower case, '
            "or JTI= with a token's id",
        ),
        ({"serviceAccount": {"namespace": "n"}}, "spec.serviceAccount.name: Required value"),
        ({"user": "a", "reason": "x" * 1025}, "spec.reason: Too long: may not be more than 1024 bytes"),
    ],
)
def test_what_is_refused(admin, spec, message):
    answer = admin.post(PATH, json=body("bad", spec))
    assert answer.status_code == 422
    assert answer.json()["message"] == f'Revocation.identity.sekisho.dev "bad" is invalid: {message}'


def test_locking_oneself_out_is_warned_of(admin):
    spec = {"user": "kubernetes-admin"}
    answer = admin.post(f"{PATH}?dryRun=All", json=body("self", spec))
    assert "this revokes your own credentials" in answer.headers["warning"]
    assert admin.get("/api").status_code == 200


def test_only_those_with_the_right(cluster):
    answer = cluster.user("joe").client.post(PATH, json=body("j", {"user": "boss"}))
    assert answer.status_code == 403
    assert answer.json()["message"].startswith(
        'revocations.identity.sekisho.dev is forbidden: User "joe" cannot create resource "revocations"'
    )


def test_as_a_table(admin, revoke):
    revoke("t", tokenID="some-id", reason="lost")
    table = admin.get(PATH, headers={"Accept": TABLE}).json()
    assert [c["name"] for c in table["columnDefinitions"]] == [
        "Name",
        "What",
        "Value",
        "Revoked By",
        "Age",
        "Reason",
    ]
    cells = table["rows"][0]["cells"]
    assert cells[:4] == ["t", "token", "some-id", "kubernetes-admin"]
    assert cells[5] == "lost"


def test_there_is_no_protobuf_of_it(admin, revoke):
    revoke("p", user="p")
    protobuf = "application/vnd.kubernetes.protobuf"
    for path in (PATH, f"{PATH}/p", f"{PATH}?watch=1&timeoutSeconds=1"):
        answer = admin.get(path, headers={"Accept": f"{protobuf},application/json"})
        assert answer.headers["content-type"] == "application/json"
    answer = admin.get(PATH, headers={"Accept": protobuf})
    assert answer.status_code == 406
    partial = f"{protobuf};as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    assert admin.get(PATH, headers={"Accept": partial}).headers["content-type"].startswith(protobuf)


def test_it_is_told_in_discovery_and_openapi(admin):
    resources = admin.get("/apis/identity.sekisho.dev/v1").json()["resources"]
    assert [(r["name"], r["kind"], r["namespaced"]) for r in resources] == [
        ("revocations", "Revocation", False)
    ]
    document = admin.get("/openapi/v3/apis/identity.sekisho.dev/v1").json()
    schema = document["components"]["schemas"]["dev.sekisho.identity.v1.Revocation"]
    assert "serviceAccount" in schema["properties"]["spec"]["properties"]


def test_it_can_be_applied_and_patched(admin, revoke):
    answer = admin.patch(
        f"{PATH}/zoe?fieldManager=test",
        json=body("zoe", {"user": "zoe"}),
        headers={"Content-Type": "application/apply-patch+yaml"},
    )
    assert answer.status_code == 201, answer.text
    answer = admin.patch(
        f"{PATH}/zoe",
        json={"metadata": {"annotations": {"a": "b"}}},
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert answer.status_code == 200, answer.text


def test_it_survives_a_restart(tmp_path):
    places = {"data_dir": tmp_path / "data", "pki_dir": tmp_path / "pki", "store": "sqlite"}
    (tmp_path / "data").mkdir()
    with Cluster(**places) as cluster:
        admin = cluster.admin().client
        admin.post(PATH, json=body("r", {"user": "rex"}))
    with Cluster(**places) as cluster:
        assert whoami(cluster.user("rex")) == 401
        cluster.admin().client.delete(f"{PATH}/r")
        assert whoami(cluster.user("rex")) == 201


def test_two_revocations_of_one_credential():
    found = Revocations()
    for name in ("a", "b"):
        found.upsert({"metadata": {"name": name}, "spec": {"user": "u"}})
    found.remove("a")
    assert found.guard is not None
    found.upsert({"metadata": {"name": "b"}, "spec": {"tokenID": "t"}})
    found.remove("b")
    found.remove("b")
    assert found.guard is None
