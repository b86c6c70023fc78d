"""Services over HTTP: addresses and node ports are given out, kept, and come back."""

import asyncio
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.api.random import RandomSource
from sekisho.registry.ipallocator import _candidates, _holds, _reserved
from sekisho.registry.portallocator import FIRST, LAST, NodePorts, PortError

MERGE = {"Content-Type": "application/merge-patch+json"}


class Services:
    def __init__(self, api, namespace):
        self.api = api
        self.base = f"/api/v1/namespaces/{namespace}/services"

    def call(self, method, path, expect, **request):
        response = self.api.request(method, path, **request)
        assert response.status_code == expect, response.text
        return response.json()

    def create(self, name="s", expect=201, query="", **spec):
        spec.setdefault("ports", [{"port": 80}])
        return self.call("POST", self.base + query, expect, json={"metadata": {"name": name}, "spec": spec})

    def get(self, name="s", expect=200):
        return self.call("GET", f"{self.base}/{name}", expect)

    def patch(self, name="s", expect=200, query="", **spec):
        return self.call("PATCH", f"{self.base}/{name}{query}", expect, json={"spec": spec}, headers=MERGE)

    def delete(self, name="s"):
        return self.call("DELETE", f"{self.base}/{name}", 200)

    def address(self, ip, expect=200):
        return self.call("GET", f"/apis/networking.k8s.io/v1/ipaddresses/{ip}", expect)


@pytest.fixture
def services(api, namespace):
    return Services(api, namespace)


def test_an_address_is_given_out(services):
    spec = services.create()["spec"]
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    assert spec["ipFamilies"] == ["IPv4"]
    assert spec["ipFamilyPolicy"] == "SingleStack"
    address = services.address(spec["clusterIP"])
    assert address["metadata"]["labels"] == {
        "ipaddress.kubernetes.io/ip-family": "IPv4",
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
    }
    assert address["spec"]["parentRef"]["name"] == "s"


def test_an_address_comes_back_with_its_service(services):
    ip = services.create()["spec"]["clusterIP"]
    refused = services.create("t", expect=422, clusterIP=ip)
    assert refused["message"].endswith(f"failed to allocate IP {ip}: provided IP is already allocated")
    services.delete()
    services.address(ip, expect=404)
    assert services.create("t", clusterIP=ip)["spec"]["clusterIP"] == ip


@pytest.mark.parametrize("ip", ["10.96.0.0", "10.96.255.255", "10.97.0.1", "fd00::1"])
def test_addresses_that_are_not_the_cluster_s(services, ip):
    services.create(expect=422, clusterIP=ip)


def test_a_refused_service_keeps_nothing(services):
    free = "10.96.200.200"
    refused = services.create(expect=422, clusterIP=free, sessionAffinity="Odd")
    assert [c["field"] for c in refused["details"]["causes"]] == ["spec.sessionAffinity"]
    services.address(free, expect=404)
    services.create(expect=422, type="NodePort", ports=[{"port": 80, "nodePort": 30050, "protocol": "ICMP"}])
    services.create(type="NodePort", ports=[{"port": 80, "nodePort": 30050}])


def test_a_dry_run_takes_nothing(services):
    shown = services.create(query="?dryRun=All", clusterIP="10.96.200.201")
    assert shown["spec"]["clusterIP"] == "10.96.200.201"
    services.address("10.96.200.201", expect=404)
    services.create(query="?dryRun=All", type="NodePort", ports=[{"port": 1, "nodePort": 30051}])
    services.create(type="NodePort", ports=[{"port": 1, "nodePort": 30051}])


def test_an_existing_name_takes_nothing(services):
    services.create()
    services.create(expect=409, clusterIP="10.96.200.202")
    services.address("10.96.200.202", expect=404)


def test_headless_services(services):
    spec = services.create(clusterIP="None")["spec"]
    assert spec["clusterIPs"] == ["None"]
    assert spec["ipFamilies"] == ["IPv4", "IPv6"]
    assert spec["ipFamilyPolicy"] == "RequireDualStack"
    spec = services.create("t", clusterIP="None", selector={"a": "b"})["spec"]
    assert spec["ipFamilies"] == ["IPv4"]
    services.delete()


def test_families_that_the_cluster_has_not(services):
    message = services.create(expect=422, ipFamilyPolicy="RequireDualStack")["message"]
    assert "this cluster is not configured for dual-stack services" in message
    message = services.create(expect=422, ipFamilies=["IPv6"])["message"]
    assert 'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster' in message
    assert services.create(ipFamilyPolicy="PreferDualStack")["spec"]["ipFamilies"] == ["IPv4"]


def test_an_update_keeps_what_was_given_out(services):
    made = services.create(type="NodePort", ports=[{"port": 80, "name": "a"}, {"port": 81, "name": "b"}])[
        "spec"
    ]
    body = {
        "metadata": {"name": "s"},
        "spec": {"type": "NodePort", "ports": [{"port": 90, "name": "b"}, {"port": 91, "name": "c"}]},
    }
    kept = services.call("PUT", f"{services.base}/s", 200, json=body)["spec"]
    assert kept["clusterIP"] == made["clusterIP"]
    assert kept["ports"][0]["nodePort"] == made["ports"][1]["nodePort"]
    assert kept["ports"][1]["nodePort"] not in (0, made["ports"][1]["nodePort"])


