"""Security contexts of pods and containers, and which of their fields an operating system has."""

from __future__ import annotations

import re

from sekisho.api import names
from sekisho.api.field import (
    ErrorList,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)
from sekisho.api.types import Object
from sekisho.schema.podwalk import containers_with_paths
from sekisho.schema.validation import goform
from sekisho.schema.validation.common import local_path, problems
from sekisho.schema.validation.options import PodOptions
from sekisho.schema.validation.windows import validate_windows_options

PROFILE_TYPES = ("Localhost", "RuntimeDefault", "Unconfined")

_SEGMENT = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL = rf"^({_SEGMENT}[\./])*{_SEGMENT}$"
_is_sysctl = re.compile(_SYSCTL[1:-1].replace("(", "(?:")).fullmatch
_LONGEST_SYSCTL = 253
_LONGEST_PROFILE = 4095
_IPC_SYSCTLS = ("kernel.shm", "kernel.msg", "fs.mqueue.")
_PROC_MOUNTS = ("Default", "Unmasked")
_GROUP_CHANGES = ("Always", "OnRootMismatch")
_GROUP_POLICIES = ("Merge", "Strict")
_SELINUX_POLICIES = ("MountOption", "Recursive")


def validate_security_context(context: Object, path: Path, *, host_users: bool) -> ErrorList:
    """A container's. `host_users`: the pod shares the host's user namespace."""
    errors = _validate_ids(context, path, ("runAsUser", "runAsGroup"))
    mount = context.get("procMount")
    if mount is not None:
        if mount not in _PROC_MOUNTS:
            errors.append(not_supported(path.child("procMount"), mount, _PROC_MOUNTS))
        if host_users and mount == "Unmasked":
            detail = "`hostUsers` must be false to use `Unmasked`"
            errors.append(invalid(path.child("procMount"), mount, detail))
    errors += _validate_seccomp_profile(context.get("seccompProfile"), path.child("seccompProfile"))
    if context.get("allowPrivilegeEscalation") is False:
        errors += _validate_no_escalation(context, path)
    errors += validate_windows_options(context.get("windowsOptions"), path.child("windowsOptions"))
    return errors + validate_apparmor_profile(context.get("appArmorProfile"), path.child("appArmorProfile"))


def _validate_no_escalation(context: Object, path: Path) -> ErrorList:
    errors: ErrorList = []
    if context.get("privileged"):
        detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        errors.append(invalid(path, goform.security_context(context), detail))
    for capability in (context.get("capabilities") or {}).get("add") or ():
        if capability == "CAP_SYS_ADMIN":
            detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            errors.append(invalid(path, goform.security_context(context), detail))
    return errors


def validate_pod_security_context(spec: Object, path: Path, options: PodOptions) -> ErrorList:
    """The pod's; `path` is that of the context. The host's namespaces stand beside it in the spec."""
    context: Object = spec.get("securityContext") or {}
    if not context and not spec.get("shareProcessNamespace"):
        return []
    errors = _validate_ids(context, path, ("fsGroup", "runAsUser", "runAsGroup"))
    for i, group in enumerate(context.get("supplementalGroups") or ()):
        errors += problems(path.child("supplementalGroups").index(i), group, names.group_id(group))
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(invalid(path.child("shareProcessNamespace"), True, detail))
    if context.get("sysctls"):
        errors += _validate_sysctls(context["sysctls"], spec, path.child("sysctls"), options)
    errors += _validate_word(context, "fsGroupChangePolicy", _GROUP_CHANGES, path)
    errors += _validate_seccomp_profile(context.get("seccompProfile"), path.child("seccompProfile"))
    errors += validate_windows_options(context.get("windowsOptions"), path.child("windowsOptions"))
    errors += validate_apparmor_profile(context.get("appArmorProfile"), path.child("appArmorProfile"))
    errors += _validate_word(context, "supplementalGroupsPolicy", _GROUP_POLICIES, path)
    policies = _SELINUX_POLICIES if options.any_selinux_policy else ("Recursive",)
    return errors + _validate_word(context, "seLinuxChangePolicy", policies, path)


def _validate_word(context: Object, field: str, supported: tuple[str, ...], path: Path) -> ErrorList:
    value = context.get(field)
    if value is None or value in supported:
        return []
    return [not_supported(path.child(field), value, supported)]


