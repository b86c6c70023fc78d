"""The spec of a pod, in a Pod and in the templates of workloads."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, duplicate, forbidden, invalid, not_found, required
from sekisho.api.objectmeta import validate_labels
from sekisho.api.types import Object
from sekisho.schema.podwalk import containers_with_paths
from sekisho.schema.validation import goform
from sekisho.schema.validation.affinity import validate_affinity
from sekisho.schema.validation.common import checked, label_errors, one_of
from sekisho.schema.validation.container import (
    Surroundings,
    validate_containers,
    validate_ephemeral_containers,
    validate_init_containers,
)
from sekisho.schema.validation.dns import (
    validate_dns_config,
    validate_host_aliases,
    validate_hostname_override,
)
from sekisho.schema.validation.options import PodOptions
from sekisho.schema.validation.podlevelresources import validate_pod_level_resources
from sekisho.schema.validation.resources import validate_container_resources
from sekisho.schema.validation.securitycontext import validate_host_users, validate_pod_security_context
from sekisho.schema.validation.tolerations import (
    validate_readiness_gates,
    validate_scheduling_gates,
    validate_tolerations,
)
from sekisho.schema.validation.topologyspread import validate_topology_spread
from sekisho.schema.validation.volume import validate_volumes
from sekisho.schema.validation.windows import validate_host_process, validate_os

MIRROR = "kubernetes.io/config.mirror"
"""The annotation of a static pod's image in the API: the kubelet made it, from a file."""

_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")
_LONGEST_DEADLINE = 2**31 - 1


def validate_pod_spec(spec: Object, metadata: Object | None, path: Path, options: PodOptions) -> ErrorList:
    """`metadata` is a Pod's, None for templates: ephemeral volumes and claims depend on it."""
    errors: ErrorList = []
    if spec.get("terminationGracePeriodSeconds") is None:
        errors.append(required(path.child("terminationGracePeriodSeconds")))
    volumes, found = validate_volumes(
        spec.get("volumes") or [], (metadata or {}).get("name", ""), path.child("volumes"), options
    )
    errors += found
    claims = {claim["name"] for claim in spec.get("resourceClaims") or () if claim.get("name")}
    if spec.get("resourceClaims"):
        errors += _validate_claims(spec["resourceClaims"], metadata, path.child("resourceClaims"))
    pod = Surroundings(
        volumes=volumes,
        claims=claims,
        grace_period=spec.get("terminationGracePeriodSeconds"),
        restart_policy=spec.get("restartPolicy", ""),
        host_users=spec.get("hostUsers") is not False,
        options=options,
    )
    errors += _validate_all_containers(spec, pod, path)
    errors += validate_pod_level_resources(spec, claims, path, options)
    if spec.get("hostNetwork"):
        errors += _validate_host_network_ports(spec, path, options)
    errors += one_of(path.child("restartPolicy"), pod.restart_policy, _RESTART_POLICIES)
    errors += one_of(path.child("dnsPolicy"), spec.get("dnsPolicy", ""), _DNS_POLICIES)
    errors += validate_labels(spec.get("nodeSelector"), path.child("nodeSelector"))
    errors += validate_pod_security_context(spec, path.child("securityContext"), options)
    if spec.get("affinity") is not None:
        errors += validate_affinity(spec["affinity"], path.child("affinity"), options)
    errors += validate_dns_config(spec.get("dnsConfig"), spec.get("dnsPolicy", ""), path.child("dnsConfig"))
    if spec.get("readinessGates"):
        errors += validate_readiness_gates(spec["readinessGates"], path.child("readinessGates"))
    if spec.get("schedulingGates"):
        errors += validate_scheduling_gates(spec["schedulingGates"], path.child("schedulingGates"))
    if spec.get("topologySpreadConstraints"):
        at = path.child("topologySpreadConstraints")
        errors += validate_topology_spread(spec["topologySpreadConstraints"], at, options)
    errors += validate_host_process(spec, path)
    errors += validate_host_users(spec, path, options)
    errors += validate_hostname_override(spec, path)
    errors += _validate_names(spec, path)
    if spec.get("tolerations"):
        errors += validate_tolerations(spec["tolerations"], path.child("tolerations"), options)
    if spec.get("hostAliases"):
        errors += validate_host_aliases(spec["hostAliases"], path.child("hostAliases"))
    return errors + _validate_rest(spec, path, options)


def _validate_all_containers(spec: Object, pod: Surroundings, path: Path) -> ErrorList:
    regular: list[Object] = spec.get("containers") or []
    init: list[Object] = spec.get("initContainers") or []
    errors = validate_containers(regular, pod, path.child("containers"))
    if init:
        errors += validate_init_containers(init, regular, pod, path.child("initContainers"))
    if spec.get("ephemeralContainers"):
        at = path.child("ephemeralContainers")
        errors += validate_ephemeral_containers(spec["ephemeralContainers"], regular + init, pod, at)
    return errors


