"""Which strategy serves which kind: one line a kind, and the generic strategy for all others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Any

from sekisho.registry.kinds import (
    admissionregistration,
    apiservices,
    apps,
    autoscaling,
    batch,
    certificates,
    configmaps,
    endpoints,
    events,
    flowcontrol,
    leases,
    limits,
    namespaces,
    networking,
    nodes,
    pods,
    policy,
    rbac,
    resource,
    revocations,
    scale,
    scheduling,
    secrets,
    serviceaccounts,
    servicecidrs,
    services,
    storage,
    templates,
)
from sekisho.registry.rest import Rest, Subresource
from sekisho.registry.strategy import StatusStrategy, Strategy
from sekisho.schema import identity
from sekisho.schema.resources import ResourceInfo

if TYPE_CHECKING:
    from sekisho.registry.registry import Registry

EVENT_TTL = 3600.0
"""Seconds that Events are kept, upstream's default of --event-ttl."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose and strategies have to know."""

    token_secrets_auto: bool = True
    """The era in which every ServiceAccount has a token Secret."""
    service_cidrs: tuple[IPv4Network | IPv6Network, ...] = (IPv4Network("10.96.0.0/16"),)
    event_ttl: float = EVENT_TTL


StrategyClass = Callable[[ResourceInfo], Strategy]

STRATEGIES: dict[tuple[str, str], StrategyClass] = {
    ("", "configmaps"): configmaps.ConfigMapStrategy,
    ("", "endpoints"): endpoints.EndpointsStrategy,
    ("", "events"): events.EventStrategy,
    ("", "limitranges"): limits.LimitRangeStrategy,
    ("", "namespaces"): namespaces.NamespaceStrategy,
    ("", "nodes"): nodes.NodeStrategy,
    ("", "pods"): pods.PodStrategy,
    ("", "podtemplates"): templates.PodTemplateStrategy,
    ("", "replicationcontrollers"): apps.ReplicationControllerStrategy,
    ("", "resourcequotas"): limits.ResourceQuotaStrategy,
    ("", "secrets"): secrets.SecretStrategy,
    ("", "serviceaccounts"): serviceaccounts.ServiceAccountStrategy,
    ("", "services"): services.ServiceStrategy,
    (
        "admissionregistration.k8s.io",
        "mutatingadmissionpolicies",
    ): admissionregistration.MutatingAdmissionPolicyStrategy,
    (
        "admissionregistration.k8s.io",
        "mutatingadmissionpolicybindings",
    ): admissionregistration.MutatingAdmissionPolicyBindingStrategy,
    (
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
    ): admissionregistration.WebhookConfigurationStrategy,
    (
        "admissionregistration.k8s.io",
        "validatingadmissionpolicies",
    ): admissionregistration.ValidatingAdmissionPolicyStrategy,
    (
        "admissionregistration.k8s.io",
        "validatingadmissionpolicybindings",
    ): admissionregistration.ValidatingAdmissionPolicyBindingStrategy,
    (
        "admissionregistration.k8s.io",
        "validatingwebhookconfigurations",
    ): admissionregistration.WebhookConfigurationStrategy,
    ("apiregistration.k8s.io", "apiservices"): apiservices.APIServiceStrategy,
    ("apps", "controllerrevisions"): templates.ControllerRevisionStrategy,
    ("apps", "daemonsets"): apps.DaemonSetStrategy,
    ("apps", "deployments"): apps.DeploymentStrategy,
    ("apps", "replicasets"): apps.ReplicaSetStrategy,
    ("apps", "statefulsets"): apps.StatefulSetStrategy,
    ("autoscaling", "horizontalpodautoscalers"): autoscaling.AutoscalerStrategy,
    ("batch", "cronjobs"): batch.CronJobStrategy,
    ("batch", "jobs"): batch.JobStrategy,
    ("certificates.k8s.io", "certificatesigningrequests"): certificates.CertificateSigningRequestStrategy,
    ("coordination.k8s.io", "leases"): leases.LeaseStrategy,
    ("discovery.k8s.io", "endpointslices"): endpoints.EndpointSliceStrategy,
    ("events.k8s.io", "events"): events.EventStrategy,
    ("flowcontrol.apiserver.k8s.io", "flowschemas"): flowcontrol.FlowSchemaStrategy,
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"): flowcontrol.PriorityLevelStrategy,
    ("networking.k8s.io", "ingressclasses"): networking.IngressClassStrategy,
    ("networking.k8s.io", "ingresses"): networking.IngressStrategy,
    ("networking.k8s.io", "ipaddresses"): servicecidrs.IPAddressStrategy,
    ("networking.k8s.io", "networkpolicies"): networking.NetworkPolicyStrategy,
    ("networking.k8s.io", "servicecidrs"): servicecidrs.ServiceCIDRStrategy,
    ("node.k8s.io", "runtimeclasses"): scheduling.RuntimeClassStrategy,
    ("policy", "poddisruptionbudgets"): policy.DisruptionBudgetStrategy,
    (identity.GROUP, "revocations"): revocations.RevocationStrategy,
    ("rbac.authorization.k8s.io", "clusterrolebindings"): rbac.ClusterRoleBindingStrategy,
    ("rbac.authorization.k8s.io", "clusterroles"): rbac.ClusterRoleStrategy,
    ("rbac.authorization.k8s.io", "rolebindings"): rbac.RoleBindingStrategy,
    ("rbac.authorization.k8s.io", "roles"): rbac.RoleStrategy,
    ("resource.k8s.io", "deviceclasses"): resource.DeviceClassStrategy,
    ("resource.k8s.io", "resourceclaims"): resource.ResourceClaimStrategy,
    ("resource.k8s.io", "resourceclaimtemplates"): resource.ResourceClaimTemplateStrategy,
    ("resource.k8s.io", "resourceslices"): resource.ResourceSliceStrategy,
    ("scheduling.k8s.io", "priorityclasses"): scheduling.PriorityClassStrategy,
    ("storage.k8s.io", "csidrivers"): storage.CSIDriverStrategy,
    ("storage.k8s.io", "csinodes"): storage.CSINodeStrategy,
    ("storage.k8s.io", "csistoragecapacities"): storage.CSIStorageCapacityStrategy,
    ("storage.k8s.io", "storageclasses"): storage.StorageClassStrategy,
    ("storage.k8s.io", "volumeattachments"): storage.VolumeAttachmentStrategy,
    ("storage.k8s.io", "volumeattributesclasses"): storage.VolumeAttributesClassStrategy,
}