def _validate_ids(context: Object, path: Path, fields: tuple[str, ...]) -> ErrorList:
    errors: ErrorList = []
    for field in fields:
        value = context.get(field)
        if value is not None:
            errors += problems(path.child(field), value, names.user_id(value))
    return errors


def _validate_sysctls(sysctls: list[Object], spec: Object, path: Path, options: PodOptions) -> ErrorList:
    errors: ErrorList = []
    seen: set[str] = set()
    for i, sysctl in enumerate(sysctls):
        name = sysctl.get("name", "")
        at = path.index(i).child("name")
        if not name:
            errors.append(required(at))
        elif len(name) > _LONGEST_SYSCTL or not _is_sysctl(name):
            detail = f"must have at most {_LONGEST_SYSCTL} characters and match regex {_SYSCTL}"
            errors.append(invalid(at, name, detail))
        elif name in seen:
            errors.append(duplicate(at, name))
        if not options.sysctls_in_host_namespaces:
            namespace = host_namespace_of_sysctl(name, spec)
            if namespace:
                errors.append(invalid(at, name, f"may not be specified when '{namespace}' is true"))
        seen.add(name)
    return errors


def host_namespace_of_sysctl(name: str, spec: Object) -> str:
    """The field by which the pod shares the host's namespace that the sysctl belongs to, or nothing."""
    separator = next((c for c in name if c in "./"), ".")
    dotted = name if separator == "." else name.translate(str.maketrans("./", "/."))
    if dotted.startswith("net.") and spec.get("hostNetwork"):
        return "hostNetwork"
    if (dotted == "kernel.sem" or dotted.startswith(_IPC_SYSCTLS)) and spec.get("hostIPC"):
        return "hostIPC"
    return ""


def _validate_seccomp_profile(profile: Object | None, path: Path) -> ErrorList:
    if profile is None:
        return []
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    errors: ErrorList = []
    if not kind:
        errors.append(required(path.child("type"), "type is required when seccompProfile is set"))
    elif kind not in PROFILE_TYPES:
        errors.append(not_supported(path.child("type"), kind, PROFILE_TYPES))
    at = path.child("localhostProfile")
    if kind == "Localhost":
        if local is None:
            errors.append(required(at, "must be set when seccomp type is Localhost"))
        else:
            errors += local_path(at, local)
    elif local is not None:
        detail = "can only be set when seccomp type is Localhost"
        errors.append(invalid(at, goform.seccomp_profile(profile), detail))
    return errors


def validate_apparmor_profile(profile: Object | None, path: Path) -> ErrorList:
    if profile is None:
        return []
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    at = path.child("localhostProfile")
    if kind == "Localhost":
        return _validate_apparmor_file(local, at)
    if not kind:
        return [required(path.child("type"), "type is required when appArmorProfile is set")]
    if kind not in PROFILE_TYPES:
        return [not_supported(path.child("type"), kind, PROFILE_TYPES)]
    return [] if local is None else [invalid(at, local, "can only be set when AppArmor type is Localhost")]


def _validate_apparmor_file(name: str | None, path: Path) -> ErrorList:
    missing = required(path, "must be set when AppArmor type is Localhost")
    if name is None:
        return [missing]
    errors: ErrorList = []
    if name.strip() != name:
        errors.append(invalid(path, name, "must not be padded with whitespace"))
    elif not name:
        errors.append(missing)
    if len(name.encode()) > _LONGEST_PROFILE:
        errors.append(too_long(path, _LONGEST_PROFILE))
    return errors


def validate_host_users(spec: Object, path: Path, options: PodOptions) -> ErrorList:
    """A user namespace of its own excludes the host's other namespaces (KEP-127)."""
    if spec.get("hostUsers") is not False:
        return []
    detail = "when `hostUsers` is false"
    errors: ErrorList = []
    if spec.get("hostNetwork") and not options.host_network_with_user_namespace:
        errors.append(forbidden(path.child("hostNetwork"), detail))
    if spec.get("hostPID"):
        errors.append(forbidden(path.child("HostPID"), detail))
    if spec.get("hostIPC"):
        errors.append(forbidden(path.child("HostIPC"), detail))
    if not options.volume_devices_with_user_namespace:
        for container, at in containers_with_paths(spec, path):
            if container.get("volumeDevices"):
                errors.append(forbidden(at.child("volumeDevices"), detail))
    return errors
