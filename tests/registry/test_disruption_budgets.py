"""PodDisruptionBudgets over HTTP."""

import pytest

MERGE = {"Content-Type": "application/merge-patch+json"}


class Budgets:
    def __init__(self, api, namespace):
        self.api = api
        self.base = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"

    def create(self, expect=201, **spec):
        response = self.api.post(self.base, json={"metadata": {"name": "b"}, "spec": spec})
        assert response.status_code == expect, response.text
        return response.json()

    def patch(self, body, expect=200, sub=""):
        response = self.api.patch(f"{self.base}/b{sub}", json=body, headers=MERGE)
        assert response.status_code == expect, response.text
        return response.json()

    def complaints(self, **spec):
        return self.create(422, **spec)["message"].split(" is invalid: ", 1)[1]


@pytest.fixture
def budgets(api, namespace):
    return Budgets(api, namespace)


def test_one_limit_of_two(budgets):
    assert budgets.complaints(minAvailable=1, maxUnavailable="10%", selector={"matchLabels": {"a": "b"}}) == (
        'spec: Invalid value: {"MinAvailable":1,"Selector":{"matchLabels":{"a":"b"}},"MaxUnavailable":"10%",'
        '"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set'
    )


def test_limits_are_numbers_or_shares(budgets):
    assert budgets.complaints(minAvailable=-1) == (
        "spec.minAvailable: Invalid value: -1: must be greater than or equal to 0"
    )
    assert budgets.complaints(maxUnavailable="101%") == (
        'spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%'
    )


def test_eviction_policies(budgets):
    assert budgets.complaints(unhealthyPodEvictionPolicy="Odd") == (
        'spec.unhealthyPodEvictionPolicy: Unsupported value: "Odd": supported values: "AlwaysAllow",'
        ' "IfHealthyBudget"'
    )


def test_the_generation_is_the_specs(budgets):
    assert budgets.create(minAvailable=1)["metadata"]["generation"] == 1
    assert budgets.patch({"spec": {"minAvailable": 2}})["metadata"]["generation"] == 2
    assert budgets.patch({"metadata": {"labels": {"a": "b"}}})["metadata"]["generation"] == 2


def test_conditions_are_complete_and_unlike(budgets):
    budgets.create(minAvailable=1)
    conditions = [{"type": "A", "status": "Odd"}, {"type": "A", "status": "True", "reason": "1"}]
    answer = budgets.patch({"status": {"conditions": conditions, "currentHealthy": -1}}, 422, "/status")
    fields = [cause["field"] for cause in answer["details"]["causes"]]
    assert fields == [
        "status.conditions[0].status",
        "status.conditions[0].lastTransitionTime",
        "status.conditions[0].reason",
        "status.conditions[1].type",
        "status.conditions[1].lastTransitionTime",
        "status.conditions[1].reason",
        "status.currentHealthy",
    ]
