"""All checks with their levels and versions, and which of them a level and version runs.

Checks are listed by ID. At `restricted` some checks replace one of `baseline` that asks for less.
"""

from __future__ import annotations

from typing import NamedTuple

from sekisho.admission.podsecurity import host, privileges, profiles, users, volumes
from sekisho.admission.podsecurity.policy import LATEST, Level, LevelVersion
from sekisho.admission.podsecurity.violation import (
    CheckFunction,
    Violation,
    in_user_namespace,
    is_windows,
    unless,
)
from sekisho.api.types import Object


class Check(NamedTuple):
    """`versions` are (first minor, function), growing; `replaces` names a baseline check."""

    id: str
    versions: tuple[tuple[int, CheckFunction], ...]
    replaces: str = ""

    def at(self, minor: int) -> CheckFunction | None:
        found = [function for since, function in self.versions if since <= minor]
        return found[-1] if found else None


BASELINE = (
    Check("appArmorProfile", ((0, profiles.app_armor),)),
    Check("capabilities_baseline", ((0, privileges.capabilities_baseline),)),
    Check("hostNamespaces", ((0, host.host_namespaces),)),
    Check("hostPathVolumes", ((0, host.host_path_volumes),)),
    Check("hostPorts", ((0, host.host_ports),)),
    Check("hostProbesAndHostLifecycle", ((34, host.host_probes),)),
    Check("privileged", ((0, privileges.privileged),)),
    Check(
        "procMount",
        ((0, privileges.proc_mount), (35, unless(in_user_namespace, privileges.proc_mount))),
    ),
    Check(
        "seLinuxOptions",
        (
            (0, profiles.se_linux(profiles.SELINUX_TYPES_1_0)),
            (31, profiles.se_linux(profiles.SELINUX_TYPES_1_31)),
        ),
    ),
    Check("seccompProfile_baseline", ((0, profiles.seccomp_annotations), (19, profiles.seccomp_baseline))),
    Check(
        "sysctls",
        (
            (0, profiles.sysctls(profiles.SYSCTLS_1_0)),
            (27, profiles.sysctls(profiles.SYSCTLS_1_27)),
            (29, profiles.sysctls(profiles.SYSCTLS_1_29)),
            (32, profiles.sysctls(profiles.SYSCTLS_1_32)),
        ),
    ),
    Check("windowsHostProcess", ((0, host.windows_host_process),)),
)

RESTRICTED = (
    Check(
        "allowPrivilegeEscalation",
        (
            (8, privileges.allow_privilege_escalation),
            (25, unless(is_windows, privileges.allow_privilege_escalation)),
        ),
    ),
    Check(
        "capabilities_restricted",
        (
            (22, privileges.capabilities_restricted),
            (25, unless(is_windows, privileges.capabilities_restricted)),
        ),
        "capabilities_baseline",
    ),
    Check("procMount_restricted", ((35, privileges.proc_mount),), "procMount"),
    Check("restrictedVolumes", ((0, volumes.restricted_volumes),), "hostPathVolumes"),
    Check(
        "runAsNonRoot",
        ((0, users.run_as_non_root), (35, unless(in_user_namespace, users.run_as_non_root))),
    ),
    Check("runAsUser", ((23, users.run_as_user), (35, unless(in_user_namespace, users.run_as_user)))),
    Check(
        "seccompProfile_restricted",
        ((19, profiles.seccomp_restricted), (25, unless(is_windows, profiles.seccomp_restricted))),
        "seccompProfile_baseline",
    ),
)

NEWEST = max(since for check in (*BASELINE, *RESTRICTED) for since, _ in check.versions)
"""Versions after this one, and `latest`, act like it."""


def _select(level: Level, minor: int) -> tuple[CheckFunction, ...]:
    restricted = RESTRICTED if level is Level.RESTRICTED else ()
    running = [(check, check.at(minor)) for check in restricted]
    replaced = {check.replaces for check, function in running if function is not None}
    functions = [check.at(minor) for check in BASELINE if check.id not in replaced]
    functions += [function for _, function in running]
    return tuple(function for function in functions if function is not None)


_CHECKS = {
    (level, minor): _select(level, minor)
    for level in (Level.BASELINE, Level.RESTRICTED)
    for minor in range(NEWEST + 1)
}


def evaluate(wanted: LevelVersion, metadata: Object, spec: Object) -> list[Violation]:
    """Everything about a pod that violates a level and version, in the order of the checks."""
    if wanted.level is Level.PRIVILEGED:
        return []
    minor = NEWEST if wanted.version == LATEST else min(wanted.version, NEWEST)
    found = (check(metadata, spec) for check in _CHECKS[wanted.level, minor])
    return [violation for violation in found if violation is not None]
