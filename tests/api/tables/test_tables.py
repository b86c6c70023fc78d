"""Tables of the other kinds: columns and cells."""

from __future__ import annotations

from typing import Any

import pytest

from sekisho.api.tables import TABLES, table_for
from sekisho.api.time import parse_time

BORN = "2026-01-02T03:04:05Z"
NOW = parse_time(BORN) + 3600
AGE = "60m"
TEMPLATE = {"spec": {"containers": [{"name": "c", "image": "i"}, {"name": "d", "image": "j"}]}}
RBAC = "rbac.authorization.k8s.io"
ADMISSION = "admissionregistration.k8s.io"
FLOW = "flowcontrol.apiserver.k8s.io"
NET = "networking.k8s.io"
STORAGE = "storage.k8s.io"


def row(group: str, kind: str, _meta: dict[str, Any] | None = None, **obj: Any) -> list[Any]:
    obj["metadata"] = {"name": "x", "creationTimestamp": BORN, **(_meta or {})}
    cells, conditions = table_for(group, kind).row(obj, NOW)
    assert conditions == []
    return cells


@pytest.mark.parametrize("key", TABLES)
def test_an_empty_object_fills_its_columns(key):
    printer = TABLES[key]
    for obj in ({"metadata": {}}, {"metadata": {}, "spec": {"containers": None}, "status": {}}):
        cells, _ = printer.row(obj, NOW)
        extra = 1 if key == (NET, "IPAddress") else 0
        assert len(cells) == len(printer.columns) + extra
    for column in printer.columns:
        assert list(column) == ["name", "type", "format", "description", "priority"]
        assert column["description"].endswith(".")


def test_kinds_without_a_printer():
    printer = table_for(RBAC, "Role")
    assert [(c["name"], c["type"], c["format"]) for c in printer.columns] == [
        ("Name", "string", "name"),
        ("Created At", "date", ""),
    ]
    assert row(RBAC, "Role") == ["x", BORN]
    assert printer.row({"metadata": {}}, NOW)[0] == ["", "0001-01-01T00:00:00Z"]


def test_ages():
    assert row("apps", "ControllerRevision", {"creationTimestamp": None})[-1] == "<unknown>"
    assert row("", "Namespace", {"creationTimestamp": "2036-01-02T03:04:05Z"})[-1] == "<invalid>"


def test_service_accounts_in_both_eras():
    secrets = [{"name": "default-token-abcde"}]
    assert row("", "ServiceAccount", secrets=secrets) == ["x", AGE]
    printer = table_for("", "ServiceAccount", token_secrets=True)
    assert [c["name"] for c in printer.columns] == ["Name", "Secrets", "Age"]
    obj = {"metadata": {"name": "default", "creationTimestamp": BORN}, "secrets": secrets}
    assert printer.row(obj, NOW)[0] == ["default", 1, AGE]
    assert table_for("", "Secret", token_secrets=True) is table_for("", "Secret")


def test_configuration():
    assert row("", "Namespace", status={"phase": "Active"}) == ["x", "Active", AGE]
    assert row("", "ConfigMap", data={"a": "1"}, binaryData={"b": "MQ=="}) == ["x", 2, AGE]
    assert row("", "Secret", type="Opaque", data={"a": "MQ=="}) == ["x", "Opaque", 1, AGE]


def test_resource_quotas_split_requests_from_limits():
    status = {
        "hard": {"requests.cpu": "1", "limits.cpu": "2", "pods": "10", "limitsx": "1"},
        "used": {"pods": "3"},
    }
    assert row("", "ResourceQuota", status=status) == [
        "x",
        "limitsx: 0/1, pods: 3/10, requests.cpu: 0/1",
        "limits.cpu: 0/2",
        AGE,
    ]


def test_pod_templates_and_components():
    template = {"metadata": {"labels": {"b": "2", "a": "1"}}, **TEMPLATE}
    assert row("", "PodTemplate", template=template) == ["x", "c,d", "i,j", "a=1,b=2"]
    healthy = {"type": "Healthy", "status": "True", "message": "ok"}
    assert row("", "ComponentStatus", conditions=[healthy]) == ["x", "Healthy", "ok", ""]
    assert row("", "ComponentStatus") == ["x", "Unknown", "", ""]


