"""Services: defaults, validation, warnings."""

import copy

import pytest

from sekisho.api import names
from sekisho.api.types import GroupVersionKind
from sekisho.schema.builtin import builtin_types
from sekisho.schema.decode import decode
from sekisho.schema.defaults.service import set_defaults_service
from sekisho.schema.validation.service import (
    validate_service,
    validate_service_status,
    validate_service_update,
)
from sekisho.schema.validation.servicewarnings import service_status_warnings, service_warnings

TYPE = builtin_types().for_kind(GroupVersionKind("", "v1", "Service"))
NO_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def service(annotations=None, status=None, **spec):
    spec.setdefault("ports", [{"port": 80}])
    metadata = {"name": "s", "namespace": "n"} | ({"annotations": annotations} if annotations else {})
    obj, problems = decode(TYPE, {"metadata": metadata, "spec": spec, "status": status or {}})
    assert not problems
    set_defaults_service(obj)
    return obj


def complaints(**fields):
    return [str(e).removeprefix("spec.") for e in validate_service(service(**fields), None)]


def update(before, **after):
    """`before` is given addresses and families, as allocation does."""
    new = service(**{**before, **after})
    return [str(e).removeprefix("spec.") for e in validate_service_update(new, service(**before))]


def test_defaults():
    spec = service()["spec"]
    assert spec["ports"] == [{"protocol": "TCP", "port": 80, "targetPort": 80}]
    assert spec["type"] == "ClusterIP"
    assert spec["sessionAffinity"] == "None"
    assert spec["internalTrafficPolicy"] == "Cluster"
    assert "externalTrafficPolicy" not in spec


@pytest.mark.parametrize("port", [0, "", None])
def test_the_target_port_is_the_port(port):
    assert service(ports=[{"port": 7, "targetPort": port}])["spec"]["ports"][0]["targetPort"] == 7


def test_defaults_by_type():
    balancer = service(type="LoadBalancer")["spec"]
    assert balancer["allocateLoadBalancerNodePorts"] is True
    assert balancer["externalTrafficPolicy"] == "Cluster"
    assert service(externalIPs=["1.2.3.4"])["spec"]["externalTrafficPolicy"] == "Cluster"
    named = service(type="ExternalName", externalName="a.b")["spec"]
    assert "internalTrafficPolicy" not in named


def test_affinity_and_its_timeout():
    config = {"clientIP": {"timeoutSeconds": 5}}
    assert "sessionAffinityConfig" not in service(sessionAffinityConfig=config)["spec"]
    for given in (None, {}, {"clientIP": {}}):
        spec = service(sessionAffinity="ClientIP", sessionAffinityConfig=given)["spec"]
        assert spec["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}
    assert (
        service(sessionAffinity="ClientIP", sessionAffinityConfig=config)["spec"]["sessionAffinityConfig"]
        == config
    )


def test_the_mode_of_balanced_addresses():
    status = {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}, {"hostname": "a.b"}]}}
    found = service(type="LoadBalancer", status=status)["status"]["loadBalancer"]["ingress"]
    assert found == [{"ip": "1.2.3.4", "ipMode": "VIP"}, {"hostname": "a.b"}]


