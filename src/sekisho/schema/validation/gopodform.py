"""A pod template as Go prints upstream's internal one, for the message that a Job's template is immutable.

Struct fields stand in the internal types' order, which is not that of the API. Volume sources that are rare in
Jobs are printed by rule instead of by table: their own fields' order, capitalised.
"""

from __future__ import annotations

from typing import Any

from sekisho.api.types import Object
from sekisho.schema.validation.goform import (
    Form,
    listing,
    node_selector,
    node_selector_term,
    seccomp_profile,
    security_context,
    struct,
)

_Fields = tuple[tuple[str, str, Form, Any], ...]


def _same(value: Any) -> Any:
    return value


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _absent_as(absent: Any, names: str, form: Form = _same) -> _Fields:
    """Fields that print `absent` when they are; names as `GoName` or, where Go's differs, `GoName=jsonName`."""
    fields = []
    for name in names.split():
        go_name, _, json_name = name.partition("=")
        fields.append((go_name, json_name or go_name[:1].lower() + go_name[1:], form, absent))
    return tuple(fields)


def _texts(names: str) -> _Fields:
    return _absent_as("", names)


def _numbers(names: str) -> _Fields:
    return _absent_as(0, names)


def _flags(names: str) -> _Fields:
    return _absent_as(False, names)


def _pointers(names: str, form: Form = _same) -> _Fields:
    """Pointers, maps and slices: `null` when absent."""
    return _absent_as(None, names, form)


def _parts(names: str, form: Form) -> _Fields:
    """Structs, which are printed with all their fields when they are absent."""
    return _absent_as(form(None), names, form)


def _by_rule(value: Any) -> Any:
    """Any struct, its fields in the order in which they come."""
    if isinstance(value, dict):
        return {_capital(key): _by_rule(item) for key, item in value.items()}
    return [_by_rule(item) for item in value] if isinstance(value, list) else value


_key_to_path = struct(*_texts("Key Path"), *_pointers("Mode"))
_field_ref = struct(*_texts("APIVersion=apiVersion FieldPath"))
_resource_field_ref = struct(*_texts("ContainerName Resource"), *_absent_as("0", "Divisor"))
_downward_file = struct(
    *_texts("Path"),
    *_pointers("FieldRef", _field_ref),
    *_pointers("ResourceFieldRef", _resource_field_ref),
    *_pointers("Mode"),
)
_items = _pointers("Items", listing(_key_to_path))
_projection = struct(*_texts("Name"), *_items, *_pointers("Optional"))
_projected_source = struct(
    *_pointers("Secret", _projection),
    *_pointers("DownwardAPI=downwardAPI", struct(*_pointers("Items", listing(_downward_file)))),
    *_pointers("ConfigMap", _projection),
    *_pointers(
        "ServiceAccountToken", struct(*_texts("Audience"), *_numbers("ExpirationSeconds"), *_texts("Path"))
    ),
    *_pointers("ClusterTrustBundle PodCertificate", _by_rule),
)
_volume = struct(
    *_texts("Name"),
    *_pointers("HostPath", struct(*_texts("Path"), *_pointers("Type"))),
    *_pointers("EmptyDir", struct(*_texts("Medium"), *_pointers("SizeLimit"))),
    *_pointers(
        "GCEPersistentDisk=gcePersistentDisk AWSElasticBlockStore=awsElasticBlockStore GitRepo", _by_rule
    ),
    *_pointers("Secret", struct(*_texts("SecretName"), *_items, *_pointers("DefaultMode Optional"))),
    *_pointers("NFS=nfs", struct(*_texts("Server Path"), *_flags("ReadOnly"))),
    *_pointers("ISCSI=iscsi Glusterfs", _by_rule),
    *_pointers("PersistentVolumeClaim", struct(*_texts("ClaimName"), *_flags("ReadOnly"))),
    *_pointers("RBD=rbd Quobyte FlexVolume Cinder CephFS=cephfs Flocker", _by_rule),
    *_pointers(
        "DownwardAPI=downwardAPI",
        struct(*_pointers("Items", listing(_downward_file)), *_pointers("DefaultMode")),
    ),
    *_pointers("FC=fc AzureFile", _by_rule),
    *_pointers("ConfigMap", struct(*_texts("Name"), *_items, *_pointers("DefaultMode Optional"))),
    *_pointers("VsphereVolume AzureDisk PhotonPersistentDisk", _by_rule),
    *_pointers(
        "Projected", struct(*_pointers("Sources", listing(_projected_source)), *_pointers("DefaultMode"))
    ),
    *_pointers("PortworxVolume ScaleIO=scaleIO StorageOS=storageos", _by_rule),
    *_pointers(
        "CSI=csi",
        struct(
            *_texts("Driver"),
            *_pointers("ReadOnly FSType=fsType VolumeAttributes"),
            *_pointers("NodePublishSecretRef", struct(*_texts("Name"))),
        ),
    ),
    *_pointers("Ephemeral", _by_rule),
    *_pointers("Image", struct(*_texts("Reference PullPolicy"))),
)

