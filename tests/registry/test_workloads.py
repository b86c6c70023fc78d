"""Deployments, ReplicaSets, StatefulSets, DaemonSets and ReplicationControllers over HTTP."""

import pytest

MERGE = {"Content-Type": "application/merge-patch+json"}
CONTAINER = {"name": "c", "image": "i:1"}
LABELS = {"app": "x"}


def template(labels=LABELS, **spec):
    return {"metadata": {"labels": labels}, "spec": {"containers": [CONTAINER], **spec}}


def lasting(**spec):
    """A spec that is accepted; nothing of it runs."""
    base = {"selector": {"matchLabels": LABELS}, "template": template(schedulingGates=[{"name": "hold"}])}
    return {**base, **spec}


class Kind:
    def __init__(self, api, namespace, resource, group="apps"):
        self.api = api
        prefix = f"/apis/{group}/v1" if group else "/api/v1"
        self.base = f"{prefix}/namespaces/{namespace}/{resource}"

    def call(self, method, path, expect, **request):
        response = self.api.request(method, path, **request)
        assert response.status_code == expect, response.text
        return response.json()

    def create(self, name="x", expect=201, query="", **spec):
        body = {"metadata": {"name": name}, "spec": lasting(**spec)}
        return self.call("POST", self.base + query, expect, json=body)

    def get(self, name="x"):
        return self.call("GET", f"{self.base}/{name}", 200)

    def patch(self, body, expect=200, name="x", sub=""):
        return self.call("PATCH", f"{self.base}/{name}{sub}", expect, json=body, headers=MERGE)

    def complaints(self, **spec):
        return self.create(expect=422, **spec)["message"].split(" is invalid: ", 1)[1]

    def causes(self, body, sub=""):
        answer = self.patch(body, 422, sub=sub)
        return [f"{cause['field']}: {cause['message']}" for cause in answer["details"]["causes"]]

    def warnings(self, name="x", **spec):
        body = {"metadata": {"name": name}, "spec": lasting(**spec)}
        answer = self.api.post(f"{self.base}?dryRun=All", json=body)
        assert answer.status_code == 201, answer.text
        return answer.headers.get_list("warning")


@pytest.fixture
def kind(api, namespace):
    return lambda resource, group="apps": Kind(api, namespace, resource, group)


def test_a_deployments_annotations_count_as_its_generation(kind):
    deployments = kind("deployments")
    deployments.create(paused=True, replicas=0)
    assert deployments.patch({"metadata": {"labels": {"a": "b"}}})["metadata"]["generation"] == 1
    assert deployments.patch({"metadata": {"annotations": {"a": "b"}}})["metadata"]["generation"] == 2
    assert deployments.patch({"spec": {"minReadySeconds": 1}})["metadata"]["generation"] == 3


def test_a_deployments_status_does_not_take_labels(kind):
    deployments = kind("deployments")
    deployments.create(paused=True, replicas=0)
    metadata = {"labels": {"a": "b"}, "annotations": {"c": "d"}}
    changed = deployments.patch({"metadata": metadata}, sub="/status")["metadata"]
    assert "labels" not in changed
    assert changed["annotations"]["c"] == "d"


def test_strategies_are_shown_as_go_has_them(kind):
    strategy = {"type": "Odd", "rollingUpdate": {"maxSurge": "1%"}}
    assert kind("deployments").complaints(strategy=strategy) == (
        'spec.strategy: Unsupported value: {"Type":"Odd","RollingUpdate":{"MaxUnavailable":0,"MaxSurge":"1%"}}:'
        ' supported values: "Recreate", "RollingUpdate"'
    )


def test_updates_of_replica_sets_are_checked_twice(kind):
    sets = kind("replicasets")
    sets.create(replicas=0)
    negative = "spec.replicas: Invalid value: -1: must be greater than or equal to 0"
    assert sets.causes({"spec": {"replicas": -1}}) == [negative, negative]
    deployments = kind("deployments")
    deployments.create(paused=True, replicas=0)
    assert deployments.causes({"spec": {"replicas": -1}}) == [negative]


def test_names_of_pods_are_warned_about(kind):
    expected = (
        '299 - "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior;'
        ' a DNS label is recommended: [must not contain dots]"'
    )
    for resource in ("deployments", "replicasets", "daemonsets"):
        assert kind(resource).warnings("a.b") == [expected]


def test_a_stateful_sets_name_must_be_a_label(kind):
    answer = kind("statefulsets").create("a.b", 422)
    assert answer["details"]["causes"] == [
        {
            "reason": "FieldValueInvalid",
            "message": 'Invalid value: "a.b": must not contain dots',
            "field": "metadata.name",
        }
    ]


