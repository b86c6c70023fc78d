"""Warnings about pods and templates."""

import pytest

from schema.pods import container, pod, template
from sekisho.api.field import Path
from sekisho.schema.validation.podwarnings import pod_warnings, template_warnings

NO_SELECTOR = "a null labelSelector results in matching no pod"


def warnings(metadata=None, **spec):
    return [text.removeprefix("spec.") for text in pod_warnings(pod(metadata, **spec))]


def test_a_plain_pod_earns_none():
    assert warnings() == []


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("beta.kubernetes.io/arch", 'deprecated since v1.14; use "kubernetes.io/arch" instead'),
        ("beta.kubernetes.io/os", 'deprecated since v1.14; use "kubernetes.io/os" instead'),
        (
            "failure-domain.beta.kubernetes.io/zone",
            'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
        ),
        (
            "failure-domain.beta.kubernetes.io/region",
            'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
        ),
        (
            "beta.kubernetes.io/instance-type",
            'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
        ),
    ],
)
def test_old_labels_of_nodes(label, text):
    term = {"matchExpressions": [{"key": "new", "operator": "Exists"}, {"key": label, "operator": "Exists"}]}
    affinity = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]},
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": term}],
        }
    }
    spread = {"maxSkew": 1, "topologyKey": label, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
    assert warnings(
        nodeSelector={label: "x", "new": "y"}, affinity=affinity, topologySpreadConstraints=[spread]
    ) == [
        f"nodeSelector[{label}]: {text}",
        "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]"
        f".matchExpressions[1].key: {label} is {text}",
        "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference"
        f".matchExpressions[1].key: {label} is {text}",
        f"topologySpreadConstraints[0].topologyKey: {label} is {text}",
    ]


def test_values_of_preferred_terms():
    term = {"matchExpressions": [{"key": "k", "operator": "In", "values": ["fine", "not fine"]}]}
    preferred = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": term}]}
    found = warnings(affinity={"nodeAffinity": preferred})
    assert len(found) == 1
    assert found[0].startswith(
        "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference"
        ".matchExpressions[0].values[1]: a valid label must be"
    )


def test_missing_selectors():
    term = {"topologyKey": "k"}
    kinds = {
        "requiredDuringSchedulingIgnoredDuringExecution": [term],
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": term}],
    }
    spread = {"maxSkew": 1, "topologyKey": "k", "whenUnsatisfiable": "DoNotSchedule"}
    assert warnings(
        affinity={"podAffinity": kinds, "podAntiAffinity": kinds}, topologySpreadConstraints=[spread]
    ) == [
        f"topologySpreadConstraints[0].labelSelector: {NO_SELECTOR}",
        *(
            f"affinity.{field}.{kind}: {NO_SELECTOR}"
            for field in ("podAffinity", "podAntiAffinity")
            for kind in (
                "requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector",
                "preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.labelSelector",
            )
        ),
    ]


ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": "",
    "security.alpha.kubernetes.io/sysctls": "",
    "seccomp.security.alpha.kubernetes.io/pod": "unconfined",
    "container.seccomp.security.alpha.kubernetes.io/c": "unconfined",
    "container.apparmor.security.beta.kubernetes.io/c": "unconfined",
}


def test_annotations_of_pods():
    start = "metadata.annotations"
    assert warnings({"annotations": ANNOTATIONS}) == [
        f"{start}[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+;"
        ' use the "priorityClassName" field instead',
        f'{start}[security.alpha.kubernetes.io/sysctls]: non-functional in v1.11+; use the "sysctls" field instead',
        f"{start}[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+;"
        ' use the "seccompProfile" field instead',
        f"{start}[container.seccomp.security.alpha.kubernetes.io/c]: non-functional in v1.27+;"
        ' use the "seccompProfile" field instead',
    ]


def test_fields_beside_the_annotations_satisfy():
    profile = {"seccompProfile": {"type": "Unconfined"}, "appArmorProfile": {"type": "Unconfined"}}
    annotations = {
        key: "unconfined" for key in ANNOTATIONS if "kubernetes.io/c" in key and "critical" not in key
    }
    obj = template({"annotations": annotations}, containers=[container(securityContext=profile)])
    assert template_warnings(obj, Path("spec.template")) == []


