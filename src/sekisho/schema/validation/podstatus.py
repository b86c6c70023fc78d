"""The status of Pods, which kubelet and scheduler write."""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.api import names
from sekisho.api.addresses import ip, is_ipv6
from sekisho.api.field import (
    ErrorList,
    Path,
    duplicate,
    forbidden,
    internal,
    invalid,
    not_supported,
    required,
    too_long,
)
from sekisho.api.objectmeta import validate_object_meta_update
from sekisho.api.types import Object
from sekisho.schema.validation import goform
from sekisho.schema.validation.common import (
    checked,
    immutable,
    label_errors,
    problems,
    qualified_name_errors,
)
from sekisho.schema.validation.options import PodOptions
from sekisho.schema.validation.podupdate import validate_pod_annotation_update

_STATUS = Path("status")
_SYSTEM_CONDITIONS = ("PodScheduled", "Ready", "Initialized")
_HEALTH = ("Healthy", "Unhealthy", "Unknown")
_LONGEST_HEALTH_MESSAGE = 32768
_LISTS = {
    "containerStatuses": "containers",
    "initContainerStatuses": "initContainers",
    "ephemeralContainerStatuses": "ephemeralContainers",
}


def validate_pod_status_update(new: Object, old: Object, options: PodOptions) -> ErrorList:
    """`new` has the spec of `old` already."""
    errors = validate_object_meta_update(new["metadata"], old["metadata"], Path("metadata"))
    errors += validate_pod_annotation_update(new, old, options)
    status: Object = new.get("status") or {}
    before: Object = old.get("status") or {}
    spec: Object = new.get("spec") or {}
    errors += _validate_conditions(status.get("conditions") or [], _STATUS.child("conditions"))
    errors += _validate_nomination(status.get("nominatedNodeName", ""), before, spec)
    generation = status.get("observedGeneration", 0)
    if generation < 0:
        errors.append(
            invalid(_STATUS.child("observedGeneration"), generation, "must be a non-negative integer")
        )
    errors += immutable(_STATUS.child("qosClass"), status.get("qosClass", ""), before.get("qosClass", ""))
    for field, containers in _LISTS.items():
        errors += _validate_transitions(
            status.get(field) or [], before.get(field) or [], spec, field, containers
        )
    errors += _validate_claim_statuses(status.get("resourceClaimStatuses") or [], spec)
    errors += _validate_extended_claim(status.get("extendedResourceClaimStatus"), spec)
    errors += _validate_addresses(
        status.get("podIPs") or [], before.get("podIPs") or [], _STATUS.child("podIPs")
    )
    errors += _validate_host_addresses(status, before)
    for field in _LISTS:
        errors += _validate_users(status.get(field) or [], spec, _STATUS.child(field))
    for field, containers in _LISTS.items():
        errors += _validate_devices(status.get(field) or [], spec.get(containers) or [], field)
    return errors


def _validate_conditions(conditions: list[Object], path: Path) -> ErrorList:
    errors: ErrorList = []
    for i, condition in enumerate(conditions):
        generation, kind = condition.get("observedGeneration", 0), condition.get("type", "")
        if generation < 0:
            at = path.index(i).child("observedGeneration")
            errors.append(invalid(at, generation, "must be a non-negative integer"))
        if kind not in _SYSTEM_CONDITIONS:
            errors += qualified_name_errors(path.index(i).child("Type"), kind)
    return errors


def _validate_nomination(name: str, before: Object, spec: Object) -> ErrorList:
    """The node that preemption makes room on; a pod that is bound needs none."""
    if not name or name == before.get("nominatedNodeName", ""):
        return []
    at = _STATUS.child("nominatedNodeName")
    errors = checked(at, name, names.dns1123_subdomain)
    if spec.get("nodeName"):
        errors.append(forbidden(at, "may not be set on pods that are already bound to a node"))
    return errors


