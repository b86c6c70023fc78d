"""Windows options of security contexts, and the rules of an operating system named in the spec."""

from __future__ import annotations

import re

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, forbidden, invalid, not_supported, required
from sekisho.api.types import Object
from sekisho.schema.podwalk import containers_with_paths
from sekisho.schema.validation.common import problems

_OPERATING_SYSTEMS = ("linux", "windows")
_CREDENTIAL_SPEC_KIB = 64
_LONGEST_DOMAIN = 256
_LONGEST_USER = 104
_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_control = re.compile("[\x00-\x1f\x7f]").search
_is_netbios = re.compile(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}', re.DOTALL).fullmatch
_is_domain = re.compile(rf"{_LABEL}(?:\.{_LABEL})*").fullmatch
_only_dots = re.compile("[. ]+").fullmatch
_forbidden = re.compile(r'["/\\:;|=,+*?<>@\[\]]').search
_NOT_ON_WINDOWS = "cannot be set for a windows pod"
_NOT_ON_LINUX = "windows options cannot be set for a linux pod"

_POD_FIELDS = (
    ("securityContext", "appArmorProfile"),
    ("securityContext", "seLinuxOptions"),
    ("hostUsers",),
    ("hostPID",),
    ("hostIPC",),
    ("securityContext", "seccompProfile"),
    ("securityContext", "fsGroup"),
    ("securityContext", "fsGroupChangePolicy"),
    ("securityContext", "sysctls"),
    ("shareProcessNamespace",),
    ("securityContext", "runAsUser"),
    ("securityContext", "runAsGroup"),
    ("securityContext", "supplementalGroups"),
    ("securityContext", "supplementalGroupsPolicy"),
    ("securityContext", "seLinuxChangePolicy"),
)
_CONTAINER_FIELDS = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
)


def validate_os(spec: Object, path: Path) -> ErrorList:
    """`spec.os`, and then what that system does not have; `path` is the spec's."""
    os = spec.get("os")
    if os is None:
        return []
    name = os.get("name", "")
    if not name:
        return [required(path.child("os", "name"))]
    if name not in _OPERATING_SYSTEMS:
        return [not_supported(path.child("os"), name, _OPERATING_SYSTEMS)]
    return _validate_linux(spec, path) if name == "linux" else _validate_windows(spec, path)


def _validate_linux(spec: Object, path: Path) -> ErrorList:
    errors: ErrorList = []
    if (spec.get("securityContext") or {}).get("windowsOptions") is not None:
        errors.append(forbidden(path.child("securityContext", "windowsOptions"), _NOT_ON_LINUX))
    for container, at in containers_with_paths(spec, path):
        if (container.get("securityContext") or {}).get("windowsOptions") is not None:
            errors.append(forbidden(at.child("securityContext", "windowsOptions"), _NOT_ON_LINUX))
    return errors


def _validate_windows(spec: Object, path: Path) -> ErrorList:
    context = spec.get("securityContext") or {}
    errors: ErrorList = []
    for field in _POD_FIELDS:
        value = (context if len(field) > 1 else spec).get(field[-1])
        switched_off = value is False and field[-1] in ("hostPID", "hostIPC")
        if value is not None and value != [] and not switched_off:
            errors.append(forbidden(path.child(*field), _NOT_ON_WINDOWS))
    for container, at in containers_with_paths(spec, path):
        own = container.get("securityContext") or {}
        errors += [
            forbidden(at.child("securityContext", field), _NOT_ON_WINDOWS)
            for field in _CONTAINER_FIELDS
            if own.get(field) is not None
        ]
    return errors


def validate_windows_options(options: Object | None, path: Path) -> ErrorList:
    if options is None:
        return []
    errors: ErrorList = []
    name = options.get("gmsaCredentialSpecName")
    if name is not None:
        errors += problems(path.child("gmsaCredentialSpecName"), name, names.dns1123_subdomain(name))
    spec = options.get("gmsaCredentialSpec")
    if spec is not None:
        errors += problems(path.child("gmsaCredentialSpec"), spec, _credential_spec_problems(spec))
    user = options.get("runAsUserName")
    if user is not None:
        errors += problems(path.child("runAsUserName"), user, _user_problems(user))
    return errors


def _credential_spec_problems(spec: str) -> list[str]:
    if not spec:
        return ["gmsaCredentialSpec cannot be an empty string"]
    if len(spec.encode()) > _CREDENTIAL_SPEC_KIB * 1024:
        return [f"gmsaCredentialSpec size must be under {_CREDENTIAL_SPEC_KIB} KiB"]
    return []


def _user_problems(text: str) -> list[str]:
    """`DOMAIN\\user`, the domain optional, in the characters that Windows allows."""
    if not text:
        return ["runAsUserName cannot be an empty string"]
    if _control(text):
        return ["runAsUserName cannot contain control characters"]
    if text.count("\\") > 1:
        return ["runAsUserName cannot contain more than one backslash"]
    domain, backslash, user = text.rpartition("\\")
    found: list[str] = []
    if len(domain.encode()) >= _LONGEST_DOMAIN:
        found.append(f"runAsUserName's Domain length must be under {_LONGEST_DOMAIN} characters")
    if backslash and not (_is_netbios(domain) or _is_domain(domain)):
        found.append("runAsUserName's Domain doesn't match the NetBios nor the DNS format")
    if not user:
        found.append("runAsUserName's User cannot be empty")
    elif len(user.encode()) > _LONGEST_USER:
        found.append(f"runAsUserName's User length must not be longer than {_LONGEST_USER} characters")
    if _only_dots(user):
        found.append("runAsUserName's User cannot contain only periods or spaces")
    if _forbidden(user):
        found.append("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]")
    return found


def validate_host_process(spec: Object, path: Path) -> ErrorList:
    """HostProcess containers (KEP-1981): all or none, and in the host's network; `path` is the spec's."""
    pod = _host_process(spec)
    errors: ErrorList = []
    count = hosted = 0
    for container, at in containers_with_paths(spec, path):
        count += 1
        own = _host_process(container)
        if pod is not None and own is not None and pod != own:
            was = "true" if pod else "false"
            detail = f"pod hostProcess value must be identical if both are specified, was {was}"
            errors.append(invalid(at.child("securityContext", "windowsOptions", "hostProcess"), own, detail))
        hosted += bool(pod if own is None else own)
    if hosted and hosted != count:
        detail = (
            "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        )
        errors.append(invalid(path, "", detail))
    if hosted and not spec.get("hostNetwork"):
        detail = "hostNetwork must be true if pod contains any hostProcess containers"
        errors.append(invalid(path.child("hostNetwork"), False, detail))
    return errors


def _host_process(holder: Object) -> bool | None:
    context = holder.get("securityContext")
    options = context.get("windowsOptions") if context else None
    return options.get("hostProcess") if options else None
