"""The spec of a pod beyond its containers: policies, host, DNS, scheduling, security, annotations."""

import pytest

from schema.pods import about_template, complaints, container, pod
from sekisho.api import names
from sekisho.schema.validation.options import FOR_POD
from sekisho.schema.validation.pod import validate_pod_binding, validate_pod_create

SUBDOMAIN = names.dns1123_subdomain("A")[0]
LABEL = names.dns1123_label("A")[0]
LABEL_VALUE = names.label_value("a b")[0]
KEY = names.qualified_name("a b")[0]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, []),
        (
            {"restartPolicy": "Sometimes"},
            [
                'restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'
            ],
        ),
        (
            {"dnsPolicy": "Mine"},
            [
                'dnsPolicy: Unsupported value: "Mine":'
                ' supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"'
            ],
        ),
        (
            {"activeDeadlineSeconds": 0},
            ["activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
        ),
        ({"terminationGracePeriodSeconds": -5}, []),
        ({"nodeName": "A"}, [f'nodeName: Invalid value: "A": {SUBDOMAIN}']),
        ({"serviceAccountName": "A"}, [f'serviceAccountName: Invalid value: "A": {SUBDOMAIN}']),
        ({"priorityClassName": "A"}, [f'priorityClassName: Invalid value: "A": {SUBDOMAIN}']),
        ({"runtimeClassName": "A"}, [f'runtimeClassName: Invalid value: "A": {SUBDOMAIN}']),
        ({"hostname": "A"}, [f'hostname: Invalid value: "A": {LABEL}']),
        ({"subdomain": "A"}, [f'subdomain: Invalid value: "A": {LABEL}']),
        (
            {"nodeSelector": {"a b": "c"}},
            [f'nodeSelector: Invalid value: "a b": {KEY}'],
        ),
        (
            {"preemptionPolicy": "Maybe"},
            [
                'preemptionPolicy: Unsupported value: "Maybe": supported values: "PreemptLowerPriority", "Never"'
            ],
        ),
        (
            {"overhead": {"cpu": "-1"}},
            ['overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
        ),
        (
            {"nodeName": "n", "schedulingGates": [{"name": "a"}]},
            ["nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"],
        ),
        (
            {"schedulingGates": [{"name": "a"}, {"name": "a"}, {"name": "b c"}]},
            [
                'schedulingGates[1]: Duplicate value: "a"',
                f'schedulingGates[2]: Invalid value: "b c": {KEY}',
            ],
        ),
        (
            {"readinessGates": [{"conditionType": "a b"}]},
            [f'readinessGates[0].conditionType: Invalid value: "a b": {KEY}'],
        ),
        (
            {"hostPID": True, "shareProcessNamespace": True},
            [
                "securityContext.shareProcessNamespace: Invalid value: true:"
                " ShareProcessNamespace and HostPID cannot both be enabled"
            ],
        ),
        (
            {"hostUsers": False, "hostPID": True},
            ["HostPID: Forbidden: when `hostUsers` is false"],
        ),
    ],
)
def test_spec(spec, expected):
    assert complaints(**spec) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"dnsPolicy": "None"},
            ["dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"],
        ),
        (
            {"dnsPolicy": "None", "dnsConfig": {}},
            [
                "dnsConfig.nameservers: Required value: must provide at least one DNS"
                " nameserver when `dnsPolicy` is None"
            ],
        ),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"]}}, []),
        (
            {"dnsConfig": {"nameservers": ["1.1.1"]}},
            [
                'dnsConfig.nameservers[0]: Invalid value: "1.1.1":'
                " must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
            ],
        ),
        (
            {"dnsConfig": {"nameservers": ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"]}},
            [
                'dnsConfig.nameservers: Invalid value: ["1.1.1.1","1.1.1.2","1.1.1.3","1.1.1.4"]:'
                " must not have more than 3 nameservers"
            ],
        ),
        (
            {"dnsConfig": {"options": [{"value": "x"}]}},
            ["dnsConfig.options[0]: Required value: must not be empty"],
        ),
        ({"dnsConfig": {"searches": [".", "a_b.c"]}}, []),
        (
            {"hostAliases": [{"ip": "x", "hostnames": ["A"]}]},
            [
                'hostAliases[0].ip: Invalid value: "x": must be a valid IP address, (e.g.'
                " 10.9.8.7 or 2001:db8::ffff)",
                f'hostAliases[0].hostnames[0]: Invalid value: "A": {SUBDOMAIN}',
            ],
        ),
    ],
)
def test_names_and_addresses(spec, expected):
    assert complaints(**spec) == expected


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        ({"key": "a", "operator": "Exists"}, []),
        ({"operator": "Exists"}, []),
        ({"key": "a", "value": "b", "effect": "NoExecute", "tolerationSeconds": 5}, []),
        (
            {"operator": "Equal"},
            [
                'tolerations[0].operator: Invalid value: "Equal": operator must be Exists'
                ' when `key` is empty, which means "match all values and all keys"'
            ],
        ),
        (
            {"key": "a", "operator": "Exists", "value": "x"},
            [
                "tolerations[0].operator: Invalid value: \"x\": value must be empty when `operator` is 'Exists'"
            ],
        ),
        (
            {"key": "a", "operator": "Exists", "effect": "NoSchedule", "tolerationSeconds": 5},
            [
                'tolerations[0].effect: Invalid value: "NoSchedule": effect must be'
                " 'NoExecute' when `tolerationSeconds` is set"
            ],
        ),
        ({"key": "a b", "operator": "Exists"}, [f'tolerations[0].key: Invalid value: "a b": {KEY}']),
        (
            {"key": "a", "operator": "Sometimes"},
            ['tolerations[0].operator: Unsupported value: "Sometimes": supported values: "Equal", "Exists"'],
        ),
        (
            {"key": "a", "operator": "Exists", "effect": "Never"},
            [
                'tolerations[0].effect: Unsupported value: "Never": supported values:'
                ' "NoSchedule", "PreferNoSchedule", "NoExecute"'
            ],
        ),
    ],
)
def test_tolerations(toleration, expected):
    assert complaints(tolerations=[toleration]) == expected


