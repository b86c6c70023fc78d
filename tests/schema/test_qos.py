import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.schema.qos import compute_pod_qos, pod_qos


def resources(requests=None, limits=None):
    out = {}
    if requests:
        out["requests"] = requests
    if limits:
        out["limits"] = limits
    return out


BOTH = {"cpu": "100m", "memory": "1Gi"}


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ([], "BestEffort"),
        ([{}], "BestEffort"),
        ([{}, {}], "BestEffort"),
        ([resources({"cpu": "0"})], "BestEffort"),
        ([resources({"ephemeral-storage": "1Gi"})], "BestEffort"),
        ([resources({"nvidia.com/gpu": "1"}, {"nvidia.com/gpu": "1"})], "BestEffort"),
        ([resources(BOTH, BOTH)], "Guaranteed"),
        ([resources(BOTH, BOTH), resources(BOTH, BOTH)], "Guaranteed"),
        ([resources({"cpu": "0.1", "memory": "1024Mi"}, BOTH)], "Guaranteed"),
        ([resources(BOTH, BOTH), {}], "Burstable"),
        ([resources(BOTH)], "Burstable"),
        ([resources({"cpu": "1m"})], "Burstable"),
        ([resources(None, {"memory": "1Gi"})], "Burstable"),
        ([resources({"cpu": "50m", "memory": "1Gi"}, BOTH)], "Burstable"),
        ([resources({"memory": "1Gi"}, {"memory": "1Gi"})], "Burstable"),
    ],
)
def test_class_of_containers(containers, expected):
    assert compute_pod_qos({"containers": [{"resources": r} for r in containers]}) == expected


def test_init_containers_count_and_ephemeral_ones_do_not():
    guaranteed = {"resources": resources(BOTH, BOTH)}
    assert compute_pod_qos({"containers": [guaranteed], "initContainers": [guaranteed]}) == "Guaranteed"
    assert compute_pod_qos({"containers": [guaranteed], "initContainers": [{}]}) == "Burstable"
    assert compute_pod_qos({"containers": [guaranteed], "ephemeralContainers": [{}]}) == "Guaranteed"


def test_resources_of_the_pod_decide_alone():
    spec = {"containers": [{"resources": resources(BOTH)}], "resources": resources(BOTH, BOTH)}
    assert compute_pod_qos(spec) == "Guaranteed"
    assert compute_pod_qos({**spec, "resources": resources({"cpu": "1"})}) == "Burstable"


def test_a_recorded_class_stays():
    assert pod_qos({"status": {"qosClass": "Guaranteed"}, "spec": {"containers": [{}]}}) == "Guaranteed"
    assert pod_qos({"spec": {"containers": [{}]}}) == "BestEffort"


amounts = st.dictionaries(st.sampled_from(["cpu", "memory"]), st.sampled_from(["0", "1", "2"]))


@given(st.lists(st.builds(resources, amounts, amounts), min_size=1, max_size=3))
def test_order_of_containers_means_nothing(containers):
    spec = {"containers": [{"resources": r} for r in containers]}
    assert compute_pod_qos(spec) == compute_pod_qos({"containers": spec["containers"][::-1]})