BALANCER = {"type": "LoadBalancer"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, []),
        ({"clusterIP": "None", "clusterIPs": ["None"], "ports": None}, []),
        ({"ports": None}, ["ports: Required value"]),
        ({"type": "ExternalName", "externalName": "a.b.", "ports": None}, []),
        ({"type": "ExternalName"}, ["externalName: Required value"]),
        (
            {
                "type": "ExternalName",
                "externalName": "a",
                "ipFamilies": ["IPv4"],
                "ipFamilyPolicy": "SingleStack",
            },
            [
                "ipFamilies: Forbidden: may not be set for ExternalName services",
                "ipFamilyPolicy: Forbidden: may not be set for ExternalName services",
            ],
        ),
        ({"ports": [{"port": 1}, {"port": 2, "name": "a"}]}, ["ports[0].name: Required value"]),
        (
            {"ports": [{"port": 1, "name": "a"}, {"port": 2, "name": "a"}]},
            ['ports[1].name: Duplicate value: "a"'],
        ),
        (
            {"ports": [{"port": 1, "name": "a"}, {"port": 1, "name": "b"}]},
            [
                'ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":1,'
                '"TargetPort":0,"NodePort":0}'
            ],
        ),
        ({"ports": [{"port": 1, "name": "a"}, {"port": 1, "name": "b", "protocol": "UDP"}]}, []),
        (
            {
                "type": "NodePort",
                "ports": [{"port": 1, "name": "a", "nodePort": 5}, {"port": 2, "name": "b", "nodePort": 5}],
            },
            ["ports[1].nodePort: Duplicate value: 5"],
        ),
        (
            {"ports": [{"port": 1, "nodePort": 5}]},
            ["ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
        ),
        (
            {"type": "Odd"},
            [
                'type: Unsupported value: "Odd":'
                ' supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'
            ],
        ),
        (
            {"clusterIPs": ["10.0.0.1"]},
            ['clusterIPs: Invalid value: ["10.0.0.1"]: must be empty when `clusterIP` is not specified'],
        ),
        ({"clusterIP": "10.0.0.1"}, ["clusterIPs: Required value"]),
        (
            {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.2"]},
            ['clusterIPs: Invalid value: ["10.0.0.2"]: first value must match `clusterIP`'],
        ),
        (
            {"clusterIP": "None", "clusterIPs": ["None", "10.0.0.1"]},
            ['clusterIPs: Invalid value: ["None","10.0.0.1"]: \'None\' must be the first and only value'],
        ),
        ({"clusterIP": "x", "clusterIPs": ["x"]}, [f'clusterIPs[0]: Invalid value: "x": {NO_IP}']),
        (
            {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1", "10.0.0.2"]},
            [
                'clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2"]:'
                " may specify no more than one IP for each IP family"
            ],
        ),
        (
            {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ipFamilies": ["IPv6"]},
            [
                'clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`'
            ],
        ),
        (
            {"ipFamilies": ["IPv4", "IPv4"], "ipFamilyPolicy": "Odd"},
            [
                'ipFamilies[1]: Duplicate value: "IPv4"',
                'ipFamilyPolicy: Unsupported value: "Odd":'
                ' supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
            ],
        ),
        (
            {**BALANCER, "externalTrafficPolicy": "Local"},
            ["healthCheckNodePort: Required value"],
        ),
        ({**BALANCER, "loadBalancerSourceRanges": [" 10.0.0.0/8 "]}, []),
        (
            {**BALANCER, "loadBalancerClass": "a b"},
            [f'loadBalancerClass: Invalid value: "a b": {names.qualified_name("a b")[0]}'],
        ),
        (
            {"trafficDistribution": "Odd"},
            [
                'trafficDistribution: Unsupported value: "Odd":'
                ' supported values: "PreferClose", "PreferSameZone", "PreferSameNode"'
            ],
        ),
        (
            {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 86401}}},
            [
                "sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401:"
                " must be greater than 0 and less than 86400"
            ],
        ),
        (
            {"annotations": {"service.beta.kubernetes.io/load-balancer-source-ranges": "x"}, **BALANCER},
            [
                "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]:"
                ' Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'
            ],
        ),
    ],
)
def test_validation(spec, expected):
    assert complaints(**spec) == expected


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("1.2.3.4", None),
        ("2001:db8::1", None),
        ("0.0.0.0", "may not be unspecified (0.0.0.0)"),
        ("::", "may not be unspecified (::)"),
        ("127.1.2.3", "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        ("169.254.0.1", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        ("fe80::1", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        ("224.0.0.7", "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
        ("ff02::1", "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
        ("224.0.1.7", None),
    ],
)
def test_external_addresses(address, text):
    expected = [f'externalIPs[0]: Invalid value: "{address}": {text}'] if text else []
    assert complaints(externalIPs=[address]) == expected