def _validate_transitions(
    new: list[Object], old: list[Object], spec: Object, field: str, containers: str
) -> ErrorList:
    """A container that ended may come back only when something restarts it."""
    ephemeral = field == "ephemeralContainerStatuses"
    if not ephemeral and _all_could_restart(spec):
        return []
    errors: ErrorList = []
    for i, status in enumerate(old):
        ended = (status.get("state") or {}).get("terminated")
        if ended is None:
            continue
        name = status.get("name")
        revived = [
            s for s in new if s.get("name") == name and (s.get("state") or {}).get("terminated") is None
        ]
        if not ephemeral:
            revived = [] if _should_restart(name, ended, spec, containers) else revived[:1]
        at = _STATUS.child(field).index(i).child("state")
        errors += [forbidden(at, "may not be transitioned to non-terminated state") for _ in revived]
    return errors


def _all_could_restart(spec: Object) -> bool:
    """Whether some container's rule restarts all of them."""
    return any(
        rule.get("action") == "RestartAllContainers"
        for field in ("initContainers", "containers")
        for container in spec.get(field) or ()
        for rule in container.get("restartPolicyRules") or ()
    )


def _should_restart(name: str | None, ended: Object, spec: Object, field: str) -> bool:
    """By the first rule that speaks of the exit code, else the container's policy, else the pod's."""
    container = next((c for c in spec.get(field) or () if c.get("name") == name), None)
    if container is None:
        return False
    code = ended.get("exitCode", 0)
    for rule in container.get("restartPolicyRules") or ():
        codes = rule.get("exitCodes")
        if codes is not None and (code in (codes.get("values") or ())) == (codes.get("operator") == "In"):
            return True
    policy = container.get("restartPolicy") or spec.get("restartPolicy")
    return bool(policy == "Always" or (policy == "OnFailure" and code))


def _validate_claim_statuses(statuses: list[Object], spec: Object) -> ErrorList:
    errors: ErrorList = []
    known = {claim.get("name", "") for claim in spec.get("resourceClaims") or ()}
    seen: set[str] = set()
    for i, status in enumerate(statuses):
        at = _STATUS.child("resourceClaimStatuses").index(i).child("name")
        name, claim = status.get("name", ""), status.get("resourceClaimName")
        if name not in known:
            errors.append(invalid(at, name, "must match the name of an entry in `spec.resourceClaims`"))
        if name in seen:
            errors.append(duplicate(at, name))
        seen.add(name)
        if claim is not None:
            errors += checked(at, claim, names.dns1123_subdomain)
    return errors


def _validate_extended_claim(status: Object | None, spec: Object) -> ErrorList:
    """The claim that stands for extended resources (KEP-5004)."""
    if status is None:
        return []
    path = _STATUS.child("extendedResourceClaimStatus")
    mappings = status.get("requestMappings") or []
    errors: ErrorList = []
    if not mappings:
        errors.append(required(path.child("requestMappings"), "at least one request mapping is required"))
    containers = {
        container.get("name", ""): container
        for field in ("initContainers", "containers")
        for container in spec.get(field) or ()
    }
    seen: set[tuple[str, ...]] = set()
    for i, mapping in enumerate(mappings):
        at = path.child("requestMappings").index(i)
        parts = ("containerName", "resourceName", "requestName")
        key = tuple(mapping.get(part, "") for part in parts)
        errors += _validate_mapping(key[0], key[1], containers, at)
        errors += label_errors(path.child("requestName"), key[2])
        if key in seen:
            errors += [duplicate(at.child(part), value) for part, value in zip(parts, key, strict=True)]
        seen.add(key)
    name = status.get("resourceClaimName", "")
    at = path.child("resourceClaimName")
    return errors + (checked(at, name, names.dns1123_subdomain) if name else [required(at)])


def _validate_mapping(container: str, resource: str, containers: dict[str, Object], path: Path) -> ErrorList:
    if container not in containers:
        detail = "must match the name of an entry in spec.initContainers.name or spec.containers.name"
        return [invalid(path.child("containerName"), container, detail)]
    if resource in ((containers[container].get("resources") or {}).get("requests") or ()):
        return []
    detail = (
        "must match the extended resource name of an entry in spec.initContainers.resources.requests"
        " or spec.containers.resources.requests"
    )
    return [invalid(path.child("resourceName"), resource, detail)]


