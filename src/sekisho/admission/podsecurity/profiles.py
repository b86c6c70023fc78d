"""Profiles of the kernel's security modules: AppArmor, SELinux, seccomp; and sysctls."""

from __future__ import annotations

from collections.abc import Callable

from sekisho.admission.podsecurity.violation import (
    CheckFunction,
    Violation,
    container_contexts,
    named,
    plural,
    quoted,
    security_context,
    setters,
)
from sekisho.api.types import Object

_SAFE_TYPES = ("RuntimeDefault", "Localhost")
_APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_POD_ANNOTATION = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_ANNOTATION = "container.seccomp.security.alpha.kubernetes.io/"
SELINUX_TYPES_1_0 = frozenset(("", "container_t", "container_init_t", "container_kvm_t"))
SELINUX_TYPES_1_31 = SELINUX_TYPES_1_0 | {"container_engine_t"}
SYSCTLS_1_0 = frozenset(
    (
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_unprivileged_port_start",
    )
)
SYSCTLS_1_27 = SYSCTLS_1_0 | {"net.ipv4.ip_local_reserved_ports"}
SYSCTLS_1_29 = SYSCTLS_1_27 | {
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
}
SYSCTLS_1_32 = SYSCTLS_1_29 | {"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"}


def _annotations(metadata: Object) -> dict[str, str]:
    annotations: dict[str, str] = metadata.get("annotations") or {}
    return annotations


def _bad_types(spec: Object, field: str) -> tuple[bool, list[str], list[str]]:
    """Whether the pod, and which containers, set `<field>.type` to something unsafe; and the values, sorted."""
    values: set[str] = set()

    def unsafe(context: Object) -> bool:
        profile = context.get(field)
        if profile is None or profile.get("type", "") in _SAFE_TYPES:
            return False
        values.add(profile.get("type", ""))
        return True

    pod = unsafe(security_context(spec))
    bad = [name for name, context in container_contexts(spec) if unsafe(context)]
    return pod, bad, sorted(values)


def app_armor(metadata: Object, spec: Object) -> Violation | None:
    pod, bad, values = _bad_types(spec, "appArmorProfile")
    annotations = sorted(
        f'{key}="{value}"'
        for key, value in _annotations(metadata).items()
        if key.startswith(_APPARMOR_ANNOTATION)
        and value not in ("", "runtime/default")
        and not value.startswith("localhost/")
    )
    who = [text for text in (setters(pod, bad),) if text]
    if annotations:
        who.append(plural(len(annotations), "annotation", "annotations"))
    if not who:
        return None
    values += annotations
    reason = plural(len(values), "forbidden AppArmor profile", "forbidden AppArmor profiles")
    return Violation(reason, f"{' and '.join(who)} must not set AppArmor profile type to {quoted(values)}")


def se_linux(allowed: frozenset[str]) -> CheckFunction:
    """The check with the types that a version allows."""

    def check(metadata: Object, spec: Object) -> Violation | None:
        types: set[str] = set()
        fields: set[str] = set()

        def unsafe(context: Object) -> bool:
            options = context.get("seLinuxOptions") or {}
            kind = options.get("type", "")
            if kind not in allowed:
                types.add(kind)
            given = {field for field in ("user", "role") if options.get(field)}
            fields.update(given)
            return kind not in allowed or bool(given)

        pod = unsafe(security_context(spec))
        bad = [name for name, context in container_contexts(spec) if unsafe(context)]
        if not pod and not bad:
            return None
        data = [f"{plural(len(types), 'type', 'types')} {quoted(sorted(types))}"] if types else []
        data += [f"{field} may not be set" for field in ("user", "role") if field in fields]
        who = setters(pod, bad)
        detail = f"{who} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}"
        return Violation("seLinuxOptions", detail)

    return check


def seccomp_annotations(metadata: Object, spec: Object) -> Violation | None:
    """Before 1.19 the profiles were annotations."""
    annotations = _annotations(metadata)
    keys = [_SECCOMP_POD_ANNOTATION]
    keys += [_SECCOMP_ANNOTATION + name for name, _ in container_contexts(spec)]
    bad = {f'{key}="{annotations[key]}"' for key in keys if not _seccomp_value_ok(annotations.get(key))}
    if not bad:
        return None
    word = plural(len(bad), "annotation", "annotations")
    return Violation("seccompProfile", f"forbidden {word} {', '.join(sorted(bad))}")


def _seccomp_value_ok(value: str | None) -> bool:
    return value is None or value in ("runtime/default", "docker/default") or value.startswith("localhost/")


def seccomp_baseline(metadata: Object, spec: Object) -> Violation | None:
    pod, bad, values = _bad_types(spec, "seccompProfile")
    if not pod and not bad:
        return None
    who = setters(pod, bad)
    detail = f"{who} must not set securityContext.seccompProfile.type to {quoted(values)}"
    return Violation("seccompProfile", detail)


def seccomp_restricted(metadata: Object, spec: Object) -> Violation | None:
    bad = seccomp_baseline(metadata, spec)
    if bad is not None:
        return bad
    if security_context(spec).get("seccompProfile") is not None:
        return None
    missing = _names_without(spec, "seccompProfile")
    if not missing:
        return None
    detail = (
        f"pod or {named(missing)} must set securityContext.seccompProfile.type to "
        '"RuntimeDefault" or "Localhost"'
    )
    return Violation("seccompProfile", detail)


def _names_without(spec: Object, field: str) -> list[str]:
    return [name for name, context in container_contexts(spec) if context.get(field) is None]


def sysctls(allowed: frozenset[str]) -> Callable[[Object, Object], Violation | None]:
    """The check with the sysctls that a version allows."""

    def check(metadata: Object, spec: Object) -> Violation | None:
        wanted = [s.get("name", "") for s in security_context(spec).get("sysctls") or ()]
        bad = [name for name in wanted if name not in allowed]
        return Violation("forbidden sysctls", ", ".join(bad)) if bad else None

    return check