def test_workloads():
    spec = {"replicas": 3, "selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}
    status = {"replicas": 2, "readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1}
    wide = ["c,d", "i,j", "a=b"]
    assert row("apps", "Deployment", spec=spec, status=status) == ["x", "1/3", 2, 1, AGE, *wide]
    assert row("apps", "ReplicaSet", spec=spec, status=status) == ["x", 3, 2, 1, AGE, *wide]
    controller = {**spec, "selector": {"a": "b"}}
    assert row("", "ReplicationController", spec=controller, status=status) == ["x", 3, 2, 1, AGE, *wide]
    assert row("apps", "StatefulSet", spec=spec, status=status) == ["x", "1/3", AGE, "c,d", "i,j"]


def test_selectors_that_are_empty_or_broken():
    broken = {"matchExpressions": [{"key": "a", "operator": "Near"}]}
    assert [row("apps", "Deployment", spec={"selector": s})[-1] for s in (None, {}, broken)] == [
        "",
        "",
        "<invalid>",
    ]
    assert [row("apps", "ReplicaSet", spec={"selector": s})[-1] for s in (None, {}, broken)] == [
        "<none>",
        "<none>",
        "<error>",
    ]


def test_daemon_sets():
    spec = {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"spec": {**TEMPLATE["spec"], "nodeSelector": {"n": "m"}}},
    }
    status = {
        "desiredNumberScheduled": 5,
        "currentNumberScheduled": 4,
        "numberReady": 3,
        "updatedNumberScheduled": 2,
        "numberAvailable": 1,
    }
    expected = ["x", 5, 4, 3, 2, 1, "n=m", AGE, "c,d", "i,j", "a=b"]
    assert row("apps", "DaemonSet", spec=spec, status=status) == expected


def test_controller_revisions_name_their_controller():
    owners = [
        {"apiVersion": "v1", "kind": "Pod", "name": "o"},
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "s", "controller": True},
    ]
    meta = {"ownerReferences": owners}
    assert row("apps", "ControllerRevision", meta, revision=3) == ["x", "statefulset.apps/s", 3, AGE]
    assert row("apps", "ControllerRevision")[1] == "<none>"


@pytest.mark.parametrize(
    ("conditions", "meta", "word"),
    [
        ([], {}, "Running"),
        (["SuccessCriteriaMet"], {}, "SuccessCriteriaMet"),
        (["FailureTarget", "SuccessCriteriaMet"], {}, "FailureTarget"),
        (["Suspended"], {}, "Suspended"),
        (["Suspended"], {"deletionTimestamp": BORN}, "Terminating"),
        (["Failed"], {"deletionTimestamp": BORN}, "Failed"),
        (["Failed", "Complete"], {}, "Complete"),
    ],
)
def test_job_status(conditions, meta, word):
    found = [{"type": c, "status": "True"} for c in conditions]
    assert row("batch", "Job", meta, status={"conditions": found})[1] == word


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"completions": 3}, "1/3"),
        ({"completions": 0}, "1/0"),
        ({}, "1/1"),
        ({"parallelism": 1}, "1/1"),
        ({"parallelism": 4}, "1/1 of 4"),
    ],
)
def test_job_completions(spec, text):
    assert row("batch", "Job", spec=spec, status={"succeeded": 1})[2] == text


def test_job_duration():
    start = {"startTime": BORN}
    assert row("batch", "Job")[3] == ""
    assert row("batch", "Job", status=start)[3] == "60m"
    assert row("batch", "Job", status={**start, "completionTime": "2026-01-02T03:04:55Z"})[3] == "50s"


def test_cron_jobs():
    spec = {
        "schedule": "* * * * *",
        "timeZone": "Etc/UTC",
        "suspend": True,
        "jobTemplate": {"spec": {"template": TEMPLATE}},
    }
    status = {"active": [{}, {}], "lastScheduleTime": BORN}
    assert row("batch", "CronJob", spec=spec, status=status) == [
        "x",
        "* * * * *",
        "Etc/UTC",
        "True",
        2,
        AGE,
        AGE,
        "c,d",
        "i,j",
        "<none>",
    ]
    assert row("batch", "CronJob")[2:6] == ["<none>", "<unset>", 0, "<none>"]