def test_annotations_of_templates():
    key = "container.apparmor.security.beta.kubernetes.io/c"
    obj = template({"annotations": {key: "unconfined"}}, nodeSelector={"beta.kubernetes.io/os": "linux"})
    assert template_warnings(obj, Path("spec.template")) == [
        "spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14;"
        ' use "kubernetes.io/os" instead',
        f'spec.template.metadata.annotations[{key}]: deprecated since v1.30; use the "appArmorProfile" field instead',
    ]


def test_volume_plugins():
    kinds = {
        "photonPersistentDisk": "photonPersistentDisk: deprecated in v1.11, non-functional in v1.16+",
        "gitRepo": "gitRepo: deprecated in v1.11, and disabled by default in v1.33+",
        "scaleIO": "scaleIO: deprecated in v1.16, non-functional in v1.22+",
        "flocker": "flocker: deprecated in v1.22, non-functional in v1.25+",
        "storageos": "storageOS: deprecated in v1.22, non-functional in v1.25+",
        "quobyte": "quobyte: deprecated in v1.22, non-functional in v1.25+",
        "glusterfs": "glusterfs: deprecated in v1.25, non-functional in v1.26+",
        "cephfs": "cephfs: deprecated in v1.28, non-functional in v1.31+",
        "rbd": "rbd: deprecated in v1.28, non-functional in v1.31+",
    }
    found = warnings(volumes=[{"name": f"v{i}", kind: {}} for i, kind in enumerate(kinds)])
    assert found == [f"volumes[{i}].{text}" for i, text in enumerate(kinds.values())]


def items(*paths):
    return {"items": [{"key": "k", "path": path} for path in paths]}


def files(*paths):
    return {"items": [{"path": path, "fieldRef": {"fieldPath": "metadata.name"}} for path in paths]}


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        ({"configMap": {"name": "m", **items("a", "b")}}, []),
        ({"configMap": {"name": "m", **items("a", "ab")}}, []),
        (
            {"configMap": {"name": "m", **items("a", "a/")}},
            ['(ConfigMap "m"): overlapping paths: "a" with "a"'],
        ),
        (
            {"configMap": {"name": "m", **items("a", "a/b")}},
            ['(ConfigMap "m"): overlapping paths: "a/b" with "a"'],
        ),
        (
            {"secret": {"secretName": "s", **items("a/b", "a")}},
            ['(Secret "s"): overlapping paths: "a" with "a/b"'],
        ),
        ({"downwardAPI": files("a", "a")}, ['(DownwardAPI): overlapping paths: "a" with "a"']),
        ({"projected": {"sources": [{}]}}, ["(Projected) has no sources provided"]),
        (
            {
                "projected": {
                    "sources": [
                        {"clusterTrustBundle": {"name": "b", "path": "a/b"}},
                        {"downwardAPI": files("a")},
                        {"secret": {"name": "s", **items("a")}},
                        {"serviceAccountToken": {"path": "a"}},
                    ]
                }
            },
            [
                '(Projected): overlapping paths: "a" (DownwardAPI) with "a/b" (ClusterTrustBundle "b")',
                '(Projected): overlapping paths: "a" (Secret "s") with "a/b" (ClusterTrustBundle "b")',
                '(Projected): overlapping paths: "a" (Secret "s") with "a" (DownwardAPI)',
                '(Projected): overlapping paths: "a" (ServiceAccountToken) with "a/b" (ClusterTrustBundle "b")',
                '(Projected): overlapping paths: "a" (ServiceAccountToken) with "a" (DownwardAPI)',
                '(Projected): overlapping paths: "a" (ServiceAccountToken) with "a" (Secret "s")',
            ],
        ),
    ],
)
def test_files_in_the_way_of_others(volume, expected):
    assert warnings(volumes=[{"name": "v", **volume}]) == [f'volume "v" {text}' for text in expected]


