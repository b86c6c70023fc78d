"""Containers, init containers and ephemeral containers of a pod."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sekisho.api import names
from sekisho.api.field import (
    ErrorList,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_found,
    required,
)
from sekisho.api.types import Object
from sekisho.schema.podwalk import is_sidecar
from sekisho.schema.validation.common import one_of, problems
from sekisho.schema.validation.containerrestart import validate_container_restart
from sekisho.schema.validation.env import validate_env, validate_env_from
from sekisho.schema.validation.options import PodOptions
from sekisho.schema.validation.probe import validate_lifecycle, validate_probes
from sekisho.schema.validation.resources import validate_container_resources
from sekisho.schema.validation.securitycontext import validate_security_context
from sekisho.schema.validation.volume import PULL_POLICIES, Volumes
from sekisho.schema.validation.volumemount import validate_volume_devices, validate_volume_mounts

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
_RESIZE_RESOURCES = ("cpu", "memory")
_RESIZE_POLICIES = ("NotRequired", "RestartContainer")
_NOT_FOR_INIT = "may not be set for init containers without restartPolicy=Always"
_NOT_FOR_EPHEMERAL = "cannot be set for an Ephemeral Container"
_FORBIDDEN_IN_EPHEMERAL = {
    "ports": False,
    "resources": False,
    "resizePolicy": False,
    "restartPolicy": True,
    "restartPolicyRules": False,
    "livenessProbe": True,
    "readinessProbe": True,
    "startupProbe": True,
    "lifecycle": True,
}
"""Whether an empty value counts: it does where Go has a pointer."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rules of a container need to know of its pod."""

    volumes: Volumes
    claims: Collection[str]
    grace_period: int | None
    restart_policy: str
    host_users: bool
    options: PodOptions


def validate_containers(containers: list[Object], pod: Surroundings, path: Path) -> ErrorList:
    if not containers:
        return [required(path)]
    errors: ErrorList = []
    seen: set[str] = set()
    for i, container in enumerate(containers):
        at = path.index(i)
        errors += _validate_common(container, pod, at)
        name = container.get("name", "")
        if name in seen:
            errors.append(duplicate(at.child("name"), name))
        seen.add(name)
        if container.get("lifecycle") is not None:
            errors += validate_lifecycle(container["lifecycle"], pod.grace_period, at.child("lifecycle"))
        errors += validate_probes(container, pod.grace_period, at)
        errors += validate_container_restart(container, at)
    return errors + validate_host_port_conflicts(containers, path)


def validate_init_containers(
    containers: list[Object], regular: list[Object], pod: Surroundings, path: Path
) -> ErrorList:
    errors: ErrorList = []
    seen = {container.get("name", "") for container in regular}
    for i, container in enumerate(containers):
        at = path.index(i)
        errors += _validate_common(container, pod, at)
        errors += validate_container_restart(container, at)
        name = container.get("name", "")
        if name in seen:
            errors.append(duplicate(at.child("name"), name))
        elif name:
            seen.add(name)
        # They run one by one, so only ports of the same one can collide; upstream counts from 0 in each.
        errors += validate_host_port_conflicts([container], path)
        errors += _validate_lifespan(container, pod, at)
    return errors


def _validate_lifespan(container: Object, pod: Surroundings, path: Path) -> ErrorList:
    """What a sidecar may have, and an init container that ends may not."""
    if is_sidecar(container):
        lifecycle = container.get("lifecycle")
        found = (
            []
            if lifecycle is None
            else validate_lifecycle(lifecycle, pod.grace_period, path.child("lifecycle"))
        )
        return found + validate_probes(container, pod.grace_period, path)
    errors = [
        forbidden(path.child(field), _NOT_FOR_INIT)
        for field in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
        if container.get(field) is not None
    ]
    if not pod.options.restart_container_of_init:
        for i, policy in enumerate(container.get("resizePolicy") or ()):
            if policy.get("restartPolicy") == "RestartContainer":
                at = path.child("resizePolicy").index(i).child("restartPolicy")
                detail = "must not be set to 'RestartContainer' for non-sidecar initContainers"
                errors.append(invalid(at, "RestartContainer", detail))
    return errors


def validate_ephemeral_containers(
    ephemeral: list[Object], others: list[Object], pod: Surroundings, path: Path
) -> ErrorList:
    """`others` are the containers and init containers, one of which may be the target."""
    errors: ErrorList = []
    targets = {container.get("name", "") for container in others}
    seen = set(targets)
    for i, container in enumerate(ephemeral):
        at = path.index(i)
        errors += _validate_common(container, pod, at)
        errors += untrimmed_image(container, at)
        name, target = container.get("name", ""), container.get("targetContainerName", "")
        if name in seen:
            errors.append(duplicate(at.child("name"), name))
        seen.add(name)
        if target and target not in targets:
            errors.append(not_found(at.child("targetContainerName"), target))
        errors += [
            forbidden(at.child(field), _NOT_FOR_EPHEMERAL)
            for field, even_empty in _FORBIDDEN_IN_EPHEMERAL.items()
            if container.get(field) or (even_empty and field in container)
        ]
        for j, mount in enumerate(container.get("volumeMounts") or ()):
            for field in ("subPath", "subPathExpr"):
                if mount.get(field):
                    errors.append(
                        forbidden(at.child("volumeMounts").index(j).child(field), _NOT_FOR_EPHEMERAL)
                    )
    return errors


