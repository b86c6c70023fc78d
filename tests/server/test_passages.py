"""The passage log over the API: who may read it, what it tells, and what it never holds."""

from __future__ import annotations

import json

import pytest

from sekisho.testing import Cluster

PASSAGES = "/apis/explain.sekisho.dev/v1/passages"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


@pytest.fixture(scope="module")
def cluster():
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def admin(cluster):
    return cluster.admin().client


def passage_of(admin, response):
    found = admin.get(f"{PASSAGES}/{response.headers['audit-id']}")
    assert found.status_code == 200, found.text
    return found.json()


def test_an_allowed_request(cluster, admin):
    answer = admin.get("/api/v1/namespaces/default")
    passage = passage_of(admin, answer)
    assert passage["kind"] == "Passage"
    assert passage["metadata"]["name"] == answer.headers["audit-id"]
    assert passage["authentication"]["user"]["username"] == "kubernetes-admin"
    assert passage["attributes"] == {
        "verb": "get",
        "namespace": "default",
        "apiVersion": "v1",
        "resource": "namespaces",
        "name": "default",
    }
    assert passage["authorization"]["decision"] == "allow"
    assert passage["response"]["code"] == 200
    assert passage["explanation"]["headline"] == (
        'user kubernetes-admin may get namespaces "default" in namespace default'
    )


def test_a_denied_request_shows_its_near_miss(cluster, admin):
    cluster.run(_grant(cluster, "mona", ["get"], ["secrets"]))
    answer = cluster.user("mona").client.get("/api/v1/namespaces/default/secrets")
    assert answer.status_code == 403
    told = passage_of(admin, answer)["explanation"]
    assert told["nearMisses"][0]["difference"] == "verb"
    assert "not list" in told["nearMisses"][0]["sentence"]
    assert told["manifests"]
    stages = [step["stage"] for step in told["steps"]]
    assert stages == ["authentication", "authorization", "response"]


def test_an_unknown_credential(cluster, admin):
    secret = "eyJhbGciOiJSUzI1NiJ9.not-a-token.at-all"
    answer = cluster.with_token(secret).client.get("/api/v1/pods?access_token=hidden-value&limit=1")
    assert answer.status_code == 401
    passage = passage_of(admin, answer)
    assert passage["authentication"]["refusals"] == ["invalid bearer token"]
    assert passage["response"]["code"] == 401
    assert passage["explanation"]["headline"].startswith("nobody could be told")
    assert secret not in json.dumps(passage)
    assert "hidden-value" not in json.dumps(passage)
    assert "limit=1" in passage["request"]["query"]


def test_impersonation_and_its_refusal(cluster, admin):
    answer = admin.get("/api/v1/pods", headers={"Impersonate-User": "ines"})
    passage = passage_of(admin, answer)
    assert passage["authentication"]["user"]["username"] == "kubernetes-admin"
    assert passage["impersonation"]["user"]["username"] == "ines"
    assert any("acts as ines" in s for step in passage["explanation"]["steps"] for s in step["sentences"])
    refused = cluster.user("ines").client.get("/api/v1/pods", headers={"Impersonate-User": "boss"})
    assert refused.status_code == 403
    passage = passage_of(admin, refused)
    assert passage["response"]["reason"] == "Forbidden"
    assert "impersonate" in passage["response"]["message"]


def test_what_admission_changed(cluster, admin):
    pod = {"metadata": {"name": "seen"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    answer = admin.post("/api/v1/namespaces/default/pods", json=pod)
    assert answer.status_code == 201, answer.text
    changed = {entry["plugin"]: entry for entry in passage_of(admin, answer)["admission"]}
    paths = [change["path"] for change in changed["ServiceAccount"]["changes"]]
    assert "/spec/serviceAccountName" in paths


def test_what_admission_refused(cluster, admin):
    pod = {"metadata": {"name": "p"}, "spec": {"serviceAccountName": "nobody", "containers": []}}
    answer = admin.post("/api/v1/namespaces/default/pods", json=pod)
    assert answer.status_code == 403
    passage = passage_of(admin, answer)
    assert passage["admission"][0]["plugin"] == "ServiceAccount"
    assert "nobody" in passage["admission"][0]["refusal"]
    assert passage["response"]["reason"] == "Forbidden"


def test_refusals_of_the_registry(admin):
    answer = admin.get("/api/v1/namespaces/default/pods/absent")
    assert answer.status_code == 404
    response = passage_of(admin, answer)["response"]
    assert (response["code"], response["reason"]) == (404, "NotFound")
    assert response["message"] == 'pods "absent" not found'


def test_only_readers_may_read(cluster, admin):
    reader = cluster.user("rita")
    answer = reader.client.get(PASSAGES)
    assert answer.status_code == 403
    assert answer.json()["message"] == (
        'passages.explain.sekisho.dev is forbidden: User "rita" cannot list resource "passages" in API group '
        '"explain.sekisho.dev" at the cluster scope'
    )
    cluster.run(
        cluster.inner.client.create(
            "clusterrolebindings.rbac.authorization.k8s.io",
            {
                "metadata": {"name": "readers"},
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole",
                    "name": "sekisho:passage-reader",
                },
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "rita"}],
            },
        )
    )
    assert reader.client.get(PASSAGES).status_code == 200


