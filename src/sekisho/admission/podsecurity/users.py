"""Which user processes run as."""

from __future__ import annotations

from sekisho.admission.podsecurity.violation import (
    Violation,
    container_contexts,
    named,
    names_where,
    security_context,
    setters,
)
from sekisho.api.types import Object


def run_as_non_root(metadata: Object, spec: Object) -> Violation | None:
    pod = security_context(spec).get("runAsNonRoot")
    bad = names_where(spec, lambda context: context.get("runAsNonRoot") is False)
    if pod is False or bad:
        who = setters(pod is False, bad)
        return Violation("runAsNonRoot != true", f"{who} must not set securityContext.runAsNonRoot=false")
    if pod:
        return None
    missing = [name for name, context in container_contexts(spec) if context.get("runAsNonRoot") is None]
    if not missing:
        return None
    detail = f"pod or {named(missing)} must set securityContext.runAsNonRoot=true"
    return Violation("runAsNonRoot != true", detail)


def run_as_user(metadata: Object, spec: Object) -> Violation | None:
    pod = security_context(spec).get("runAsUser") == 0
    bad = names_where(spec, lambda context: context.get("runAsUser") == 0)
    return Violation("runAsUser=0", f"{setters(pod, bad)} must not set runAsUser=0") if pod or bad else None