def untrimmed_image(container: Object, path: Path) -> ErrorList:
    """Spaces around an image are refused in pods; templates have always been allowed them."""
    image = container.get("image", "")
    if image == image.strip():
        return []
    return [invalid(path.child("image"), image, "must not have leading or trailing whitespace")]


def _validate_common(container: Object, pod: Surroundings, path: Path) -> ErrorList:
    """What holds for containers of every sort."""
    errors: ErrorList = []
    name = container.get("name", "")
    if not name:
        errors.append(required(path.child("name")))
    else:
        messages = names.dns1123_label(name)
        if messages:
            errors += problems(path.child("name"), name, messages)
    if not container.get("image"):
        errors.append(required(path.child("image")))
    policy = container.get("terminationMessagePolicy", "")
    if policy not in _MESSAGE_POLICIES:
        errors += one_of(path.child("terminationMessagePolicy"), policy, _MESSAGE_POLICIES)
    if container.get("ports"):
        errors += _validate_ports(container["ports"], path.child("ports"))
    if container.get("env"):
        errors += validate_env(container["env"], path.child("env"))
    if container.get("envFrom"):
        errors += validate_env_from(container["envFrom"], path.child("envFrom"))
    if container.get("volumeMounts"):
        errors += validate_volume_mounts(container, pod.volumes, path.child("volumeMounts"))
    if container.get("volumeDevices"):
        errors += validate_volume_devices(container, pod.volumes, path.child("volumeDevices"))
    policy = container.get("imagePullPolicy", "")
    if policy not in PULL_POLICIES:
        errors += one_of(path.child("imagePullPolicy"), policy, PULL_POLICIES)
    if container.get("resources"):
        errors += validate_container_resources(
            container["resources"], pod.claims, path.child("resources"), pod.options
        )
    if container.get("resizePolicy"):
        errors += _validate_resize_policy(
            container["resizePolicy"], pod.restart_policy, path.child("resizePolicy")
        )
    context = container.get("securityContext")
    if context is not None:
        errors += validate_security_context(context, path.child("securityContext"), host_users=pod.host_users)
    return errors


def _validate_ports(ports: list[Object], path: Path) -> ErrorList:
    errors: ErrorList = []
    seen: set[str] = set()
    for i, port in enumerate(ports):
        name = port.get("name", "")
        if name:
            errors += _validate_port_name(name, seen, path.index(i).child("name"))
        number, host = port.get("containerPort", 0), port.get("hostPort", 0)
        if not number:
            errors.append(required(path.index(i).child("containerPort")))
        elif not 1 <= number <= 65535:
            errors += problems(path.index(i).child("containerPort"), number, names.port_number(number))
        if host and not 1 <= host <= 65535:
            errors += problems(path.index(i).child("hostPort"), host, names.port_number(host))
        protocol = port.get("protocol", "")
        if protocol not in _PROTOCOLS:
            errors += one_of(path.index(i).child("protocol"), protocol, _PROTOCOLS)
    return errors


def _validate_port_name(name: str, seen: set[str], path: Path) -> ErrorList:
    messages = names.port_name(name)
    if messages:
        return problems(path, name, messages)
    if name in seen:
        return [duplicate(path, name)]
    seen.add(name)
    return []


def validate_host_port_conflicts(containers: list[Object], path: Path) -> ErrorList:
    """No two containers on the same port of the same address of the host."""
    errors: ErrorList = []
    taken: set[str] = set()
    for i, container in enumerate(containers):
        for j, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            used = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{port['hostPort']}"
            if used in taken:
                errors.append(duplicate(path.index(i).child("ports").index(j).child("hostPort"), used))
            taken.add(used)
    return errors


def _validate_resize_policy(policies: list[Object], restart_policy: str, path: Path) -> ErrorList:
    """What resizing each resource does to the container; all errors but repetition name the list."""
    errors: ErrorList = []
    seen: set[str] = set()
    for i, policy in enumerate(policies):
        name, action = policy.get("resourceName", ""), policy.get("restartPolicy", "")
        if name in seen:
            errors.append(duplicate(path.index(i), name))
        seen.add(name)
        errors += one_of(path, name, _RESIZE_RESOURCES) + one_of(path, action, _RESIZE_POLICIES)
        if restart_policy == "Never" and action != "NotRequired":
            detail = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            errors.append(invalid(path, action, detail))
    return errors