NODE_TERM = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}, []),
        ({"nodeSelectorTerms": [{}]}, []),
        (
            {"nodeSelectorTerms": []},
            [".nodeSelectorTerms: Required value: must have at least one node selector term"],
        ),
        (
            {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "In"}]}]},
            [
                ".nodeSelectorTerms[0].matchExpressions[0].values: Required value:"
                " must be specified when `operator` is 'In' or 'NotIn'"
            ],
        ),
        (
            {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1", "2"]}]}
                ]
            },
            [
                ".nodeSelectorTerms[0].matchExpressions[0].values: Required value:"
                " must be specified single value when `operator` is 'Lt' or 'Gt'"
            ],
        ),
        (
            {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}
                ]
            },
            [
                ".nodeSelectorTerms[0].matchExpressions[0].values: Forbidden:"
                " may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            ],
        ),
        (
            {
                "nodeSelectorTerms": [
                    {"matchFields": [{"key": "metadata.x", "operator": "In", "values": ["b"]}]}
                ]
            },
            [
                '.nodeSelectorTerms[0].matchFields[0].key: Invalid value: "metadata.x":'
                " not a valid field selector key"
            ],
        ),
    ],
)
def test_required_node_affinity(selector, expected):
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": selector}}
    found = complaints(affinity=affinity)
    assert [text.removeprefix(NODE_TERM) for text in found] == expected


@pytest.mark.parametrize("field", ["podAffinity", "podAntiAffinity"])
def test_pod_affinity(field):
    term = {"topologyKey": "", "namespaces": ["A"], "labelSelector": {"matchLabels": {"a b": "c"}}}
    preferred = [{"weight": 0, "podAffinityTerm": {"topologyKey": "k"}}]
    found = complaints(
        affinity={
            field: {
                "requiredDuringSchedulingIgnoredDuringExecution": [term],
                "preferredDuringSchedulingIgnoredDuringExecution": preferred,
            }
        }
    )
    start = f"affinity.{field}.requiredDuringSchedulingIgnoredDuringExecution[0]"
    assert found == [
        f'{start}.labelSelector.matchLabels: Invalid value: "a b": {KEY}',
        f'{start}.namespace: Invalid value: "A": {LABEL}',
        f"{start}.topologyKey: Required value: can not be empty",
        f'{start}.topologyKey: Invalid value: "": {names.qualified_name("")[0]}',
        f'{start}.topologyKey: Invalid value: "": {names.qualified_name("")[1]}',
        f"affinity.{field}.preferredDuringSchedulingIgnoredDuringExecution[0].weight:"
        " Invalid value: 0: must be in the range 1-100",
    ]


SPREAD = {"maxSkew": 1, "topologyKey": "k", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"minDomains": 3}, []),
        ({"maxSkew": 0}, [".maxSkew: Invalid value: 0: must be greater than zero"]),
        ({"topologyKey": ""}, [".topologyKey: Required value: can not be empty"]),
        (
            {"whenUnsatisfiable": "Never"},
            [
                '.whenUnsatisfiable: Unsupported value: "Never": supported values: "DoNotSchedule", "ScheduleAnyway"'
            ],
        ),
        ({"minDomains": 0}, [".minDomains: Invalid value: 0: must be greater than zero"]),
        (
            {"minDomains": 2, "whenUnsatisfiable": "ScheduleAnyway"},
            [
                ".minDomains: Invalid value: 2: can only use minDomains if whenUnsatisfiable=DoNotSchedule,"
                " not ScheduleAnyway"
            ],
        ),
        (
            {"nodeTaintsPolicy": "Odd"},
            ['.nodeTaintsPolicy: Unsupported value: "Odd": supported values: "Honor", "Ignore"'],
        ),
    ],
)
def test_spread(change, expected):
    found = complaints(topologySpreadConstraints=[{**SPREAD, **change}])
    assert [text.removeprefix("topologySpreadConstraints[0]") for text in found] == expected


