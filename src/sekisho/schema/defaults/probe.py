"""Defaults of probes and lifecycle hooks."""

from __future__ import annotations

from sekisho.api.types import Object

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
HOOKS = ("postStart", "preStop")


def set_defaults_probe(probe: Object) -> None:
    """A zero means the default, as Go cannot tell it from an absent field."""
    if not probe.get("timeoutSeconds"):
        probe["timeoutSeconds"] = 1
    if not probe.get("periodSeconds"):
        probe["periodSeconds"] = 10
    if not probe.get("successThreshold"):
        probe["successThreshold"] = 1
    if not probe.get("failureThreshold"):
        probe["failureThreshold"] = 3
    http = probe.get("httpGet")
    if http is not None:
        _set_defaults_http_get(http)
    grpc = probe.get("grpc")
    if grpc is not None and grpc.get("service") is None:  # decoding spells an absent one as null, as Go does
        grpc["service"] = ""


def set_defaults_lifecycle(lifecycle: Object) -> None:
    for hook in HOOKS:
        http = (lifecycle.get(hook) or {}).get("httpGet")
        if http is not None:
            _set_defaults_http_get(http)


def _set_defaults_http_get(http: Object) -> None:
    if not http.get("path"):
        http["path"] = "/"
    if not http.get("scheme"):
        http["scheme"] = "HTTP"