STATUS_STRATEGIES: dict[tuple[str, str], Callable[[ResourceInfo, Strategy], Strategy]] = {
    ("", "namespaces"): namespaces.NamespaceStatusStrategy,
    ("", "nodes"): nodes.NodeStatusStrategy,
    ("", "pods"): pods.PodStatusStrategy,
    ("", "replicationcontrollers"): apps.ReplicaStatusStrategy,
    ("", "resourcequotas"): limits.ResourceQuotaStatusStrategy,
    ("", "services"): services.ServiceStatusStrategy,
    (
        "admissionregistration.k8s.io",
        "validatingadmissionpolicies",
    ): admissionregistration.ValidatingAdmissionPolicyStatusStrategy,
    ("apiregistration.k8s.io", "apiservices"): apiservices.APIServiceStatusStrategy,
    ("apps", "daemonsets"): apps.DaemonSetStatusStrategy,
    ("apps", "deployments"): apps.DeploymentStatusStrategy,
    ("apps", "replicasets"): apps.ReplicaStatusStrategy,
    ("apps", "statefulsets"): apps.StatefulSetStatusStrategy,
    ("autoscaling", "horizontalpodautoscalers"): autoscaling.AutoscalerStatusStrategy,
    ("batch", "jobs"): batch.JobStatusStrategy,
    ("certificates.k8s.io", "certificatesigningrequests"): certificates.CSRStatusStrategy,
    ("flowcontrol.apiserver.k8s.io", "flowschemas"): flowcontrol.FlowControlStatusStrategy,
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"): flowcontrol.FlowControlStatusStrategy,
    ("networking.k8s.io", "ingresses"): networking.IngressStatusStrategy,
    ("networking.k8s.io", "servicecidrs"): servicecidrs.ServiceCIDRStatusStrategy,
    ("policy", "poddisruptionbudgets"): policy.DisruptionBudgetStatusStrategy,
    ("resource.k8s.io", "resourceclaims"): resource.ResourceClaimStatusStrategy,
    ("storage.k8s.io", "volumeattachments"): storage.VolumeAttachmentStatusStrategy,
}

