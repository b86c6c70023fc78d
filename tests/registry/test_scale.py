"""The scale subresource: preconditions, owners of the replicas, the generation of the workload."""

import pytest

MERGE = {"Content-Type": "application/merge-patch+json"}
APPLY = {"Content-Type": "application/apply-patch+yaml"}


class Scaled:
    """A paused Deployment of two."""

    def __init__(self, api, namespace):
        self.api = api
        self.path = f"/apis/apps/v1/namespaces/{namespace}/deployments/d"
        labels = {"app": "d"}
        pod = {"containers": [{"name": "c", "image": "i:1"}], "schedulingGates": [{"name": "hold"}]}
        spec = {
            "replicas": 2,
            "paused": True,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        }
        body = {"metadata": {"name": "d"}, "spec": spec}
        created = api.post(self.path.removesuffix("/d") + "?fieldManager=maker", json=body)
        assert created.status_code == 201, created.text

    def call(self, method, expect=200, query="", **request):
        response = self.api.request(method, f"{self.path}/scale{query}", **request)
        assert response.status_code == expect, response.text
        return response.json()

    def put(self, replicas, expect=200, query="", **metadata):
        body = {"metadata": {"name": "d", **metadata}, "spec": {"replicas": replicas}}
        return self.call("PUT", expect, query, json=body)

    def workload(self):
        return self.api.get(self.path).json()

    def owners(self):
        """Who owns the replicas, as (manager, operation, subresource)."""
        return [
            (entry["manager"], entry["operation"], entry.get("subresource", ""))
            for entry in self.workload()["metadata"]["managedFields"]
            if "f:replicas" in entry["fieldsV1"].get("f:spec", {})
        ]


@pytest.fixture
def scaled(api, namespace):
    return Scaled(api, namespace)


def test_replicas_reach_the_workload_and_its_generation(scaled):
    assert scaled.put(3)["spec"] == {"replicas": 3}
    workload = scaled.workload()
    assert (workload["spec"]["replicas"], workload["metadata"]["generation"]) == (3, 2)


def test_none_is_written_out_in_the_workload_only(scaled):
    assert scaled.put(0)["spec"] == {}
    assert scaled.workload()["spec"]["replicas"] == 0


def test_the_version_is_a_precondition(scaled):
    # The deployment's controller writes its status meanwhile: as any client does, read and try once more.
    for _ in range(50):
        version = scaled.call("GET")["metadata"]["resourceVersion"]
        body = {"metadata": {"name": "d", "resourceVersion": version}, "spec": {"replicas": 3}}
        if scaled.api.put(f"{scaled.path}/scale", json=body).status_code == 200:
            break
    else:
        raise AssertionError("a version that was just read was never the live one")
    assert scaled.put(4, 409, resourceVersion=version)["reason"] == "Conflict"


def test_the_uid_of_a_patch_is_a_precondition_of_the_scale(scaled):
    answer = scaled.call("PATCH", 409, json={"metadata": {"uid": "other"}}, headers=MERGE)
    assert answer["message"].startswith(
        'Operation cannot be fulfilled on deployments/scale.apps "d": Precondition failed: UID in precondition: other'
    )


def test_writers_of_the_scale_own_the_replicas(scaled):
    assert scaled.owners() == [("maker", "Update", "")]
    scaled.put(3, query="?fieldManager=scaler")
    assert scaled.owners() == [("scaler", "Update", "scale")]
    scaled.put(3, query="?fieldManager=other")
    assert scaled.owners() == [("scaler", "Update", "scale")]


def test_apply_conflicts_with_other_owners(scaled):
    scaled.put(3, query="?fieldManager=scaler")
    body = {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": "d"},
        "spec": {"replicas": 5},
    }
    answer = scaled.call("PATCH", 409, "?fieldManager=me", json=body, headers=APPLY)
    assert answer["details"]["causes"][0]["field"] == ".spec.replicas"
    scaled.call("PATCH", 200, "?fieldManager=me&force=true", json=body, headers=APPLY)
    assert scaled.owners() == [("me", "Apply", "scale")]
    assert scaled.workload()["spec"]["replicas"] == 5


def test_strict_patches_know_the_fields(scaled):
    body = {"spec": {"replicas": 3, "odd": 1}}
    answer = scaled.call("PATCH", 422, "?fieldValidation=Strict", json=body, headers=MERGE)
    assert 'strict decoding error: unknown field "spec.odd"' in answer["message"]


def test_the_scales_metadata_is_validated_and_goes_nowhere(scaled):
    answer = scaled.call("PATCH", 422, json={"metadata": {"labels": {"a b": "c"}}}, headers=MERGE)
    assert answer["details"]["kind"] == "Scale"
    scaled.call("PATCH", json={"metadata": {"labels": {"a": "b"}}}, headers=MERGE)
    assert "labels" not in scaled.workload()["metadata"]


def test_a_dry_run_leaves_the_replicas(scaled):
    assert scaled.put(9, query="?dryRun=All")["spec"] == {"replicas": 9}
    assert scaled.workload()["spec"]["replicas"] == 2
