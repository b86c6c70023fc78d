"""What is filled in of Pods and pod templates; and what is only for Pods."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.pods import container, pod, raw_pod, template, typed
from sekisho.schema.defaults.pod import set_defaults_pod
from sekisho.schema.defaults.volume import set_defaults_volume_source
from sekisho.schema.imagename import image_tag


def only(spec, *fields):
    return {field: spec.get(field) for field in fields}


def test_a_simple_pod():
    spec = typed(raw_pod())["spec"]
    assert spec == {
        "containers": [
            {
                "name": "c",
                "image": "i:1",
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
                "imagePullPolicy": "IfNotPresent",
            }
        ],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "enableServiceLinks": True,
    }


def test_what_is_given_stays():
    given_spec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "dnsPolicy": "Default",
        "schedulerName": "mine",
        "enableServiceLinks": False,
        "securityContext": {"runAsUser": 0},
    }
    spec = pod(**given_spec)["spec"]
    assert only(spec, *given_spec) == given_spec


def test_a_template_gets_less():
    limits = {"limits": {"cpu": "1"}}
    spec = template(
        containers=[container(resources=limits, ports=[{"containerPort": 80}])], hostNetwork=True
    )["spec"]
    assert "enableServiceLinks" not in spec
    assert spec["containers"][0]["resources"] == limits
    assert spec["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP"}]


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("nginx", "latest"),
        ("nginx:latest", "latest"),
        ("nginx:1.25", "1.25"),
        ("localhost:5000/nginx", "latest"),
        ("localhost:5000/nginx:v1", "v1"),
        ("registry.example.com/a/b/c:v1.2_3-x", "v1.2_3-x"),
        ("nginx@sha256:" + "a" * 64, ""),
        ("nginx:latest@sha256:" + "a" * 64, "latest"),
        ("nginx:v1@sha256:" + "a" * 64, "v1"),
        ("a" * 64, ""),
        ("0" * 64, ""),
        ("NGINX", ""),
        ("nginx:", ""),
        ("ng inx", ""),
        ("", ""),
        ("Upper/nginx", "latest"),
        ("[::1]:5000/nginx", "latest"),
        ("a" * 300, ""),
    ],
)
def test_tags_and_pull_policies(image, tag):
    assert image_tag(image) == tag
    policy = pod(containers=[container() | {"image": image}])["spec"]["containers"][0]["imagePullPolicy"]
    assert policy == ("Always" if tag == "latest" else "IfNotPresent")


def test_pull_policy_of_an_image_volume():
    volumes = [{"name": "a", "image": {"reference": "x"}}, {"name": "b", "image": {"reference": "x:1"}}]
    spec = pod(volumes=volumes)["spec"]
    assert [v["image"]["pullPolicy"] for v in spec["volumes"]] == ["Always", "IfNotPresent"]


def test_requests_follow_limits_in_pods():
    resources = {"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "1"}}
    spec = pod(
        containers=[container(resources=resources)], initContainers=[container("i", resources=resources)]
    )["spec"]
    for field in ("containers", "initContainers"):
        assert spec[field][0]["resources"]["requests"] == {"cpu": "1", "memory": "1Gi"}


def test_quantities_are_rounded_up_to_milli():
    resources = {"limits": {"cpu": "100n", "memory": "0.5"}}
    found = pod(containers=[container(resources=resources)])["spec"]["containers"][0]["resources"]
    assert found["limits"] == {"cpu": "1m", "memory": "500m"}
    assert pod(overhead={"cpu": "1u"})["spec"]["overhead"] == {"cpu": "1m"}


@pytest.mark.parametrize(
    ("resources", "containers", "expected"),
    [
        (
            {"limits": {"cpu": "2", "memory": "1Gi"}},
            [
                container(resources={"requests": {"cpu": "500m"}}),
                container("d", resources={"requests": {"cpu": "1"}}),
            ],
            {"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "1500m", "memory": "1Gi"}},
        ),
        ({"requests": {"cpu": "1"}}, [container()], {"requests": {"cpu": "1"}}),
        (
            {"limits": {"cpu": "2"}, "requests": {"cpu": "1"}},
            [container()],
            {"limits": {"cpu": "2"}, "requests": {"cpu": "1"}},
        ),
        (
            {"limits": {"cpu": "1"}},
            [container(resources={"limits": {"hugepages-2Mi": "4Mi"}})],
            {
                "limits": {"cpu": "1", "hugepages-2Mi": "4Mi"},
                "requests": {"cpu": "1", "hugepages-2Mi": "4Mi"},
            },
        ),
    ],
)
def test_resources_of_the_pod(resources, containers, expected):
    assert pod(containers=containers, resources=resources)["spec"]["resources"] == expected


def test_host_ports_in_the_host_network():
    ports = [{"containerPort": 80}, {"containerPort": 81, "hostPort": 81, "protocol": "UDP"}]
    spec = pod(hostNetwork=True, containers=[container(ports=ports)])["spec"]
    assert spec["containers"][0]["ports"] == [
        {"hostPort": 80, "containerPort": 80, "protocol": "TCP"},
        {"hostPort": 81, "containerPort": 81, "protocol": "UDP"},
    ]


@pytest.mark.parametrize("given_fields", [{"serviceAccount": "a"}, {"serviceAccountName": "a"}])
def test_both_names_of_the_service_account(given_fields):
    spec = typed(raw_pod(**given_fields))["spec"]
    assert spec["serviceAccountName"] == spec["serviceAccount"] == "a"


def test_the_newer_name_of_the_service_account_wins():
    spec = typed(raw_pod(serviceAccountName="new", serviceAccount="old"))["spec"]
    assert spec["serviceAccountName"] == spec["serviceAccount"] == "new"


def test_probes():
    http = {"httpGet": {"port": 80}}
    spec = pod(
        containers=[
            container(
                livenessProbe=http,
                readinessProbe={"grpc": {"port": 1}, "timeoutSeconds": 5, "periodSeconds": 3},
                startupProbe={"tcpSocket": {"port": "p"}, "failureThreshold": 1, "successThreshold": 2},
            )
        ]
    )["spec"]
    found = spec["containers"][0]
    assert found["livenessProbe"] == {
        "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }
    assert found["readinessProbe"] == {
        "grpc": {"port": 1, "service": ""},
        "timeoutSeconds": 5,
        "periodSeconds": 3,
        "successThreshold": 1,
        "failureThreshold": 3,
    }
    assert only(found["startupProbe"], "failureThreshold", "successThreshold") == {
        "failureThreshold": 1,
        "successThreshold": 2,
    }


def test_hooks_and_environment():
    found = pod(
        containers=[
            container(
                lifecycle={
                    "preStop": {"httpGet": {"port": 1, "scheme": "HTTPS"}},
                    "postStart": {"sleep": {"seconds": 1}},
                },
                env=[
                    {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                    {"name": "B", "valueFrom": {"fileKeyRef": {"volumeName": "v", "path": "p", "key": "k"}}},
                ],
            )
        ]
    )["spec"]["containers"][0]
    assert found["lifecycle"]["preStop"]["httpGet"] == {"path": "/", "port": 1, "scheme": "HTTPS"}
    assert found["env"][0]["valueFrom"]["fieldRef"] == {"apiVersion": "v1", "fieldPath": "metadata.name"}
    assert found["env"][1]["valueFrom"]["fileKeyRef"]["optional"] is False


VOLUMES = {
    "hostPath": ({"path": "/x"}, {"path": "/x", "type": ""}),
    "secret": ({"secretName": "s"}, {"secretName": "s", "defaultMode": 420}),
    "configMap": ({"name": "s", "defaultMode": 0}, {"name": "s", "defaultMode": 0}),
    "downwardAPI": (
        {"items": [{"path": "a", "fieldRef": {"fieldPath": "metadata.name"}}]},
        {
            "items": [{"path": "a", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}],
            "defaultMode": 420,
        },
    ),
    "projected": (
        {
            "sources": [
                {"serviceAccountToken": {"path": "t"}},
                {"downwardAPI": {"items": [{"path": "a", "fieldRef": {"fieldPath": "x"}}]}},
            ]
        },
        {
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3600, "path": "t"}},
                {
                    "downwardAPI": {
                        "items": [{"path": "a", "fieldRef": {"apiVersion": "v1", "fieldPath": "x"}}]
                    }
                },
            ],
            "defaultMode": 420,
        },
    ),
    "iscsi": (
        {"targetPortal": "p", "iqn": "q", "lun": 0},
        {"targetPortal": "p", "iqn": "q", "lun": 0, "iscsiInterface": "default"},
    ),
    "rbd": (
        {"monitors": ["m"], "image": "i"},
        {"monitors": ["m"], "image": "i", "pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    ),
    "azureDisk": (
        {"diskName": "d", "diskURI": "u"},
        {
            "diskName": "d",
            "diskURI": "u",
            "cachingMode": "ReadWrite",
            "fsType": "ext4",
            "readOnly": False,
            "kind": "Shared",
        },
    ),
    "scaleIO": (
        {"gateway": "g", "system": "s", "secretRef": {"name": "x"}},
        {
            "gateway": "g",
            "system": "s",
            "secretRef": {"name": "x"},
            "storageMode": "ThinProvisioned",
            "fsType": "xfs",
        },
    ),
    "ephemeral": (
        {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"]}}},
        {
            "volumeClaimTemplate": {
                "spec": {"accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem", "resources": {}}
            }
        },
    ),
    "nfs": ({"server": "s", "path": "/"}, {"server": "s", "path": "/"}),
}


@pytest.mark.parametrize("kind", VOLUMES)
def test_volumes(kind):
    given_source, expected = VOLUMES[kind]
    found = pod(volumes=[{"name": "v", kind: given_source}])["spec"]["volumes"][0][kind]
    found.get("volumeClaimTemplate", {}).pop("metadata", None)
    assert found == expected


def test_a_volume_without_source_is_an_empty_directory():
    assert pod(volumes=[{"name": "v"}])["spec"]["volumes"] == [{"name": "v", "emptyDir": {}}]


def test_sources_of_persistent_volumes():
    spec = {"hostPath": {"path": "/x"}, "iscsi": {}}
    set_defaults_volume_source(spec)
    assert spec == {"hostPath": {"path": "/x", "type": ""}, "iscsi": {"iscsiInterface": "default"}}


def test_annotations_of_old_init_containers_vanish():
    obj = pod({"annotations": {"pod.beta.kubernetes.io/init-containers": "[]", "kept": "x"}})
    assert obj["metadata"]["annotations"] == {"kept": "x"}
    assert (
        "annotations"
        not in pod({"annotations": {"pod.alpha.kubernetes.io/init-containers": "[]"}})["metadata"]
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"podIP": "1.1.1.1"}, {"podIP": "1.1.1.1", "podIPs": [{"ip": "1.1.1.1"}]}),
        (
            {"podIPs": [{"ip": "1.1.1.1"}, {"ip": "::1"}]},
            {"podIP": "1.1.1.1", "podIPs": [{"ip": "1.1.1.1"}, {"ip": "::1"}]},
        ),
        (
            {"podIP": "2.2.2.2", "podIPs": [{"ip": "1.1.1.1"}]},
            {"podIP": "2.2.2.2", "podIPs": [{"ip": "2.2.2.2"}]},
        ),
    ],
)
def test_old_and_new_addresses(status, expected):
    obj = typed({**raw_pod(), "status": status})
    assert only(obj["status"], "podIP", "podIPs") == expected


names = st.sampled_from(["a", "a:latest", "a:1", ""])


@given(
    st.lists(st.fixed_dictionaries({"name": names, "image": names}), max_size=3),
    st.booleans(),
    st.sampled_from(["", "Never", "Always"]),
)
def test_defaults_change_nothing_the_second_time(containers, host_network, policy):
    once = typed(raw_pod(containers=containers, hostNetwork=host_network, restartPolicy=policy))
    twice = copy.deepcopy(once)
    set_defaults_pod(twice)
    assert twice == once