OTHER_VIEWS: dict[tuple[str, str, str], Callable[[ResourceInfo, Strategy], Strategy]] = {
    ("", "namespaces", "finalize"): namespaces.NamespaceFinalizeStrategy,
    ("", "pods", "ephemeralcontainers"): pods.EphemeralContainersStrategy,
    ("", "pods", "resize"): pods.ResizeStrategy,
    ("certificates.k8s.io", "certificatesigningrequests", "approval"): certificates.CSRApprovalStrategy,
}
"""Subresources that are written like the object itself, by another strategy."""

SPECIAL: dict[tuple[str, str], Callable[[Registry, Rest], Subresource]] = {
    ("pods", "binding"): pods.BindingSubresource,
    ("pods", "eviction"): pods.EvictionSubresource,
}
"""Subresources of another kind than their object, by (resource, subresource)."""

VIRTUAL: dict[tuple[str, str], Callable[[Registry, Rest], Subresource]] = {
    ("", "bindings"): pods.BindingSubresource,
}
"""Resources that are only created and never stored, by (group, resource)."""

TRACKS_GENERATION = frozenset(
    [
        "daemonsets",
        "deployments",
        "statefulsets",
        "replicasets",
        "replicationcontrollers",
        "jobs",
        "cronjobs",
        "pods",
        "podtemplates",
        "ingresses",
        "ingressclasses",
        "networkpolicies",
        "poddisruptionbudgets",
        "priorityclasses",
        "endpointslices",
        "flowschemas",
        "prioritylevelconfigurations",
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
        "resourceslices",
        "deviceclasses",
        "resourceclaimtemplates",
        "customresourcedefinitions",
    ]
)
"""Kinds whose generation counts changes of their spec; the others have none."""

CREATE_ON_UPDATE = frozenset(
    [
        "leases",
        "leasecandidates",
        "events",
        "endpoints",
        "services",
        "limitranges",
        "runtimeclasses",
        "roles",
        "rolebindings",
        "clusterroles",
        "clusterrolebindings",
    ]
)

NO_UNCONDITIONAL_UPDATE = frozenset(
    [
        "customresourcedefinitions",
        "leases",
        "poddisruptionbudgets",
        "runtimeclasses",
        "csidrivers",
        "csinodes",
        "volumeattachments",
        "csistoragecapacities",
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
    ]
)

RETURNS_DELETED = frozenset(
    [
        "pods",
        "services",
        "serviceaccounts",
        "podtemplates",
        "persistentvolumes",
        "persistentvolumeclaims",
        "resourcequotas",
        "storageclasses",
        "csidrivers",
        "csinodes",
        "volumeattachments",
        "volumeattributesclasses",
        "deviceclasses",
        "resourceclaims",
        "resourceclaimtemplates",
        "resourceslices",
        "namespaces",
    ]
)
"""Kinds whose delete answers with the last object instead of a Status."""


def strategy_for(info: ResourceInfo, settings: Settings) -> Strategy:
    """The strategy of a resource, with the facts that tables of kinds hold set on it."""
    made = STRATEGIES.get((info.group, info.resource), Strategy)(info)
    resource = info.resource
    made.tracks_generation = resource in TRACKS_GENERATION
    made.create_on_update = made.create_on_update or resource in CREATE_ON_UPDATE
    made.unconditional_update = made.unconditional_update and resource not in NO_UNCONDITIONAL_UPDATE
    made.returns_deleted_object = resource in RETURNS_DELETED
    made.configure(settings)
    return made


def ttl(info: ResourceInfo, settings: Settings) -> float | None:
    """Seconds after which objects of the kind vanish by themselves."""
    return settings.event_ttl if info.key_prefix == "events" else None


def add_subresources(registry: Registry, rest: Rest) -> None:
    """Install what the resource table says the resource has and this server knows how to answer."""
    info = rest.info
    virtual = VIRTUAL.get((info.group, info.resource))
    if virtual is not None:
        rest.virtual = virtual(registry, rest)
    for name in info.subresources:
        found = _subresource(registry, rest, name)
        if found is not None:
            rest.subresources[name] = found


def _subresource(registry: Registry, rest: Rest, name: str) -> Any:
    info = rest.info
    special = SPECIAL.get((info.resource, name))
    if special is not None:
        return special(registry, rest)
    if name == "scale":
        return scale.ScaleSubresource(rest)
    view = OTHER_VIEWS.get((info.group, info.resource, name))
    if view is None and name == "status":
        view = STATUS_STRATEGIES.get((info.group, info.resource), StatusStrategy)
    if view is None:
        return None
    return replace(rest, strategy=view(info, rest.strategy), subresource=name, subresources={})