@pytest.mark.parametrize(
    ("spec", "ingress", "expected"),
    [
        ({"type": "ClusterIP", "clusterIPs": ["10.0.0.1"]}, [], ("10.0.0.1", "<none>")),
        ({"type": "NodePort", "externalIPs": ["1.1.1.1", "2.2.2.2"]}, [], ("<none>", "1.1.1.1,2.2.2.2")),
        ({"type": "LoadBalancer"}, [], ("<none>", "<pending>")),
        (
            {"type": "LoadBalancer", "externalIPs": ["1.1.1.1"]},
            [{"hostname": "lb.example"}, {"ip": "9.9.9.9"}, {"ip": "9.9.9.9"}, {}],
            ("<none>", "9.9.9.9,lb.example,1.1.1.1"),
        ),
        ({"type": "ExternalName", "externalName": "e.example"}, [], ("<none>", "e.example")),
        ({}, [], ("<none>", "<unknown>")),
    ],
)
def test_service_addresses(spec, ingress, expected):
    cells = row("", "Service", spec=spec, status={"loadBalancer": {"ingress": ingress}})
    assert (cells[2], cells[3]) == expected


def test_service_ports():
    ports = [{"port": 80, "protocol": "TCP"}, {"port": 53, "nodePort": 30053, "protocol": "UDP"}]
    spec = {"type": "NodePort", "ports": ports, "selector": {"b": "2", "a": "1"}}
    assert row("", "Service", spec=spec)[4:] == ["80/TCP,53:30053/UDP", AGE, "a=1,b=2"]
    assert row("", "Service")[4:] == ["<none>", AGE, "<none>"]


def test_endpoints():
    addresses = [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]
    ports = [{"port": 80}, {"port": 443}]
    assert row("", "Endpoints")[1] == "<none>"
    assert row("", "Endpoints", subsets=[{"notReadyAddresses": addresses}])[1] == ""
    assert row("", "Endpoints", subsets=[{"addresses": addresses}])[1] == "10.0.0.1,fd00::1"
    full = [{"addresses": addresses, "ports": ports}]
    assert row("", "Endpoints", subsets=full)[1] == "10.0.0.1:80,[fd00::1]:80,10.0.0.1:443 + 1 more..."


def test_endpoint_slices():
    group = "discovery.k8s.io"
    assert row(group, "EndpointSlice", addressType="IPv4")[1:4] == ["IPv4", "<unset>", "<unset>"]
    cells = row(
        group,
        "EndpointSlice",
        addressType="IPv6",
        ports=[{"port": 80}, {"name": "any"}, {}],
        endpoints=[{"addresses": ["a", "b"]}, {"addresses": ["c", "d"]}],
    )
    assert cells[2:4] == ["80,any,*", "a,b,c + 1 more..."]


def test_nodes():
    meta = {
        "labels": {"node-role.kubernetes.io/b": "", "node-role.kubernetes.io/": "", "kubernetes.io/role": "a"}
    }
    status = {
        "conditions": [{"type": "Ready", "status": "True"}],
        "addresses": [
            {"type": "Hostname", "address": "h"},
            {"type": "InternalIP", "address": "10.0.0.1"},
            {"type": "ExternalIP", "address": "1.1.1.1"},
        ],
        "nodeInfo": {
            "kubeletVersion": "v1.36.2",
            "osImage": "OS",
            "kernelVersion": "6.1",
            "architecture": "arm64",
            "containerRuntimeVersion": "cri://2",
        },
    }
    assert row("", "Node", meta, spec={"unschedulable": True}, status=status) == [
        "x",
        "Ready,SchedulingDisabled",
        "a,b",
        AGE,
        "v1.36.2",
        "10.0.0.1",
        "1.1.1.1",
        "OS",
        "6.1 (arm64)",
        "cri://2",
    ]
    unknown = ["<none>", "<none>", "<unknown>", "<unknown>", "<unknown>"]
    assert row("", "Node") == ["x", "Unknown", "<none>", AGE, "", *unknown]
    silent = {"conditions": [{"type": "Ready", "status": "Unknown"}]}
    assert row("", "Node", status=silent)[1] == "NotReady"


