"""Warnings about Services (pkg/api/service/warnings.go)."""

from __future__ import annotations

from sekisho.api.addresses import cidr_warnings, ip_warnings
from sekisho.api.field import Path
from sekisho.api.types import Object
from sekisho.schema.servicefacts import NO_IP
from sekisho.schema.validation.service import HINTS, MODE

_SPEC = Path("spec")


def service_warnings(service: Object) -> list[str]:
    """For creates and updates alike."""
    spec: Object = service["spec"]
    named = spec.get("type") == "ExternalName"
    headless = spec.get("type") == "ClusterIP" and spec.get("clusterIP") == NO_IP
    external: list[str] = spec.get("externalIPs") or []
    out: list[str] = []
    if HINTS in (service["metadata"].get("annotations") or ()):
        out.append(f"annotation {HINTS} is deprecated, please use {MODE} instead")
    if spec.get("clusterIP") and not headless and not named:
        for i, address in enumerate(spec.get("clusterIPs") or ()):
            out += ip_warnings(_SPEC.child("clusterIPs").index(i), address)
    if headless:
        out += _headless_warnings(spec)
    for i, address in enumerate(external):
        out += ip_warnings(_SPEC.child("externalIPs").index(i), address)
    if external and not headless and not named:
        out.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if spec.get("loadBalancerIP"):
        out += ip_warnings(_SPEC.child("loadBalancerIP"), spec["loadBalancerIP"])
    for i, value in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        out += cidr_warnings(_SPEC.child("loadBalancerSourceRanges").index(i), value)
    if named and external:
        out.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if not named and spec.get("externalName"):
        out.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        out.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return out


def _headless_warnings(spec: Object) -> list[str]:
    ignored = (
        ("loadBalancerIP", bool(spec.get("loadBalancerIP"))),
        ("externalIPs", bool(spec.get("externalIPs"))),
        ("SessionAffinity", spec.get("sessionAffinity") != "None"),
    )
    return [f"spec.{field} is ignored for headless services" for field, given in ignored if given]


def service_status_warnings(service: Object) -> list[str]:
    balancer: Object = (service.get("status") or {}).get("loadBalancer") or {}
    path = Path("status.loadBalancer.ingress")
    return [
        warning
        for i, ingress in enumerate(balancer.get("ingress") or ())
        for warning in ip_warnings(path.index(i), ingress.get("ip", ""))
        if ingress.get("ip")
    ]
