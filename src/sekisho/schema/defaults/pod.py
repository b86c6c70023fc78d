"""Defaults of Pod, and of the pod template that all workloads share.

Besides defaults proper this settles what upstream settles while it converts between versions of an object:
fields with an older twin (`serviceAccount`, `podIP`), annotations that turned into fields long ago.
"""

from __future__ import annotations

from sekisho.api.types import Object
from sekisho.schema.defaults.container import set_defaults_container
from sekisho.schema.defaults.podresources import set_defaults_pod_level_resources
from sekisho.schema.defaults.resources import default_requests, round_resource_list, round_resources
from sekisho.schema.defaults.volume import set_defaults_volume
from sekisho.schema.podwalk import containers

_INIT_CONTAINER_ANNOTATIONS = (
    "pod.beta.kubernetes.io/init-containers",
    "pod.alpha.kubernetes.io/init-containers",
    "pod.beta.kubernetes.io/init-container-statuses",
    "pod.alpha.kubernetes.io/init-container-statuses",
)
_STATUS_LISTS = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")


def set_defaults_pod(obj: Object) -> None:
    """What only Pods get (requests from limits, host ports, service links), then the spec's defaults."""
    spec = obj.setdefault("spec", {})
    for field in ("containers", "initContainers"):
        for container in spec.get(field) or ():
            resources = container.get("resources")
            if resources:
                default_requests(resources)
    if spec.get("resources"):
        set_defaults_pod_level_resources(spec)
    spec.setdefault("enableServiceLinks", True)
    if spec.get("hostNetwork"):
        _default_host_ports(spec)
    set_defaults_pod_spec(spec)
    _drop_init_container_annotations(obj)
    status = obj.get("status")
    if status:
        _set_defaults_status(status)


def set_defaults_pod_template_spec(template: Object) -> None:
    """The template of a workload; `spec` is added when it is absent."""
    set_defaults_pod_spec(template.setdefault("spec", {}))
    _drop_init_container_annotations(template)


def set_defaults_pod_spec(spec: Object) -> None:
    """What every pod spec gets, in a Pod or in a template."""
    if not spec.get("dnsPolicy"):
        spec["dnsPolicy"] = "ClusterFirst"
    if not spec.get("restartPolicy"):
        spec["restartPolicy"] = "Always"
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    if not spec.get("schedulerName"):
        spec["schedulerName"] = "default-scheduler"
    for volume in spec.get("volumes") or ():
        set_defaults_volume(volume)
    for container in containers(spec):
        set_defaults_container(container)
    if "overhead" in spec:
        round_resource_list(spec["overhead"])
    if "resources" in spec:
        round_resources(spec["resources"])
    _settle_service_account(spec)


def _settle_service_account(spec: Object) -> None:
    """`serviceAccount` is the older name: it fills in for `serviceAccountName`, and always repeats it."""
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account


def _default_host_ports(spec: Object) -> None:
    for field in ("containers", "initContainers"):
        for container in spec.get(field) or ():
            for port in container.get("ports") or ():
                if not port.get("hostPort") and port.get("containerPort"):
                    port["hostPort"] = port["containerPort"]


def _drop_init_container_annotations(obj: Object) -> None:
    annotations = (obj.get("metadata") or {}).get("annotations")
    if annotations:
        for key in _INIT_CONTAINER_ANNOTATIONS:
            annotations.pop(key, None)
        if not annotations:
            del obj["metadata"]["annotations"]


def _set_defaults_status(status: Object) -> None:
    ip, ips = status.get("podIP"), status.get("podIPs")
    if ip and (not ips or ips[0].get("ip", "") != ip):
        # An old kubelet writes podIP only; what it says replaces all addresses.
        status["podIPs"] = [{"ip": ip}]
    elif ips and not ip:
        status["podIP"] = ips[0].get("ip", "")
    for field in _STATUS_LISTS:
        for container in status.get(field) or ():
            if "allocatedResources" in container:
                round_resource_list(container["allocatedResources"])
            if "resources" in container:
                round_resources(container["resources"])
