"""Pods over HTTP: what the server sets, its views, binding, graceful deletion, eviction."""

import pytest

MERGE = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
def pods(api, namespace):
    api.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", json={"metadata": {"name": "default"}})
    return Pods(api, namespace)


class Pods:
    """Pods of one namespace; every call checks the status it expects."""

    def __init__(self, api, namespace):
        self.api = api
        self.base = f"/api/v1/namespaces/{namespace}"
        self.policy = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"

    def _call(self, method, path, expect, **request):
        response = self.api.request(method, path, **request)
        assert response.status_code == expect, response.text
        return response.json()

    def create(self, name="p", expect=201, metadata=None, **spec):
        spec.setdefault("containers", [{"name": "c", "image": "i:1"}])
        spec.setdefault("automountServiceAccountToken", False)
        body = {"metadata": {"name": name, **(metadata or {})}, "spec": spec}
        return self._call("POST", f"{self.base}/pods", expect, json=body)

    def get(self, name="p", expect=200):
        return self._call("GET", f"{self.base}/pods/{name}", expect)

    def patch(self, body, name="p", subresource="", expect=200):
        path = f"{self.base}/pods/{name}" + (f"/{subresource}" if subresource else "")
        return self._call("PATCH", path, expect, json=body, headers=MERGE)

    def delete(self, name="p", expect=200, **options):
        return self._call("DELETE", f"{self.base}/pods/{name}", expect, json=options)

    def bind(self, name="p", node="n", expect=201, query="", **metadata):
        body = {"metadata": {"name": name, **metadata}, "target": {"kind": "Node", "name": node}}
        return self._call("POST", f"{self.base}/pods/{name}/binding{query}", expect, json=body)

    def evict(self, name="p", expect=201, query="", **options):
        body = {"metadata": {"name": name}, "deleteOptions": options}
        return self._call("POST", f"{self.base}/pods/{name}/eviction{query}", expect, json=body)

    def running(self, name="p", ready=True):
        """A pod on a node that runs."""
        self.create(name, metadata={"labels": {"app": "a"}})
        self.bind(name)
        conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
        self.patch({"status": {"phase": "Running", "conditions": conditions}}, name, "status")

    def budget(self, name="b", spec=None, **status):
        selector = {"matchLabels": {"app": "a"}}
        body = {"metadata": {"name": name}, "spec": {"selector": selector, "minAvailable": 1, **(spec or {})}}
        made = self._call("POST", self.policy, 201, json=body)
        status.setdefault("observedGeneration", made["metadata"]["generation"])
        zero = {"expectedPods": 0, "currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0}
        path = f"{self.policy}/{name}/status"
        return self._call("PATCH", path, 200, json={"status": {**zero, **status}}, headers=MERGE)

    def budget_status(self, name="b"):
        return self._call("GET", f"{self.policy}/{name}", 200)["status"]


def conditions(pod):
    return {c["type"]: (c["status"], c.get("reason")) for c in pod["status"].get("conditions", ())}


def test_a_new_pod_is_pending(pods):
    made = pods.create()
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert made["metadata"]["generation"] == 1


def test_the_status_of_a_create_is_the_server_s(pods):
    body = {
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
        "status": {"phase": "Running", "podIP": "1.1.1.1", "qosClass": "Guaranteed"},
    }
    made = pods._call("POST", f"{pods.base}/pods", 201, json=body)
    assert made["status"] == {"phase": "Pending", "qosClass": "Guaranteed"}


def test_a_gated_pod_says_so(pods):
    made = pods.create(schedulingGates=[{"name": "g"}])
    assert conditions(made) == {"PodScheduled": ("False", "SchedulingGated")}
    assert list(made["status"]) == ["phase", "conditions", "qosClass"]


def test_fields_behind_closed_gates_are_dropped(pods):
    made = pods.create(
        containers=[{"name": "c", "image": "i", "lifecycle": {"stopSignal": "SIGUSR1"}}],
        os={"name": "linux"},
        volumes=[
            {
                "name": "v",
                "projected": {
                    "sources": [{"clusterTrustBundle": {"name": "b", "path": "p"}}, {"secret": {"name": "s"}}]
                },
            }
        ],
    )
    assert "lifecycle" not in made["spec"]["containers"][0]
    assert made["spec"]["volumes"][0]["projected"]["sources"] == [{}, {"secret": {"name": "s"}}]


def test_label_keys_are_merged_into_selectors(pods):
    term = {
        "topologyKey": "k",
        "labelSelector": {"matchLabels": {"x": "y"}},
        "matchLabelKeys": ["app", "absent"],
    }
    anti = {"topologyKey": "k", "labelSelector": {}, "mismatchLabelKeys": ["app"]}
    made = pods.create(
        metadata={"labels": {"app": "a"}},
        affinity={
            "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]},
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": anti}]
            },
        },
    )["spec"]["affinity"]
    required = made["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]
    assert required["labelSelector"] == {
        "matchLabels": {"x": "y"},
        "matchExpressions": [{"key": "app", "operator": "In", "values": ["a"]}],
    }
    preferred = made["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"][0][
        "podAffinityTerm"
    ]
    assert preferred["labelSelector"] == {
        "matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]
    }


def test_annotations_of_apparmor_become_fields(pods):
    key = "container.apparmor.security.beta.kubernetes.io/c"
    made = pods.create(metadata={"annotations": {key: "localhost/mine"}})
    assert made["spec"]["containers"][0]["securityContext"] == {
        "appArmorProfile": {"type": "Localhost", "localhostProfile": "mine"}
    }


def test_a_name_that_is_no_host_name_earns_a_warning(pods):
    body = {"metadata": {"name": "a.b"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    response = pods.api.post(f"{pods.base}/pods", json=body)
    assert "a DNS label is recommended: [must not contain dots]" in response.headers["warning"]


def test_an_image_may_change(pods):
    pods.create()
    changed = pods.patch({"spec": {"activeDeadlineSeconds": 5}})
    assert changed["metadata"]["generation"] == 2
    assert changed["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    refused = pods.patch({"spec": {"restartPolicy": "Never"}}, expect=422)
    assert refused["message"].startswith(
        'Pod "p" is invalid: spec: Forbidden: pod updates may not change fields other than'
    )


def test_status_takes_status(pods):
    account = pods._call("GET", f"{pods.base}/serviceaccounts/default", 200)
    owner = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "name": "default",
        "uid": account["metadata"]["uid"],
    }
    pods.create(metadata={"ownerReferences": [owner]})
    changed = pods.patch(
        {
            "metadata": {"labels": {"a": "b"}, "ownerReferences": []},
            "spec": {"nodeName": "n"},
            "status": {"phase": "Running", "qosClass": None},
        },
        subresource="status",
    )
    assert changed["metadata"]["labels"] == {"a": "b"}
    assert changed["metadata"]["ownerReferences"] == [owner]
    assert "nodeName" not in changed["spec"]
    assert changed["status"] == {"phase": "Running", "qosClass": "BestEffort"}
    assert changed["metadata"]["generation"] == 1


def test_observed_generations_stay_for_writers_that_do_not_know_them(pods):
    pods.create()
    condition = {"type": "Ready", "status": "False"}
    full = {"observedGeneration": 1, "conditions": [{**condition, "observedGeneration": 1}]}
    pods.patch({"status": full}, subresource="status")
    current = pods.get()
    current["status"] = {"phase": "Running", "conditions": [condition]}
    written = pods._call("PUT", f"{pods.base}/pods/p/status", 200, json=current)
    assert written["status"]["observedGeneration"] == 1
    assert written["status"]["conditions"][0]["observedGeneration"] == 1


def test_ephemeral_containers(pods):
    pods.create()
    debugger = {"name": "d", "image": "x"}
    changed = pods.patch(
        {"metadata": {"labels": {"a": "b"}}, "spec": {"ephemeralContainers": [debugger], "hostname": "h"}},
        subresource="ephemeralcontainers",
    )
    assert [c["name"] for c in changed["spec"]["ephemeralContainers"]] == ["d"]
    assert "labels" not in changed["metadata"]
    assert "hostname" not in changed["spec"]
    assert changed["metadata"]["generation"] == 2
    pods.patch({"spec": {"ephemeralContainers": None}}, subresource="ephemeralcontainers", expect=422)


def test_resize(pods):
    pods.create(containers=[{"name": "c", "image": "i:1", "resources": {"requests": {"cpu": "1"}}}])
    bigger = [{"name": "c", "image": "other", "resources": {"requests": {"cpu": "2"}}}]
    changed = pods.patch({"spec": {"containers": bigger}}, subresource="resize")
    assert changed["spec"]["containers"][0]["image"] == "i:1"
    assert changed["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "2"}}
    assert changed["metadata"]["generation"] == 2
    refused = pods.patch({"spec": {"containers": []}}, subresource="resize", expect=422)
    assert "containers may not be added or removed on resize" in refused["message"]


def test_binding(pods):
    pods.create(metadata={"labels": {"x": "y"}})
    pods.patch({"status": {"nominatedNodeName": "m"}}, subresource="status")
    answer = pods.bind(labels={"zone": "z"}, annotations={"a": "b"})
    assert answer == {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    bound = pods.get()
    assert bound["spec"]["nodeName"] == "n"
    assert bound["metadata"]["labels"] == {"x": "y", "zone": "z"}
    assert bound["metadata"]["annotations"] == {"a": "b"}
    assert "nominatedNodeName" not in bound["status"]
    assert conditions(bound) == {"PodScheduled": ("True", None)}
    assert bound["metadata"]["generation"] == 1
    again = pods.bind(node="m", expect=409)
    assert again["message"] == (
        'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n"'
    )


def test_binding_through_the_collection(pods):
    pods.create()
    body = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}}
    pods._call("POST", f"{pods.base}/bindings", 201, json=body)
    assert pods.get()["spec"]["nodeName"] == "n"


def test_binding_as_a_dry_run(pods):
    pods.create()
    pods.bind(query="?dryRun=All")
    assert "nodeName" not in pods.get()["spec"]


@pytest.mark.parametrize("field", ["uid", "resourceVersion"])
def test_preconditions_of_a_binding(pods, field):
    metadata = pods.create()["metadata"]
    refused = pods.bind(expect=409, **{field: "77777777"})
    assert refused["details"] == {"name": "p", "kind": "pods"}
    assert "Precondition failed" in refused["message"]
    pods.bind(**{field: metadata[field]})


def test_no_binding_for_gated_and_terminating_pods(pods):
    pods.create("g", schedulingGates=[{"name": "x"}])
    assert "non-empty .spec.schedulingGates" in pods.bind("g", expect=409)["message"]
    pods.create("t", metadata={"finalizers": ["example.com/x"]})
    pods.delete("t")
    assert "is being deleted, cannot be assigned to a host" in pods.bind("t", expect=409)["message"]
    pods.patch({"metadata": {"finalizers": None}}, "t")


def test_an_unscheduled_pod_goes_at_once(pods):
    pods.create()
    gone = pods.delete()
    assert gone["metadata"]["deletionGracePeriodSeconds"] == 0
    assert gone["metadata"]["generation"] == 2
    pods.get(expect=404)


@pytest.mark.parametrize(
    ("asked", "seconds"), [({}, 30), ({"gracePeriodSeconds": 7}, 7), ({"gracePeriodSeconds": -1}, 1)]
)
def test_a_bound_pod_waits_for_its_kubelet(pods, asked, seconds):
    pods.create()
    pods.bind()
    waiting = pods.delete(**asked)
    assert waiting["metadata"]["deletionGracePeriodSeconds"] == seconds
    assert waiting["metadata"]["generation"] == 2
    assert pods.delete(gracePeriodSeconds=0)["metadata"]["deletionGracePeriodSeconds"] == 0
    pods.get(expect=404)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_an_ended_pod_goes_at_once(pods, phase):
    pods.create()
    pods.bind()
    pods.patch({"status": {"phase": phase}}, subresource="status")
    pods.delete()
    pods.get(expect=404)


def test_field_selectors(pods):
    pods.create("a")
    pods.bind("a", "n1")
    pods.create("b", restartPolicy="Never", schedulerName="mine")

    def select(selector):
        found = pods.api.get(f"{pods.base}/pods", params={"fieldSelector": selector}).json()
        return [pod["metadata"]["name"] for pod in found["items"]]

    assert select("spec.nodeName=n1") == select("spec.host=n1") == ["a"]
    assert select("spec.nodeName=") == ["b"]
    assert select("spec.restartPolicy=Never,spec.schedulerName=mine") == ["b"]
    assert select("status.phase=Pending,spec.hostNetwork=false") == ["a", "b"]
    assert select("spec.serviceAccountName!=default") == []
    refused = pods.api.get(f"{pods.base}/pods", params={"fieldSelector": "spec.x=y"})
    assert refused.status_code == 400
    assert "field label not supported: spec.x" in refused.json()["message"]


def test_eviction_without_budgets(pods):
    pods.running()
    answer = pods.evict(gracePeriodSeconds=9)
    assert answer == {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    leaving = pods.get()
    assert leaving["metadata"]["deletionGracePeriodSeconds"] == 9
    assert conditions(leaving)["DisruptionTarget"] == ("True", "EvictionByEvictionAPI")


def test_eviction_of_a_pending_pod_asks_no_budget(pods):
    pods.budget(disruptionsAllowed=0, desiredHealthy=1)
    pods.create(metadata={"labels": {"app": "a"}})
    pods.evict()
    pods.get(expect=404)


@pytest.mark.parametrize("where", ["query", "body"])
def test_eviction_as_a_dry_run(pods, where):
    pods.running()
    pods.budget(disruptionsAllowed=1, currentHealthy=2, desiredHealthy=1)
    pods.evict(**({"query": "?dryRun=All"} if where == "query" else {"dryRun": ["All"]}))
    assert "deletionTimestamp" not in pods.get()["metadata"]
    assert pods.budget_status()["disruptionsAllowed"] == 1


def test_an_eviction_spends_a_disruption(pods):
    pods.running()
    pods.budget(disruptionsAllowed=1, currentHealthy=2, desiredHealthy=1, expectedPods=2)
    pods.evict()
    spent = pods.budget_status()
    assert spent["disruptionsAllowed"] == 0
    assert list(spent["disruptedPods"]) == ["p"]
    (condition,) = spent["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == (
        "DisruptionAllowed",
        "False",
        "InsufficientPods",
    )


NO = "Cannot evict pod as it would violate the pod's disruption budget."


def refusal(answer):
    assert answer["reason"] == "TooManyRequests"
    assert answer["message"] == NO
    (cause,) = answer["details"]["causes"]
    assert cause["reason"] == "DisruptionBudget"
    return cause["message"]


def condition(reason, message=""):
    return {
        "type": "DisruptionAllowed",
        "status": "False",
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ({"currentHealthy": 1, "desiredHealthy": 1}, "b needs 1 healthy pods and has 1 currently"),
        ({"currentHealthy": 0, "desiredHealthy": 2}, "b needs 2 healthy pods and has 0 currently"),
        ({"currentHealthy": 2, "desiredHealthy": 1}, "b does not allow evicting pods currently"),
        (
            {"currentHealthy": 2, "conditions": [condition("SyncFailed", "no luck")]},
            "b does not allow evicting pods currently because it failed sync: no luck",
        ),
        (
            {"currentHealthy": 2, "conditions": [condition("Other", "why")]},
            "b does not allow evicting pods currently (Other): why",
        ),
    ],
)
def test_a_spent_budget_refuses(pods, status, text):
    pods.running()
    pods.budget(**status)
    answer = pods.evict(expect=429)
    assert refusal(answer) == f"The disruption budget {text}"
    assert "retryAfterSeconds" not in answer["details"]


def test_a_budget_that_nobody_has_looked_at_refuses_for_now(pods):
    pods.running()
    pods.budget(observedGeneration=0)
    answer = pods.evict(expect=429)
    assert refusal(answer) == "The disruption budget b is still being processed by the server."
    assert answer["details"]["retryAfterSeconds"] == 10


def test_two_budgets_are_too_many(pods):
    pods.running()
    pods.budget("a", disruptionsAllowed=1)
    pods.budget("b", disruptionsAllowed=1)
    assert pods.evict(expect=500)["message"] == (
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    )


@pytest.mark.parametrize(
    ("spec", "status"),
    [
        ({"unhealthyPodEvictionPolicy": "AlwaysAllow"}, {"currentHealthy": 0, "desiredHealthy": 1}),
        ({}, {"currentHealthy": 1, "desiredHealthy": 1}),
        ({"unhealthyPodEvictionPolicy": "IfHealthyBudget"}, {"currentHealthy": 1, "desiredHealthy": 1}),
    ],
)
def test_unready_pods_may_go(pods, spec, status):
    pods.running(ready=False)
    pods.budget(spec=spec, **status)
    pods.evict()
    assert "deletionTimestamp" in pods.get()["metadata"]


def test_unready_pods_of_a_disrupted_application_stay(pods):
    pods.running(ready=False)
    pods.budget(currentHealthy=0, desiredHealthy=1)
    pods.evict(expect=429)


def test_preconditions_of_an_eviction(pods):
    pods.running()
    version = pods.get()["metadata"]["resourceVersion"]
    pods.evict(expect=409, preconditions={"resourceVersion": "1"})
    pods.evict(preconditions={"resourceVersion": version})
    assert "deletionTimestamp" in pods.get()["metadata"]


def test_an_eviction_names_its_pod(pods):
    pods.create()
    body = {"metadata": {"name": "q"}}
    refused = pods._call("POST", f"{pods.base}/pods/p/eviction", 400, json=body)
    assert refused["message"] == "name in URL does not match name in Eviction object"
    pods.evict("absent", expect=404)
