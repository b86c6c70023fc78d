"""The table behind resources.py: facts of kube-apiserver 1.36.2's discovery, and of its storage layout."""

from __future__ import annotations

from typing import NamedTuple

ALL = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
CREATE = ("create",)
CHANGE = ("get", "patch", "update")
PROXY = ("create", "delete", "get", "patch", "update")
STREAM = ("create", "get")


class Row(NamedTuple):
    name: str
    kind: str
    namespaced: bool
    short_names: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL


class Sub(NamedTuple):
    """A subresource. An empty group, version or kind is the parent's; `...Options` kinds begin with it."""

    verbs: tuple[str, ...]
    group: str = ""
    version: str = ""
    kind: str = ""


SUBRESOURCES = {
    "approval": Sub(CHANGE),
    "attach": Sub(STREAM, kind="AttachOptions"),
    "binding": Sub(CREATE, kind="Binding"),
    "ephemeralcontainers": Sub(CHANGE),
    "eviction": Sub(CREATE, "policy", "v1", "Eviction"),
    "exec": Sub(STREAM, kind="ExecOptions"),
    "finalize": Sub(("update",)),
    "log": Sub(("get",)),
    "portforward": Sub(STREAM, kind="PortForwardOptions"),
    "proxy": Sub(PROXY, kind="ProxyOptions"),
    "resize": Sub(CHANGE),
    "scale": Sub(CHANGE, "autoscaling", "v1", "Scale"),
    "status": Sub(CHANGE),
    "token": Sub(CREATE, "authentication.k8s.io", "v1", "TokenRequest"),
}

GROUPS: tuple[tuple[str, int, tuple[tuple[str, int], ...]], ...] = (
    ("apiregistration.k8s.io", 20000, (("v1", 1000),)),
    ("", 18000, (("v1", 1),)),
    ("apps", 17800, (("v1", 15),)),
    ("events.k8s.io", 17750, (("v1", 15),)),
    ("authentication.k8s.io", 17700, (("v1", 15),)),
    ("authorization.k8s.io", 17600, (("v1", 15),)),
    ("autoscaling", 17500, (("v2", 30), ("v1", 15))),
    ("batch", 17400, (("v1", 15),)),
    ("certificates.k8s.io", 17300, (("v1", 15),)),
    ("networking.k8s.io", 17200, (("v1", 15),)),
    ("policy", 17100, (("v1", 15),)),
    ("rbac.authorization.k8s.io", 17000, (("v1", 15),)),
    ("storage.k8s.io", 16800, (("v1", 15),)),
    ("admissionregistration.k8s.io", 16700, (("v1", 15),)),
    ("apiextensions.k8s.io", 16700, (("v1", 15),)),
    ("scheduling.k8s.io", 16600, (("v1", 15),)),
    ("coordination.k8s.io", 16500, (("v1", 15),)),
    ("node.k8s.io", 16300, (("v1", 15),)),
    ("discovery.k8s.io", 16200, (("v1", 15),)),
    ("resource.k8s.io", 16200, (("v1", 15),)),
    ("flowcontrol.apiserver.k8s.io", 16100, (("v1", 21),)),
)
"""Name, priority, versions with their priorities. The order is that of discovery."""

STATUS = ("status",)
SCALE = ("scale", "status")
WORKLOAD = ("all",)
EXTENSION = ("api-extensions",)

_AUTOSCALERS = (Row("horizontalpodautoscalers", "HorizontalPodAutoscaler", True, ("hpa",), STATUS, WORKLOAD),)