def test_changes_of_type(services):
    made = services.create(type="LoadBalancer", externalTrafficPolicy="Local")["spec"]
    assert made["healthCheckNodePort"]
    port = made["ports"][0]["nodePort"]
    services.call(
        "PATCH",
        f"{services.base}/s/status",
        200,
        json={"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}},
        headers=MERGE,
    )
    plain = services.patch(type="ClusterIP")
    for field in ("externalTrafficPolicy", "healthCheckNodePort", "allocateLoadBalancerNodePorts"):
        assert field not in plain["spec"]
    assert "nodePort" not in plain["spec"]["ports"][0]
    assert plain["status"]["loadBalancer"] == {}
    services.create("t", type="NodePort", ports=[{"port": 1, "nodePort": port}])
    named = services.patch(type="ExternalName", externalName="a.b")["spec"]
    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} & named.keys()
    services.address(made["clusterIP"], expect=404)
    again = services.patch(type="ClusterIP")["spec"]
    services.address(again["clusterIP"])


def test_a_balancer_may_do_without_node_ports(services):
    made = services.create(type="LoadBalancer", allocateLoadBalancerNodePorts=False)["spec"]
    assert "nodePort" not in made["ports"][0]


def test_the_same_node_port_twice(services):
    ports = [{"port": 1, "nodePort": 30060}]
    services.create(type="NodePort", ports=ports)
    refused = services.create("t", expect=422, type="NodePort", ports=ports)
    assert refused["message"].endswith("Invalid value: 30060: provided port is already allocated")
    ports = [{"port": 1, "name": "a", "nodePort": 30061}, {"port": 1, "name": "b", "protocol": "UDP"}]
    both = services.create("t", type="NodePort", ports=ports)["spec"]["ports"]
    assert [p["nodePort"] for p in both] == [30061, 30061]


def test_services_made_at_once_get_different_addresses(cluster, namespace):
    client = cluster.inner.client

    async def make(i):
        body = {"metadata": {"name": f"s{i}"}, "spec": {"ports": [{"port": 80}], "type": "NodePort"}}
        return await client.create("services", body, namespace)

    async def all_of_them():
        return await asyncio.gather(*(make(i) for i in range(50)))

    made = cluster.run(all_of_them())
    assert len({s["spec"]["clusterIP"] for s in made}) == 50
    assert len({s["spec"]["ports"][0]["nodePort"] for s in made}) == 50


def test_an_address_that_a_crash_left_behind_is_free(services):
    ip = "10.96.200.203"
    body = {
        "metadata": {"name": ip, "labels": {"ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}},
        "spec": {"parentRef": {"resource": "services", "namespace": "gone", "name": "gone"}},
    }
    services.call("POST", "/apis/networking.k8s.io/v1/ipaddresses", 201, json=body)
    services.create(clusterIP=ip)
    assert services.address(ip)["spec"]["parentRef"]["name"] == "s"


def test_an_address_that_somebody_reserved_is_not(services):
    ip = "10.96.200.204"
    body = {"metadata": {"name": ip}, "spec": {"parentRef": {"resource": "things", "name": "mine"}}}
    services.call("POST", "/apis/networking.k8s.io/v1/ipaddresses", 201, json=body)
    services.create(expect=422, clusterIP=ip)


def test_another_range_gives_addresses_once_it_is_ready(services):
    services.create(expect=422, clusterIP="10.200.0.5")
    ranges = "/apis/networking.k8s.io/v1/servicecidrs"
    services.call(
        "POST", ranges, 201, json={"metadata": {"name": "more"}, "spec": {"cidrs": ["10.200.0.0/24"]}}
    )
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    status = {"status": {"conditions": [condition]}}
    services.call("PATCH", f"{ranges}/more/status", 200, json=status, headers=MERGE)
    services.create(clusterIP="10.200.0.5")
    services.delete()
    services.call("DELETE", f"{ranges}/more", 200)


@given(st.integers(0, 2**32), st.lists(st.integers(FIRST, LAST), max_size=20, unique=True))
def test_ports_are_given_out_once(seed, taken):
    ports = NodePorts()
    operation = ports.begin([{"spec": {"ports": [{"nodePort": p} for p in taken]}}], RandomSource(seed))
    found = [operation.allocate_next() for _ in range(30)]
    assert len(set(found) | set(taken)) == 30 + len(taken)
    assert all(FIRST <= port <= LAST for port in found)
    other = ports.begin([], RandomSource(seed))
    with pytest.raises(PortError, match="already allocated"):
        other.allocate(found[0])
    operation.end()
    other.allocate(found[0])


def test_ports_run_out():
    operation = NodePorts().begin([], RandomSource(1))
    for _ in range(LAST - FIRST + 1):
        operation.allocate_next()
    with pytest.raises(PortError, match="range is full"):
        operation.allocate_next()


@pytest.mark.parametrize(
    ("size", "kept"), [(8, 0), (16, 0), (32, 16), (256, 16), (1024, 64), (4096, 256), (65536, 256)]
)
def test_how_many_addresses_are_left_for_those_who_ask(size, kept):
    assert _reserved(size) == kept


@given(st.integers(0, 1000), st.sampled_from(["10.0.0.0/28", "10.0.0.0/24", "10.0.0.0/20", "fd00::/120"]))
def test_all_addresses_of_a_range_are_tried_once(seed, text):
    class Ctx:
        random = RandomSource(seed)

    network = ip_network(text)
    tried = list(_candidates(Ctx, network))
    assert len(tried) == len(set(tried)) == network.num_addresses - (2 if network.version == 4 else 1)
    assert all(_holds(network, address) for address in tried)