def test_a_stateful_set_mounts_what_its_claims_give(kind):
    mount = {"volumeMounts": [{"name": "data", "mountPath": "/d"}]}
    mounted = template(containers=[{**CONTAINER, **mount}], schedulingGates=[{"name": "hold"}])
    missing = 'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"'
    sets = kind("statefulsets")
    assert sets.complaints(template=mounted) == missing
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    made = sets.create(template=mounted, volumeClaimTemplates=[claim], replicas=0)
    [kept] = made["spec"]["volumeClaimTemplates"]
    assert list(kept) == ["kind", "apiVersion", "metadata", "spec", "status"]
    assert kept["status"] == {"phase": "Pending"}
    assert "volumes" not in made["spec"]["template"]["spec"]
    assert sets.patch({"spec": {"serviceName": "other"}}, 422)["message"].startswith(
        'StatefulSet.apps "x" is invalid: spec: Forbidden: updates to statefulset spec for fields other than'
    )


def test_a_strategy_without_parameters_keeps_none(kind):
    sets = kind("statefulsets")
    named = sets.create(query="?dryRun=All", updateStrategy={"type": "RollingUpdate"})
    assert named["spec"]["updateStrategy"] == {"type": "RollingUpdate"}
    rolling = {"rollingUpdate": {"maxUnavailable": 2}}
    gated = sets.create(query="?dryRun=All", updateStrategy=rolling)
    assert gated["spec"]["updateStrategy"]["rollingUpdate"] == {"partition": 0}


def test_negative_histories_of_stateful_sets_are_only_warned_about(kind):
    assert kind("statefulsets").warnings(revisionHistoryLimit=-1) == [
        '299 - "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is'
        ' recommended"'
    ]


def test_daemon_sets_count_their_templates(kind):
    sets = kind("daemonsets")
    key = "deprecated.daemonset.template.generation"
    assert sets.create()["metadata"]["annotations"] == {key: "1"}
    assert sets.patch({"metadata": {"annotations": {key: "7"}}})["metadata"]["annotations"] == {key: "1"}
    changed = sets.patch({"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}})["metadata"]
    assert (changed["annotations"][key], changed["generation"]) == ("2", 2)
    status = sets.patch({"metadata": {"annotations": {key: None}}}, sub="/status")
    assert status["metadata"]["annotations"][key] == "2"


def test_a_template_generation_that_is_no_number_is_not_read(kind):
    sets = kind("daemonsets")
    annotations = {"deprecated.daemonset.template.generation": "x"}
    body = {"metadata": {"name": "x", "annotations": annotations}, "spec": lasting()}
    answer = sets.call("POST", sets.base, 400, json=body)
    assert answer["message"] == (
        'DaemonSet in version "v1" cannot be handled as a DaemonSet: strconv.ParseInt: parsing "x": invalid syntax'
    )


def test_rolling_updates_of_daemon_sets_do_one_thing(kind):
    def complaint(**rolling):
        return kind("daemonsets").complaints(updateStrategy={"rollingUpdate": rolling})

    at = "spec.updateStrategy.rollingUpdate"
    assert complaint(maxSurge=1) == (
        f"{at}.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero"
    )
    assert (
        complaint(maxUnavailable=0) == f"{at}.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"
    )


def test_controllers_are_found_by_their_replicas(kind):
    controllers = kind("replicationcontrollers", "")
    controllers.create(selector=LABELS, replicas=0)
    found = controllers.call("GET", f"{controllers.base}?fieldSelector=status.replicas=0", 200)["items"]
    assert [item["metadata"]["name"] for item in found] == ["x"]
    assert controllers.call("GET", f"{controllers.base}?fieldSelector=status.replicas=1", 200)["items"] == []


def test_an_empty_selector_of_a_replica_set_is_called_a_deployments(kind):
    assert kind("replicasets").complaints(selector={}) == (
        "spec.selector: Invalid value: {}: empty selector is invalid for deployment"
    )


@pytest.mark.parametrize(
    ("resource", "name"),
    [("deployments", "ReplicaSet"), ("statefulsets", "StatefulSet"), ("daemonsets", "DaemonSet")],
)
def test_pods_without_end_have_no_deadline(kind, resource, name):
    answer = kind(resource).complaints(template=template(activeDeadlineSeconds=5, restartPolicy="Never"))
    assert answer == (
        '[spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always",'
        " spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in"
        f" {name} is not Supported]"
    )