def test_events_in_both_groups():
    core = {
        "involvedObject": {"kind": "Pod", "name": "p", "fieldPath": "spec.containers{c}"},
        "source": {"component": "kubelet", "host": "n"},
        "message": " two\nlines \n",
        "firstTimestamp": BORN,
        "lastTimestamp": "2026-01-02T03:54:05Z",
        "count": 7,
        "type": "Normal",
        "reason": "Pulled",
    }
    expected = [
        "10m",
        "Normal",
        "Pulled",
        "pod/p",
        "spec.containers{c}",
        "kubelet, n",
        "two\nlines",
        AGE,
        7,
        "x",
    ]
    assert row("", "Event", **core) == expected
    grouped = {
        "regarding": core["involvedObject"],
        "deprecatedSource": core["source"],
        "note": core["message"],
        "deprecatedFirstTimestamp": core["firstTimestamp"],
        "deprecatedLastTimestamp": core["lastTimestamp"],
        "deprecatedCount": 7,
        "type": "Normal",
        "reason": "Pulled",
    }
    assert row("events.k8s.io", "Event", **grouped) == expected


def test_events_of_the_new_kind():
    event = {
        "involvedObject": {"kind": "Job"},
        "eventTime": "2026-01-02T03:04:05.000000Z",
        "reportingComponent": "example.com/r",
        "reportingInstance": "i",
    }
    cells = row("", "Event", **event)
    assert (cells[0], cells[3], cells[5], cells[7], cells[8]) == (AGE, "job", "example.com/r, i", AGE, 1)
    series = {"count": 4, "lastObservedTime": "2026-01-02T04:03:05.000000Z"}
    cells = row("", "Event", **event, series=series)
    assert (cells[0], cells[8]) == ("60s", 4)
    assert row("", "Event")[0] == "<unknown>"


def test_role_bindings():
    subjects = [
        {"kind": "User", "name": "u"},
        {"kind": "Group", "name": "g"},
        {"kind": "Group", "name": "h"},
        {"kind": "ServiceAccount", "name": "s", "namespace": "n"},
        {"kind": "ServiceAccount", "name": "t"},
    ]
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        cells = row(RBAC, kind, roleRef={"kind": "Role", "name": "r"}, subjects=subjects)
        assert cells == ["x", "Role/r", AGE, "u", "g, h", "n/s, /t"]


def test_persistent_volumes():
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"],
        "persistentVolumeReclaimPolicy": "Retain",
        "claimRef": {"namespace": "n", "name": "c"},
        "storageClassName": "s",
        "volumeMode": "Block",
    }
    status = {"phase": "Released", "reason": "why"}
    assert row("", "PersistentVolume", spec=spec, status=status) == [
        "x",
        "1Gi",
        "RWO,RWX,RWOP",
        "Retain",
        "Released",
        "n/c",
        "s",
        "<unset>",
        "why",
        AGE,
        "Block",
    ]
    meta = {
        "deletionTimestamp": BORN,
        "annotations": {"volume.beta.kubernetes.io/storage-class": "old"},
    }
    cells = row("", "PersistentVolume", meta, spec=spec, status=status)
    assert (cells[4], cells[6]) == ("Terminating", "old")