_exec = struct(*_pointers("Command"))
_header = struct(*_texts("Name Value"))
_http_get = struct(
    *_texts("Path"),
    *_numbers("Port"),
    *_texts("Host Scheme"),
    *_pointers("HTTPHeaders=httpHeaders", listing(_header)),
)
_tcp_socket = struct(*_numbers("Port"), *_texts("Host"))
_handler = (
    *_pointers("Exec", _exec),
    *_pointers("HTTPGet=httpGet", _http_get),
    *_pointers("TCPSocket=tcpSocket", _tcp_socket),
)
_probe = struct(
    *_handler,
    *_pointers("GRPC=grpc", struct(*_numbers("Port"), *_pointers("Service"))),
    *_numbers("InitialDelaySeconds TimeoutSeconds PeriodSeconds SuccessThreshold FailureThreshold"),
    *_pointers("TerminationGracePeriodSeconds"),
)
_hook = struct(*_handler, *_pointers("Sleep", struct(*_numbers("Seconds"))))
_lifecycle = struct(*_pointers("PostStart PreStop", _hook), *_pointers("StopSignal"))
_key_ref = struct(*_texts("Name Key"), *_pointers("Optional"))
_env_source = struct(
    *_pointers("FieldRef", _field_ref),
    *_pointers("ResourceFieldRef", _resource_field_ref),
    *_pointers("ConfigMapKeyRef SecretKeyRef", _key_ref),
    *_pointers("FileKeyRef", struct(*_texts("VolumeName Path Key"), *_pointers("Optional"))),
)
_env = struct(*_texts("Name Value"), *_pointers("ValueFrom", _env_source))
_env_from = struct(
    *_texts("Prefix"), *_pointers("ConfigMapRef SecretRef", struct(*_texts("Name"), *_pointers("Optional")))
)
_port = struct(*_texts("Name"), *_numbers("HostPort ContainerPort"), *_texts("Protocol HostIP"))
_resources = struct(
    *_pointers("Limits Requests"), *_pointers("Claims", listing(struct(*_texts("Name Request"))))
)
_resize_policy = struct(*_texts("ResourceName RestartPolicy"))
_restart_rule = struct(
    *_texts("Action"), *_pointers("ExitCodes", struct(*_texts("Operator"), *_pointers("Values")))
)
_mount = struct(
    *_texts("Name"),
    *_flags("ReadOnly"),
    *_pointers("RecursiveReadOnly"),
    *_texts("MountPath SubPath"),
    *_pointers("MountPropagation"),
    *_texts("SubPathExpr"),
)
_container_fields = (
    *_texts("Name Image"),
    *_pointers("Command Args"),
    *_texts("WorkingDir"),
    *_pointers("Ports", listing(_port)),
    *_pointers("EnvFrom", listing(_env_from)),
    *_pointers("Env", listing(_env)),
    *_parts("Resources", _resources),
    *_pointers("ResizePolicy", listing(_resize_policy)),
    *_pointers("RestartPolicy"),
    *_pointers("RestartPolicyRules", listing(_restart_rule)),
    *_pointers("VolumeMounts", listing(_mount)),
    *_pointers("VolumeDevices", listing(struct(*_texts("Name DevicePath")))),
    *_pointers("LivenessProbe ReadinessProbe StartupProbe", _probe),
    *_pointers("Lifecycle", _lifecycle),
    *_texts("TerminationMessagePath TerminationMessagePolicy ImagePullPolicy"),
    *_pointers("SecurityContext", security_context),
    *_flags("Stdin StdinOnce TTY=tty"),
)
_container = struct(*_container_fields)
_ephemeral_container = struct(*_container_fields, *_texts("TargetContainerName"))