def test_lists_newest_first_in_pages(admin):
    for number in range(3):
        admin.get(f"/api/v1/namespaces/default/pods/page-{number}")
    first = admin.get(PASSAGES, params={"fieldSelector": "code=404,verb=get", "limit": 2}).json()
    assert [p["request"]["path"][-6:] for p in first["items"]] == ["page-2", "page-1"]
    rest = admin.get(
        PASSAGES,
        params={
            "fieldSelector": "code=404,verb=get",
            "limit": 1,
            "continue": first["metadata"]["continue"],
        },
    ).json()
    assert rest["items"][0]["request"]["path"].endswith("page-0")


def test_selects_by_user(cluster, admin):
    cluster.user("sela").client.get("/api/v1/nodes")
    items = admin.get(PASSAGES, params={"fieldSelector": "user=sela"}).json()["items"]
    assert [p["attributes"]["resource"] for p in items] == ["nodes"]
    assert "explanation" not in items[0]
    items = admin.get(PASSAGES, params={"fieldSelector": "user=sela", "explain": "true"}).json()["items"]
    assert items[0]["explanation"]["headline"].startswith("user sela may not")
    refused = admin.get(PASSAGES, params={"fieldSelector": "spec.x=1"})
    assert refused.status_code == 400
    assert refused.json()["message"] == "field label not supported: spec.x"


def test_as_a_table(admin):
    admin.get("/version")
    table = admin.get(PASSAGES, params={"limit": 5}, headers={"Accept": TABLE}).json()
    assert table["kind"] == "Table"
    assert [c["name"] for c in table["columnDefinitions"]][:4] == ["Name", "User", "Verb", "Resource"]
    assert any(row["cells"][3] == "/version" for row in table["rows"])


def test_watches(cluster, admin):
    start = admin.get(PASSAGES, params={"limit": 1}).json()["metadata"]["resourceVersion"]
    query = {
        "watch": "true",
        "resourceVersion": start,
        "fieldSelector": "user=wade",
        "timeoutSeconds": "20",
    }
    with admin.stream("GET", PASSAGES, params=query) as stream:
        cluster.user("wade").client.get("/api/v1/configmaps")
        event = json.loads(next(stream.iter_lines()))
    assert event["type"] == "ADDED"
    assert event["object"]["attributes"]["resource"] == "configmaps"


def test_is_told_in_discovery(admin):
    resources = admin.get("/apis/explain.sekisho.dev/v1").json()["resources"]
    assert [(r["name"], r["kind"], r["verbs"]) for r in resources] == [
        ("passages", "Passage", ["get", "list", "watch"])
    ]
    assert admin.get("/apis/explain.sekisho.dev").json()["name"] == "explain.sekisho.dev"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", PASSAGES, 405),
        ("DELETE", f"{PASSAGES}/x", 405),
        ("GET", f"{PASSAGES}/none", 404),
        ("GET", f"{PASSAGES}/none/status", 404),
        ("GET", "/apis/explain.sekisho.dev/v2/passages", 404),
        ("GET", "/apis/explain.sekisho.dev/v1/others", 404),
    ],
)
def test_what_is_not_there(admin, method, path, code):
    assert admin.request(method, path).status_code == code


def test_requests_from_within_when_asked_for():
    with Cluster(record_in_process=True) as cluster:
        admin = cluster.admin().client
        items = admin.get(PASSAGES).json()["items"]
    inside = [p for p in items if p["request"].get("inProcess")]
    assert any(p["authentication"]["user"]["username"] == "system:apiserver" for p in inside)


async def _grant(cluster, user, verbs, resources):
    client = cluster.inner.client
    group = "rbac.authorization.k8s.io"
    role = {
        "metadata": {"name": user},
        "rules": [{"verbs": verbs, "apiGroups": [""], "resources": resources}],
    }
    await client.create(f"roles.{group}", role, "default")
    binding = {
        "metadata": {"name": user},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": user},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
    await client.create(f"rolebindings.{group}", binding, "default")
