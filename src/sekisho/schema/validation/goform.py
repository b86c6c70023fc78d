"""How Go prints its internal structs in messages: capital names, no omissions, `null` for what is absent.

Upstream puts the bad value of some errors into the message as JSON of its internal types, which carry no
JSON tags. Only the structs that appear in messages are described here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sekisho.api.types import Object

Form = Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def listing(form: Form) -> Form:
    """A slice: nil stays `null`."""
    return lambda value: None if value is None else [form(item) for item in value]


def pointer(form: Form) -> Form:
    """A pointer to a struct: nil is `null`."""
    return lambda value: None if value is None else form(value)


def struct(*fields: tuple[str, str, Form, Any]) -> Form:
    """Fields as (Go's name, JSON name, form, what stands for an absent one)."""

    def convert(value: Object | None) -> Object:
        source = value or {}
        return {
            go_name: form(source[name]) if source.get(name) is not None else absent
            for go_name, name, form, absent in fields
        }

    return convert


def _optional(go_name: str, name: str, form: Form = _same) -> tuple[str, str, Form, Any]:
    return go_name, name, form, None


def _text(go_name: str, name: str) -> tuple[str, str, Form, Any]:
    return go_name, name, _same, ""


_capabilities = struct(_optional("Add", "add"), _optional("Drop", "drop"))
_selinux_options = struct(
    _text("User", "user"), _text("Role", "role"), _text("Type", "type"), _text("Level", "level")
)
_windows_options = struct(
    _optional("GMSACredentialSpecName", "gmsaCredentialSpecName"),
    _optional("GMSACredentialSpec", "gmsaCredentialSpec"),
    _optional("RunAsUserName", "runAsUserName"),
    _optional("HostProcess", "hostProcess"),
)
_apparmor_profile = struct(_text("Type", "type"), _optional("LocalhostProfile", "localhostProfile"))

seccomp_profile = struct(_text("Type", "type"), _optional("LocalhostProfile", "localhostProfile"))

security_context = struct(
    _optional("Capabilities", "capabilities", _capabilities),
    _optional("Privileged", "privileged"),
    _optional("SELinuxOptions", "seLinuxOptions", _selinux_options),
    _optional("WindowsOptions", "windowsOptions", _windows_options),
    _optional("RunAsUser", "runAsUser"),
    _optional("RunAsGroup", "runAsGroup"),
    _optional("RunAsNonRoot", "runAsNonRoot"),
    _optional("ReadOnlyRootFilesystem", "readOnlyRootFilesystem"),
    _optional("AllowPrivilegeEscalation", "allowPrivilegeEscalation"),
    _optional("ProcMount", "procMount"),
    _optional("SeccompProfile", "seccompProfile", seccomp_profile),
    _optional("AppArmorProfile", "appArmorProfile", _apparmor_profile),
)

pod_resource_claim = struct(
    _text("Name", "name"),
    _optional("ResourceClaimName", "resourceClaimName"),
    _optional("ResourceClaimTemplateName", "resourceClaimTemplateName"),
)

_node_selector_requirement = struct(
    _text("Key", "key"), _text("Operator", "operator"), _optional("Values", "values")
)

node_selector_term = struct(
    _optional("MatchExpressions", "matchExpressions", listing(_node_selector_requirement)),
    _optional("MatchFields", "matchFields", listing(_node_selector_requirement)),
)

node_selector_terms = listing(node_selector_term)

node_selector = struct(_optional("NodeSelectorTerms", "nodeSelectorTerms", node_selector_terms))

volume_node_affinity = pointer(struct(_optional("Required", "required", node_selector)))

ip_addresses = listing(struct(_text("IP", "ip")))
"""PodIPs and HostIPs of a pod's status."""

taint = struct(
    _text("Key", "key"),
    _text("Value", "value"),
    _text("Effect", "effect"),
    _optional("TimeAdded", "timeAdded"),
)

service_port = struct(
    _text("Name", "name"),
    _text("Protocol", "protocol"),
    _optional("AppProtocol", "appProtocol"),
    ("Port", "port", _same, 0),
    ("TargetPort", "targetPort", _same, 0),
    ("NodePort", "nodePort", _same, 0),
)

_rolling_update = struct(("MaxUnavailable", "maxUnavailable", _same, 0), ("MaxSurge", "maxSurge", _same, 0))

surge_strategy = struct(_text("Type", "type"), _optional("RollingUpdate", "rollingUpdate", _rolling_update))
"""The update strategy of a Deployment or a DaemonSet."""

partition = struct(("Partition", "partition", _same, 0), _optional("MaxUnavailable", "maxUnavailable"))
"""The parameters of a StatefulSet's rolling update."""

partition_strategy = struct(_text("Type", "type"), _optional("RollingUpdate", "rollingUpdate", partition))

disruption_budget = struct(
    _optional("MinAvailable", "minAvailable"),
    _optional("Selector", "selector"),
    _optional("MaxUnavailable", "maxUnavailable"),
    _optional("UnhealthyPodEvictionPolicy", "unhealthyPodEvictionPolicy"),
)

_exit_codes = struct(
    _optional("ContainerName", "containerName"), _text("Operator", "operator"), _optional("Values", "values")
)
_pod_condition = struct(_text("Type", "type"), _text("Status", "status"))
_failure_rule = struct(
    _text("Action", "action"),
    _optional("OnExitCodes", "onExitCodes", _exit_codes),
    _optional("OnPodConditions", "onPodConditions", listing(_pod_condition)),
)

pod_failure_policy = pointer(struct(_optional("Rules", "rules", listing(_failure_rule))))

_success_rule = struct(
    _optional("SucceededIndexes", "succeededIndexes"), _optional("SucceededCount", "succeededCount")
)

success_policy = pointer(struct(_optional("Rules", "rules", listing(_success_rule))))

uncounted_pods = struct(_optional("Succeeded", "succeeded"), _optional("Failed", "failed"))
