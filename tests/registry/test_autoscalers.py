"""HorizontalPodAutoscalers over HTTP: two versions, one of which is judged and stored."""

import pytest

MERGE = {"Content-Type": "application/merge-patch+json"}
TARGET = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}
CPU = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}


class Autoscalers:
    def __init__(self, api, namespace):
        self.api = api
        self.namespace = namespace

    def base(self, version):
        return f"/apis/autoscaling/{version}/namespaces/{self.namespace}/horizontalpodautoscalers"

    def call(self, method, path, expect, **request):
        response = self.api.request(method, path, **request)
        assert response.status_code == expect, response.text
        return response.json()

    def create(self, version="v2", expect=201, query="", **spec):
        body = {"metadata": {"name": "a"}, "spec": {"scaleTargetRef": TARGET, "maxReplicas": 3, **spec}}
        return self.call("POST", self.base(version) + query, expect, json=body)

    def get(self, version):
        return self.call("GET", f"{self.base(version)}/a", 200)

    def patch(self, body, version="v2", expect=200, sub=""):
        path = f"{self.base(version)}/a{sub}"
        return self.call("PATCH", path, expect, json=body, headers=MERGE)

    def complaints(self, version="v2", **spec):
        return self.create(version, 422, **spec)["message"].split(" is invalid: ", 1)[1]


@pytest.fixture
def scalers(api, namespace):
    return Autoscalers(api, namespace)


def test_what_v1_makes_v2_shows(scalers):
    made = scalers.create("v1", targetCPUUtilizationPercentage=60)
    assert made["status"] == {"currentReplicas": 0, "desiredReplicas": 0}
    shown = scalers.get("v2")
    assert shown["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 60
    assert "currentReplicas" not in shown["status"]
    assert "annotations" not in shown["metadata"]


def test_metrics_keep_their_order_through_v1(scalers):
    memory = {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}
    metrics = [{"type": "Resource", "resource": CPU}, {"type": "Resource", "resource": memory}]
    scalers.create(metrics=metrics)
    scalers.patch({"status": {"desiredReplicas": 2}}, "v1", sub="/status")
    assert scalers.get("v2")["spec"]["metrics"] == metrics
    assert scalers.get("v2")["status"]["desiredReplicas"] == 2


def test_v1_is_judged_as_v2(scalers):
    assert scalers.complaints("v1", targetCPUUtilizationPercentage=0) == (
        "spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0"
    )


def test_a_dry_run_answers_in_the_version_asked_for(scalers):
    made = scalers.create("v1", query="?dryRun=All")
    assert made["apiVersion"] == "autoscaling/v1"
    assert made["spec"]["targetCPUUtilizationPercentage"] == 80
    scalers.create()
    dry = scalers.call(
        "PATCH", f"{scalers.base('v1')}/a?dryRun=All", 200, json={"spec": {"maxReplicas": 9}}, headers=MERGE
    )
    assert (dry["apiVersion"], dry["spec"]["maxReplicas"]) == ("autoscaling/v1", 9)
    assert scalers.get("v2")["spec"]["maxReplicas"] == 3


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        (
            {"maxReplicas": 0},
            "[spec.maxReplicas: Required value: must be set and greater than 0, spec.maxReplicas",
        ),
        (
            {"maxReplicas": -1},
            "[spec.maxReplicas: Invalid value: -1: must be greater than or equal to 1, spec.",
        ),
        (
            {"behavior": {"scaleUp": {"policies": []}}},
            "spec.behavior.scaleUp.policies: Required value: must specify",
        ),
        (
            {"behavior": {"scaleUp": {"tolerance": "-1"}}},
            'spec.behavior.scaleUp.tolerance: Invalid value: "-1": must be greater than or equal to 0',
        ),
        (
            {"scaleTargetRef": {"kind": "Deployment", "name": "d"}},
            'spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API group',
        ),
        (
            {
                "metrics": [
                    {"type": "ContainerResource", "containerResource": {"name": "x", "container": "A", **CPU}}
                ]
            },
            'spec.metrics[0].containerResource.container: Invalid value: "A": a lowercase RFC 1123 label',
        ),
    ],
)
def test_complaints(scalers, spec, complaint):
    assert scalers.complaints(**spec).startswith(complaint)


def test_only_controllers_have_no_group(scalers):
    target = {"kind": "ReplicationController", "name": "c", "apiVersion": "v1"}
    assert scalers.create(query="?dryRun=All", scaleTargetRef=target)["spec"]["scaleTargetRef"] == target


def test_an_unknown_metric_is_found_twice(scalers):
    answer = scalers.create(expect=422, metrics=[{"type": "Odd"}])
    fields = [cause["field"] for cause in answer["details"]["causes"]]
    assert fields == ["spec.metrics[0].type"] * 2


def test_tables_of_v1_show_what_only_v2_has(scalers, api):
    memory = {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}
    scalers.create(metrics=[{"type": "Resource", "resource": memory}])
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    [row] = api.get(scalers.base("v1"), headers=accept).json()["rows"]
    assert row["cells"][2] == "memory: <unknown>/1Gi"


def test_counts_in_the_status_are_not_negative(scalers):
    scalers.create()
    answer = scalers.patch({"status": {"currentReplicas": -1}}, expect=422, sub="/status")
    assert answer["details"]["causes"][0]["field"] == "status.currentReplicas"
