"""Defaults of resource.k8s.io/v1."""

from __future__ import annotations

from sekisho.api.types import Object


def set_defaults_device_claim(devices: Object) -> None:
    """The `devices` of a claim's spec: one device is asked for, tolerations compare."""
    for request in devices.get("requests") or ():
        parts = [*(request.get("firstAvailable") or ())]
        if request.get("exactly") is not None:
            parts.append(request["exactly"])
        for part in parts:
            mode = part.get("allocationMode") or "ExactCount"
            part["allocationMode"] = mode
            if mode == "ExactCount" and not part.get("count"):
                part["count"] = 1
            _set_operators(part.get("tolerations") or ())


def set_defaults_claim(claim: Object) -> None:
    set_defaults_device_claim((claim.get("spec") or {}).get("devices") or {})
    allocation = (claim.get("status") or {}).get("allocation") or {}
    for result in (allocation.get("devices") or {}).get("results") or ():
        _set_operators(result.get("tolerations") or ())


def _set_operators(tolerations: list[Object] | tuple[()]) -> None:
    for toleration in tolerations:
        if not toleration.get("operator"):
            toleration["operator"] = "Equal"