def test_two_constraints_of_one_kind():
    assert complaints(topologySpreadConstraints=[SPREAD, SPREAD]) == [
        'topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: "{k, DoNotSchedule}"'
    ]


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"fsGroup": 0, "supplementalGroups": [1]}, []),
        ({"fsGroup": -1}, ["fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive"]),
        (
            {"supplementalGroups": [1, -1]},
            ["supplementalGroups[1]: Invalid value: -1: must be between 0 and 2147483647, inclusive"],
        ),
        (
            {"sysctls": [{"name": "a.b", "value": "1"}, {"name": "a.b", "value": "2"}]},
            ['sysctls[1].name: Duplicate value: "a.b"'],
        ),
        ({"sysctls": [{"name": "", "value": "1"}]}, ["sysctls[0].name: Required value"]),
        (
            {"fsGroupChangePolicy": "Odd"},
            ['fsGroupChangePolicy: Unsupported value: "Odd": supported values: "Always", "OnRootMismatch"'],
        ),
        (
            {"appArmorProfile": {"type": "Localhost"}},
            ["appArmorProfile.localhostProfile: Required value: must be set when AppArmor type is Localhost"],
        ),
        (
            {"supplementalGroupsPolicy": "Odd"},
            ['supplementalGroupsPolicy: Unsupported value: "Odd": supported values: "Merge", "Strict"'],
        ),
    ],
)
def test_security_context(context, expected):
    found = complaints(securityContext=context)
    assert [text.removeprefix("securityContext.") for text in found] == expected


def test_host_network_wants_equal_ports():
    ports = [{"containerPort": 80, "hostPort": 81}]
    assert complaints(hostNetwork=True, containers=[container(ports=ports)]) == [
        "containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true"
    ]


def test_claims_of_the_pod():
    claims = [
        {"name": "a", "resourceClaimName": "x"},
        {"name": "a"},
        {"name": "b", "resourceClaimName": "x", "resourceClaimTemplateName": "y"},
    ]
    found = complaints(resourceClaims=claims, containers=[container(resources={"claims": [{"name": "a"}]})])
    assert found == [
        'resourceClaims[1].name: Duplicate value: "a"',
        'resourceClaims[1]: Invalid value: {"Name":"a","ResourceClaimName":null,"ResourceClaimTemplateName":null}:'
        " must specify one of: `resourceClaimName`, `resourceClaimTemplateName`",
        'resourceClaims[2]: Invalid value: {"Name":"b","ResourceClaimName":"x","ResourceClaimTemplateName":"y"}:'
        " at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified",
    ]


def test_annotations():
    found = complaints(
        {
            "annotations": {
                "kubernetes.io/config.mirror": "x",
                "controller.kubernetes.io/pod-deletion-cost": "+1",
                "container.apparmor.security.beta.kubernetes.io/c": "odd",
            }
        }
    )
    assert found == [
        'metadata.annotations[kubernetes.io/config.mirror]: Invalid value: "x":'
        " must set spec.nodeName if mirror pod annotation is set",
        'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "+1":'
        " must be a 32bit integer",
        'metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: Invalid value: "odd":'
        ' invalid AppArmor profile name: "odd"',
    ]


def test_annotation_and_field_must_agree():
    profile = {"seccompProfile": {"type": "Unconfined"}}
    found = complaints(
        {"annotations": {"seccomp.security.alpha.kubernetes.io/pod": "runtime/default"}},
        securityContext=profile,
    )
    assert found == [
        "securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match"
    ]


def test_windows_pods():
    found = complaints(os={"name": "windows"}, hostPID=True, securityContext={"runAsUser": 1})
    assert found == [
        "hostPID: Forbidden: cannot be set for a windows pod",
        "securityContext.runAsUser: Forbidden: cannot be set for a windows pod",
    ]


def test_linux_pods():
    options = {"windowsOptions": {"runAsUserName": "x"}}
    assert complaints(os={"name": "linux"}, securityContext=options) == [
        "securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod"
    ]


def test_tokens_need_an_account():
    volumes = [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]
    found = validate_pod_create(pod(volumes=volumes, serviceAccountName=""), FOR_POD)
    assert list(map(str, found)) == [
        "spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden:"
        " must not be specified when serviceAccountName is not set"
    ]


def test_templates():
    assert about_template() == []
    assert about_template(
        {"labels": {"a b": ""}}, containers=[container("A")], ephemeralContainers=[container("e")]
    ) == [
        f'labels: Invalid value: "a b": {KEY}',
        f'spec.containers[0].name: Invalid value: "A": {LABEL}',
        "spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template",
    ]


def test_spaces_around_an_image_are_refused_in_pods_only():
    spaced = [container() | {"image": "i "}]
    assert complaints(containers=spaced) == [
        'containers[0].image: Invalid value: "i ": must not have leading or trailing whitespace'
    ]
    assert about_template(containers=spaced) == []


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"kind": "Node", "name": "n"}, []),
        ({"name": "n"}, []),
        ({}, ["target.name: Required value"]),
        (
            {"kind": "Pod", "name": "n"},
            ['target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"'],
        ),
    ],
)
def test_binding(target, expected):
    assert list(map(str, validate_pod_binding({"target": target}))) == expected
