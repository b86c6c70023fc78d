"""Probes and lifecycle hooks."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, forbidden, invalid, not_supported, required
from sekisho.api.types import Object
from sekisho.schema.validation.common import not_negative, port_or_name, problems

_PROBE_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOK_HANDLERS = ("exec", "httpGet", "tcpSocket", "sleep")
_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_SCHEMES = ("HTTP", "HTTPS")
_ONE_HANDLER = "may not specify more than 1 handler type"


def validate_probes(container: Object, grace_period: int | None, path: Path) -> ErrorList:
    """Liveness, readiness and startup probe of a container that may have them."""
    errors: ErrorList = []
    for field in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(field)
        if probe is not None:
            errors += _validate_probe(probe, grace_period, path.child(field), field)
    return errors


def _validate_probe(probe: Object, grace_period: int | None, path: Path, field: str) -> ErrorList:
    errors = _validate_handler(probe, _PROBE_HANDLERS, grace_period, path)
    for number in _NUMBERS:
        value = probe.get(number, 0)
        if value < 0:
            errors += not_negative(path.child(number), value)
    period = probe.get("terminationGracePeriodSeconds")
    if period is not None and period <= 0:
        errors.append(invalid(path.child("terminationGracePeriodSeconds"), period, "must be greater than 0"))
    if field != "readinessProbe":
        if probe.get("successThreshold", 0) != 1:
            errors.append(
                invalid(path.child("successThreshold"), probe.get("successThreshold", 0), "must be 1")
            )
    elif period is not None:
        at = path.child("terminationGracePeriodSeconds")
        errors.append(invalid(at, period, "must not be set for readinessProbes"))
    return errors


def validate_lifecycle(lifecycle: Object, grace_period: int | None, path: Path) -> ErrorList:
    errors: ErrorList = []
    for hook in ("postStart", "preStop"):
        if lifecycle.get(hook) is not None:
            errors += _validate_handler(lifecycle[hook], _HOOK_HANDLERS, grace_period, path.child(hook))
    return errors


def _validate_handler(
    handlers: Object, fields: tuple[str, ...], grace_period: int | None, path: Path
) -> ErrorList:
    errors: ErrorList = []
    found = False
    for field in fields:
        handler = handlers.get(field)
        if handler is None:
            continue
        if found:
            errors.append(forbidden(path.child(field), _ONE_HANDLER))
        elif field == "exec":
            if not handler.get("command"):
                errors.append(required(path.child(field, "command")))
        elif field == "httpGet":
            errors += _validate_http_get(handler, path.child(field))
        elif field == "sleep":
            errors += _validate_sleep(handler.get("seconds", 0), grace_period, path.child(field))
        else:
            errors += port_or_name(path.child(field, "port"), handler.get("port", 0))
        found = True
    if not found:
        errors.append(required(path, "must specify a handler type"))
    return errors


def _validate_http_get(action: Object, path: Path) -> ErrorList:
    errors = [] if action.get("path") else [required(path.child("path"))]
    errors += port_or_name(path.child("port"), action.get("port", 0))
    if action.get("scheme") not in _SCHEMES:
        errors.append(not_supported(path.child("scheme"), action.get("scheme", ""), _SCHEMES))
    for header in action.get("httpHeaders") or ():
        name = header.get("name", "")
        errors += problems(path.child("httpHeaders"), name, names.http_header_name(name))
    return errors


def _validate_sleep(seconds: int, grace_period: int | None, path: Path) -> ErrorList:
    if grace_period is None or 0 <= seconds <= grace_period:
        return []
    detail = f"must be non-negative and less than terminationGracePeriodSeconds ({grace_period})"
    return [invalid(path, seconds, detail)]