_selinux = struct(*_texts("User Role Type Level"))
_windows = struct(
    *_pointers(
        "GMSACredentialSpecName=gmsaCredentialSpecName GMSACredentialSpec=gmsaCredentialSpec RunAsUserName HostProcess"
    )
)
_pod_security_fields = (
    *_pointers("SELinuxOptions=seLinuxOptions", _selinux),
    *_pointers("WindowsOptions", _windows),
    *_pointers(
        "RunAsUser RunAsGroup RunAsNonRoot SupplementalGroups SupplementalGroupsPolicy"
        " FSGroup=fsGroup FSGroupChangePolicy=fsGroupChangePolicy"
    ),
    *_pointers("Sysctls", listing(_header)),
    *_pointers("SeccompProfile", seccomp_profile),
    *_pointers("AppArmorProfile", seccomp_profile),
    *_pointers("SELinuxChangePolicy=seLinuxChangePolicy"),
)
_pod_security = struct(
    *_flags("HostNetwork HostPID HostIPC"),
    *_pointers("ShareProcessNamespace HostUsers"),
    *_pod_security_fields,
)
_OF_THE_SPEC = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers")
"""Fields of the API's pod spec that are part of the security context internally."""

_preferred_node = struct(*_numbers("Weight"), *_parts("Preference", node_selector_term))
_pod_term = struct(
    *_pointers("LabelSelector Namespaces"),
    *_texts("TopologyKey"),
    *_pointers("NamespaceSelector MatchLabelKeys MismatchLabelKeys"),
)
_preferred_pod = struct(*_numbers("Weight"), *_parts("PodAffinityTerm", _pod_term))
_pod_affinity = struct(
    *_pointers("RequiredDuringSchedulingIgnoredDuringExecution", listing(_pod_term)),
    *_pointers("PreferredDuringSchedulingIgnoredDuringExecution", listing(_preferred_pod)),
)
_node_affinity = struct(
    *_pointers("RequiredDuringSchedulingIgnoredDuringExecution", node_selector),
    *_pointers("PreferredDuringSchedulingIgnoredDuringExecution", listing(_preferred_node)),
)
_affinity = struct(
    *_pointers("NodeAffinity", _node_affinity), *_pointers("PodAffinity PodAntiAffinity", _pod_affinity)
)
_toleration = struct(*_texts("Key Operator Value Effect"), *_pointers("TolerationSeconds"))
_dns_config = struct(
    *_pointers("Nameservers Searches"),
    *_pointers("Options", listing(struct(*_texts("Name"), *_pointers("Value")))),
)
_spread = struct(
    *_numbers("MaxSkew"),
    *_texts("TopologyKey WhenUnsatisfiable"),
    *_pointers("LabelSelector MinDomains NodeAffinityPolicy NodeTaintsPolicy MatchLabelKeys"),
)
_claim = struct(*_texts("Name"), *_pointers("ResourceClaimName ResourceClaimTemplateName"))
_pod_spec = struct(
    *_pointers("Volumes", listing(_volume)),
    *_pointers("InitContainers Containers", listing(_container)),
    *_pointers("EphemeralContainers", listing(_ephemeral_container)),
    *_texts("RestartPolicy"),
    *_pointers("TerminationGracePeriodSeconds ActiveDeadlineSeconds"),
    *_texts("DNSPolicy=dnsPolicy"),
    *_pointers("NodeSelector"),
    *_texts("ServiceAccountName"),
    *_pointers("AutomountServiceAccountToken"),
    *_texts("NodeName"),
    *_pointers("SecurityContext", _pod_security),
    *_pointers("ImagePullSecrets", listing(struct(*_texts("Name")))),
    *_texts("Hostname Subdomain"),
    *_pointers("SetHostnameAsFQDN"),
    *_pointers("Affinity", _affinity),
    *_texts("SchedulerName"),
    *_pointers("Tolerations", listing(_toleration)),
    *_pointers("HostAliases", listing(struct(*_texts("IP=ip"), *_pointers("Hostnames")))),
    *_texts("PriorityClassName"),
    *_pointers("Priority PreemptionPolicy"),
    *_pointers("DNSConfig=dnsConfig", _dns_config),
    *_pointers("ReadinessGates", listing(struct(*_texts("ConditionType")))),
    *_pointers("RuntimeClassName Overhead EnableServiceLinks"),
    *_pointers("TopologySpreadConstraints", listing(_spread)),
    *_pointers("OS=os", struct(*_texts("Name"))),
    *_pointers("SchedulingGates", listing(struct(*_texts("Name")))),
    *_pointers("ResourceClaims", listing(_claim)),
    *_pointers("Resources", _resources),
    *_pointers("HostnameOverride"),
    *_pointers("SchedulingGroup", _by_rule),
)


def pod_template(template: Object) -> Object:
    """The metadata's fields, which keep their JSON names, and the spec."""
    spec: Object = template.get("spec") or {}
    moved = {key: spec[key] for key in _OF_THE_SPEC if key in spec}
    context = {**(spec.get("securityContext") or {}), **moved}
    return {
        **(template.get("metadata") or {}),
        "Spec": _pod_spec({**spec, "securityContext": context}),
    }