def _validate_claims(claims: list[Object], metadata: Object | None, path: Path) -> ErrorList:
    """Resource claims (KEP-4381): by name or by template, never both."""
    errors: ErrorList = []
    seen: set[str] = set()
    static = MIRROR in ((metadata or {}).get("annotations") or ())
    for i, claim in enumerate(claims):
        if static:
            errors.append(forbidden(Path("[]"), "static pods do not support resource claims"))
        else:
            errors += _validate_claim(claim, seen, path.index(i))
    return errors


def _validate_claim(claim: Object, seen: set[str], path: Path) -> ErrorList:
    name = claim.get("name", "")
    errors: ErrorList = []
    if not name:
        errors.append(required(path.child("name")))
    elif name in seen:
        errors.append(duplicate(path.child("name"), name))
    else:
        errors += label_errors(path.child("name"), name)
        seen.add(name)
    named, template = claim.get("resourceClaimName"), claim.get("resourceClaimTemplateName")
    shown = goform.pod_resource_claim
    if named is not None and template is not None:
        detail = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
        errors.append(invalid(path, shown(claim), detail))
    if named is None and template is None:
        detail = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
        errors.append(invalid(path, shown(claim), detail))
    for field, value in (("resourceClaimName", named), ("resourceClaimTemplateName", template)):
        if value is not None:
            errors += checked(path.child(field), value, names.dns1123_subdomain)
    return errors


def _validate_host_network_ports(spec: Object, path: Path, options: PodOptions) -> ErrorList:
    """There a container's port is the host's. A template may leave that to the pod's defaults."""
    errors: ErrorList = []
    for i, container in enumerate(spec.get("containers") or ()):
        for j, port in enumerate(container.get("ports") or ()):
            host, inside = port.get("hostPort", 0), port.get("containerPort", 0)
            if (options.is_pod or host) and host != inside:
                at = path.child("containers").index(i).child("ports").index(j).child("hostPort")
                errors.append(invalid(at, host, "must match `containerPort` when `hostNetwork` is true"))
    return errors


def _validate_names(spec: Object, path: Path) -> ErrorList:
    """Where the pod runs, as whom, for how long, and what it is called."""
    errors: ErrorList = []
    for field in ("serviceAccountName", "nodeName"):
        if spec.get(field):
            errors += checked(path.child(field), spec[field], names.dns1123_subdomain)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _LONGEST_DEADLINE:
        detail = names.range_error(1, _LONGEST_DEADLINE)
        errors.append(invalid(path.child("activeDeadlineSeconds"), deadline, detail))
    for field in ("hostname", "subdomain"):
        if spec.get(field):
            errors += label_errors(path.child(field), spec[field])
    return errors


def _validate_rest(spec: Object, path: Path, options: PodOptions) -> ErrorList:
    errors: ErrorList = []
    if spec.get("priorityClassName"):
        errors += checked(path.child("priorityClassName"), spec["priorityClassName"], names.dns1123_subdomain)
    runtime = spec.get("runtimeClassName")
    if runtime is not None:
        errors += checked(path.child("runtimeClassName"), runtime, names.dns1123_subdomain)
    preemption = spec.get("preemptionPolicy")
    if preemption is not None:
        errors += one_of(path.child("preemptionPolicy"), preemption, _PREEMPTION_POLICIES)
    if spec.get("overhead"):
        overhead = {"limits": spec["overhead"]}
        errors += validate_container_resources(overhead, (), path.child("overhead"), options)
    errors += validate_os(spec, path)
    return errors + _validate_file_keys(spec, path)


def _validate_file_keys(spec: Object, path: Path) -> ErrorList:
    """Files that environment variables are read from lie in empty directories (KEP-3721)."""
    errors: ErrorList = []
    volumes: dict[str, Object] | None = None
    for container, at in containers_with_paths(spec, path):
        for i, variable in enumerate(container.get("env") or ()):
            source = variable.get("valueFrom")
            reference = source.get("fileKeyRef") if source else None
            if reference is None:
                continue
            if volumes is None:
                volumes = {volume.get("name", ""): volume for volume in spec.get("volumes") or ()}
            name = reference.get("volumeName", "")
            where = at.child("env").index(i).child("valueFrom", "fileKeyRef", "volumeName")
            if name not in volumes:
                errors.append(not_found(where, name))
            elif volumes[name].get("emptyDir") is None:
                errors.append(invalid(where, name, "referenced volume must be of type emptyDir"))
    return errors
