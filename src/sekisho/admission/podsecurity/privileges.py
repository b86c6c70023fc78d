"""Privileged containers, capabilities, /proc and the way to more privileges."""

from __future__ import annotations

from sekisho.admission.podsecurity.violation import (
    Violation,
    container_contexts,
    named,
    names_where,
    quoted,
)
from sekisho.api.types import Object

_BASELINE_CAPABILITIES = frozenset(
    (
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    )
)
_RESTRICTED_CAPABILITIES = frozenset(("NET_BIND_SERVICE",))


def privileged(metadata: Object, spec: Object) -> Violation | None:
    bad = names_where(spec, lambda context: context.get("privileged"))
    return (
        Violation("privileged", f"{named(bad)} must not set securityContext.privileged=true") if bad else None
    )


def allow_privilege_escalation(metadata: Object, spec: Object) -> Violation | None:
    bad = names_where(spec, lambda context: context.get("allowPrivilegeEscalation") is not False)
    if not bad:
        return None
    detail = f"{named(bad)} must set securityContext.allowPrivilegeEscalation=false"
    return Violation("allowPrivilegeEscalation != false", detail)


def proc_mount(metadata: Object, spec: Object) -> Violation | None:
    bad: list[str] = []
    values: set[str] = set()
    for name, context in container_contexts(spec):
        value = context.get("procMount")
        if value is not None and value != "Default":
            bad.append(name)
            values.add(value)
    if not bad:
        return None
    detail = f"{named(bad)} must not set securityContext.procMount to {quoted(sorted(values))}"
    return Violation("procMount", detail)


def _added(spec: Object, allowed: frozenset[str]) -> str:
    """Which containers add which capabilities beyond the allowed ones; empty for none."""
    bad: list[str] = []
    values: set[str] = set()
    for name, context in container_contexts(spec):
        added = set((context.get("capabilities") or {}).get("add") or ()) - allowed
        if added:
            bad.append(name)
            values |= added
    if not bad:
        return ""
    return f"{named(bad)} must not include {quoted(sorted(values))} in securityContext.capabilities.add"


def capabilities_baseline(metadata: Object, spec: Object) -> Violation | None:
    added = _added(spec, _BASELINE_CAPABILITIES)
    return Violation("non-default capabilities", added) if added else None


def capabilities_restricted(metadata: Object, spec: Object) -> Violation | None:
    keeping = names_where(spec, lambda c: "ALL" not in ((c.get("capabilities") or {}).get("drop") or ()))
    details = [f'{named(keeping)} must set securityContext.capabilities.drop=["ALL"]'] if keeping else []
    added = _added(spec, _RESTRICTED_CAPABILITIES)
    if added:
        details.append(added)
    return Violation("unrestricted capabilities", "; ".join(details)) if details else None