RESOURCES: dict[tuple[str, str], tuple[Row, ...]] = {
    ("", "v1"): (
        Row("bindings", "Binding", True, verbs=CREATE),
        Row("componentstatuses", "ComponentStatus", False, ("cs",), verbs=("get", "list")),
        Row("configmaps", "ConfigMap", True, ("cm",)),
        Row("endpoints", "Endpoints", True, ("ep",)),
        Row("events", "Event", True, ("ev",)),
        Row("limitranges", "LimitRange", True, ("limits",)),
        Row(
            "namespaces",
            "Namespace",
            False,
            ("ns",),
            ("finalize", "status"),
            verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
        ),
        Row("nodes", "Node", False, ("no",), ("proxy", "status")),
        Row("persistentvolumeclaims", "PersistentVolumeClaim", True, ("pvc",), STATUS),
        Row("persistentvolumes", "PersistentVolume", False, ("pv",), STATUS),
        Row(
            "pods",
            "Pod",
            True,
            ("po",),
            (
                "attach",
                "binding",
                "ephemeralcontainers",
                "eviction",
                "exec",
                "log",
                "portforward",
                "proxy",
                "resize",
                "status",
            ),
            WORKLOAD,
        ),
        Row("podtemplates", "PodTemplate", True),
        Row("replicationcontrollers", "ReplicationController", True, ("rc",), SCALE, WORKLOAD),
        Row("resourcequotas", "ResourceQuota", True, ("quota",), STATUS),
        Row("secrets", "Secret", True),
        Row("serviceaccounts", "ServiceAccount", True, ("sa",), ("token",)),
        Row("services", "Service", True, ("svc",), ("proxy", "status"), WORKLOAD),
    ),
    ("apiregistration.k8s.io", "v1"): (Row("apiservices", "APIService", False, (), STATUS, EXTENSION),),
    ("apps", "v1"): (
        Row("controllerrevisions", "ControllerRevision", True),
        Row("daemonsets", "DaemonSet", True, ("ds",), STATUS, WORKLOAD),
        Row("deployments", "Deployment", True, ("deploy",), SCALE, WORKLOAD),
        Row("replicasets", "ReplicaSet", True, ("rs",), SCALE, WORKLOAD),
        Row("statefulsets", "StatefulSet", True, ("sts",), SCALE, WORKLOAD),
    ),
    ("events.k8s.io", "v1"): (Row("events", "Event", True, ("ev",)),),
    ("authentication.k8s.io", "v1"): (
        Row("selfsubjectreviews", "SelfSubjectReview", False, verbs=CREATE),
        Row("tokenreviews", "TokenReview", False, verbs=CREATE),
    ),
    ("authorization.k8s.io", "v1"): (
        Row("localsubjectaccessreviews", "LocalSubjectAccessReview", True, verbs=CREATE),
        Row("selfsubjectaccessreviews", "SelfSubjectAccessReview", False, verbs=CREATE),
        Row("selfsubjectrulesreviews", "SelfSubjectRulesReview", False, verbs=CREATE),
        Row("subjectaccessreviews", "SubjectAccessReview", False, verbs=CREATE),
    ),
    ("autoscaling", "v1"): _AUTOSCALERS,
    ("autoscaling", "v2"): _AUTOSCALERS,
    ("batch", "v1"): (
        Row("cronjobs", "CronJob", True, ("cj",), STATUS, WORKLOAD),
        Row("jobs", "Job", True, (), STATUS, WORKLOAD),
    ),
    ("certificates.k8s.io", "v1"): (
        Row(
            "certificatesigningrequests",
            "CertificateSigningRequest",
            False,
            ("csr",),
            ("approval", "status"),
        ),
    ),
    ("networking.k8s.io", "v1"): (
        Row("ingressclasses", "IngressClass", False),
        Row("ingresses", "Ingress", True, ("ing",), STATUS),
        Row("ipaddresses", "IPAddress", False, ("ip",)),
        Row("networkpolicies", "NetworkPolicy", True, ("netpol",)),
        Row("servicecidrs", "ServiceCIDR", False, (), STATUS),
    ),
    ("policy", "v1"): (Row("poddisruptionbudgets", "PodDisruptionBudget", True, ("pdb",), STATUS),),
    ("rbac.authorization.k8s.io", "v1"): (
        Row("clusterrolebindings", "ClusterRoleBinding", False),
        Row("clusterroles", "ClusterRole", False),
        Row("rolebindings", "RoleBinding", True),
        Row("roles", "Role", True),
    ),
    ("storage.k8s.io", "v1"): (
        Row("csidrivers", "CSIDriver", False),
        Row("csinodes", "CSINode", False),
        Row("csistoragecapacities", "CSIStorageCapacity", True),
        Row("storageclasses", "StorageClass", False, ("sc",)),
        Row("volumeattachments", "VolumeAttachment", False, (), STATUS),
        Row("volumeattributesclasses", "VolumeAttributesClass", False, ("vac",)),
    ),
    ("admissionregistration.k8s.io", "v1"): (
        Row("mutatingadmissionpolicies", "MutatingAdmissionPolicy", False, categories=EXTENSION),
        Row("mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding", False, categories=EXTENSION),
        Row("mutatingwebhookconfigurations", "MutatingWebhookConfiguration", False, categories=EXTENSION),
        Row("validatingadmissionpolicies", "ValidatingAdmissionPolicy", False, (), STATUS, EXTENSION),
        Row(
            "validatingadmissionpolicybindings",
            "ValidatingAdmissionPolicyBinding",
            False,
            categories=EXTENSION,
        ),
        Row("validatingwebhookconfigurations", "ValidatingWebhookConfiguration", False, categories=EXTENSION),
    ),
    ("apiextensions.k8s.io", "v1"): (
        Row(
            "customresourcedefinitions", "CustomResourceDefinition", False, ("crd", "crds"), STATUS, EXTENSION
        ),
    ),
    ("scheduling.k8s.io", "v1"): (Row("priorityclasses", "PriorityClass", False, ("pc",)),),
    ("coordination.k8s.io", "v1"): (Row("leases", "Lease", True),),
    ("node.k8s.io", "v1"): (Row("runtimeclasses", "RuntimeClass", False),),
    ("discovery.k8s.io", "v1"): (Row("endpointslices", "EndpointSlice", True),),
    ("resource.k8s.io", "v1"): (
        Row("deviceclasses", "DeviceClass", False),
        Row("resourceclaims", "ResourceClaim", True, (), STATUS),
        Row("resourceclaimtemplates", "ResourceClaimTemplate", True),
        Row("resourceslices", "ResourceSlice", False),
    ),
    ("flowcontrol.apiserver.k8s.io", "v1"): (
        Row("flowschemas", "FlowSchema", False, (), STATUS),
        Row("prioritylevelconfigurations", "PriorityLevelConfiguration", False, (), STATUS),
    ),
}