def test_repetitions():
    aliases = [{"ip": "1.1.1.1", "hostnames": ["a"]}] * 2
    secrets = [{"name": "a"}, {"name": "a"}, {"name": ""}]
    assert warnings(hostAliases=aliases, imagePullSecrets=secrets) == [
        'hostAliases[1].ip: duplicate ip "1.1.1.1"',
        'imagePullSecrets[1].name: duplicate name "a"',
        'imagePullSecrets[2].name: invalid empty name ""',
    ]


def test_fractions_of_bytes():
    amounts = {"cpu": "1m", "memory": "4m", "ephemeral-storage": "1500m"}
    start = "fractional byte value"
    found = warnings(
        overhead={"memory": "1m"}, containers=[container(resources={"requests": amounts, "limits": amounts})]
    )
    assert found == [
        f'overhead[memory]: {start} "1m" is invalid, must be an integer',
        f'containers[0].resources.limits[memory]: {start} "4m" is invalid, must be an integer',
        f'containers[0].resources.requests[memory]: {start} "4m" is invalid, must be an integer',
        f'containers[0].resources.limits[ephemeral-storage]: {start} "1500m" is invalid, must be an integer',
        f'containers[0].resources.requests[ephemeral-storage]: {start} "1500m" is invalid, must be an integer',
    ]


def test_environment():
    variables = [
        {"name": "a", "value": "a"},
        {"name": "a", "value": "a"},
        {"name": "a"},
        {"name": "a", "value": "$(a)"},
        {"name": "a", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "a", "value": "$(a) and more"},
        {"name": "b"},
    ]
    assert warnings(containers=[container(env=variables)]) == [
        f'containers[0].env[{i}]: hides previous definition of "a", which may be dropped when using apply'
        for i in (1, 2, 3, 4)
    ]


@pytest.mark.parametrize(
    ("first", "second", "how"),
    [
        ({}, {}, "duplicate"),
        ({"hostPort": 80}, {}, "overlapping"),
        ({"hostPort": 80}, {"hostPort": 81}, ""),
        ({"hostPort": 80}, {"hostPort": 80, "hostIP": "1.1.1.1"}, "dangerously ambiguous"),
        ({"hostPort": 80, "hostIP": "2.2.2.2"}, {"hostPort": 80, "hostIP": "1.1.1.1"}, ""),
        ({}, {"protocol": "UDP"}, ""),
        ({}, {"containerPort": 81}, ""),
    ],
)
def test_ports(first, second, how):
    one, two = ({"containerPort": 80, **port} for port in (first, second))
    found = warnings(containers=[container(ports=[one]), container("d", ports=[two])])
    assert found == (
        [f"containers[1].ports[0]: {how} port definition with spec.containers[0].ports[0]"] if how else []
    )


def test_a_host_address_without_port():
    port = {"containerPort": 80, "hostIP": "1.1.1.1", "name": "web"}
    assert warnings(containers=[container(ports=[port])]) == [
        "containers[0].ports[0]: hostIP set without hostPort:"
        " {Name:web HostPort:0 ContainerPort:80 Protocol:TCP HostIP:1.1.1.1}"
    ]


def test_other():
    assert warnings(
        terminationGracePeriodSeconds=-1,
        dnsConfig={"nameservers": ["fd00:0::1"]},
        hostAliases=[{"ip": "010.1.1.1", "hostnames": ["a"]}],
    ) == [
        "terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
        'dnsConfig.nameservers[0]: IPv6 address "fd00:0::1" should be in RFC 5952 canonical format ("fd00::1")',
        'hostAliases[0].ip: non-standard IP address "010.1.1.1" is invalid: use "10.1.1.1"',
    ]


def test_the_claim_of_an_ephemeral_volume():
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1500m"}}}
    assert warnings(volumes=[{"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": spec}}}]) == [
        "volumes[0].ephemeral.volumeClaimTemplate.spec.resources.requests[storage]:"
        ' fractional byte value "1500m" is invalid, must be an integer'
    ]