def _validate_addresses(new: list[Object], old: list[Object], path: Path) -> ErrorList:
    """New addresses must be good; at most one of each family."""
    addresses = [item.get("ip", "") for item in new]
    kept = {item.get("ip", "") for item in old}
    errors: ErrorList = []
    for i, address in enumerate(addresses):
        if address not in kept:
            errors += problems(path.index(i), address, ip(address))
    if len(addresses) > 1:
        bad = next((address for address in addresses if _is_no_address(address)), None)
        families = {is_ipv6(address) for address in addresses}
        if bad is not None:
            text = f"failed to check for dual stack with error:invalid IP address: {bad}"
            errors.append(internal(path, text))
        if bad is not None or len(families) != 2 or len(addresses) > 2:
            detail = "may specify no more than one IP for each IP family"
            errors.append(invalid(path, goform.ip_addresses(new), detail))
    return errors


def _is_no_address(text: str) -> bool:
    return any(problem.startswith("must be a valid IP address") for problem in ip(text))


def _validate_host_addresses(status: Object, before: Object) -> ErrorList:
    addresses = status.get("hostIPs") or []
    if not addresses:
        return []
    at = _STATUS.child("hostIPs")
    errors: ErrorList = []
    first = addresses[0].get("ip", "")
    if status.get("hostIP", "") != first:
        errors.append(invalid(at.index(0).child("ip"), first, "must be equal to `hostIP`"))
    return errors + _validate_addresses(addresses, before.get("hostIPs") or [], at)


def _validate_users(statuses: Iterable[Object], spec: Object, path: Path) -> ErrorList:
    """As whom the first process runs."""
    errors: ErrorList = []
    windows = (spec.get("os") or {}).get("name", "linux") == "windows"
    for i, status in enumerate(statuses):
        user = (status.get("user") or {}).get("linux")
        if user is None:
            continue
        at = path.index(i).child("user", "linux")
        if windows:
            errors.append(forbidden(at, "cannot be set for a windows pod"))
            continue
        for field in ("uid", "gid"):
            errors += problems(at.child(field), user.get(field, 0), names.user_id(user.get(field, 0)))
        for j, group in enumerate(user.get("supplementalGroups") or ()):
            errors += problems(at.child("supplementalGroups").index(j), group, names.group_id(group))
    return errors


def _validate_devices(statuses: list[Object], containers: list[Object], field: str) -> ErrorList:
    """The health of the devices a container got (KEP-4680); ephemeral containers get none."""
    errors: ErrorList = []
    by_name = {container.get("name", ""): container for container in containers}
    for i, status in enumerate(statuses):
        devices = status.get("allocatedResourcesStatus") or []
        at = _STATUS.child(field).index(i).child("allocatedResourcesStatus")
        if field == "ephemeralContainerStatuses":
            if devices:
                errors.append(forbidden(at, "must not be specified in container status"))
            continue
        container = by_name.get(status.get("name", ""))
        for j, device in enumerate(devices):
            if container is not None:
                errors += _validate_device_name(device.get("name", ""), container, at.index(j).child("name"))
            errors += _validate_health(device.get("resources") or [], at.index(j).child("resources"))
    return errors


def _validate_device_name(name: str, container: Object, path: Path) -> ErrorList:
    resources: Object = container.get("resources") or {}
    if name.startswith("claim:"):
        claims = (
            "claim:" + "/".join(filter(None, (claim.get("name", ""), claim.get("request", ""))))
            for claim in resources.get("claims") or ()
        )
        detail = (
            "must match one of the container's resource claims in a format 'claim:<claimName>/<request>'"
            " or 'claim:<claimName>' if request is empty"
        )
        return [] if name in claims else [invalid(path, name, detail)]
    if name in (resources.get("requests") or ()):
        return []
    return [invalid(path, name, "must match one of the container's resource requests")]


def _validate_health(resources: list[Object], path: Path) -> ErrorList:
    errors: ErrorList = []
    seen: set[str] = set()
    for i, resource in enumerate(resources):
        at = path.index(i)
        health, identity = resource.get("health", ""), resource.get("resourceID", "")
        if health not in _HEALTH:
            errors.append(not_supported(at.child("health"), health, _HEALTH))
        message = resource.get("message")
        if message == "":
            errors.append(required(at.child("message"), "must be non-empty if specified"))
        elif message is not None and len(message.encode()) > _LONGEST_HEALTH_MESSAGE:
            errors.append(too_long(at.child("message"), _LONGEST_HEALTH_MESSAGE))
        if identity in seen:
            errors.append(duplicate(at.child("resourceID"), identity))
        seen.add(identity)
    return errors