STORED_AS = {
    ("events.k8s.io", "v1", "events"): ("", "v1", "Event"),
    ("autoscaling", "v1", "horizontalpodautoscalers"): ("autoscaling", "v2", "HorizontalPodAutoscaler"),
}
"""What is stored as another kind than it is served as; all else is stored as served."""

UPSTREAM_STORES = {
    ("admissionregistration.k8s.io", name): ("admissionregistration.k8s.io", "v1beta1", kind)
    for name, kind in (
        ("mutatingadmissionpolicies", "MutatingAdmissionPolicy"),
        ("mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding"),
    )
}
"""Kinds whose hash in discovery is of a version that is not served: upstream keeps storing the old one for
a release, so that the release before can still read it. The two versions have the same fields; either may
be stored, and upstream reads both."""

KEY_PREFIXES = {
    ("", "endpoints"): "services/endpoints",
    ("", "nodes"): "minions",
    ("", "replicationcontrollers"): "controllers",
    ("", "services"): "services/specs",
    ("networking.k8s.io", "ingresses"): "ingress",
}
GROUPED_KEYS = frozenset({"apiextensions.k8s.io", "apiregistration.k8s.io"})
"""Groups of other servers inside kube-apiserver, whose keys begin with the group."""

DEPRECATED = {
    ("", "v1", "ComponentStatus"): "v1 ComponentStatus is deprecated in v1.19+",
    ("", "v1", "Endpoints"): "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
}