def test_persistent_volume_claims():
    spec = {"storageClassName": "s", "volumeAttributesClassName": "gold", "volumeMode": "Filesystem"}
    status = {"phase": "Pending", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadOnlyMany"]}
    assert row("", "PersistentVolumeClaim", spec=spec, status=status) == [
        "x",
        "Pending",
        "",
        "",
        "",
        "s",
        "gold",
        AGE,
        "Filesystem",
    ]
    bound = row("", "PersistentVolumeClaim", spec={**spec, "volumeName": "v"}, status=status)
    assert bound[2:5] == ["v", "1Gi", "ROX"]


def test_storage_classes():
    default = {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
    assert row(STORAGE, "StorageClass", default, provisioner="p", allowVolumeExpansion=True) == [
        "x (default)",
        "p",
        "Delete",
        "Immediate",
        True,
        AGE,
    ]
    assert row(STORAGE, "StorageClass")[4] is False
    default = {"annotations": {"storage.alpha.kubernetes.io/is-default-class": "true"}}
    cells = row(STORAGE, "VolumeAttributesClass", default, driverName="d")
    assert cells == ["x (default)", "d", AGE]


def test_drivers_and_attachments():
    spec = {"attacher": "a", "source": {"persistentVolumeName": "pv"}, "nodeName": "n"}
    assert row(STORAGE, "VolumeAttachment", spec=spec) == ["x", "a", "pv", "n", False, AGE]
    assert row(STORAGE, "CSINode", spec={"drivers": [{}, {}]}) == ["x", 2, AGE]
    assert row(STORAGE, "CSIDriver") == ["x", True, False, False, "<unset>", False, "<none>", AGE]
    spec = {
        "attachRequired": False,
        "podInfoOnMount": True,
        "storageCapacity": True,
        "tokenRequests": [{"audience": "a"}, {"audience": "b"}],
        "requiresRepublish": True,
        "volumeLifecycleModes": ["Persistent", "Ephemeral"],
    }
    expected = ["x", False, True, True, "a,b", True, "Persistent,Ephemeral", AGE]
    assert row(STORAGE, "CSIDriver", spec=spec) == expected


def hosts(*names: str) -> str:
    return row(NET, "Ingress", spec={"rules": [{"host": n} if n else {} for n in names]})[2]


def test_ingresses():
    spec = {"ingressClassName": "c", "rules": [{"host": "h"}], "tls": [{}]}
    status = {"loadBalancer": {"ingress": [{"ip": "1.1.1.1"}]}}
    assert row(NET, "Ingress", spec=spec, status=status) == ["x", "c", "h", "1.1.1.1", "80, 443", AGE]
    assert row(NET, "Ingress") == ["x", "<none>", "*", "", "80", AGE]
    assert hosts("a", "", "b", "c") == "a,b,c"
    assert hosts("a", "b", "c", "d", "e") == "a,b,c + 2 more..."


def test_ingress_classes():
    parameters = {"apiGroup": "k.example.com", "kind": "P", "name": "n"}
    cells = row(NET, "IngressClass", spec={"controller": "c", "parameters": parameters})
    assert cells == ["x", "c", "P.k.example.com/n", AGE]
    meta = {"annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}}
    assert row(NET, "IngressClass", meta)[:3] == ["x (default)", "", "<none>"]


def test_other_networking_kinds():
    selector = {"matchLabels": {"a": "b"}}
    assert row(NET, "NetworkPolicy", spec={"podSelector": selector}) == ["x", "a=b", AGE]
    assert row(NET, "NetworkPolicy", spec={"podSelector": {}})[1] == "<none>"
    assert row(NET, "ServiceCIDR", spec={"cidrs": ["10.0.0.0/8", "fd00::/64"]}) == [
        "x",
        "10.0.0.0/8,fd00::/64",
        AGE,
    ]
    parent = {"resource": "services", "namespace": "n", "name": "s"}
    assert row(NET, "IPAddress", spec={"parentRef": parent}) == ["x", "services/n/s", AGE]
    parent = {"group": "G.example", "resource": "things", "name": "s"}
    assert row(NET, "IPAddress", spec={"parentRef": parent})[1] == "things.g.example/s"


def test_policies_and_priorities():
    spec = {"minAvailable": "50%"}
    status = {"disruptionsAllowed": 2}
    assert row("policy", "PodDisruptionBudget", spec=spec, status=status) == ["x", "50%", "N/A", 2, AGE]
    assert row("policy", "PodDisruptionBudget", spec={"maxUnavailable": 0})[1:3] == ["N/A", "0"]
    cells = row("scheduling.k8s.io", "PriorityClass", value=-5, preemptionPolicy="Never")
    assert cells == ["x", -5, False, AGE, "Never"]


def metric(type_: str, target: dict[str, Any], current: dict[str, Any] | None, **more: Any) -> str:
    field = type_[0].lower() + type_[1:]
    spec = {"metrics": [{"type": type_, field: {"target": target, **more}}]}
    status = {"currentMetrics": [] if current is None else [{"type": type_, field: {"current": current}}]}
    return row("autoscaling", "HorizontalPodAutoscaler", spec=spec, status=status)[2]


@pytest.mark.parametrize(
    ("type_", "target", "current", "text"),
    [
        ("Resource", {"averageUtilization": 80}, {"averageUtilization": 10}, "cpu: 10%/80%"),
        ("Resource", {"averageUtilization": 80}, None, "cpu: <unknown>/80%"),
        ("Resource", {}, {"averageUtilization": 10}, "cpu: 10%/<auto>"),
        ("Resource", {"averageValue": "1"}, {"averageValue": "500m"}, "cpu: 500m/1"),
        ("ContainerResource", {"averageValue": "1"}, None, "cpu: <unknown>/1"),
        ("Pods", {"averageValue": "10"}, {"averageValue": "5"}, "5/10"),
        ("Pods", {"averageValue": "10"}, None, "<unknown>/10"),
        ("Object", {"value": "10"}, {"value": "5"}, "5/10"),
        ("Object", {"value": "10"}, None, "<unknown>/10"),
        ("External", {"averageValue": "10"}, {"averageValue": "5"}, "5/10 (avg)"),
        ("External", {"averageValue": "10"}, {"value": "5"}, "<unknown>/10 (avg)"),
        ("Odd", {}, None, "<unknown type>"),
    ],
)
def test_metrics(type_, target, current, text):
    assert metric(type_, target, current, name="cpu") == text


def test_autoscalers():
    spec = {
        "scaleTargetRef": {"kind": "Deployment", "name": "web"},
        "minReplicas": 2,
        "maxReplicas": 5,
        "metrics": [{"type": "Pods", "pods": {"target": {"averageValue": str(i)}}} for i in range(4)],
    }
    assert row("autoscaling", "HorizontalPodAutoscaler", spec=spec, status={"currentReplicas": 3}) == [
        "x",
        "Deployment/web",
        "<unknown>/0, <unknown>/1 + 2 more...",
        "2",
        5,
        3,
        AGE,
    ]
    assert row("autoscaling", "HorizontalPodAutoscaler")[2:4] == ["<none>", "<unset>"]


def test_scales():
    assert row("autoscaling", "Scale", spec={"replicas": 3}, status={"replicas": 2}) == ["x", 3, 2, AGE]
    assert table_for("autoscaling", "Scale").columns[0]["format"] == ""


def test_admission():
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        assert row(ADMISSION, kind, webhooks=[{}, {}]) == ["x", 2, AGE]
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    cells = row(ADMISSION, "ValidatingAdmissionPolicy", spec={"validations": [{}], "paramKind": kind})
    assert cells == ["x", 1, "v1/ConfigMap", AGE]
    assert row(ADMISSION, "MutatingAdmissionPolicy", spec={"mutations": [{}]}) == ["x", 1, "<unset>", AGE]


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        (None, "<unset>"),
        ({"name": "p"}, "*/p"),
        ({"name": "p", "namespace": "n"}, "n/p"),
        ({"parameterNotFoundAction": "Deny"}, "<unset>"),
        (
            {
                "selector": {
                    "matchLabels": {"b": "2", "a": "1"},
                    "matchExpressions": [{"key": "k", "operator": "In", "values": ["x", "y"]}],
                }
            },
            "&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:"
            "[]LabelSelectorRequirement{LabelSelectorRequirement{Key:k,Operator:In,Values:[x y],},},}",
        ),
    ],
)
def test_policy_bindings(reference, text):
    spec = {"policyName": "pol", **({"paramRef": reference} if reference else {})}
    for kind in ("ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicyBinding"):
        assert row(ADMISSION, kind, spec=spec) == ["x", "pol", text, AGE]


@pytest.mark.parametrize(
    ("meta", "status", "state"),
    [
        ({}, {}, "pending"),
        ({}, {"allocation": {}}, "allocated"),
        ({}, {"allocation": {}, "reservedFor": [{}]}, "allocated,reserved"),
        ({"deletionTimestamp": BORN}, {}, "deleted"),
        ({"deletionTimestamp": BORN}, {"allocation": {}}, "deleted,allocated"),
    ],
)
def test_resource_claims(meta, status, state):
    assert row("resource.k8s.io", "ResourceClaim", meta, status=status) == ["x", state, AGE]


def test_resource_slices():
    spec = {"nodeName": "n", "driver": "d", "pool": {"name": "p"}}
    assert row("resource.k8s.io", "ResourceSlice", spec=spec) == ["x", "n", "d", "p", AGE]
    assert row("resource.k8s.io", "DeviceClass") == ["x", AGE]


def test_flow_schemas_are_listed_as_they_are_matched():
    def schema(name: str, precedence: int) -> dict[str, Any]:
        return {"metadata": {"name": name}, "spec": {"matchingPrecedence": precedence}}

    listed = [schema("b", 2), schema("a", 2), schema("z", 1)]
    ordered = table_for(FLOW, "FlowSchema").order(listed)
    assert [o["metadata"]["name"] for o in ordered] == ["z", "a", "b"]
    assert table_for("", "Pod").order(listed) is listed


def test_flow_control():
    spec = {
        "priorityLevelConfiguration": {"name": "pl"},
        "matchingPrecedence": 5,
        "distinguisherMethod": {"type": "ByUser"},
    }
    status = {"conditions": [{"type": "Dangling", "status": "False"}]}
    assert row(FLOW, "FlowSchema", spec=spec, status=status) == ["x", "pl", 5, "ByUser", AGE, "False"]
    assert row(FLOW, "FlowSchema")[3:] == ["<none>", AGE, "?"]
    level = "PriorityLevelConfiguration"
    none = ["<none>"] * 3
    assert row(FLOW, level, spec={"type": "Exempt"}) == ["x", "Exempt", "<none>", *none, AGE]
    limited: dict[str, Any] = {"nominalConcurrencyShares": 30, "limitResponse": {"type": "Reject"}}
    assert row(FLOW, level, spec={"limited": limited})[2:6] == [30, *none]
    limited["limitResponse"] = {"queuing": {"queues": 64, "handSize": 6, "queueLengthLimit": 50}}
    assert row(FLOW, level, spec={"limited": limited})[2:6] == [30, 64, 6, 50]


@pytest.mark.parametrize(
    ("types", "certificate", "text"),
    [
        ([], "", "Pending"),
        (["Approved"], "", "Approved"),
        (["Approved"], "PEM", "Approved,Issued"),
        (["Approved", "Denied"], "", "Denied"),
        (["Failed"], "", "Pending,Failed"),
    ],
)
def test_signing_requests(types, certificate, text):
    status = {"conditions": [{"type": t} for t in types], "certificate": certificate}
    spec = {"signerName": "s", "username": "u", "expirationSeconds": 7200}
    cells = row("certificates.k8s.io", "CertificateSigningRequest", spec=spec, status=status)
    assert cells == ["x", AGE, "s", "u", "120m", text]


def test_api_services():
    group, kind = "apiregistration.k8s.io", "APIService"

    def available(**condition: str) -> str:
        return row(group, kind, status={"conditions": [{"type": "Available", **condition}]})[2]

    assert row(group, kind) == ["x", "Local", "Unknown", AGE]
    assert row(group, kind, spec={"service": {"namespace": "n", "name": "s"}})[1] == "n/s"
    assert available(status="True", reason="Local") == "True"
    assert available(status="False", reason="ServiceNotFound") == "False (ServiceNotFound)"
    assert available(status="False") == "False"


def test_leases_and_runtime_classes():
    assert row("coordination.k8s.io", "Lease", spec={"holderIdentity": "me"}) == ["x", "me", AGE]
    assert row("coordination.k8s.io", "Lease") == ["x", "", AGE]
    assert row("node.k8s.io", "RuntimeClass", handler="runc") == ["x", "runc", AGE]
