"""Validation of Leases, as upstream's pkg/apis/coordination/validation."""

from __future__ import annotations

from sekisho.api.field import ErrorList, Path, forbidden, invalid
from sekisho.api.types import Object
from sekisho.schema.validation.common import NEGATIVE

_SPEC = Path("spec")


def validate_lease(lease: Object) -> ErrorList:
    spec: Object = lease.get("spec") or {}
    errors: ErrorList = []
    duration, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if duration is not None and duration <= 0:
        errors.append(invalid(_SPEC.child("leaseDurationSeconds"), duration, "must be greater than 0"))
    if transitions is not None and transitions < 0:
        errors.append(invalid(_SPEC.child("leaseTransitions"), transitions, NEGATIVE))
    if spec.get("preferredHolder") and not spec.get("strategy"):
        detail = "may only be specified if `strategy` is defined"
        errors.append(forbidden(_SPEC.child("preferredHolder"), detail))
    return errors