FOUR = {
    "clusterIP": "10.0.0.1",
    "clusterIPs": ["10.0.0.1"],
    "ipFamilies": ["IPv4"],
    "ipFamilyPolicy": "SingleStack",
}
BOTH = {
    "clusterIP": "10.0.0.1",
    "clusterIPs": ["10.0.0.1", "fd00::1"],
    "ipFamilies": ["IPv4", "IPv6"],
    "ipFamilyPolicy": "RequireDualStack",
}
HEADLESS = {"clusterIP": "None", "clusterIPs": ["None"], "ipFamilies": ["IPv4"]}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (FOUR, {}, []),
        (FOUR, BOTH, []),
        (BOTH, FOUR, []),
        (
            BOTH,
            {**FOUR, "ipFamilyPolicy": "PreferDualStack"},
            [
                'ipFamilyPolicy: Invalid value: "PreferDualStack":'
                " must be set to 'SingleStack' when releasing the secondary clusterIP",
                'ipFamilyPolicy: Invalid value: "PreferDualStack":'
                " must be set to 'SingleStack' when releasing the secondary ipFamily",
            ],
        ),
        (
            FOUR,
            {"clusterIP": "10.0.0.2", "clusterIPs": ["10.0.0.2"]},
            ['clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'],
        ),
        (
            FOUR,
            HEADLESS,
            ['clusterIPs[0]: Invalid value: ["None"]: may not change once set'],
        ),
        (HEADLESS, {"ipFamilies": ["IPv6"]}, []),
        (
            FOUR,
            {
                "type": "ExternalName",
                "externalName": "a",
                "clusterIP": "",
                "clusterIPs": None,
                "ipFamilies": None,
                "ipFamilyPolicy": None,
            },
            [],
        ),
        (
            {**FOUR, **BALANCER, "loadBalancerClass": "a/b"},
            {"loadBalancerClass": "a/c"},
            ['loadBalancerClass: Invalid value: "a/c": may not change once set'],
        ),
        (
            {**FOUR, **BALANCER, "externalTrafficPolicy": "Local", "healthCheckNodePort": 5},
            {"healthCheckNodePort": 6},
            ["healthCheckNodePort: Forbidden: field is immutable"],
        ),
    ],
)
def test_update(before, after, expected):
    assert update(before, **after) == expected


def test_old_addresses_are_tolerated():
    before = {**FOUR, "clusterIP": "010.0.0.1", "clusterIPs": ["010.0.0.1"], "externalIPs": ["0000.0.0.1x"]}
    assert update(before) == ['externalIPs[0]: Invalid value: "0000.0.0.1x": must be a valid IP address']


def status(ingress, old=(), kind="LoadBalancer"):
    obj = service(type=kind, status={"loadBalancer": {"ingress": list(ingress)}})
    before = copy.deepcopy(obj)
    before["status"]["loadBalancer"]["ingress"] = list(old)
    return [str(e).removeprefix("status.loadBalancer.") for e in validate_service_status(obj, before)]


def test_status():
    assert status([{"ip": "1.2.3.4"}, {"hostname": "a.b"}]) == []
    assert status([{"ip": "x"}]) == [f'ingress[0].ip: Invalid value: "x": {NO_IP}']
    assert status([{"ip": "x"}], [{"ip": "x"}]) == []
    assert status([{"hostname": "1.2.3.4"}]) == [
        'ingress[0].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address'
    ]
    assert status([{"hostname": "a", "ipMode": "VIP"}]) == [
        "ingress[0].ipMode: Forbidden: may not be specified when `ip` is not set"
    ]
    assert status([{"hostname": "a"}], kind="ClusterIP") == [
        "ingress: Forbidden: may only be used when `spec.type` is LoadBalancer"
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        (
            {"annotations": {"service.kubernetes.io/topology-aware-hints": "Auto"}},
            [
                "annotation service.kubernetes.io/topology-aware-hints is deprecated,"
                " please use service.kubernetes.io/topology-mode instead"
            ],
        ),
        (
            {
                "clusterIP": "None",
                "clusterIPs": ["None"],
                "loadBalancerIP": "1.2.3.4",
                "sessionAffinity": "ClientIP",
            },
            [
                "spec.loadBalancerIP is ignored for headless services",
                "spec.SessionAffinity is ignored for headless services",
            ],
        ),
        (
            {"externalIPs": ["1.2.3.4"]},
            ["spec.externalIPs is deprecated and may no longer be implemented in some clusters"],
        ),
        (
            {"type": "ExternalName", "externalName": "a", "externalIPs": ["1.2.3.4"]},
            ['spec.externalIPs is ignored when spec.type is "ExternalName"'],
        ),
        ({"externalName": "a"}, ['spec.externalName is ignored when spec.type is not "ExternalName"']),
        (
            {"trafficDistribution": "PreferClose"},
            ['spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'],
        ),
        (
            {"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.1/8"]},
            [
                'spec.loadBalancerSourceRanges[0]: CIDR value "10.0.0.1/8" is ambiguous in this context'
                ' (should be "10.0.0.0/8" or "10.0.0.1/32"?)'
            ],
        ),
    ],
)
def test_warnings(fields, expected):
    assert service_warnings(service(**fields)) == expected


def test_warnings_about_the_status():
    obj = service(
        type="LoadBalancer", status={"loadBalancer": {"ingress": [{"ip": "010.0.0.1"}, {"hostname": "a"}]}}
    )
    assert service_status_warnings(obj) == [
        'status.loadBalancer.ingress[0]: non-standard IP address "010.0.0.1" is invalid: use "10.0.0.1"'
    ]
