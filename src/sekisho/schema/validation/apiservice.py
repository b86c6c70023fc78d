"""Validation of APIServices, as kube-aggregator's pkg/apis/apiregistration/validation."""

from __future__ import annotations

import base64

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, invalid, not_supported, required
from sekisho.api.goformat import quote
from sekisho.api.types import Object
from sekisho.schema.validation.common import checked, subdomain_errors

_SPEC = Path("spec")
_HIGHEST_GROUP = 20000
_HIGHEST_VERSION = 1000
_STATUSES = ("True", "False", "Unknown")


def validate_api_service(service: Object) -> ErrorList:
    spec: Object = service.get("spec") or {}
    group, version = spec.get("group", ""), spec.get("version", "")
    errors = _name_errors(service["metadata"].get("name", ""), f"{version}.{group}")
    if group:
        errors += subdomain_errors(_SPEC.child("group"), group)
    elif version != "v1":
        detail = "only v1 may have an empty group and it better be legacy kube"
        errors.append(required(_SPEC.child("group"), detail))
    errors += checked(_SPEC.child("version"), version, names.dns1035_label)
    errors += _priority_errors(spec, "groupPriorityMinimum", _HIGHEST_GROUP)
    errors += _priority_errors(spec, "versionPriority", _HIGHEST_VERSION)
    reference = spec.get("service")
    return errors + (_local_errors(spec) if reference is None else _remote_errors(spec, reference))


def _name_errors(name: str, wanted: str) -> ErrorList:
    """Beyond what path segments may be, which is checked with the metadata."""
    if name == wanted or names.path_segment(name):
        return []
    detail = f'must be `spec.version+"."+spec.group`: {quote(wanted)}'
    return [invalid(Path("metadata.name"), name, detail)]


def _priority_errors(spec: Object, field: str, highest: int) -> ErrorList:
    value = spec.get(field, 0)
    if 0 < value <= highest:
        return []
    return [invalid(_SPEC.child(field), value, f"must be positive and less than {highest}")]


def _local_errors(spec: Object) -> ErrorList:
    errors: ErrorList = []
    bundle = spec.get("caBundle")
    if bundle:
        size = f"{len(base64.b64decode(bundle))} bytes"
        errors.append(invalid(_SPEC.child("caBundle"), size, "local APIServices may not have a caBundle"))
    if spec.get("insecureSkipTLSVerify"):
        detail = "local APIServices may not have insecureSkipTLSVerify"
        errors.append(invalid(_SPEC.child("insecureSkipTLSVerify"), True, detail))
    return errors


def _remote_errors(spec: Object, reference: Object) -> ErrorList:
    path = _SPEC.child("service")
    errors: ErrorList = [required(path.child(f)) for f in ("namespace", "name") if not reference.get(f)]
    port = reference.get("port") or 0
    messages = names.port_number(port)
    if messages:
        errors.append(invalid(path.child("port"), port, "port is not valid: " + ", ".join(messages)))
    if spec.get("insecureSkipTLSVerify") and spec.get("caBundle"):
        detail = "may not be true if caBundle is present"
        errors.append(invalid(_SPEC.child("insecureSkipTLSVerify"), True, detail))
    return errors


def validate_api_service_status(service: Object) -> ErrorList:
    path = Path("status.conditions")
    return [
        not_supported(path.index(i).child("status"), condition.get("status", ""), _STATUSES)
        for i, condition in enumerate((service.get("status") or {}).get("conditions") or ())
        if condition.get("status") not in _STATUSES
    ]
